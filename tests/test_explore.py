"""explore: controls of every kind, a picture that follows them, errors that leave it in place."""

import ipywidgets as w
import numpy as np
import pytest
import torch

from tutorial_lib.kit import plot
from tutorial_lib.kit.explore import CORNERS, Explorer, explore, extremes, move, same, slider

ALT = "A bar whose height is the value of the slider."


class Draw:
    """Draws one bar; remembers how it was called."""

    def __init__(self):
        self.calls = []

    def __call__(self, height=2, tilt=0.5, colour="red", fail=False):
        self.calls.append((height, tilt, colour, fail))
        if fail:
            raise ZeroDivisionError("no <such> bar")
        fig, (ax,) = plot.figure(width=1, height=1)
        ax.bar([0], [height], color=colour)
        ax.set(ylim=(0, 10))
        return fig


def make(**controls):
    draw = Draw()
    return Explorer(draw, ALT, controls or {"height": (0, 8), "tilt": (0.0, 1.0)}), draw


@pytest.mark.parametrize("spec, kind, value", [
    ((0, 10), w.IntSlider, 5), ((0, 10, 5), w.IntSlider, 5), ((0.0, 1), w.FloatSlider, 0.5),
    ((0, 1, 0.25), w.FloatSlider, 0.5), (["a", "b"], w.Dropdown, "a"), ({"one": 1, "two": 2}, w.Dropdown, 1),
    (True, w.Checkbox, True), (False, w.Checkbox, False)])
def test_each_kind_of_value_has_its_control(spec, kind, value):
    control = slider("learning_rate", spec, None)
    assert type(control) is kind and control.value == value and control.description == "learning rate"


@pytest.mark.parametrize("spec", [3, "ab", (1,), (1, 2, 3, 4), (2, 1), (1, 1), [], {}, ("a", "b"), None])
def test_other_values_are_refused_with_what_is_possible(spec):
    with pytest.raises(TypeError, match="control size"):
        slider("size", spec, None)


def test_controls_start_at_the_defaults_of_draw():
    explorer, draw = make(height=(0, 8), tilt=(0.0, 1.0), colour=["blue", "red"], fail=False)
    assert explorer.values() == {"height": 2, "tilt": 0.5, "colour": "red", "fail": False}
    assert draw.calls == [(2, 0.5, "red", False)]


def test_choices_may_be_arrays():
    """Arrays have no truth value: they are told apart as objects, never entry by entry."""
    seen = []

    def draw(values):
        seen.append(values)
        return plot.figure(width=1, height=1)[0]

    for options in ([torch.zeros(2), torch.ones(2)], {"a": np.zeros(2), "b": np.ones(3)}):
        explorer = Explorer(draw, ALT, {"values": options})
        first, second = options.values() if isinstance(options, dict) else options
        explorer.set(values=second)
        assert seen[-1] is second
        explorer.reset_button.click()
        assert seen[-1] is first and explorer.drive() == 2


def test_same_means_equal_and_for_arrays_the_very_object():
    x = torch.ones(2)
    assert same(x, x) and not same(x, x.clone()) and same("a", "a") and not same(1, 2)
    assert not same(np.ones(2), np.ones(2))


def test_a_choice_that_is_not_there_is_refused():
    choice = slider("n", ["a", "b"], None)
    move(choice, "b")
    assert choice.value == "b"
    with pytest.raises(ValueError):
        move(choice, "c")


def test_moving_a_control_redraws():
    explorer, draw = make()
    explorer.widgets["height"].value = 7
    assert len(draw.calls) == 2 and explorer.image.value != explorer.first_frame
    assert bytes(explorer.image.value).startswith(b"\x89PNG")


def test_set_draws_once_and_reset_goes_back():
    explorer, draw = make()
    explorer.set(height=7, tilt=0.75)
    assert draw.calls[1:] == [(7, 0.75, "red", False)]
    explorer.reset_button.click()
    assert explorer.values() == explorer.first and explorer.image.value == explorer.first_frame
    explorer.widgets["tilt"].value = 1.0  # and the controls are still heard
    assert len(draw.calls) == 4


def test_redraw_draws_the_present_values_again():
    explorer, draw = make()
    explorer.redraw()
    assert draw.calls[0] == draw.calls[1] and explorer.image.value == explorer.first_frame


def test_an_error_in_draw_is_shown_and_the_picture_stays(learner):
    explorer, _ = make(height=(0, 8), fail=False)
    explorer.widgets["fail"].value = True
    assert explorer.image.value == explorer.first_frame
    assert "ZeroDivisionError: no &lt;such&gt; bar" in explorer.said.value
    explorer.widgets["fail"].value = False
    assert explorer.said.value == ""


def test_under_the_tests_the_corners_are_tried_and_an_error_raises():
    explorer, draw = make(height=(0, 8), tilt=(0.0, 1.0))
    assert explorer.drive() == 4
    assert {c[:2] for c in draw.calls[1:5]} == {(0, 0.0), (0, 1.0), (8, 0.0), (8, 1.0)}
    assert explorer.values() == explorer.first
    with pytest.raises(ZeroDivisionError):
        make(fail=False)[0].drive()


def test_with_many_controls_each_end_of_each_control_is_still_tried():
    seen = []

    def draw(a=0, b=0, c=0, d=0, e=0, f=0, g=0):
        seen.append((a, b, c, d, e, f, g))
        return EMPTY

    EMPTY = plot.figure(width=1, height=1)[0]
    explorer = Explorer(draw, ALT, dict.fromkeys("abcdefg", (0, 1)))
    assert explorer.drive() == CORNERS
    assert all({call[i] for call in seen} == {0, 1} for i in range(7))


def test_extremes_of_a_long_list_are_its_ends():
    assert extremes(slider("n", list(range(9)), None)) == [0, 8]
    assert extremes(slider("n", ["a", "b", "c"], None)) == ["a", "b", "c"]
    assert extremes(slider("n", True, None)) == [False, True] and extremes(slider("n", (1, 5), None)) == [1, 5]


def test_picture_and_description_come_before_the_controls():
    described, image, *controls, reset, said = make()[0].box().children
    assert ALT in described.value and isinstance(image, w.Image) and len(controls) == 2
    assert reset.description == "Reset" and said.value == ""


def test_the_display_holds_the_first_picture_and_the_widgets(learner, shown):
    explore(Draw(), alt=ALT, height=(0, 8))
    assert shown[0].text == f"[explorer: {ALT} Controls: height.]"
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(shown[0].extra)
    assert shown[0].metadata == {"image/png": {"alt": ALT}}


def test_an_executed_chapter_keeps_the_picture_alone(learner, shown, monkeypatch):
    monkeypatch.setenv("TUTORIAL_MODE", "notebooks")
    explore(Draw(), alt=ALT, height=(0, 8))
    assert set(shown[0].extra) == {"image/png"}


def test_explore_drives_itself_under_the_tests(shown):
    draw = Draw()
    explore(draw, alt=ALT, height=(0, 8))
    assert [c[0] for c in draw.calls] == [2, 0, 8, 2]


def test_a_control_that_draw_does_not_take_and_a_missing_description_are_refused():
    with pytest.raises(TypeError, match="draw does not take width; it takes height, tilt"):
        explore(Draw(), alt=ALT, width=(0, 1))
    with pytest.raises(ValueError, match="description"):
        explore(Draw(), alt="plot", height=(0, 1))
