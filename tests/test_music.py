"""Melodies as tokens, notes, roll, sound and MIDI: there and back, and against an independent reader of MIDI files."""

import io
import math

import mido
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib import melodies, music

EVENTS = st.one_of(st.just(0), st.just(1), st.integers(7, 40))
TUNES = st.lists(EVENTS, min_size=2, max_size=40).map(torch.tensor)


def slow_roll(x, lowest=50):
    """What sounds, step by step."""
    sounding, out = 0, []
    for v in x.tolist():
        sounding = sounding if v == 0 else 0 if v == 1 else v - 2 + lowest
        out.append(sounding)
    return torch.tensor(out)


@given(TUNES)
def test_the_roll_is_what_a_loop_says_and_the_notes_fill_it(x):
    roll = music.roll(x)
    assert torch.equal(roll, slow_roll(x)) and torch.equal(music.roll(torch.stack([x, x]))[1], roll)
    filled = torch.zeros_like(x)
    for start, pitch, steps in music.notes(x):
        filled[start : start + steps] = pitch
    assert torch.equal(filled, roll)


@given(TUNES)
def test_notes_and_tokens_are_ways_there_and_back(x):
    """All that is lost is a rest that changes nothing, as one after another rest."""
    played = music.notes(x)
    back = music.tokens(played, len(x))
    assert music.notes(back) == played and torch.equal(music.roll(back), music.roll(x))


def test_notes_that_overlap_or_leave_the_tune_are_refused():
    for played in ([(0, 60, 3), (2, 62, 1)], [(3, 60, 2)], [(0, 60, 0)]):
        with pytest.raises(ValueError, match="overlaps|leaves"):
            music.tokens(played, 4)
    with pytest.raises(ValueError, match="one tune at a time"):
        music.notes(torch.zeros(2, 3, dtype=torch.int64))


@given(TUNES, st.integers(1, 6))
def test_transposing_moves_notes_alone_and_comes_back(x, n):
    up = music.transpose(x, n)
    assert torch.equal(music.transpose(up, -n), x) and torch.equal(up[x < 2], x[x < 2])
    assert [p + n for _, p, _ in music.notes(x)] == [p for _, p, _ in music.notes(up)]


def test_a_note_below_the_lowest_is_refused():
    with pytest.raises(ValueError, match="below the lowest"):
        music.transpose(torch.tensor([5, 0]), -4)


@pytest.mark.parametrize(("key", "pitch"), [("C major", 0), ("G minor", 7), ("Bb major", 10), ("F# dorian", 6),
                                            ("Highland bagpipe", 9), ("B phrygian", 11), ("Cb major", 11)])
def test_tonics(key, pitch):
    assert music.tonic(key) == pitch


def test_a_key_without_a_letter_is_refused():
    with pytest.raises(ValueError, match="begins with a letter"):
        music.tonic("none")


def test_halving_keeps_the_first_event_of_two():
    assert music.halve(torch.tensor([9, 0, 0, 9, 9, 8, 0, 0, 1, 7])).tolist() == [9, 9, 9, 0, 1]
    with pytest.raises(ValueError, match="even number"):
        music.halve(torch.zeros(3))


def test_practice_holds_all_tunes_in_one_key_and_no_family_on_both_sides():
    m = melodies()
    p = music.practice(m)
    two_four = [i for i, metre in enumerate(m.metre) if metre == "2/4"]
    assert isinstance(p, music.Practice) and p.x.shape == (len(m.tokens) + len(two_four), 128)
    assert p.x.unique().tolist() == list(range(len(p.symbols)))
    assert p.symbols[:2].tolist() == [0, 1] and (p.spell(p.x) == p.symbols[p.x]).all()
    family = m.family[p.of]
    assert not set(family[p.held_out].tolist()) & set(family[~p.held_out].tolist())
    assert 0.1 < p.held_out.float().mean() < 0.16
    i = next(i for i in range(len(p.of)) if m.metre[p.of[i]] != "2/4" and m.key[p.of[i]] == "D major")
    assert torch.equal(p.spell(p.x[i]), music.transpose(music.halve(m.tokens[p.of[i]]), 5))
    j = next(j for j in range(len(p.of)) if p.of[j] == two_four[0])
    first, second = (p.spell(p.x[k]) for k in (j, j + len(two_four)))
    whole = torch.cat([first, second])
    assert torch.equal((whole >= 2), (m.tokens[two_four[0]] >= 2)), "nothing is lost in 2/4"
    with pytest.raises(ValueError, match="16 bars are needed"):
        music.practice(melodies(32))


def test_half_of_the_tunes_end_on_the_common_tonic():
    """An oracle from music: tunes end on their tonic, whatever the reader of keys says (some go on after 16 bars)."""
    p = music.practice(melodies())
    last = torch.stack([row[row >= 2][-1] for row in p.spell(p.x)]) - 2 + 50
    share = torch.bincount(last % 12, minlength=12) / len(last)
    assert share.argmax() == 7 and share[7] > 0.45 and share.topk(2).values[1] < 0.25


@given(TUNES, st.sampled_from([0.1, 0.17, 0.25]))
def test_a_midi_file_is_read_back_by_an_independent_reader(x, step):
    file = mido.MidiFile(file=io.BytesIO(music.midi(x, step, title="Drops of Brandy")))
    assert file.type == 0 and len(file.tracks) == 1 and file.ticks_per_beat == music.TICKS
    assert file.length == pytest.approx(len(x) * step, abs=1e-4)
    now, begun, found = 0, {}, []
    for message in file.tracks[0]:
        now += message.time
        if message.type == "note_on":
            begun[message.note] = now
        elif message.type == "note_off":
            start = begun.pop(message.note)
            found.append((start // music.TICKS, message.note, (now - start) // music.TICKS))
    assert found == music.notes(x) and not begun
    assert file.tracks[0].name == "Drops of Brandy"


def test_long_silences_and_odd_titles_go_into_a_midi_file():
    x = torch.zeros(600, dtype=torch.int64)
    x[599] = 20
    file = mido.MidiFile(file=io.BytesIO(music.midi(x, title="Ó " * 100)))
    assert sum(m.time for m in file.tracks[0]) == 600 * music.TICKS and len(file.tracks[0].name) == 127


def test_sound_has_the_length_of_the_tune_and_the_pitch_of_its_notes():
    """Against a Fourier transform: A above middle C is 440 Hz, an octave lower 220; a rest is silence."""
    x = torch.tensor([21, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0])  # A4, A3, silence
    w = music.waveform(x, step=0.25, rate=8000)
    assert w.shape == (24000,) and w.abs().max() <= 1
    for first, hertz in ((0, 440), (8000, 220)):
        spectrum = torch.fft.rfft(w[first : first + 8000]).abs()
        assert abs(spectrum.argmax().item() - hertz) <= 1
    assert (w[16000:] == 0).all() and w[:8000].square().mean() > 1e-3
    assert w[7999].abs() < 1e-2 and w[8000].abs() < 1e-2, "no click where notes meet"


def test_sound_stays_below_half_the_rate_and_refuses_what_is_none():
    high = music.waveform(torch.tensor([40, 0]), step=0.2, rate=4000)  # MIDI 88, 1319 Hz: no harmonic below 2000 but it
    assert torch.fft.rfft(high).abs().argmax().item() == pytest.approx(1319 * 0.4, abs=2)
    for bad in ({"rate": 100}, {"step": 0.0}):
        with pytest.raises(ValueError, match="sound needs"):
            music.waveform(torch.tensor([40]), **bad)


def test_echo_of_a_tune_made_of_its_own_copies_is_one_and_of_another_key_nothing():
    bar = torch.tensor([9, 0, 12, 14])
    assert music.echo(bar.repeat(3), 4) == 1 and music.echo(torch.cat([bar, music.transpose(bar, 1)]), 4) == 0
    x = torch.tensor([9, 9, 0, 9, 8, 0])  # notes after the first two steps: 9 (before it 9), 8 (before it 0)
    assert music.echo(x, 2) == 0.5 and math.isnan(music.echo(torch.zeros(6), 2).item())
    for lag in (0, 6):
        with pytest.raises(ValueError, match="lag"):
            music.echo(x, lag)


@given(TUNES.filter(lambda x: len(x) >= 9 and (x[8:] >= 2).any()), st.integers(0, 5))
def test_form_lies_between_0_and_1_and_does_not_depend_on_the_key(x, n):
    """With bars of one step: 4 and 8 steps back; a slow count of the same."""
    value = music.form(x, 1)
    counts = [[x[t] == x[t - lag] for t in range(lag, len(x)) if x[t] >= 2] for lag in (4, 8)]
    assert value == pytest.approx(max(sum(c) / len(c) for c in counts)) and 0 <= value <= 1
    assert music.form(music.transpose(x, n), 1) == value


def test_blocks_that_come_back():
    a, b, c = torch.randint(7, 40, (3, 16), generator=torch.Generator().manual_seed(0)).unbind(0)
    nearly = torch.where(torch.arange(16) == 3, 41, a)  # 15 of 16 steps alike
    for tune, share, wanted in (([a, a], 1.0, True), ([a, b, c, b], 1.0, True), ([a, b, c], 0.9, False),
                                ([a, b, nearly], 0.9, True), ([a, b, nearly], 0.95, False)):
        assert music.returns(torch.cat(tune), 16, share) == wanted
    with pytest.raises(ValueError, match="do not fit"):
        music.returns(a, 9)


def test_the_corpus_comes_back_as_its_card_says():
    """The card of data/melodies.npz: a note is right in 51 % when copied from 128 steps before, 60 % from 64."""
    x = melodies().tokens
    assert music.returns(x, 64, 1.0).float().mean() == pytest.approx(0.70, abs=0.01)
    assert music.returns(x, 64, 0.9).float().mean() == pytest.approx(0.86, abs=0.01)
    copied = [((x[:, lag:] == x[:, :-lag]) & (x[:, lag:] >= 2)).sum() / (x[:, lag:] >= 2).sum() for lag in (128, 64)]
    assert [round(float(v), 2) for v in copied] == [0.51, 0.60]
