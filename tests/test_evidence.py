"""Evidence: one run per seed, resumable, gathered, known when stale; CLAIMS.md says what it holds."""

import json
import warnings

import pytest

from tutorial_lib import course
from tutorial_lib.cli import Stop, claims, evidence, notebooks
from tutorial_lib.course import chapters
from tutorial_lib.kit.settings import ROOT

SOURCE = "# ---\n# jupyter:\n#   course:\n#     id: '00'\n# ---\n\n# %%\nfrom tutorial_lib import claim, start\n" \
         "lab = start('00')\nclaim('start.averages', ratio=10.0 + 0.1 * lab.seed, expected=10.0)\n"


@pytest.fixture
def source(tmp_path):
    """A chapter whose claim measures 10 plus a tenth of the seed."""
    path = tmp_path / "00_toy.py"
    path.write_text(SOURCE)
    return path


def test_a_seed_is_run_once_and_found_again(source, tmp_path, monkeypatch):
    first = evidence.run_seed(source, 3, "mark", tmp_path / "runs")
    assert first["claims"]["start.averages"]["ratio"] == pytest.approx(10.3) and first["cpu_seconds"] > 0
    monkeypatch.setattr(notebooks, "execute", lambda *_: pytest.fail("what was done is not done again"))
    assert evidence.run_seed(source, 3, "mark", tmp_path / "runs") == first
    with pytest.raises(BaseException, match="not done again"):
        evidence.run_seed(source, 3, "other code", tmp_path / "runs")


def test_runs_are_gathered_with_their_misses(tmp_path):
    runs = [{"seed": i, "claims": {"start.averages": {"ratio": r, "expected": 10.0}}, "cpu_seconds": 1.0,
             "versions": evidence.versions()}
            for i, r in enumerate((10.0, 12.0, 9.5))]
    alike = {"forward": {"start.averages": runs[0]["claims"]["start.averages"]}}
    found = evidence.gather("00", "mark", runs, {**alike, "backward": alike["forward"]})
    assert found["differs"] == {"in another process": [], "sections from last to first": []}
    assert found["claims"]["start.averages"] == {
        "seeds": [0, 1, 2], "measured": {"ratio": [10.0, 12.0, 9.5], "expected": [10.0] * 3},
        "holds": [True, False, True]}


def test_a_chapters_evidence_is_written_whole(source, tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "EVIDENCE", tmp_path / "evidence")
    monkeypatch.setattr(evidence, "run_seed", lambda source, seed, mark: {
        "seed": seed, "claims": {"start.averages": {"ratio": 10.0, "expected": 10.0}}, "cpu_seconds": 1.0,
        "versions": {}})
    alike = {"start.averages": {"ratio": 10.0, "expected": 10.0}}
    monkeypatch.setattr(evidence, "run_again", lambda source, mark: {"forward": alike, "backward": alike})
    target = evidence.collect(source, 2, 1)
    assert json.loads(target.read_text())["fingerprint"] == chapters.fingerprint(source)
    other = tmp_path / "98_toy.py"
    other.write_text(SOURCE)
    assert evidence.collect(other, 2, 1) is None, "a chapter without claims has no evidence"


HIDDEN = """
# %% [markdown]
# ## 1

# %%
import torch
first = torch.randn(1, generator=lab.rng("a")).item()

# %% [markdown]
# ## 2

# %%
claim("start.averages", ratio=first, expected={second})
first = {left}
"""


@pytest.mark.parametrize("second, left, differs", [
    ("1.0", "first", []),  # everything drawn by name
    ("torch.randn(1).item()", "first", ["start.averages"]),  # a global generator: other numbers the second time
    ("1.0", "first + 1", ["start.averages"])])  # a later section changes what an earlier one made
def test_numbers_that_depend_on_the_order_of_cells_are_found(tmp_path, second, left, differs):
    source = tmp_path / "00_toy.py"
    source.write_text(SOURCE.split("claim(")[0] + HIDDEN.format(second=second, left=left))
    again = evidence.run_again(source, "mark", tmp_path / "runs")
    found = evidence.differences(again, {"claims": again["forward"]})
    assert found == {"in another process": [], "sections from last to first": differs}
    moved = {"claims": {"start.averages": {"ratio": 7.0, "expected": 1.0}}}
    assert evidence.differences(again, moved)["in another process"] == ["start.averages"]


def test_chapters_give_the_same_numbers_again():
    """What `make evidence` found: in a fresh process, and with the sections run once more from last to first."""
    for chapter in chapters.all_chapters():
        for how, names in chapters.evidence(chapter).get("differs", {}).items():
            assert not names, f"chapter {chapter} gives other numbers {how}: {names}"


def test_recorded_runs_are_at_full_length_and_decide(tmp_path, monkeypatch):
    """`lab.full` is true in a seed's run and false in the short ones; most recorded runs hold, unless the claim's own
    kind says that they need not."""
    source = tmp_path / "00_toy.py"
    source.write_text(SOURCE.replace("10.0 + 0.1 * lab.seed", "float(lab.full)"))
    assert evidence.run_seed(source, 0, "mark", tmp_path / "runs")["claims"]["start.averages"]["ratio"] == 1.0
    assert evidence.run_again(source, "mark", tmp_path / "runs")["forward"]["start.averages"]["ratio"] == 0.0
    for claim in course.all_claims().values():
        if claim.tier == "recorded" and claim.kind not in ("too small to tell", "contradicted here"):
            held = chapters.evidence(claim.chapter).get("claims", {}).get(claim.id, {}).get("holds", [])
            assert 2 * sum(held) > len(held), f"{claim.id}: make evidence CHAPTER={claim.chapter}"


def test_wrong_arguments_are_answered():
    with pytest.raises(Stop, match="no chapter 98"):
        evidence.main(["98"])
    with pytest.raises(Stop, match="one seed or more"):
        evidence.main(["--seeds", "0"])
    assert claims.main(["--wrong"]) == 2


def test_recorded_evidence_fits_the_claims():
    """Every recorded value belongs to a claim and its measures, and the count of holds follows from the rule."""
    for chapter in chapters.all_chapters():
        for name, found in chapters.evidence(chapter).get("claims", {}).items():
            claim = course.claim(name)
            assert claim.chapter == chapter and set(found["measured"]) == set(claim.measures)
            rows = [dict(zip(found["measured"], values, strict=True))
                    for values in zip(*found["measured"].values(), strict=True)]
            assert [claim.holds(row) for row in rows] == found["holds"] and len(rows) == len(found["seeds"])


def test_stale_evidence_is_a_warning():
    if old := evidence.stale():
        warnings.warn(f"evidence is stale or missing for {', '.join(old)}: make evidence, make claims", stacklevel=1)
    assert set(old or []) <= set(chapters.all_chapters())


def test_claims_md_is_what_the_command_writes(tmp_path, monkeypatch, capsys):
    assert (ROOT / "CLAIMS.md").read_text(encoding="utf-8") == claims.text(), "make claims"
    monkeypatch.setattr(claims, "TARGET", tmp_path / "CLAIMS.md")
    assert claims.main([]) == 0
    written = (tmp_path / "CLAIMS.md").read_text(encoding="utf-8")
    for name, claim in course.all_claims().items():
        assert f"`{name}`" in written and claim.kind in written
        assert claims.row(claim, {"stale": True}).endswith("? (older edition) |")
        assert claims.measured(claim, {}) == "not yet recorded"
    assert all(what in written and len(why) > 40 for what, why in course.out_of_reach())
