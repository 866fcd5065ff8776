"""One mode that should recall what came d steps ago: its loss and three gradients, in closed form.

symbol    meaning                                                          shape
lam       the mode's decay and turn, inside the unit circle                (...) complex
x         input: white noise of size 1                                     a number a step
d         how many steps ago the wanted value came                         an int
c         readout                                                          (...) complex
kernel    what the output takes from the input k steps ago, Re c lam^k     (..., K)
miss      kernel, less 1 at k = d                                          (..., K)

    h_t = lam h_{t-1} + x_t,     y_t = Re c h_t,     loss = E (y_t - x_{t-d})^2 / 2 = sum over k of miss_k^2 / 2

A gradient with respect to a complex number z is the derivative along Re z plus i times the derivative along Im z: the
direction in which the loss rises fastest.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tutorial_lib.ssm import powers

FADED = 1e-8  # what lam^k may be where the sums over k are cut


def _lags(lam: Tensor, d: int) -> int:
    """Enough lags for lam^k to have faded, and at least d + 1."""
    size = lam.abs().max().clamp(min=1e-6).item()
    if not 0 < size < 1 or d < 0:
        raise ValueError(f"lam must lie inside the unit circle and d be 0 or more; got |lam| = {size:.3g} and d = {d}")
    return max(d + 1, math.ceil(math.log(FADED) / math.log(size)) + 1)


def best_readout(lam: Tensor, d: int) -> Tensor:
    """The c of least loss.  lam: (...) -> (...)

    Least squares for (Re c, Im c) on the sequences Re lam^k and -Im lam^k, whose products add up to geometric series.
    Raises ValueError unless |lam| < 1 and d >= 0.  Taught in 45.
    """
    _lags(lam, d)
    both, twice = 0.5 / (1 - lam.abs().square()), 0.5 / (1 - lam * lam)  # sums of |lam^k|^2 / 2 and lam^2k / 2
    a, b, m = both + twice.real, both - twice.real, -twice.imag  # the normal equations ((a, m), (m, b))
    wanted = lam**d
    det = (a * b - m * m).clamp(min=1e-12)  # 0 for a real lam, whose imaginary part is no use
    re, im = b * wanted.real + m * wanted.imag, -a * wanted.imag - m * wanted.real
    on_line = lam.imag.abs() < 1e-6
    return torch.where(on_line, torch.complex(wanted.real / a, torch.zeros_like(a)), torch.complex(re, im) / det)


def least_loss(lam: Tensor, d: int) -> Tensor:
    """The loss with the best readout: 1/2 where nothing is recalled, 0 were all of it.  lam: (...) -> (...)

    Raises ValueError unless |lam| < 1 and d >= 0.  Taught in 45.
    """
    return 0.5 * (1 - (best_readout(lam, d) * lam**d).real)


def loss(lam: Tensor, c: Tensor, d: int) -> Tensor:
    """The loss for any readout, as a sum over lags.  lam, c: (...) -> (...)  Taught in 45."""
    kernel = (c[..., None] * powers(lam, _lags(lam, d))).real  # (..., K)
    return 0.5 * (kernel.square().sum(-1) - 2 * kernel[..., d] + 1)


def blame(lam: Tensor, c: Tensor, d: int) -> dict[str, Tensor]:
    """The expected gradient with respect to lam by each rule of `online`.  lam, c: (...) -> (...) each

    "online" carries the trace, k lam^(k-1) for an input k steps ago; "truncated" has lam^(k-1) in its place; "spatial"
    nothing.  Zucchet et al. (2023) compare these rules; the closed form is ours.  Taught in 45.
    """
    K = _lags(lam, d)
    lags, row = torch.arange(K, dtype=lam.real.dtype), powers(lam, K)  # (K,), (..., K)
    miss = (c[..., None] * row).real
    miss[..., d] -= 1
    earlier = torch.cat((torch.zeros_like(row[..., :1]), row[..., :-1]), -1)  # lam^(k-1), 0 for k = 0
    whole, last = ((miss * weight * earlier).sum(-1) * c for weight in (lags, torch.ones_like(lags)))
    return {"online": whole.conj(), "truncated": last.conj(), "spatial": torch.zeros_like(whole)}


def trace(lam: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """The state and the trace of lam after a single 1 at step 0: lam^t and t lam^(t-1).  lam: () -> twice (steps,)

    Taught in 45.
    """
    h = powers(lam, steps)
    return h, torch.arange(steps) * torch.cat((torch.zeros_like(h[:1]), h[:-1]))
