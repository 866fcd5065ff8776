"""Autoencoders and variational autoencoders on vectors in [0, 1].

symbol    meaning                                                shape     in Kingma & Welling (2014)
x         an image as a vector                                   (B, D)    x
z         its code                                               (B, K)    z
mu        mean of q(z|x)                                         (B, K)    mu, eq. 9
logvar    log variance of q(z|x)                                 (B, K)    log sigma^2, eq. 9
eps       noise from N(0, I)                                     (B, K)    epsilon, section 2.4
logits    of p(x|z), one Bernoulli per pixel                     (B, D)    appendix C.1
L         ELBO = reconstruction - kl, in nats per image          (B,)      eq. 3, eq. 10
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from scipy.stats import norm
from torch import Tensor, nn

from tutorial_lib.distributions import bernoulli_log_likelihood, reparameterise
from tutorial_lib.nets import mlp

__all__ = ["Autoencoder", "ElboParts", "VAE", "elbo_parts", "interpolate", "kl_standard_normal", "latent_grid",
           "negative_elbo", "reparameterise", "traverse"]


def kl_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, diag exp logvar) || N(0, I)) in nats for each row.  mu, logvar: (..., K) -> (...)

    Kingma & Welling (2014), appendix B.  Taught in 11.
    """
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(-1)


class Autoencoder(nn.Module):
    """A code of K numbers and back: D -> hidden -> K -> hidden reversed -> D logits.

    Raises ValueError unless all sizes are positive.  Taught in 11.
    """

    code_outputs = 1  # how many numbers the encoder gives per code dimension

    def __init__(self, D: int, hidden: Sequence[int], K: int) -> None:
        super().__init__()
        if min(D, K, *hidden) < 1:
            raise ValueError(f"all sizes must be positive; got D={D}, hidden={list(hidden)}, K={K}")
        self.D, self.K = D, K
        self.encoder = mlp([D, *hidden, self.code_outputs * K])
        self.decoder = mlp([K, *reversed(hidden), D])

    def code(self, x: Tensor) -> Tensor:
        """The code of each image.  x: (..., D) -> (..., K)"""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """The mean image of each code.  z: (..., K) -> (..., D) in [0, 1]"""
        return self.decoder(z).sigmoid()


class VAE(Autoencoder):
    """A Gaussian q(z|x) over codes in place of a point, and a prior N(0, I) to draw new codes from.

    Kingma & Welling (2014), section 3.  Taught in 11.
    """

    code_outputs = 2

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x).  x: (..., D) -> (..., K), (..., K)

        Raises ValueError when x has another width than the model.
        """
        if x.shape[-1] != self.D:
            raise ValueError(f"this model takes images of {self.D} numbers in a row; got shape {tuple(x.shape)} "
                             "(`x.flatten(1)` makes rows of pictures)")
        mu, logvar = self.encoder(x).chunk(2, -1)
        return mu, logvar

    def code(self, x: Tensor) -> Tensor:
        """The mean of q(z|x).  x: (..., D) -> (..., K)"""
        return self.encode(x)[0]

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Mean images of n codes from the prior.  -> (n, D) in [0, 1]"""
        return self.decode(torch.randn(n, self.K, generator=rng))


class ElboParts(NamedTuple):
    """The two parts of the ELBO in nats per image, each (B,): `elbo` is their difference."""

    reconstruction: Tensor
    kl: Tensor

    @property
    def elbo(self) -> Tensor:
        """reconstruction - kl, (B,)"""
        return self.reconstruction - self.kl


def elbo_parts(model: VAE, x: Tensor, rng: torch.Generator) -> ElboParts:
    """Reconstruction and KL of each image, with one sample of z.  x: (B, D) -> (B,), (B,)

    Kingma & Welling (2014), eq. 10 with L = 1.  Raises ValueError when x has another width than the model.
    Taught in 11.
    """
    mu, logvar = model.encode(x)  # (B, K)
    z = reparameterise(mu, logvar, rng)  # (B, K)
    return ElboParts(bernoulli_log_likelihood(x, model.decoder(z)), kl_standard_normal(mu, logvar))


def negative_elbo(x: Tensor, logits: Tensor, mu: Tensor, logvar: Tensor, beta: float = 1.0) -> Tensor:
    """Minus the ELBO, its KL weighted by beta, averaged over the batch; in nats per image.

    x, logits: (B, D), mu, logvar: (B, K) -> ().  Kingma & Welling (2014), eq. 10.  Taught in 11.
    """
    return (beta * kl_standard_normal(mu, logvar) - bernoulli_log_likelihood(x, logits)).mean()


def latent_grid(n: int, low: float = 0.05) -> Tensor:
    """An n by n grid of two-dimensional codes, evenly spaced in probability under N(0, I).  -> (n, n, 2)

    Entry [i, j] has z_1 from left (j = 0) to right and z_2 from top (i = 0, high) to bottom; probabilities
    run from `low` to 1 - `low`.  Raises ValueError unless n >= 2 and 0 < low < 1/2.
    Kingma & Welling (2014), figure 4.  Taught in 11.
    """
    if n < 2 or not 0 < low < 0.5:
        raise ValueError(f"a grid needs n >= 2 and 0 < low < 0.5; got n={n}, low={low}")
    ticks = torch.from_numpy(norm.ppf(torch.linspace(low, 1 - low, n).double().numpy())).float()  # (n,)
    down, right = torch.meshgrid(ticks.flip(0), ticks, indexing="ij")  # (n, n)
    return torch.stack([right, down], -1)


def interpolate(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Points on the straight line from a to b, both ends included.  a, b: (..., K) -> (steps, ..., K)

    Raises ValueError for fewer than two steps.  Taught in 11.
    """
    if steps < 2:
        raise ValueError(f"a line from a to b needs two steps or more; got {steps}")
    t = torch.linspace(0, 1, steps).reshape(-1, *[1] * a.ndim)
    return a + t * (b - a)


def traverse(z: Tensor, k: int, values: Tensor) -> Tensor:
    """Copies of one code whose k-th coordinate takes each of `values` in turn.  z: (K,), values: (S,) -> (S, K)

    Raises IndexError when the code has no coordinate k.  Taught in 11.
    """
    if not -len(z) <= k < len(z):
        raise IndexError(f"the code has coordinates 0 to {len(z) - 1}; got k={k}")
    codes = z.repeat(len(values), 1)  # (S, K)
    codes[:, k] = values
    return codes
