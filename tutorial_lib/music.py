"""Melodies as tokens, as notes, as a piano roll, as sound and as a MIDI file; and what in them comes back.

symbol     meaning                                                   shape
T, U, S    steps of a tune, its bars, steps of a bar: T = U S        ints
x          tokens: 0 what sounded goes on, 1 silence begins,         (..., T) int64
           2 + p - lowest a note of MIDI pitch p begins
lowest     the MIDI pitch of token 2 (60: middle C, 12 an octave)    an int
note       (first step, MIDI pitch, steps)                           three ints
roll       which pitch sounds at which step, 0 where none does       (..., T) int64
lag        how many steps back a tune is compared with itself        an int

Sound is float32 in -1..1 at `rate` samples a second.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from tutorial_lib.kit.data import Melodies

HOLD, REST, FIRST = 0, 1, 2  # tokens: go on, be silent, and the first that is a note
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11, "H": 9}  # H: a Highland bagpipe plays in A
TICKS = 480  # of a MIDI file, for one step


def tonic(key: str) -> int:
    """The pitch class of a key's first note: 0 for C, 7 for "G major" or "G minor", 10 for "Bb major".

    Raises ValueError for a key that begins with no letter from A to G (or "Highland bagpipe", which is in A).
    Taught in 21.
    """
    if key[:1] not in LETTERS:
        raise ValueError(f"a key begins with a letter from A to G, as in 'Bb major'; got {key!r}")
    return (LETTERS[key[0]] + {"#": 1, "b": -1}.get(key[1:2], 0)) % 12


def transpose(x: Tensor, semitones: Tensor | int) -> Tensor:
    """Move every note by `semitones`; holds and rests stay.  x: (..., T), semitones: a number or (..., 1) -> (..., T)

    Raises ValueError when a note would fall below `lowest`, where the tokens of hold and rest are.  Taught in 21.
    """
    moved = torch.where(x >= FIRST, x + semitones, x)
    if (moved[x >= FIRST] < FIRST).any():
        raise ValueError("a note would fall below the lowest that has a token; transpose by less")
    return moved


def halve(x: Tensor) -> Tensor:
    """Half as many steps: of two steps the first event is kept, the second only where the first goes on.

    (..., T) -> (..., T / 2).  Raises ValueError for an odd T.  Taught in 21.
    """
    if x.shape[-1] % 2:
        raise ValueError(f"an even number of steps is needed; got {x.shape[-1]}")
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1)  # (..., T / 2) each
    return torch.where(first == HOLD, second, first)


@dataclass(frozen=True)
class Practice:
    """N tunes in one key as `x` (N, T) of the symbols 0 .. V-1 that occur; `spell(x)` gives tokens back.

    symbols: (V,) the token of each symbol, rising, so that 0 is a hold, 1 a rest, and the others begin notes;
    held_out: (N,) bool, true for an eighth of the families; of: (N,) the row in the melodies they come from.
    """

    x: Tensor
    symbols: Tensor
    held_out: Tensor
    of: Tensor

    def spell(self, x: Tensor) -> Tensor:
        """Tokens of symbols.  (..., T) -> (..., T)"""
        return self.symbols[x]


def practice(m: Melodies, key: str = "G") -> Practice:
    """The 16-bar melodies as 16 bars of 8 steps each, all with one tonic, in the symbols that occur.

    A step becomes an eighth note; of two sixteenths in one, the first is kept.  In 2/4, of which two bars count as
    one, it stays a sixteenth, nothing is lost, and each melody gives two tunes of 16 bars.  Tunes move by -5 to +6
    semitones.  Raises ValueError unless m has 16 bars.  Taught in 21.
    """
    if m.bars != 16:
        raise ValueError(f"the melodies of 16 bars are needed, `melodies()`; these have {m.bars}")
    two_four = torch.tensor([metre == "2/4" for metre in m.metre])
    x = torch.cat([halve(m.tokens[~two_four]), *m.tokens[two_four].chunk(2, 1)])  # (N, 128)
    rows = torch.arange(len(two_four))
    of = torch.cat([rows[~two_four], rows[two_four], rows[two_four]])
    shift = torch.tensor([(tonic(key) - tonic(k) + 5) % 12 - 5 for k in m.key])
    symbols, codes = transpose(x, shift[of, None]).unique(return_inverse=True)
    return Practice(codes, symbols, m.family[of] % 8 == 0, of)


def roll(x: Tensor, lowest: int = 50) -> Tensor:
    """The MIDI pitch that sounds at each step, 0 for silence: a hold carries on what was before it.

    (..., T) -> (..., T).  Taught in 21.
    """
    steps = torch.arange(x.shape[-1])
    last = torch.where(x == HOLD, -1, steps).cummax(-1).values  # the latest event up to each step, -1: none yet
    event = x.gather(-1, last.clamp(min=0))
    return torch.where((last >= 0) & (event >= FIRST), event - FIRST + lowest, 0)


def notes(x: Tensor, lowest: int = 50) -> list[tuple[int, int, int]]:
    """The notes of one tune, (first step, MIDI pitch, steps) each, in order.  x: (T,)

    Raises ValueError unless x has one axis.  Taught in 21.
    """
    if x.dim() != 1:
        raise ValueError(f"the notes of one tune at a time, (T,); got shape {tuple(x.shape)}")
    events = [(t, v) for t, v in enumerate(x.tolist()) if v != HOLD]
    ends = [*(t for t, _ in events), len(x)][1:]
    return [(t, v - FIRST + lowest, end - t) for (t, v), end in zip(events, ends, strict=True) if v >= FIRST]


def tokens(played: list[tuple[int, int, int]], T: int, lowest: int = 50) -> Tensor:
    """The way back from `notes`: tokens of T steps, with a rest where nothing sounds.  -> (T,)

    Raises ValueError when notes overlap or leave the T steps.  Taught in 21.
    """
    x, silent_from = torch.zeros(T, dtype=torch.int64), 0
    for start, pitch, steps in sorted(played):
        if start < silent_from or start + steps > T or steps < 1:
            raise ValueError(f"the note {(start, pitch, steps)} overlaps the one before it or leaves the {T} steps")
        if start > silent_from:
            x[silent_from] = REST
        x[start], silent_from = pitch - lowest + FIRST, start + steps
    if silent_from < T:
        x[silent_from] = REST
    return x


def waveform(x: Tensor, step: float = 0.17, rate: int = 8000, lowest: int = 50) -> Tensor:
    """A tune as sound: for each note four harmonics under a plucked envelope.  x: (T,) -> (T step rate,) float32

    step: seconds of a step.  Raises ValueError for a rate below 4000 or a step of no length.  Taught in 21.
    """
    if rate < 4000 or step <= 0:
        raise ValueError(f"sound needs a step above 0 s and a rate of 4000 or more; got {step} s and {rate}")
    sound = torch.zeros(round(len(x) * step * rate))
    for start, pitch, steps in notes(x, lowest):
        a, b = round(start * step * rate), min(round((start + steps) * step * rate), len(sound))
        t = torch.arange(b - a) / rate  # seconds since the note began
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        parts = [(2 * math.pi * k * hertz * t).sin() * (-t * k).exp() / k**1.5
                 for k in range(1, 5) if k * hertz < rate / 2]
        fade = (t / 0.008).clamp(max=1) * ((b - a) / rate - t).div(0.02).clamp(0, 1)  # no click at either end
        sound[a:b] += 0.5 * torch.stack(parts).sum(0) * fade
    return sound.clamp(-1, 1)


def midi(x: Tensor, step: float = 0.17, lowest: int = 50, title: str = "") -> bytes:
    """A tune as a standard MIDI file: format 0, one track, a step of TICKS ticks that lasts `step` seconds.

    x: (T,).  Taught in 21.
    """
    def size(n: int) -> bytes:  # a number in sevens of bits, the highest bit set on all but the last
        return bytes([0x80 | n >> s & 0x7F for s in (21, 14, 7) if n >> s] + [n & 0x7F])

    name = title.encode("ascii", "replace")[:127]
    track = b"\0\xff\x03" + bytes([len(name)]) + name
    track += b"\0\xff\x51\x03" + round(step * 1e6).to_bytes(3, "big")  # microseconds of a "quarter", our step
    track += b"\0\xc0\x49"  # a flute
    now = 0
    for start, pitch, steps in notes(x, lowest):
        track += size((start - now) * TICKS) + bytes([0x90, pitch, 80])
        track += size(steps * TICKS) + bytes([0x80, pitch, 0])
        now = start + steps
    track += size((len(x) - now) * TICKS) + b"\xff\x2f\0"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS) + b"MTrk" + struct.pack(">I", len(track)) + track


def echo(x: Tensor, lag: int) -> Tensor:
    """The share of each tune's notes that begin `lag` steps after the same note began.  (..., T) -> (...)

    Tunes without a note after the first `lag` steps give NaN.  Raises ValueError unless 0 < lag < T.  Taught in 21.
    """
    if not 0 < lag < x.shape[-1]:
        raise ValueError(f"a lag lies between 0 and T = {x.shape[-1]}; got {lag}")
    now, then = x[..., lag:], x[..., :-lag]
    note = now >= FIRST
    return ((now == then) & note).sum(-1) / note.sum(-1).where(note.any(-1), torch.nan)


def form(x: Tensor, S: int) -> Tensor:
    """How much of a tune comes back: the larger of its echoes after 4 and after 8 bars of S steps.  (..., T) -> (...)

    Raises ValueError for a tune of 8 bars or fewer.  Taught in 21.
    """
    return torch.maximum(echo(x, 4 * S), echo(x, 8 * S))


def returns(x: Tensor, block: int, share: float = 0.9) -> Tensor:
    """Whether some block of `block` steps comes back later in the tune, equal in at least `share` of its steps.

    (..., T) -> (...) bool.  Blocks lie side by side.  Raises ValueError when fewer than two fit.  Taught in 21.
    """
    if x.shape[-1] // block < 2:
        raise ValueError(f"two blocks of {block} steps do not fit into {x.shape[-1]}")
    b = x[..., : x.shape[-1] // block * block].unflatten(-1, (-1, block))  # (..., n, block)
    alike = (b[..., :, None, :] == b[..., None, :, :]).float().mean(-1)  # (..., n, n)
    return (alike.triu(1) >= share).flatten(-2).any(-1)
