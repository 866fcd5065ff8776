"""start, random, settings: one thread, house style, draws that depend on names alone."""

import matplotlib
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tutorial_lib.kit import settings
from tutorial_lib.kit.random import generator, seed_for, seeded
from tutorial_lib.kit.start import Lab, begin


def draws(rng):
    return torch.randn(4, generator=rng).tolist()


def test_begin_sets_one_thread_and_the_style_and_shows_the_card(shown):
    torch.set_num_threads(2)
    matplotlib.rcParams["axes.grid"] = False
    lab = begin("11", ("text", "<p>html</p>"))
    assert torch.get_num_threads() == 1 and matplotlib.rcParams["axes.grid"] and lab.chapter == "11"
    assert (shown[0].text, shown[0].html) == ("text", "<p>html</p>")
    assert begin("11") == lab == Lab("11") and len(shown) == 1


def test_the_same_name_gives_the_same_draws_and_other_names_chapters_and_seeds_others(monkeypatch):
    lab, other = begin("11"), begin("10")
    first = draws(lab.rng("a"))
    assert first == draws(lab.rng("a")) and lab.seed == 0
    seen = [first, draws(lab.rng("b")), draws(other.rng("a"))]
    monkeypatch.setenv("TUTORIAL_SEED", "1")
    seen.append(draws(lab.rng("a")))
    assert lab.seed == 1 and len({tuple(s) for s in seen}) == 4


def test_initialisation_and_dropout_depend_on_the_name_alone_and_nothing_outside_notices():
    lab = begin("11")
    torch.manual_seed(5)
    state = torch.get_rng_state()
    with lab.seeded("model"):
        first, mask = nn.Linear(3, 3).weight, nn.Dropout()(torch.ones(20))
    assert torch.equal(state, torch.get_rng_state())
    torch.randn(7)
    with lab.seeded("model"):
        again, mask_again = nn.Linear(3, 3).weight, nn.Dropout()(torch.ones(20))
    with lab.seeded("other"):
        assert not torch.equal(first, nn.Linear(3, 3).weight)
    assert torch.equal(first, again) and torch.equal(mask, mask_again)


def test_seeded_restores_the_generator_after_an_error():
    state = torch.get_rng_state()
    with pytest.raises(KeyError), seeded("x"):
        torch.randn(3)
        raise KeyError
    assert torch.equal(state, torch.get_rng_state())


def test_seeds_are_the_same_on_every_machine():
    """Pinned: first 8 bytes of SHA-256 of "0", "11", "a" joined by the unit separator, without the last bit."""
    assert seed_for("11", "a") == 1906582412326126574
    assert generator("11", "a").initial_seed() == seed_for("11", "a")


@given(st.lists(st.text(max_size=5), min_size=1, max_size=3))
def test_seeds_fit_a_generator_and_names_do_not_run_together(names):
    assert 0 <= seed_for(*names) < 2**63
    assert seed_for(*names) != seed_for(*names, "") and seed_for("ab", *names) != seed_for("a", "b", *names)


def test_settings_refuse_what_they_do_not_know(monkeypatch, tmp_path):
    monkeypatch.setenv("TUTORIAL_MODE", "fast")
    with pytest.raises(ValueError, match="learn, test, notebooks; it is 'fast'"):
        settings.mode()
    monkeypatch.setenv("TUTORIAL_SEED", "1.5")
    with pytest.raises(ValueError, match="whole number; it is '1.5'"):
        settings.seed()
    monkeypatch.delenv("TUTORIAL_MODE")
    monkeypatch.delenv("TUTORIAL_SEED")
    monkeypatch.setenv("TUTORIAL_HOME", "")
    assert settings.mode() == "learn" and settings.seed() == 0 and settings.home() == settings.ROOT / "workbook"
    monkeypatch.setenv("TUTORIAL_HOME", str(tmp_path))
    assert settings.home() == tmp_path


def test_solutions_are_withheld_by_a_file_in_either_folder(monkeypatch, tmp_path):
    root, home = tmp_path / "root", tmp_path / "home"
    for folder in (root, home):
        folder.mkdir()
    monkeypatch.setattr(settings, "ROOT", root)
    monkeypatch.setenv("TUTORIAL_HOME", str(home))
    assert not settings.solutions_withheld()
    for folder in (root, home):
        (folder / "NO_SOLUTIONS").touch()
        assert settings.solutions_withheld()
        (folder / "NO_SOLUTIONS").unlink()
