"""Explorers: sliders over a figure that cannot break, with the first picture kept for viewers without a kernel."""

from __future__ import annotations

import inspect
import itertools
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tutorial_lib.kit import page, settings
from tutorial_lib.kit.show import check_description, picture, png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CORNERS = 32  # at most so many combinations of extremes are tried in test mode


def same(a: object, b: object) -> bool:
    """One object, or equal ones; arrays, which have no truth value, are the same only as objects."""
    try:
        return a is b or bool(a == b)
    except (RuntimeError, ValueError):
        return False


def slider(name: str, spec: object, start: object):
    """The widget for one control.

    (low, high) or (low, high, step): a slider, of whole numbers when both ends are; a list or dict: a choice;
    True or False: a box to tick.  Raises TypeError for anything else.
    """
    import ipywidgets as w

    label = name.replace("_", " ")
    look: dict[str, Any] = {"description": label, "tooltip": label, "layout": w.Layout(width="36em", max_width="95%"),
                            "style": {"description_width": f"{max(9, 0.6 * len(label)):.0f}em"}}
    if isinstance(spec, bool):
        return w.Checkbox(value=spec if start is None else bool(start), indent=True, **look)
    if isinstance(spec, (list, dict)) and len(spec):
        options = list(spec.items()) if isinstance(spec, dict) else [(str(s), s) for s in spec]
        # an explicit label, since two options may print alike; index, since values may be arrays
        at = next((i for i, (_, v) in enumerate(options) if start is not None and same(v, start)), 0)
        return w.Dropdown(options=options, index=at, equals=same, **look)
    if isinstance(spec, tuple) and len(spec) in (2, 3) and all(isinstance(s, (int, float)) for s in spec):
        low, high = spec[:2]
        if not low < high:
            raise TypeError(f"control {name}: the low end {low} must lie below the high end {high}")
        if all(isinstance(s, int) for s in spec):
            return w.IntSlider(value=(low + high) // 2 if start is None else start, min=low, max=high,
                               step=spec[2] if len(spec) == 3 else 1, **look)
        return w.FloatSlider(value=(low + high) / 2 if start is None else start, min=low, max=high,
                             step=spec[2] if len(spec) == 3 else (high - low) / 50, readout_format=".2f", **look)
    raise TypeError(f"control {name} needs (low, high), (low, high, step), a list, a dict or a bool; got {spec!r}")


def move(widget: Any, value: object) -> None:
    """Set a control's value; a choice by its place, since its values may be arrays."""
    if hasattr(widget, "options"):
        widget.index = [same(v, value) for _, v in widget.options].index(True)
    else:
        widget.value = value


def extremes(widget: Any) -> list[Any]:
    """The values at a control's ends."""
    if hasattr(widget, "min"):
        return [widget.min, widget.max]
    if hasattr(widget, "options"):
        values = [v for _, v in widget.options]
        return values if len(values) <= 4 else [values[0], values[-1]]
    return [False, True]


class Explorer:
    """A figure drawn by `draw(**values)` and one widget per control."""

    def __init__(self, draw: Callable[..., Figure], alt: str, controls: dict[str, object]) -> None:
        import ipywidgets as w

        self.draw, self.alt = draw, check_description(alt)
        starts = {k: p.default for k, p in inspect.signature(draw).parameters.items() if p.default is not p.empty}
        self.widgets = {k: slider(k, spec, starts.get(k)) for k, spec in controls.items()}
        self.first = {k: x.value for k, x in self.widgets.items()}
        self.image = w.Image(value=png(draw(**self.first)), format="png",  # no tooltip: the front end fails on it
                             layout=w.Layout(max_width="100%", align_self="flex-start", object_fit="contain"))
        self.first_frame = self.image.value
        self.said = w.HTML()
        self.reset_button = w.Button(description="Reset", tooltip="Back to the first values")
        self.reset_button.on_click(lambda _: self.set(**self.first))
        for x in self.widgets.values():
            x.observe(self.redraw, names="value")

    def values(self) -> dict[str, Any]:
        """The controls' present values."""
        return {k: x.value for k, x in self.widgets.items()}

    def redraw(self, _: object = None) -> None:
        """Draw the present values; an error in `draw` is shown under the picture, which stays."""
        try:
            self.image.value = png(self.draw(**self.values()))
            self.said.value = ""
        except Exception as error:
            if settings.mode() == "test":
                raise
            self.said.value = page.card("wrong", "This combination could not be drawn",
                                        page.paragraph(f"{type(error).__name__}: {error}"), live=True)

    def set(self, **values: Any) -> None:
        """Move several controls, then draw once."""
        for k, v in values.items():
            self.widgets[k].unobserve(self.redraw, names="value")
            move(self.widgets[k], v)
            self.widgets[k].observe(self.redraw, names="value")
        self.redraw()

    def drive(self) -> int:
        """Go through the corners (at most CORNERS of them) and back; returns how many were drawn."""
        corners = list(itertools.product(*(extremes(x) for x in self.widgets.values())))
        if len(corners) > CORNERS:  # the first ones would leave the first controls where they are
            corners = random.Random(0).sample(corners, CORNERS)
        for corner in corners:
            self.set(**dict(zip(self.widgets, corner, strict=True)))
        self.set(**self.first)
        return len(corners)

    def box(self):
        """Picture, controls, reset, in reading and tabbing order."""
        import ipywidgets as w

        described = w.HTML(f'<p style="position:absolute;left:-9999px">{page.escape(self.alt)}</p>')  # for ears alone
        return w.VBox([described, self.image, *self.widgets.values(), self.reset_button, self.said])


def explore(draw: Callable[..., Figure], *, alt: str, **controls: object) -> None:
    """Display sliders over `draw(**values) -> Figure`.

    Each control is `name=(low, high)`, `(low, high, step)`, a list, a dict or a bool; it starts at the default
    of that parameter of `draw`.  `alt` describes the first picture.  Raises TypeError for a control that
    `draw` does not take.  Taught in 00.
    """
    parameters = inspect.signature(draw).parameters
    if unknown := [k for k in controls if k not in parameters]:
        raise TypeError(f"draw does not take {', '.join(unknown)}; it takes {', '.join(parameters)}")
    explorer = Explorer(draw, alt, controls)
    first, metadata = picture(explorer.first_frame, explorer.alt)
    extra: dict[str, object] = dict(first)
    if settings.mode() != "notebooks":
        bundle = explorer.box()._repr_mimebundle_()
        extra |= {k: v for k, v in dict(bundle or {}).items() if "widget" in k}
    if settings.mode() == "test":
        explorer.drive()
    page.put(f"[explorer: {explorer.alt} Controls: {', '.join(controls)}.]", extra=extra,
             metadata=metadata)
