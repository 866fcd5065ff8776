"""progress: what was passed and answered, chapter by chapter."""

from tutorial_lib.kit import store
from tutorial_lib.kit.progress import Work, counts, exported, is_export, show_progress

TABLE = [Work("10", "Gaussians & KL", ("a", "b", "c"), ("q", "r")), Work("11", "VAE", ("d",), ()),
         Work("12", "Nothing to do", (), ())]


def test_a_fresh_learner_has_done_nothing(learner, shown):
    show_progress(TABLE)
    assert shown[0].text == ("10 Gaussians & KL: 0 of 3 exercises passed; 0 of 2 questions answered\n"
                             "11 VAE: 0 of 1 exercises passed; 0 of 0 questions answered")


def test_passed_open_and_answered_are_counted_for_their_chapter_alone(learner, shown):
    for name, status in (("a", "passed"), ("b", "wrong value"), ("b", "error"), ("d", "not started"), ("x", "passed")):
        store.note_attempt(name, status, None)
    store.note_answer("q", "choice", False)
    store.note_answer("unknown", "choice", True)
    assert counts(TABLE[0], store.read()) == (1, 1, 1) and counts(TABLE[1], store.read()) == (0, 0, 0)
    show_progress(TABLE)
    first, second = shown[0].text.splitlines()
    assert first == "10 Gaussians & KL: 1 of 3 exercises passed, 1 tried and open; 1 of 2 questions answered"
    assert "tried" not in second


def test_the_table_is_accessible_html(learner, shown):
    show_progress(TABLE)
    table = shown[0].html
    assert table.count("<tr>") == 2 and "Gaussians &amp; KL" in table and "Nothing to do" not in table
    assert '<progress value="0" max="3" aria-label="0 of 3 exercises passed"></progress>' in table


def test_what_leaves_the_machine_has_a_name_only_if_one_is_given(learner):
    record = store.empty() | {"id": "abc", "private": "diary"}
    copy = exported(record, "abc", "")
    assert is_export(copy) and "name" not in copy and "private" not in copy and copy["learner"] == "abc"
    assert exported(record, "abc", "Ada")["name"] == "Ada"
