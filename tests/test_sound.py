"""Sound: a WAV file read back by the standard library, a player with its words, nothing kept in executed chapters."""

import base64
import io
import math
import re
import wave

import pytest
import torch

import tutorial_lib
from tutorial_lib.kit import sound


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: (text, markup)."""
    found = []
    monkeypatch.setattr(sound.page, "put", lambda text, markup=None, **_: found.append((text, markup)))
    return found


def test_a_wav_file_is_read_back_by_the_standard_library():
    w = torch.linspace(-1, 1, 5000)
    with wave.open(io.BytesIO(sound.wav(w, 8000))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (1, 2, 8000, 5000)
        back = torch.frombuffer(bytearray(file.readframes(5000)), dtype=torch.int16) / 32767
    assert torch.allclose(back, w, atol=0.5 / 32767 + 1e-6)


def test_lists_and_the_extremes_are_taken():
    assert sound.wav([1.0, -1.0], 8000)[-4:] == b"\xff\x7f\x01\x80"
    assert len(sound.wav([0.0] * 10, 11025)) == 44 + 20


@pytest.mark.parametrize(("samples", "rate", "said"), [
    (torch.zeros(2, 3), 8000, "one row"), (torch.zeros(0), 8000, "one row"), (torch.zeros(9), 10, "a rate"),
    (torch.full((9,), 1.01), 8000, "between -1 and 1"), (torch.tensor([math.nan, 0]), 8000, "NaN"),
    (torch.zeros(4000 * 121), 4000, "at most 120 s")])
def test_what_cannot_be_played_is_refused_with_what_was_expected(samples, rate, said):
    with pytest.raises(ValueError, match=said):
        sound.wav(samples, rate)


def test_the_player_has_controls_a_label_a_caption_and_the_file(shown, monkeypatch):
    monkeypatch.setenv("TUTORIAL_MODE", "learn")
    tutorial_lib.play(torch.zeros(16000), 8000, alt='a tune by "nobody" & <others>')
    ((text, markup),) = shown
    assert text == '[sound, 2.0 s: a tune by "nobody" & <others>]'
    assert "<audio controls" in markup and 'aria-label="a tune by &quot;nobody&quot; &amp; &lt;others&gt;"' in markup
    assert "autoplay" not in markup
    assert re.search(r"<figcaption>a tune by .nobody. &amp; &lt;others&gt;</figcaption>", markup)
    data = base64.b64decode(re.search(r'src="data:audio/wav;base64,([^"]+)"', markup).group(1))
    assert data == sound.wav(torch.zeros(16000), 8000)


def test_a_file_to_keep_is_a_link_that_holds_it(shown, monkeypatch):
    monkeypatch.setenv("TUTORIAL_MODE", "learn")
    tutorial_lib.keep(b"MThd content", "my-tune_1.mid")
    ((text, markup),) = shown
    assert text == "[file to keep: my-tune_1.mid, 12 bytes]" and 'download="my-tune_1.mid"' in markup
    assert sound.data_link("audio/midi", b"MThd content") in markup
    assert base64.b64decode(sound.data_link("text/plain", b"\x00\xff").split(",")[1]) == b"\x00\xff"


@pytest.mark.parametrize(("data", "name"), [(b"", "a.mid"), (b"x", "a"), (b"x", '"><script>.mid'), (b"x", "../a.mid")])
def test_a_file_needs_a_plain_name_and_content(data, name):
    with pytest.raises(ValueError, match="a name such as"):
        sound.keep(data, name)


def test_executed_chapters_hold_a_sentence_and_no_sound(shown, monkeypatch):
    monkeypatch.setenv("TUTORIAL_MODE", "notebooks")
    sound.play([0.0] * 24000, 8000, alt="the first four bars of a reel")
    sound.keep(b"MThd", "tune.mid")
    assert shown == [("[sound, 3.0 s: the first four bars of a reel]", None),
                     ("[file to keep: tune.mid, 4 bytes]", None)]


def test_a_sound_without_words_is_refused_in_every_mode(monkeypatch):
    for mode in ("learn", "notebooks", "test"):
        monkeypatch.setenv("TUTORIAL_MODE", mode)
        with pytest.raises(ValueError, match="description"):
            sound.play([0.0], 8000, alt="tune")
