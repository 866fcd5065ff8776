"""Chapter 21 as a reader meets it: the teacher lets go by keyboard, and there is something to hear and to keep."""

import base64
import io

import mido
import pytest
import torch
from selenium.webdriver.common.keys import Keys

from tutorial_lib import melodies, music
from tutorial_lib.kit.settings import ROOT

SECONDS = 128 * 0.17  # of a tune: 128 steps


@pytest.fixture(scope="module")
def chapter(page):
    """Chapter 21 in the reader's copy, run from top to bottom; its file."""
    file = page.open_chapter("21")
    print(f"Run All took {page.run_all():.0f} s")
    return file


def players(page):
    """The players of the whole chapter, in order, each scrolled to once so that the page has drawn it."""
    for cell in page.js("return [...arguments[0].querySelectorAll('.jp-CodeCell')]", page.panel()):
        if "play(" in page.source(cell):
            page.see(cell)
            page.wait(lambda cell=cell: page.all("audio", cell), f"a player in\n{page.source(cell)}")
    return page.all("audio")


def test_run_all_goes_through_with_every_exercise_open(page, chapter):
    assert page.errors() == []
    assert "not started" in page.output(page.cell('check("hierarchical.by_bars"'))
    assert "holds" in page.output(page.cell('claim("music-vae.locality"'))


def test_every_player_holds_a_tune_of_the_right_length_and_is_named(page, chapter):
    """The duration is what the browser reads out of the sound, compared with the tune's own."""
    found = players(page)
    assert len(found) == (ROOT / "notebooks/2_hierarchical_sequences/21_flat_and_hierarchical_decoders.py").read_text(
        encoding="utf-8").count("play(sound(") + 1, "one cell plays two"
    for audio in found:
        page.see(audio)
        page.wait(lambda a=audio: page.js("return arguments[0].readyState", a) >= 1, "the sound to be read", 60)
        duration, error, controls, autoplay = page.js(
            "const a = arguments[0]; return [a.duration, a.error && a.error.message, a.controls, a.autoplay]", audio)
        assert error is None and controls and not autoplay
        assert abs(duration - SECONDS) < 0.01, f"{duration} s instead of {SECONDS}"
        assert len(audio.get_attribute("aria-label")) > 15
        assert audio.get_attribute("aria-label") in audio.find_element("xpath", "..").text


def test_the_first_player_plays_the_tune_itself(page, chapter):
    """What is in the page is the waveform of the tune as printed, sample by sample."""
    source = page.all("audio", page.cell("play(sound(tune)"))[0].get_attribute("src")
    data = base64.b64decode(source.split(",")[1])
    tunes, m = music.practice(melodies()), melodies()
    held = [i for i in range(len(tunes.of)) if tunes.held_out[i] and m.title[tunes.of[i]] == "The Old Grey Gander"]
    wanted = music.waveform(tunes.spell(tunes.x[held[0]]))
    assert torch.allclose(torch.frombuffer(bytearray(data[44:]), dtype=torch.int16) / 32767, wanted, atol=1e-3)


def test_a_player_starts_and_its_clock_runs(page, chapter):
    audio = page.see(page.all("audio", page.cell("play(sound(tune)"))[0])
    page.js("arguments[0].muted = true; arguments[0].play()", audio)
    page.wait(lambda: page.js("return arguments[0].currentTime", audio) > 0.3, "the sound to play")
    page.js("arguments[0].pause()", audio)


def test_the_midi_file_to_keep_is_read_by_an_independent_reader(page, chapter):
    cell = page.cell("keep(music.midi(tunes.spell(alone_by")
    link = page.wait(lambda: next(iter(page.all("a[download]", cell)), None), "the link")
    assert link.get_attribute("download") == "rebuilt.mid"
    file = mido.MidiFile(file=io.BytesIO(base64.b64decode(link.get_attribute("href").split(",")[1])))
    assert file.length == pytest.approx(SECONDS, abs=1e-3) and sum(m.type == "note_on" for m in file.tracks[0]) > 40


def test_the_teacher_lets_go_by_keyboard_and_the_picture_changes(page, chapter):
    cell = page.cell("CHOICES = {name")  # of a long cell the page holds the lines in view
    box = page.wait(lambda: next(iter(page.all(".widget-vbox", cell)), None), "the explorer")
    page.wait(lambda: page.all("img", box), "the explorer's picture")
    first = page.wait(lambda: page.picture(box), "the picture's bytes")
    readout = page.all(".widget-readout", box)[0]
    assert readout.text == "5"
    handle = page.tab_to(lambda e: e.get_attribute("role") == "slider", start=cell)
    handle.send_keys(Keys.ARROW_RIGHT)
    second = page.wait(lambda: page.picture(box) not in ("", first) and page.picture(box), "another picture")
    assert readout.text == "6"
    handle.send_keys(Keys.HOME)
    page.wait(lambda: page.picture(box) not in ("", first, second), "the picture of bar 1")
    assert readout.text == "1"
    page.tab_to(lambda e: e.text == "Reset").send_keys(Keys.SPACE)
    page.wait(lambda: page.picture(box) == first, "the first picture again")
    assert readout.text == "5"
