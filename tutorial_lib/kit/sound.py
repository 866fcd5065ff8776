"""Play a sound in the browser's standard player, and keep a file; an executed chapter stores a sentence instead."""

from __future__ import annotations

import base64
import html
import re
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tutorial_lib.kit import page, settings
from tutorial_lib.kit.show import check_description

if TYPE_CHECKING:
    from torch import Tensor

LONGEST = 120.0  # seconds: a sound is stored inside the reader's notebook, 16 kB a second at a rate of 8000


def wav(waveform: Tensor | Sequence[float], rate: int) -> bytes:
    """One channel as a WAV file of 16-bit numbers.  waveform: (N,) in -1..1, rate: samples a second.

    Raises ValueError for another shape, an empty or too long sound, values beyond -1..1 or NaN, or a rate that
    browsers do not play (3000 to 192000 do).
    """
    import torch

    w = torch.as_tensor(waveform, dtype=torch.float32).detach()
    if w.dim() != 1 or not len(w):
        raise ValueError(f"a sound is one row of samples, (N,); got shape {tuple(w.shape)}")
    if not 3000 <= rate <= 192000 or len(w) > LONGEST * rate:
        raise ValueError(f"a rate from 3000 to 192000 and at most {LONGEST:.0f} s are played; got {len(w)} samples "
                         f"at {rate} a second")
    if not bool((w.abs() <= 1).all()):
        raise ValueError("samples lie between -1 and 1; divide by the largest, or look for NaN")
    data = (w * 32767).round().to(torch.int16).numpy().astype("<i2").tobytes()
    head = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)  # plain numbers, one channel
    size = struct.pack("<I", len(data))
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + head + b"data" + size + data


def data_link(kind: str, data: bytes) -> str:
    """Bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def play(waveform: Tensor | Sequence[float], rate: int, alt: str) -> None:
    """Display a player for `waveform` (N,) in -1..1 at `rate` samples a second; `alt` says what is heard.

    It does not start by itself.  Executed chapters, which hold no sound, say what would play and how long.
    Raises ValueError for a sound that cannot be played (see `wav`) or an `alt` too short to say anything.
    Taught in 21.
    """
    text, data = check_description(alt), wav(waveform, rate)
    said = f"[sound, {len(waveform) / rate:.1f} s: {text}]"
    if settings.mode() == "notebooks":
        page.put(said)
        return
    player = (f'<audio controls preload="metadata" aria-label="{html.escape(text)}" style="width:36em;max-width:95%" '
              f'src="{data_link("audio/wav", data)}"></audio>')
    page.put(said, f'<figure style="margin:.4em 0"><figcaption>{page.escape(text)}</figcaption>{player}</figure>')


def keep(data: bytes, name: str, kind: str = "audio/midi") -> None:
    """Display a link that saves `data` as the file `name` (letters, digits, `-`, `_`, one dot); kind: its MIME type.

    Executed chapters say which file it would be.  Raises ValueError for another name or no data.  Taught in 21.
    """
    if not re.fullmatch(r"[\w-]+\.\w+", name, flags=re.ASCII) or not data:
        raise ValueError(f"a file needs content and a name such as tune.mid; got {name!r} and {len(data)} bytes")
    said = f"[file to keep: {name}, {len(data)} bytes]"
    if settings.mode() == "notebooks":
        page.put(said)
        return
    page.put(said, f'<p style="margin:.3em 0"><a download="{name}" href="{data_link(kind, data)}">Keep {name}</a> '
                   f"({len(data)} bytes)</p>")
