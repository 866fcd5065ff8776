"""Gaussians with diagonal covariance and Bernoullis: densities, samples, divergences.

symbol    meaning                                            shape      in Kingma & Welling (2014)
x, z      a point                                            (..., K)   x, z
mu        mean                                               (..., K)   mu
logvar    logarithm of the variance, log sigma^2             (..., K)   log sigma^2, appendix C
eps       noise from N(0, I)                                 (..., K)   epsilon, section 2.4
logits    log p / (1 - p) of a Bernoulli                     (..., D)   appendix C.1

Densities are in nats.  The last axis holds the dimensions and is summed over.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

LOG_2PI = math.log(2 * math.pi)


def _same_last_axis(a: Tensor, b: Tensor, names: str) -> None:
    if a.shape[-1:] != b.shape[-1:]:
        raise ValueError(f"{names} must agree in their last axis (the dimensions); got shapes "
                         f"{tuple(a.shape)} and {tuple(b.shape)}")


def gaussian_log_density(x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """log N(x; mu, diag exp logvar) in nats.  x, mu, logvar: (..., K) -> (...)

    Raises ValueError when the last axes differ.  Taught in 10.
    """
    _same_last_axis(x, mu, "x and mu")
    return -0.5 * (LOG_2PI + logvar + (x - mu).square() * (-logvar).exp()).sum(-1)


def reparameterise(mu: Tensor, logvar: Tensor, rng: torch.Generator) -> Tensor:
    """A sample of N(mu, diag exp logvar) that is a differentiable function of its parameters.

    mu, logvar: (..., K) -> (..., K); the noise comes from `rng`.
    Kingma & Welling (2014), section 2.4.  Taught in 11.
    """
    eps = torch.randn(mu.shape, generator=rng, dtype=mu.dtype)  # (..., K)
    return mu + (0.5 * logvar).exp() * eps


def kl_gaussians(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
    """KL(q || p) between Gaussians with diagonal covariances, in nats.  All (..., K) -> (...)

    Raises ValueError when the last axes differ.  Taught in 10.
    """
    _same_last_axis(mu_q, mu_p, "mu_q and mu_p")
    ratio = (logvar_q - logvar_p).exp()
    distance = (mu_q - mu_p).square() * (-logvar_p).exp()
    return 0.5 * (ratio + distance - 1 - (logvar_q - logvar_p)).sum(-1)


def monte_carlo(f: Callable[[Tensor], Tensor], samples: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of f over samples and its standard error.

    samples: (S, ...), f: (S, ...) -> (S,); returns two tensors without axes.
    Raises ValueError for fewer than two samples, which have no spread.  Taught in 10.
    """
    if len(samples) < 2:
        raise ValueError(f"a standard error needs two samples or more; got {len(samples)}")
    values = f(samples)  # (S,)
    return values.mean(), values.std() / math.sqrt(len(values))


def steadier_gradient(f: Callable[[Tensor], Tensor], mu: float | Tensor, sigma: float | Tensor, eps: Tensor) -> Tensor:
    """Estimates of d/dmu E[f(x)] for x ~ N(mu, sigma^2) from values of f alone, one for each draw, unbiased.

    eps: (S,) draws from N(0, 1), f: (S,) -> (S,); returns (S,).  The score function estimate f(x) eps / sigma
    with the average of the other draws' values taken off f: what every draw has in common adds only noise.
    Raises ValueError for fewer than two draws, which leave no others.
    Mnih & Rezende (2016); Kool, van Hoof & Welling (2019).  Taught in 10.
    """
    if len(eps) < 2:
        raise ValueError(f"the average of the other draws needs two draws or more; got {len(eps)}")
    values = f(mu + sigma * eps)  # (S,)
    others = (values.sum() - values) / (len(eps) - 1)  # (S,) each without its own
    return (values - others) * eps / sigma


def bernoulli_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """log p(x) of independent Bernoullis in nats, for x in [0, 1].  x, logits: (..., D) -> (...)

    Stable for large logits.  For grey values strictly between 0 and 1 it is a cross-entropy, not a
    normalised density.  Raises ValueError when the last axes differ.
    Kingma & Welling (2014), appendix C.1.  Taught in 11.
    """
    _same_last_axis(x, logits, "x and logits")
    x, logits = torch.broadcast_tensors(x, logits)
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
