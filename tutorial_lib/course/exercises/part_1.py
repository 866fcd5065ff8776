"""Part 1, latent variables: the exercises of chapters 10 and 11."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib import distributions, vae
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- 11: reconstruction, in nats per image


def reconstruction_nats(x: Tensor, logits: Tensor) -> Tensor:
    """-log p(x|z) of each image, in nats: the cross-entropy of every pixel, added up.  (B, D) -> (B,)"""
    per_pixel = F.binary_cross_entropy_with_logits(logits, x, reduction="none")  # (B, D)
    return per_pixel.sum(-1)  # (B,)


def _images_and_logits() -> list[Case]:
    x = torch.rand(3, 5, generator=torch.Generator().manual_seed(1))
    return [Case((x, 2 * _randn(3, 5, seed=2)), "three images of five pixels"),
            Case((x[:1].round(), _randn(1, 5, seed=3)), "one image of five pixels"),
            Case((torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[-150.0, 60.0, -150.0]])),
                 "logits of -150 and 60, as a decoder that is very sure gives them")]


RECONSTRUCTION = Exercise(
    name="vae.reconstruction_nats", chapter="11", title="What a reconstruction costs",
    reference=reconstruction_nats, cases=_images_and_logits, gradient=("logits",), minutes=4,
    mistakes={
        "you averaged over the pixels, so an image of 784 pixels counts 784 times too little; a sum is needed, "
        "because the probability of an image is the product over its pixels.":
            lambda x, logits: F.binary_cross_entropy_with_logits(logits, x, reduction="none").mean(-1),
        "you added up the whole batch into one number; sum over the last axis alone, `sum(-1)`, so that each image "
        "keeps its own cost.":
            lambda x, logits: F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(),
        "you averaged over pixels and batch at once (that is what the default `reduction=\"mean\"` does); ask for "
        "`reduction=\"none\"` and sum over the pixels.":
            lambda x, logits: F.binary_cross_entropy_with_logits(logits, x),
        "you summed over the images (axis 0), which leaves one number per pixel; the pixels are the last axis.":
            lambda x, logits: F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(0),
        "your sign is turned: this is log p(x|z), which is below zero; the cost is its negative.":
            lambda x, logits: -reconstruction_nats(x, logits),
        "you took the squared error of the pixels; it belongs to a Gaussian p(x|z), while this decoder gives the "
        "logits of Bernoullis.":
            lambda x, logits: (x - logits.sigmoid()).square().sum(-1),
    },
    alternatives=(
        lambda x, logits: -(x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(dim=1),
        lambda x, logits: torch.einsum("bd->b", F.softplus(logits) - x * logits),
        lambda x, logits: -distributions.bernoulli_log_likelihood(x, logits),
    ),
    hints=('`reduction` may be "mean", "sum" or "none". Only one of them leaves the pixels apart.',
           "The result has one number per image: sum over the last axis."),
)

# ---------------------------------------------------------------- 11: the KL


def _codes() -> list[Case]:
    return [
        Case((torch.tensor([[1.5, -0.5, 0.3]]), torch.tensor([[0.0, 0.0, 0.0]])),
             "mu = (1.5, -0.5, 0.3), logvar = (0, 0, 0)"),
        Case((torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 2.0]])), "mu = (0, 0), logvar = (2, 2)"),
        Case((_randn(6, 4), _randn(6, 4, seed=1)), "six random rows"),
    ]


def _kl_by_loop(mu: Tensor, logvar: Tensor) -> Tensor:
    rows = [sum(0.5 * (m * m + v.exp() - 1 - v) for m, v in zip(a, b, strict=True))
            for a, b in zip(mu, logvar, strict=True)]
    return torch.stack(rows)  # type: ignore[arg-type]


KL = Exercise(
    name="vae.kl_standard_normal", chapter="11", title="The price of a code",
    reference=vae.kl_standard_normal, cases=_codes, gradient=("mu", "logvar"), minutes=8,
    workload=lambda: Case((_randn(64, 8), _randn(64, 8, seed=1)), "a batch of this chapter"),
    mistakes={
        "your sign is turned: a KL divergence is never below zero, and yours is for these inputs.":
            lambda mu, logvar: -vae.kl_standard_normal(mu, logvar),
        "you averaged over the latent dimensions where they must be added: independent dimensions add their KL. "
        "Yours is 1/K of the right one.":
            lambda mu, logvar: 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean(-1),
        "the factor 1/2 is missing.":
            lambda mu, logvar: (mu.square() + logvar.exp() - 1 - logvar).sum(-1),
        "you used exp(logvar / 2), the standard deviation, where the variance exp(logvar) belongs. With mu = 0 and "
        "logvar = 0 both give 0, which is why that popular check does not find it.":
            lambda mu, logvar: 0.5 * (mu.square() + (0.5 * logvar).exp() - 1 - logvar).sum(-1),
        "your arguments are the wrong way round: this is KL(N(0, I) || q). At mu = 0, logvar = 2 the right one "
        "costs 2.19 nats per dimension, this one 0.57.":
            lambda mu, logvar: distributions.kl_gaussians(torch.zeros_like(mu), torch.zeros_like(mu), mu, logvar),
        "you treated logvar as if it were the variance itself: exponentiate it first.":
            lambda mu, logvar: 0.5 * (mu.square() + logvar - 1 - logvar.abs().log()).sum(-1),
        "the -1 is missing, so even a code equal to the prior has a price of K / 2 nats.":
            lambda mu, logvar: 0.5 * (mu.square() + logvar.exp() - logvar).sum(-1),
        "you used |mu| where mu squared belongs.":
            lambda mu, logvar: 0.5 * (mu.abs() + logvar.exp() - 1 - logvar).sum(-1),
        "mu is not squared: a code to the left of 0 would be paid for being there.":
            lambda mu, logvar: 0.5 * (mu + logvar.exp() - 1 - logvar).sum(-1),
        "the sign of the logarithm is turned: it is - log sigma^2, which makes very narrow clouds dear.":
            lambda mu, logvar: 0.5 * (mu.square() + logvar.exp() - 1 + logvar).sum(-1),
        "you squared logvar as if it were sigma; the variance is exp(logvar).":
            lambda mu, logvar: 0.5 * (mu.square() + logvar.square() - 1 - logvar.square().log()).sum(-1),
        "the logarithm of the variance is missing: without it nothing keeps the clouds from shrinking to points.":
            lambda mu, logvar: 0.5 * (mu.square() + logvar.exp() - 1).sum(-1),
        "you added up the whole batch; sum over the last axis alone, so that each row keeps its own KL.":
            lambda mu, logvar: vae.kl_standard_normal(mu, logvar).sum(),
        "you averaged over the batch; keep one number per row, the loss averages later.":
            lambda mu, logvar: vae.kl_standard_normal(mu, logvar).mean(),
    },
    alternatives=(
        _kl_by_loop,
        lambda mu, logvar: torch.einsum("...k->...", 0.5 * (mu ** 2 + torch.exp(logvar) - 1 - logvar)),
        lambda mu, logvar: torch.distributions.kl_divergence(
            torch.distributions.Normal(mu, (0.5 * logvar).exp()), torch.distributions.Normal(0.0, 1.0)).sum(dim=1),
        lambda mu, logvar: -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=-1),
    ),
    hints=("Three things make a code costly: being far from 0, being wider than 1, being narrower than 1.",
           "Per dimension: (mu^2 + sigma^2 - 1 - log sigma^2) / 2, where sigma^2 = exp(logvar).",
           "Dimensions are independent, so their KLs add: `.sum(-1)` over the last axis."),
)

# ---------------------------------------------------------------- 11: the reparameterised sample

N_DRAWS = 40_000
_NOT_FROM_RNG = ("your noise does not come from `rng`: the same generator gave two different draws. Pass it on, "
                 "`torch.randn(mu.shape, generator=rng)`, so that an experiment can be repeated.")


def _observe_sampler(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """Moments, tails, independence of rows, and the gradients that only a reparameterised sample has."""
    mu, logvar, rng = case.args
    mu, logvar = mu.clone().requires_grad_(), logvar.clone().requires_grad_()
    m, v = mu.expand(N_DRAWS, -1), logvar.expand(N_DRAWS, -1)
    state = rng.get_state()
    z = candidate(m, v, rng)
    if not isinstance(z, Tensor) or z.shape != m.shape:
        if z is None:
            raise Fault("error", "it returns None: is a `return` missing?")
        got = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
        raise Fault("wrong shape", f"a sample for mu of shape {tuple(m.shape)} must have that shape; got {got}.")
    rng.set_state(state)
    if not torch.equal(z, candidate(m, v, rng)):
        raise Fault("wrong value", _NOT_FROM_RNG)
    seen = {"the mean of many samples": z.detach().mean(0), "the standard deviation of many samples": z.detach().std(0),
            "the upper 2.5 % point of many samples": z.detach().quantile(0.975, dim=0),
            "the correlation of two coordinates of a sample": torch.corrcoef(z.detach().T)[0, 1]}
    if not z.requires_grad:
        raise Fault("wrong value", "the sample carries no gradient: mu and logvar must reach it through "
                    "differentiable operations.")
    squares = (z - mu.detach()).square().mean(0).sum()
    grads = torch.autograd.grad(z.mean(0).sum(), mu, retain_graph=True, allow_unused=True)
    grads += torch.autograd.grad(squares, logvar, allow_unused=True)
    if any(g is None for g in grads):
        raise Fault("wrong value", "no gradient flows back to " + ("mu." if grads[0] is None else "logvar."))
    return seen | {"the gradient of the mean sample with respect to mu": grads[0],
                   "the gradient of the squared spread with respect to logvar": grads[1]}


def _sampler_cases() -> list[Case]:
    return [Case((torch.tensor([1.5, -2.0]), torch.tensor([-1.0, 0.6]), torch.Generator().manual_seed(7)),
                 f"mu = (1.5, -2), logvar = (-1, 0.6), {N_DRAWS:,} samples")]


def _noise(like: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=rng)


REPARAMETERISE = Exercise(
    name="vae.reparameterise", chapter="11", title="A sample that gradients can pass",
    reference=distributions.reparameterise, cases=_sampler_cases, observe=_observe_sampler, rtol=0.03, atol=0.03,
    minutes=6,
    mistakes={
        "you multiplied the noise by exp(logvar), the variance; the scale of a Gaussian is its standard deviation "
        "exp(logvar / 2). (The blog post calls its sigma a variance in places: this is where that hurts.)":
            lambda mu, logvar, rng: mu + logvar.exp() * _noise(mu, rng),
        "you multiplied the noise by logvar itself; the standard deviation is exp(logvar / 2).":
            lambda mu, logvar, rng: mu + logvar * _noise(mu, rng),
        "the samples are right but nothing flows back: no gradient reaches mu and logvar. `detach()`, `no_grad()` and "
        "`sample()` cut the graph; write mu + std * eps.":
            lambda mu, logvar, rng: mu.detach() + (0.5 * logvar.detach()).exp() * _noise(mu, rng),
        "`torch.normal` draws the right samples and cuts the gradient: for it they are constants, so mu and logvar get "
        "nothing back. Draw standard noise, then scale and shift it yourself.":
            lambda mu, logvar, rng: torch.normal(mu, (0.5 * logvar).exp(), generator=rng),
        _NOT_FROM_RNG: lambda mu, logvar, rng: mu + (0.5 * logvar).exp() * torch.randn_like(mu),
        "every coordinate of a row got the same eps, so they move together; the cloud is meant to be independent in "
        "each: draw noise in the whole shape of mu.":
            lambda mu, logvar, rng: mu + (0.5 * logvar).exp() * torch.randn(len(mu), 1, generator=rng),
        "all rows share one eps: draw noise in the shape of mu, so that every image gets its own.":
            lambda mu, logvar, rng: mu + (0.5 * logvar).exp() * torch.randn(mu.shape[-1], generator=rng),
        "your noise is uniform on [0, 1] (`rand`); the standard normal is `randn`.":
            lambda mu, logvar, rng: mu + (0.5 * logvar).exp() * torch.rand(mu.shape, generator=rng),
        "you returned mu alone: there is no noise in the sample.":
            lambda mu, logvar, rng: mu + 0 * logvar,
        "you returned noise scaled by the standard deviation, but mu is not added.":
            lambda mu, logvar, rng: 0 * mu + (0.5 * logvar).exp() * _noise(mu, rng),
    },
    alternatives=(
        lambda mu, logvar, rng: mu + logvar.exp().sqrt() * _noise(mu, rng),
        lambda mu, logvar, rng: torch.addcmul(mu, _noise(mu, rng), torch.exp(logvar / 2)),
        lambda mu, logvar, rng: mu + torch.exp(logvar / 2) * torch.empty(mu.shape).normal_(generator=rng),
        lambda mu, logvar, rng: torch.stack([m + s * torch.randn(len(m), generator=rng) for m, s in
                                             zip(mu.T, logvar.T.exp().sqrt(), strict=True)], -1),
    ),
    hints=("Draw eps with `torch.randn(mu.shape, generator=rng)`, then scale and shift it.",
           "The scale is the standard deviation. logvar = log sigma^2, so sigma = exp(logvar / 2)."),
)

# ---------------------------------------------------------------- 11: the loss (find the bug)


def _loss_cases() -> list[Case]:
    x = torch.rand(4, 6, generator=torch.Generator().manual_seed(5))
    mu, logvar = _randn(4, 3, seed=6), _randn(4, 3, seed=7) - 1
    return [Case((x, _randn(4, 6, seed=8), mu, logvar, 1.0), "four images, beta = 1"),
            Case((x, _randn(4, 6, seed=9), mu, logvar, 0.25), "four images, beta = 0.25"),
            Case((x[:1], _randn(1, 6, seed=9), mu[:1], logvar[:1], 0.0), "one image, beta = 0"),
            Case((x[:2].round(), torch.tensor([[60.0, -200, 3, 1, 0, -90], [90, 120, -130, 1, 1, 1]]), mu[:2],
                  logvar[:2], 1.0), "logits between -200 and 120, as a decoder that is very sure gives them")]


def _bce(x: Tensor, logits: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none")  # (B, D)


NEGATIVE_ELBO = Exercise(
    name="vae.negative_elbo", chapter="11", title="Find the bug: the loss that lost its codes",
    reference=vae.negative_elbo, cases=_loss_cases, gradient=("logits", "mu", "logvar"), minutes=8,
    workload=lambda: Case((torch.rand(64, 784), _randn(64, 784), _randn(64, 8), _randn(64, 8), 1.0), "a batch"),
    mistakes={
        "this is the loss with the bug: the cross-entropy is averaged over the pixels while the KL is summed over "
        "the code, so the KL weighs as many times too much as there are pixels (784 here), and the codes collapse.":
            lambda x, logits, mu, logvar, beta:
                F.binary_cross_entropy_with_logits(logits, x) + beta * vae.kl_standard_normal(mu, logvar).mean(),
        "you subtract the KL: minimising this drives the codes away from the prior without end.":
            lambda x, logits, mu, logvar, beta:
                (_bce(x, logits).sum(-1) - beta * vae.kl_standard_normal(mu, logvar)).mean(),
        "you left out beta: it must weigh the KL.":
            lambda x, logits, mu, logvar, beta:
                (_bce(x, logits).sum(-1) + vae.kl_standard_normal(mu, logvar) + 0 * beta).mean(),
        "you weighted the whole loss, or the reconstruction, by beta; only the KL is weighted.":
            lambda x, logits, mu, logvar, beta:
                beta * (_bce(x, logits).sum(-1) + vae.kl_standard_normal(mu, logvar)).mean(),
        "this is the ELBO itself; the loss is its negative.":
            lambda x, logits, mu, logvar, beta: -vae.negative_elbo(x, logits, mu, logvar, beta),
        "you summed over the batch: the loss then grows with the batch size, and so does the step. Average over "
        "the images.":
            lambda x, logits, mu, logvar, beta:
                (_bce(x, logits).sum(-1) + beta * vae.kl_standard_normal(mu, logvar)).sum(),
        "now both are averaged over their own axes, pixels and code dimensions; that is another trade, not the "
        "ELBO. Sum both over the last axis, and average over the images only.":
            lambda x, logits, mu, logvar, beta:
                _bce(x, logits).mean() + beta * vae.kl_standard_normal(mu, logvar).mean() / mu.shape[-1],
        "the reconstruction is summed over the batch while the KL is averaged over it, so their ratio depends on the "
        "batch size; divide both by the number of images.":
            lambda x, logits, mu, logvar, beta:
                _bce(x, logits).sum() + beta * vae.kl_standard_normal(mu, logvar).mean(),
        "the KL is summed over the batch while the reconstruction is averaged over it, so their ratio depends on the "
        "batch size; average both over the images.":
            lambda x, logits, mu, logvar, beta:
                _bce(x, logits).sum(-1).mean() + beta * vae.kl_standard_normal(mu, logvar).sum(),
        "you wrote the number 784 into the loss; that is right for the digits and wrong for any other width (the test "
        "uses six pixels). Sum over the last axis instead.":
            lambda x, logits, mu, logvar, beta:
                784 * F.binary_cross_entropy_with_logits(logits, x) + beta * vae.kl_standard_normal(mu, logvar).mean(),
        "both terms are divided by the number of pixels: their ratio is right, the unit is not nats per image, and the "
        "learning rate would have to be another.":
            lambda x, logits, mu, logvar, beta:
                F.binary_cross_entropy_with_logits(logits, x)
                + beta * vae.kl_standard_normal(mu, logvar).mean() / x.shape[-1],
        "the KL is averaged over the dimensions of the code where it must be summed; the reconstruction is right.":
            lambda x, logits, mu, logvar, beta:
                (_bce(x, logits).sum(-1) + beta * vae.kl_standard_normal(mu, logvar) / mu.shape[-1]).mean(),
        "right for moderate logits, but log(sigmoid(...)) overflows when the decoder is sure (a logit of -200 gives "
        "log 0): `F.binary_cross_entropy_with_logits` computes both at once and is stable.":
            lambda x, logits, mu, logvar, beta: (
                -(x * logits.sigmoid().log() + (1 - x) * (1 - logits.sigmoid()).log()).sum(-1)
                + beta * vae.kl_standard_normal(mu, logvar)).mean(),
        "one loss per image came out; average over the batch at the end.":
            lambda x, logits, mu, logvar, beta:
                _bce(x, logits).sum(-1) + beta * vae.kl_standard_normal(mu, logvar),
    },
    alternatives=(
        lambda x, logits, mu, logvar, beta: F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
            + beta * vae.kl_standard_normal(mu, logvar).mean(),
        lambda x, logits, mu, logvar, beta:
            _bce(x, logits).sum(1).mean() - 0.5 * beta * (1 + logvar - mu**2 - logvar.exp()).sum() / x.shape[0],
    ),
    hints=("Print both terms of the loss for one batch. Which is larger, and which should be?",
           "`F.binary_cross_entropy_with_logits` averages over everything unless told otherwise.",
           "Both terms are sums over the last axis, per image; then one mean over the batch."),
    solution='''
def negative_elbo(x, logits, mu, logvar, beta=1.0):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)  # (B,)
    return (reconstruction + beta * kl_standard_normal(mu, logvar)).mean()
''',
)

# ---------------------------------------------------------------- 11: walking along one coordinate


def _traverse_cases() -> list[Case]:
    return [Case((torch.tensor([0.3, -1.2, 2.0]), 1, torch.tensor([-2.0, 0.0, 2.0, 3.0])), "k = 1, four values"),
            Case((torch.tensor([0.5, 0.7]), 0, torch.tensor([1.0, -1.0])), "k = 0, two values")]


def _traverse_added(z: Tensor, k: int, values: Tensor) -> Tensor:
    codes = z.repeat(len(values), 1)
    codes[:, k] += values
    return codes


def _traverse_row(z: Tensor, k: int, values: Tensor) -> Tensor:
    codes = z.repeat(len(values), 1)
    codes[k] = values
    return codes


def _traverse_shared(z: Tensor, k: int, values: Tensor) -> Tensor:
    rows = []
    for v in values:
        z[k] = v
        rows.append(z)
    return torch.stack(rows)


TRAVERSE = Exercise(
    name="vae.traverse", chapter="11", title="Walk along one coordinate", reference=vae.traverse,
    cases=_traverse_cases, minutes=6, core=False,
    mistakes={
        "you added the values to the coordinate; each copy's coordinate should become the value.": _traverse_added,
        "you wrote into `z` itself: the caller's code is changed, and every row of your result is the same "
        "tensor. Make copies first, for instance with `z.repeat(len(values), 1)`.": _traverse_shared,
        "all other coordinates became zero; they must stay those of z.":
            lambda z, k, values: values[:, None] * F.one_hot(torch.tensor(k), len(z)).float(),
        "rows and columns are swapped: one row per value, one column per coordinate.":
            lambda z, k, values: vae.traverse(z, k, values).T,
        "you wrote the values into row k; each copy is a row, the k-th coordinate is a column: `codes[:, k] = values`.":
            _traverse_row,
        "every coordinate got the value; only the k-th should.":
            lambda z, k, values: values[:, None].repeat(1, len(z)),
    },
    alternatives=(
        lambda z, k, values: torch.stack([torch.cat([z[:k], v[None], z[k + 1:]]) for v in values]),
        lambda z, k, values: torch.where(torch.arange(len(z)) == k, values[:, None], z),
    ),
    hints=("Begin with one copy of z for each value: shape (S, K).", "Then write all values into column k at once."),
)

# ---------------------------------------------------------------- 11: the map


def _ppf(p: float) -> float:
    return float(torch.special.ndtri(torch.tensor(p, dtype=torch.float64)))


def _ticks(n: int, low: float) -> list[float]:
    return [_ppf(low + (1 - 2 * low) * j / (n - 1)) for j in range(n)]


def _grid_of(ticks: list[float]) -> Tensor:
    return torch.tensor([[[right, up] for right in ticks] for up in reversed(ticks)])


LATENT_GRID = Exercise(
    name="vae.latent_grid", chapter="11", title="A map in equal steps of probability",
    reference=vae.latent_grid, minutes=10, core=False,
    cases=lambda: [Case((3, 0.05), "n = 3, low = 0.05"), Case((4, 0.2), "n = 4, low = 0.2")],
    mistakes={
        "your codes lie evenly between -1 and 1 (or your own ends), which covers about half of the prior's "
        "probability and none of its tails; send even probabilities through `norm.ppf`.":
            lambda n, low: torch.stack(torch.meshgrid(torch.linspace(1, -1, n), torch.linspace(-1, 1, n),
                                                      indexing="ij")[::-1], -1),
        "your codes are evenly spaced in z between the right ends; the steps must be even in probability, so they "
        "widen towards the edges: `norm.ppf` of every probability, not of the two ends alone.":
            lambda n, low: _grid_of(torch.linspace(_ppf(low), _ppf(1 - low), n).tolist()),
        "you used the distribution function (`norm.cdf`, from codes to probabilities); its inverse `norm.ppf` goes "
        "from probabilities to codes.":
            lambda n, low: _grid_of(torch.special.ndtr(torch.linspace(low, 1 - low, n)).tolist()),
        "these are the probabilities themselves; `norm.ppf` turns them into codes.":
            lambda n, low: _grid_of(torch.linspace(low, 1 - low, n).tolist()),
        "z_1 and z_2 are swapped: going right along a row must change entry 0.":
            lambda n, low: vae.latent_grid(n, low).flip(-1),
        "it is upside down: the top row (i = 0) holds the largest z_2, as on a map.":
            lambda n, low: vae.latent_grid(n, low).flip(0),
        "the axes are transposed: entry [i, j] has row i for z_2 and column j for z_1.":
            lambda n, low: vae.latent_grid(n, low).transpose(0, 1),
        "your probabilities run from 0 to 1, where the inverse distribution function is infinite; from `low` to "
        "1 - `low`.":
            lambda n, low: _grid_of([_ppf(j / (n - 1)) for j in range(n)]),
    },
    alternatives=(
        lambda n, low: _grid_of(_ticks(n, low)),
        lambda n, low: torch.cartesian_prod(*[torch.tensor(_ticks(n, low))] * 2).reshape(n, n, 2).flip(0).flip(-1),
    ),
    hints=("Probabilities: `torch.linspace(low, 1 - low, n)`.",
           "Their codes: `norm.ppf(probabilities)`, from scipy.stats; back into a float tensor.",
           "`torch.meshgrid(ticks.flip(0), ticks, indexing=\"ij\")` goes down, then right."),
)


EXERCISES = (RECONSTRUCTION, KL, REPARAMETERISE, NEGATIVE_ELBO, TRAVERSE, LATENT_GRID)
