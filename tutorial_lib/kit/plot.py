"""Figures in one call, in the house style: they return a Figure and touch no global state of pyplot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import rc_params_from_file
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

STYLE = Path(__file__).with_name("house.mplstyle")
# ten classes: told apart by colour where that is possible, always also by a letter or digit at their centre
TEN = ["#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#888888", "#EE8866", "#44AA99", "#222255"]
BLUE, RED, GREEN, YELLOW, CYAN, PURPLE, GREY = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377",
                                                "#888888")


def use_house_style() -> None:
    """Make the house style matplotlib's default for this session."""
    matplotlib.rcParams.update(rc_params_from_file(STYLE, use_default_template=False))


def figure(columns: int = 1, rows: int = 1, width: float = 4.4, height: float = 3.4,
           **subplots) -> tuple[Figure, np.ndarray]:
    """An empty figure and its axes, a flat array of rows * columns; width and height in inches per panel."""
    use_house_style()
    fig = Figure(figsize=(columns * width, rows * height), layout="constrained")
    return fig, np.asarray(fig.subplots(rows, columns, squeeze=False, **subplots)).reshape(-1)


def array(values: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    """Anything number-like as a NumPy array."""
    return values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)


def lines(ax: Axes, x: Tensor | Sequence[float], curves: Mapping[str, Tensor | Sequence[float]], *, xlabel: str,
          ylabel: str, title: str = "", **style) -> Axes:
    """Labelled curves over one x; the legend is left out for a single curve without a name."""
    for label, y in curves.items():
        ax.plot(array(x), array(y), label=label or None, **style)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if any(curves):
        ax.legend()
    return ax


def tile(images: Tensor, columns: int, gap: int = 1) -> np.ndarray:
    """Images side by side as one array, row by row.  images: (N, H, W) -> (rows * (H + gap), columns * (W + gap))"""
    x = array(images)
    n, h, w = x.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * columns, h + gap, w + gap), x.dtype)
    sheet[:n, :h, :w] = x
    return sheet.reshape(rows, columns, h + gap, w + gap).swapaxes(1, 2).reshape(rows * (h + gap), -1)


def images(ax: Axes, x: Tensor, columns: int, title: str = "", vmax: float = 1.0) -> Axes:
    """A sheet of images without axes.  x: (N, H, W) in [0, vmax]"""
    ax.imshow(tile(x, columns), vmin=0, vmax=vmax, cmap="gray_r")
    ax.set(xticks=[], yticks=[], title=title)
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def classes(ax: Axes, points: Tensor, labels: Tensor, *, xlabel: str, ylabel: str, title: str = "") -> Axes:
    """Points drawn as the digit of their class, so that colour is not needed.  points: (N, 2), labels: (N,) in 0..9"""
    xy, y = array(points), array(labels)
    for c in np.unique(y):
        ax.scatter(*xy[y == c].T, s=26, marker=f"${c}$", color=TEN[c], alpha=0.85, linewidths=0, rasterized=True)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    return ax


def cross(ax: Axes, x: float, y: float) -> Axes:
    """A cross that is seen on any ground: here is where you are."""
    ax.plot(x, y, "+", color="white", ms=26, mew=7, zorder=4)
    ax.plot(x, y, "+", color="black", ms=24, mew=3, zorder=5)
    return ax


def bars(ax: Axes, values: Mapping[str, float], *, ylabel: str, title: str = "", colors: Sequence[str] = TEN) -> Axes:
    """One bar per entry, its value written above it."""
    drawn = ax.bar(list(values), list(values.values()), color=list(colors)[: len(values)], width=0.65)
    ax.bar_label(drawn, fmt="%.3g", padding=2)
    ax.set(ylabel=ylabel, title=title)
    ax.grid(False, axis="x")
    return ax


def box(x: float, y: float, w: float, h: float, *, face: str, edge: str, dashed: bool = False, strength: float = 1.0):
    """A rounded box centred at (x, y), for maps and diagrams; `strength` below 1 makes it pale."""
    from matplotlib.patches import FancyBboxPatch

    def pale(color: str) -> tuple[float, ...]:
        return tuple(1 - strength * (1 - np.asarray(to_rgb(color))))

    return FancyBboxPatch((x - w / 2, y - h / 2), w, h, boxstyle="round,pad=0,rounding_size=0.12", fc=pale(face),
                          ec=pale(edge), lw=1.6, ls="--" if dashed else "-", zorder=2)


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A straight arrow between two points of a diagram."""
    ax.annotate("", xy=end, xytext=start, zorder=1,
                arrowprops={"arrowstyle": "-|>", "lw": 1.2, "color": "#777777", "shrinkA": 0, "shrinkB": 0})


def clouds(ax: Axes, centres: Tensor, radii: Tensor, times: float = 2.0) -> Axes:
    """Ellipses of `times` standard deviations around centres, axes along the coordinates.  centres, radii: (N, 2)"""
    from matplotlib.patches import Ellipse

    for centre, (a, b) in zip(array(centres), array(radii), strict=True):
        ax.add_patch(Ellipse(centre, 2 * times * a, 2 * times * b, fc="none", ec="black", lw=0.8))
    return ax


def circle(ax: Axes, radius: float) -> Axes:
    """A dashed circle around the origin, on top of the points."""
    from matplotlib.patches import Circle

    ax.add_patch(Circle((0, 0), radius, fc="none", ec="black", lw=1.6, ls="--", zorder=4))
    return ax
