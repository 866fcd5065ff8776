"""The start page: one small exercise, to see how answers are judged."""

from __future__ import annotations

import torch
from torch import Tensor

from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case


def standardise(x: Tensor) -> Tensor:
    """Each column shifted to mean 0 and scaled to standard deviation 1.  x: (N, D) -> (N, D)"""
    return (x - x.mean(0)) / x.std(0)


def _columns() -> list[Case]:
    x = torch.tensor([[1.0, 10.0, -3.0], [2.0, 30.0, -1.0], [6.0, 20.0, 4.0], [3.0, 0.0, 8.0]])
    return [Case((x,), "four rows, three columns"), Case((x[:3, :2] * 2,), "three rows, two columns")]


def _in_place(x: Tensor) -> Tensor:
    x -= x.mean(0)
    x /= x.std(0)
    return x


STANDARDISE = Exercise(
    name="start.standardise", chapter="00", title="A first exercise", reference=standardise, cases=_columns, minutes=3,
    mistakes={
        "the mean is right, but you divided by the variance; divide by the standard deviation, `x.std(0)`.":
            lambda x: (x - x.mean(0)) / x.var(0),
        "you took one mean and one deviation over the whole table; each column has its own: `x.mean(0)`.":
            lambda x: (x - x.mean()) / x.std(),
        "you standardised the rows; the columns are wanted: axis 0 runs down a column.":
            lambda x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True),
        "the columns have mean 0 now, but their scale is still their own: divide by `x.std(0)`.":
            lambda x: x - x.mean(0),
        "you divide before you shift, so the mean that you subtract belongs to another scale: shift first.":
            lambda x: x / x.std(0) - x.mean(0),
        "you divided by the standard deviation with N in the denominator; here it is `x.std(0)`, with N - 1. (Both are "
        "in use: NumPy takes N unless told otherwise.)": lambda x: (x - x.mean(0)) / x.std(0, unbiased=False),
        "the division binds tighter than the minus: (x - mean) / std needs its brackets.":
            lambda x: x - x.mean(0) / x.std(0),
        "the scale is right, but the mean was not taken off.": lambda x: x / x.std(0),
        "it changes the table that it was given (`-=` and `/=` write in place): use `x = x - ...` instead.": _in_place,
    },
    alternatives=(
        lambda x: torch.stack([(c - c.mean()) / c.std() for c in x.T], dim=1),
        lambda x: (x - torch.mean(x, dim=0, keepdim=True)) / torch.sqrt(torch.var(x, dim=0)),
    ),
    hints=("`x.mean(0)` has one number for each column, and subtracting it works on all rows at once.",
           "The scale: `x.std(0)`."),
)

EXERCISES = (STANDARDISE,)
