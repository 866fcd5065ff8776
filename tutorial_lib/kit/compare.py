"""Compare an observed tensor with the expected one and say, in a sentence, how they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from tutorial_lib.kit.observe import Case, Outcome


def family(t: Tensor) -> tuple[bool, bool]:
    """Which kind of numbers a tensor holds: (floating, complex)."""
    return t.is_floating_point(), t.is_complex()


def exact(t: Tensor) -> Tensor:
    """The values in double precision.  (...) -> (...), or (..., 2) for complex numbers"""
    return torch.view_as_real(t.resolve_conj()).double() if t.is_complex() else t.double()


def close(mine: Tensor, wanted: Tensor, rtol: float, atol: float) -> bool:
    """Same shape and dtype family, same values within tolerance (NaN equals NaN)."""
    return mine.shape == wanted.shape and family(mine) == family(wanted) and torch.allclose(
        exact(mine), exact(wanted), rtol=rtol, atol=atol, equal_nan=True)


def numbers(t: Tensor) -> str:
    """A value in four digits."""
    return f"{t.item():.4g}"


def pattern(mine: Tensor, wanted: Tensor) -> str:
    """A regularity in how two tensors of one shape differ, as a sentence, or nothing."""
    mine, wanted = exact(mine).reshape(-1), exact(wanted).reshape(-1)
    solid = wanted.abs() > 1e-3 * wanted.abs().max()
    if not solid.any() or wanted.abs().max() == 0:
        return ""
    if mine.abs().max() == 0:
        return " Yours is 0 everywhere."
    ratio = mine[solid] / wanted[solid]
    if ratio.numel() > 1 and (ratio - ratio[0]).abs().max() < 1e-3 * ratio[0].abs() and abs(ratio[0] - 1) > 1e-3:
        return (" Yours has the opposite sign everywhere." if abs(ratio[0] + 1) < 1e-3
                else f" Yours is {ratio[0].item():.4g} times the right one everywhere.")
    shift = mine - wanted
    if mine.numel() > 1 and (shift - shift[0]).abs().max() < 1e-4 * wanted.abs().max():
        return f" Yours is {'larger' if shift[0] > 0 else 'smaller'} by {shift[0].abs().item():.4g} everywhere."
    if mine.numel() > 2 and torch.allclose(mine.sort().values, wanted.sort().values, rtol=1e-4, atol=1e-6):
        return " Yours holds the right numbers in another order."
    return ""


def difference(name: str, mine: Tensor, wanted: Tensor, case: Case, rtol: float, atol: float) -> tuple[str, str] | None:
    """The first thing to say about one observed tensor, as (status, sentence); None when it is right."""
    if mine.shape != wanted.shape:
        return "wrong shape", (f"{name} has shape {tuple(mine.shape)} where {tuple(wanted.shape)} is expected "
                               f"(for {case.says}).")
    if family(mine) != family(wanted) or (mine.dtype == torch.float64 != wanted.dtype):
        return "wrong value", f"{name} has dtype {mine.dtype} where {wanted.dtype} is expected."
    if mine.isnan().any() and not wanted.isnan().any():
        return "wrong value", f"{name} is NaN for {case.says}: look for log, sqrt or a division that leaves its domain."
    if close(mine, wanted, rtol, atol):
        return None
    gap = torch.nan_to_num((exact(mine) - exact(wanted)).abs(), nan=torch.inf)
    gap = gap.amax(-1) if mine.is_complex() else gap
    at = torch.unravel_index(gap.argmax(), gap.shape)
    where = f" at index {tuple(int(i) for i in at)}" if mine.ndim else ""
    return "wrong value", (f"for {case.says}, {name}{where} is {numbers(mine[at])} where {numbers(wanted[at])} "
                           f"is expected.{pattern(mine, wanted)}")


def first_difference(mine: Outcome, wanted: Outcome, case: Case, rtol: float, atol: float) -> tuple[str, str] | None:
    """What to say of one case, as (status, sentence); None when the attempt is right on it."""
    if mine.fault:
        return mine.fault
    if mine.values.keys() != wanted.values.keys():
        return "wrong shape", (f"it returns {', '.join(mine.values) or 'nothing'} where {', '.join(wanted.values)} is "
                               "expected.")
    for name, value in wanted.values.items():
        if (said := difference(name, mine.values[name], value, case, rtol, atol)) is not None:
            return said
    if left := mine.plain - wanted.plain:
        return "error", (f"the number is right, but {min(left)} is a Python number, and the chapter goes on computing "
                         "with it: return a tensor (leave out `.item()` or `float()`).")
    return None
