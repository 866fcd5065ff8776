"""plot: figures in one call, described in data that can be read back, without pyplot's global state."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from tutorial_lib.kit import plot


def one():
    return plot.figure(width=2, height=2)


def test_a_figure_has_its_panels_in_a_row_and_pyplot_knows_nothing_of_it():
    fig, axes = plot.figure(columns=3, rows=2, width=2, height=1.5, sharex=True)
    assert axes.shape == (6,) and fig.get_size_inches().tolist() == [6.0, 3.0] and plt.get_fignums() == []


def test_the_house_style_is_set_and_can_be_set_again():
    matplotlib.rcParams["axes.spines.top"] = True
    plot.use_house_style()
    assert not matplotlib.rcParams["axes.spines.top"] and matplotlib.rcParams["font.size"] == 12


def test_lines_hold_their_data_labels_and_a_legend_when_named():
    _, (ax,) = one()
    x = torch.linspace(0, 1, 5)
    plot.lines(ax, x, {"a": x.clone().requires_grad_() ** 2, "b": [0, 1, 2, 3, 4]}, xlabel="t (s)", ylabel="u (V)",
               title="T", ls="--")
    first, second = ax.get_lines()
    assert np.allclose(first.get_ydata(), x.numpy() ** 2) and second.get_ydata().tolist() == [0, 1, 2, 3, 4]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left") or ax.get_title()) == ("t (s)", "u (V)", "T")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b"] and first.get_linestyle() == "--"


def test_a_single_curve_without_a_name_has_no_legend():
    _, (ax,) = one()
    assert plot.lines(ax, [0, 1], {"": [0, 1]}, xlabel="x", ylabel="y").get_legend() is None


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(0, 2))
def test_every_image_stands_in_its_tile(n, h, w, columns, gap):
    """Property over shapes: image i is at row i // columns, column i % columns; the rest is 0."""
    x = torch.arange(1.0, n * h * w + 1).reshape(n, h, w)
    sheet = plot.tile(x, columns, gap)
    assert sheet.shape == (-(-n // columns) * (h + gap), columns * (w + gap))
    for i in range(n):
        top, left = i // columns * (h + gap), i % columns * (w + gap)
        assert np.array_equal(sheet[top : top + h, left : left + w], x[i].numpy())
    assert sheet.sum() == x.sum().item()


def test_a_sheet_of_images_has_no_axes_and_fixed_limits():
    _, (ax,) = one()
    plot.images(ax, torch.rand(3, 2, 2, generator=torch.Generator().manual_seed(0)), columns=2, title="three", vmax=2)
    picture = ax.get_images()[0]
    assert picture.get_clim() == (0, 2) and picture.get_array().shape == (6, 6)
    assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0 and not any(s.get_visible() for s in ax.spines.values())


def test_each_class_is_drawn_in_its_own_colour_and_place():
    _, (ax,) = one()
    points = torch.tensor([[0.0, 0.0], [4.0, 4.0], [1.0, 0.0]])
    plot.classes(ax, points, torch.tensor([3, 7, 3]), xlabel="z1", ylabel="z2", title="codes")
    threes, sevens = ax.collections
    assert threes.get_offsets().tolist() == [[0, 0], [1, 0]] and sevens.get_offsets().tolist() == [[4, 4]]
    assert [to_hex(c.get_facecolors()[0]).upper() for c in (threes, sevens)] == [plot.TEN[3], plot.TEN[7]]
    assert len(threes.get_paths()[0].vertices) != len(sevens.get_paths()[0].vertices)  # the digit, not a dot


def test_a_cross_stands_where_it_is_put_over_its_own_light_edge():
    _, (ax,) = one()
    below, above = plot.cross(ax, 1.5, -2).get_lines()
    assert [list(l.get_xydata()[0]) for l in (below, above)] == [[1.5, -2]] * 2
    assert below.get_zorder() < above.get_zorder() and below.get_markersize() > above.get_markersize()


def test_clouds_are_ellipses_of_two_standard_deviations():
    _, (ax,) = one()
    plot.clouds(ax, torch.tensor([[0.0, 1.0], [2.0, 3.0]]), torch.tensor([[1.0, 0.5], [2.0, 2.0]]))
    first, second = ax.patches
    assert first.center == pytest.approx((0, 1)) and (first.width, first.height) == (4, 2) and second.width == 8


def test_ten_classes_have_ten_colours():
    assert len(plot.TEN) == len(set(plot.TEN)) == 10


def test_bars_carry_their_values():
    _, (ax,) = one()
    plot.bars(ax, {"a": 1.5, "b": 0.25}, ylabel="nats")
    assert [p.get_height() for p in ax.patches] == [1.5, 0.25] and [t.get_text() for t in ax.texts] == ["1.5", "0.25"]


def test_boxes_are_centred_and_paler_with_less_strength():
    strong, pale = (plot.box(1, 2, 4, 2, face="#4477AA", edge="#000000", strength=s) for s in (1.0, 0.25))
    assert strong.get_bbox().bounds == (-1.0, 1.0, 4.0, 2.0)
    assert to_hex(strong.get_facecolor()).upper() == "#4477AA"
    assert sum(pale.get_facecolor()) > sum(strong.get_facecolor())


def test_an_arrow_runs_from_start_to_end():
    _, (ax,) = one()
    plot.arrow(ax, (0, 4), (5, 3))
    assert ax.texts[0].xyann == (0, 4) and ax.texts[0].xy == (5, 3)


def test_a_circle_lies_around_the_origin():
    _, (ax,) = plot.figure()
    plot.circle(ax, 2.0)
    (drawn,) = ax.patches
    assert drawn.center == (0, 0) and drawn.radius == 2.0 and drawn.get_linestyle() == "--"
