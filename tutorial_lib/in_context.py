"""Linear regression inside a sequence: tasks, the predictors a learner is compared with, and a small learner.

symbol      meaning                                                 shape            in Akyurek et al. (2022)
B, n, d     tasks; examples in each; numbers in an input            ints             -, n, d
x, y        inputs, and answers y = w . x + noise                   (..., n, d|-)    X, y; section 2.3
w           weights: of a task (..., d), of each prefix (..., n, d)                  w
sigma, tau  size of the noise and of the weights                    floats           sigma, tau; equation 19
S, b        moments of a prefix, sum of x x' and of y x             (..., n, d, d)   X'X, X'Y
lam         what ridge regression adds to the diagonal of S         a float          lambda, equation 9
rate        how far a gradient step goes                            a float          alpha, equation 11
p           predictions at all prefixes                             (..., n)         A(D)(x')
e           tokens of linear attention, (x_j, y_j)                  (..., T, d + 1)  von Oswald et al. (2022): e_j
L, H, M     depth, width and heads of a learner                     ints             L, H, M; section 4.2

Prefix k holds the examples before number k, for k = 0 .. n - 1; at prefix 0 every w is 0.  All prefixes are treated at
once: row k of w predicts the answer to x[k], which it has not seen.  Gradients are those of the sum of squares, as in
the paper, so a step from 0 is 2 rate b.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Task = tuple[Tensor, Tensor, Tensor]  # x, y, w


def tasks(B: int, n: int, d: int, rng: torch.Generator, sigma: float = 0.0, tau: float = 1.0) -> Task:
    """B tasks: x (B, n, d) from N(0, I), w (B, d) from N(0, tau^2 I), y = w . x + noise of size sigma (B, n).

    Raises ValueError for a size below 0.  Akyurek et al. (2022), sections 4.2 and 4.3.  Taught in 48.
    """
    if sigma < 0 or tau < 0:
        raise ValueError(f"sizes of noise and weights are 0 or more; got sigma = {sigma}, tau = {tau}")
    x, w = torch.randn(B, n, d, generator=rng), tau * torch.randn(B, d, generator=rng)
    return x, predictions(w[:, None], x) + sigma * torch.randn(B, n, generator=rng), w


def rounds(B: int, n: int, d: int, rng: torch.Generator, sigma: float = 0.0, tau: float = 1.0) -> Iterator[Task]:
    """Endless fresh batches of `tasks`.  Taught in 48."""
    while True:
        yield tasks(B, n, d, rng, sigma, tau)


def predictions(w: Tensor, x: Tensor) -> Tensor:
    """w . x, number by number.  w, x: (..., n, d) -> (..., n)  Taught in 48."""
    return (w * x).sum(-1)


def _fits(x: Tensor, y: Tensor) -> None:
    """Raises ValueError unless there is one answer for each input."""
    if x.shape[:-1] != y.shape:
        raise ValueError(f"one answer for each input is needed; got x {tuple(x.shape)} and y {tuple(y.shape)}")


def moments(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """S and b of every prefix, sums over the examples before number k.  -> (..., n, d, d), (..., n, d)

    x: (..., n, d), y: (..., n).  Raises ValueError when they do not fit.  Akyurek et al. (2022), section 5: X'X and
    the moment vector X'Y.  Taught in 48.
    """
    _fits(x, y)
    squares, products = x[..., :, None] * x[..., None, :], y[..., None] * x
    return squares.cumsum(-3) - squares, products.cumsum(-2) - products


def gradient_steps(x: Tensor, y: Tensor, rate: float | Tensor, steps: int = 1, lam: float = 0.0) -> Tensor:
    """Weights after `steps` of w <- w - 2 rate (S w - b + lam w) from 0, for every prefix.  -> (..., n, d)

    x: (..., n, d), y: (..., n), rate: a number, or (n,), one for each prefix.
    Akyurek et al. (2022), equation 11, and GD(alpha) of section 4.3.  Taught in 48.
    """
    S, b = moments(x, y)
    rate = torch.as_tensor(rate, dtype=x.dtype)[..., None]  # (1,) or (n, 1)
    w = torch.zeros_like(b)
    for _ in range(steps):
        w = w - 2 * rate * ((S @ w[..., None])[..., 0] - b + lam * w)
    return w


def best_rate(n: int, d: int, sigma: float = 0.0, tau: float = 1.0) -> Tensor:
    """The rate with which one step from 0 errs least at each prefix: 1 / (2 (k + d + 1 + sigma^2 / tau^2)).  -> (n,)

    For inputs from N(0, I), where E tr S^2 = k d (k + d + 1).  Raises ValueError for tau = 0.  Taught in 48.
    """
    if tau <= 0:
        raise ValueError(f"weights of size 0 need no step; got tau = {tau}")
    return 1 / (2 * (torch.arange(n, dtype=torch.float64) + d + 1 + sigma**2 / tau**2))


def sgd(x: Tensor, y: Tensor, rate: float, lam: float = 0.0) -> Tensor:
    """Weights of every prefix after one pass through its examples, a step of equation 11 for each.  -> (..., n, d)

    Raises ValueError when x and y do not fit.  Akyurek et al. (2022), section 4.3, SGD(alpha).  Taught in 48.
    """
    _fits(x, y)
    w, ws = torch.zeros_like(x[..., 0, :]), []
    for x_i, y_i in zip(x.unbind(-2), y.unbind(-1), strict=True):
        ws.append(w)
        w = w - 2 * rate * ((predictions(w, x_i) - y_i)[..., None] * x_i + lam * w)
    return torch.stack(ws, -2)


def ridge(x: Tensor, y: Tensor, lam: float) -> Tensor:
    """(S + lam I)^-1 b of every prefix.  x: (..., n, d), y: (..., n) -> (..., n, d)

    Raises ValueError unless lam is above 0.  Akyurek et al. (2022), equation 10.  Taught in 48.
    """
    if lam <= 0:
        raise ValueError(f"S alone has no inverse before d examples, so lam is above 0; got {lam}")
    S, b = moments(x, y)
    return torch.linalg.solve(S + lam * torch.eye(x.shape[-1], dtype=x.dtype), b)


def least_squares(x: Tensor, y: Tensor) -> Tensor:
    """The smallest w that fits every prefix best, pinv(X) y.  x: (..., n, d), y: (..., n) -> (..., n, d)

    The pseudo-inverse of the examples and not of S, whose condition number is the square.  Use double precision near
    prefix d.  Akyurek et al. (2022), section 4.3: OLS, of least norm where there are fewer than d examples.
    Taught in 48.
    """
    _fits(x, y)
    seen = torch.ones(y.shape[-1], y.shape[-1], dtype=x.dtype).tril(-1)  # (n prefixes, n examples)
    return (torch.linalg.pinv(seen[..., None] * x[..., None, :, :]) @ y[..., None, :, None])[..., 0]


def bayes(x: Tensor, y: Tensor, sigma: float, tau: float = 1.0) -> Tensor:
    """The mean of w given each prefix: ridge with lam = sigma^2 / tau^2, least squares without noise.  -> (..., n, d)

    Akyurek et al. (2022), equation 19.  Taught in 48.
    """
    return least_squares(x, y) if sigma == 0 else ridge(x, y, sigma**2 / tau**2)


def bayes_risk(x: Tensor, sigma: float, tau: float = 1.0) -> Tensor:
    """The least mean square error there is at each prefix, over x from N(0, I).  x: (..., n, d) -> (..., n)

    sigma^2 + the trace of the covariance of w given the prefix, tau^2 (I - S (S + lam I)^-1).  Taught in 48.
    """
    if sigma == 0:
        k = torch.arange(x.shape[-2], dtype=x.dtype)
        return (tau**2 * (x.shape[-1] - k).clamp(min=0)).expand(x.shape[:-1])
    S, _ = moments(x, x[..., 0])
    spread = sigma**2 * torch.linalg.inv(S + sigma**2 / tau**2 * torch.eye(x.shape[-1], dtype=x.dtype))
    return sigma**2 + spread.diagonal(dim1=-2, dim2=-1).sum(-1)


def least_squares_risk(n: int, d: int, sigma: float = 0.0, tau: float = 1.0) -> Tensor:
    """The mean square error of `least_squares` at each prefix, for x from N(0, I); infinite around d with noise.  (n,)

    k < d - 1: tau^2 (d - k) + sigma^2 (1 + k / (d - k - 1));  k > d + 1: sigma^2 (1 + d / (k - d - 1)).
    After Belkin, Hsu & Xu (2020), "Two models of double descent for weak features".  Taught in 48.
    """
    k = torch.arange(n, dtype=torch.float64)
    noise = 1 + torch.minimum(k, torch.full_like(k, d)) / ((k - d).abs() - 1).clamp(min=0)
    noise = torch.where(k == 0, 1.0, noise)
    return tau**2 * (d - k).clamp(min=0) + (sigma**2 * noise if sigma else 0 * k)


def neighbours(x: Tensor, y: Tensor, k: int = 3, weighted: bool = False) -> Tensor:
    """Predictions, not weights: the mean answer of the k nearest inputs so far, or weighted by 1 / distance^2. (..., n)

    0 at prefix 0.  Raises ValueError when x and y do not fit.  Akyurek et al. (2022), section 4.3.  Taught in 48.
    """
    _fits(x, y)
    n = y.shape[-1]
    far = (x[..., :, None, :] - x[..., None, :, :]).square().sum(-1)  # (..., query, example)
    far = far.masked_fill(torch.ones(n, n, dtype=torch.bool).triu(), torch.inf)
    near, which = far.topk(min(k, n), -1, largest=False)
    share = 1 / near if weighted else near.isfinite().to(x.dtype)
    answers = y[..., None, :].expand(far.shape).gather(-1, which)
    return (share * answers).sum(-1) / share.sum(-1).clamp(min=torch.finfo(x.dtype).tiny)


def add_example(inverse: Tensor, x: Tensor) -> Tensor:
    """(A + x x')^-1 from A^-1, without inverting: A^-1 - A^-1 x x' A^-1 / (1 + x' A^-1 x).

    inverse: (..., d, d), symmetric, x: (..., d) -> (..., d, d).  Sherman & Morrison (1950); Akyurek et al. (2022),
    equation 13.  Taught in 48.
    """
    u = inverse @ x[..., None]  # (..., d, 1)
    return inverse - u @ u.mT / (1 + x[..., None, :] @ u)


def online_ridge(x: Tensor, y: Tensor, lam: float) -> Tensor:
    """`ridge` of every prefix, one example after another, from the inverse I / lam.  -> (..., n, d)

    Raises ValueError unless lam is above 0.  Akyurek et al. (2022), theorem 2 step by step.  Taught in 48.
    """
    _fits(x, y)
    if lam <= 0:
        raise ValueError(f"the first inverse is I / lam, so lam is above 0; got {lam}")
    d = x.shape[-1]
    inverse, b, ws = (torch.eye(d, dtype=x.dtype) / lam).expand(*x.shape[:-2], d, d), torch.zeros_like(x[..., 0, :]), []
    for x_i, y_i in zip(x.unbind(-2), y.unbind(-1), strict=True):
        ws.append((inverse @ b[..., None])[..., 0])
        inverse, b = add_example(inverse, x_i), b + y_i[..., None] * x_i
    return torch.stack(ws, -2)


# ---------------------------------------------------------------- one layer of linear attention is one step


def linear_attention(e: Tensor, q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
    """e_j + sum over seen[j, i] of v e_i (k e_i . q e_j): a layer without softmax, norm or scale.  -> (..., T, D)

    e: (..., T, D), q, k, v: (D, D), seen: (T, T), 1 where step j may look at step i.
    von Oswald et al. (2022), equation 2, P V K' q_j with P inside v.  Taught in 48.
    """
    scores = seen * (e @ q.T @ (e @ k.T).mT)  # (..., T, T)
    return e + scores @ (e @ v.T)


def step_matrices(d: int, rate: float, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """q, k, v with which a layer of linear attention takes a gradient step from 0.  -> three of (d + 1, d + 1)

    q and k pick the input of a token, v hands over -2 rate times its answer: y_j becomes y_j - w . x_j with w a step
    from 0 on the examples seen, and the query's 0 becomes minus its prediction.
    von Oswald et al. (2022), proposition 1 and appendix A.1, with W_0 = 0.  Taught in 48.
    """
    pick, hand = torch.eye(d + 1, dtype=dtype), torch.zeros(d + 1, d + 1, dtype=dtype)
    pick[d, d], hand[d, d] = 0, -2 * rate
    return pick, pick.clone(), hand


def tokens(x: Tensor, y: Tensor) -> Tensor:
    """Examples (x_j, y_j), then the same inputs with answer 0, which are the queries.  -> (..., 2n, d + 1)

    x: (..., n, d), y: (..., n).  Raises ValueError when they do not fit.  (The paper has a token for each x and each
    y in turn, section 2.3; pairs are von Oswald et al.'s.)  Taught in 48.
    """
    _fits(x, y)
    answers = torch.cat((y, torch.zeros_like(y)), -1)
    return torch.cat((torch.cat((x, x), -2), answers[..., None]), -1)


def may_see(n: int, itself: bool = True) -> Tensor:
    """Which token of `tokens` may look at which: (2n, 2n), True for row looking at column.

    An example sees the examples up to and with it; query k the examples before number k, and with `itself` its own
    token; nobody sees another query.  Taught in 48.
    """
    seen = torch.zeros(2 * n, 2 * n, dtype=torch.bool)
    seen[:n, :n] = torch.ones(n, n).tril()
    seen[n:, :n] = torch.ones(n, n).tril(-1)
    seen[n:, n:] = torch.eye(n) * itself
    return seen


def descend(x: Tensor, y: Tensor, queries: Tensor, rate: float, layers: int = 1) -> Tensor:
    """Predictions for queries by `layers` of the same linear attention, all examples seen by all tokens.  -> (..., m)

    x: (..., n, d), y: (..., n), queries: (..., m, d).  Equal to as many gradient steps on the n examples, since each
    layer leaves y_j - w . x_j in the place of y_j.  von Oswald et al. (2022), section 2.  Taught in 48.
    """
    _fits(x, y)
    e = torch.cat((torch.cat((x, queries), -2), F.pad(y, (0, queries.shape[-2]))[..., None]), -1)
    seen = torch.zeros(e.shape[-2], e.shape[-2], dtype=x.dtype)
    seen[:, : x.shape[-2]] = 1
    q, k, v = step_matrices(x.shape[-1], rate, x.dtype)
    for _ in range(layers):
        e = linear_attention(e, q, k, v, seen)
    return -e[..., x.shape[-2] :, -1]


# ---------------------------------------------------------------- how far apart two learners are


def spd(p: Tensor, r: Tensor) -> Tensor:
    """Squared prediction difference at each prefix, mean over tasks.  p, r: (B, n) -> (n,)

    The paper's figures divide it by d.  Raises ValueError when the shapes differ.  Akyurek et al. (2022), equation 15.
    Taught in 48.
    """
    if p.shape != r.shape:
        raise ValueError(f"the same tasks and prefixes are compared; got {tuple(p.shape)} and {tuple(r.shape)}")
    return (p - r).square().flatten(0, -2).mean(0)


def implied_weights(queries: Tensor, p: Tensor) -> Tensor:
    """The w whose w . x comes closest to predictions p at the queries.  (..., m, d), (..., m) -> (..., d)

    Raises ValueError for fewer queries than numbers in w.  Akyurek et al. (2022), equation 16.  Taught in 48.
    """
    _fits(queries, p)
    if queries.shape[-2] < queries.shape[-1]:
        raise ValueError(f"at least {queries.shape[-1]} queries tell the weights; got {queries.shape[-2]}")
    return torch.linalg.lstsq(queries, p[..., None]).solution[..., 0]


def linearity(queries: Tensor, p: Tensor) -> Tensor:
    """R^2 of the closest linear predictor: how linear the predictions are.  (B, m, d), (B, m) -> a number, at most 1

    Akyurek et al. (2022), appendix F.  Taught in 48.
    """
    left = p - predictions(implied_weights(queries, p)[..., None, :], queries)
    return 1 - left.square().sum() / p.square().sum()


def ilwd(w: Tensor, v: Tensor) -> Tensor:
    """Implicit linear weight difference: |w - v|^2, mean over tasks.  w, v: (B, ..., d) -> (...)

    Akyurek et al. (2022), equation 17.  Taught in 48.
    """
    return (w - v).square().sum(-1).mean(0)


def closest_ridge(p: Tensor, x: Tensor, y: Tensor, lams: Tensor) -> tuple[float, float]:
    """The lam of `lams` whose ridge predictions lie closest to p over all prefixes, and their `spd`.

    p, y: (B, n), x: (B, n, d), lams: (K,), above 0.  After Akyurek et al. (2022), figure 2.  Taught in 48.
    """
    gaps = torch.stack([spd(p, predictions(ridge(x, y, lam), x)).mean() for lam in lams.tolist()])
    return lams[gaps.argmin()].item(), gaps.min().item()


# ---------------------------------------------------------------- what a layer knows


def fit_probe(h: Tensor, v: Tensor, lam: float = 1e-3) -> Tensor:
    """A linear map with offset from states to a quantity, by ridge regression.  h: (N, H), v: (N, d) -> (H + 1, d)

    lam counts per example, and the offset is free of it.  Raises ValueError when the rows differ.
    Akyurek et al. (2022), section 5 (there with attention over steps, learned).  Taught in 48.
    """
    if len(h) != len(v):
        raise ValueError(f"one quantity for each state is needed; got {len(h)} states and {len(v)} quantities")
    h = F.pad(h, (0, 1), value=1.0)
    penalty = lam * len(h) * torch.eye(h.shape[1], dtype=h.dtype)
    penalty[-1, -1] = 0
    return torch.linalg.solve(h.T @ h + penalty, h.T @ v)


def explained(probe: Tensor, h: Tensor, v: Tensor) -> float:
    """The share of v's variance that a probe tells from states, at most 1; below 0 it is worse than the mean.

    probe: (H + 1, d), h: (N, H), v: (N, d).  Taught in 48.
    """
    left = v - F.pad(h, (0, 1), value=1.0) @ probe
    return (1 - left.square().sum() / (v - v.mean(0)).square().sum()).item()


# ---------------------------------------------------------------- a small learner


class Block(nn.Module):
    """Attention over the tokens that may be seen, then a network for each; norms before both.  Taught in 48."""

    def __init__(self, H: int, M: int) -> None:
        super().__init__()
        self.M, self.norms = M, nn.ModuleList(nn.LayerNorm(H) for _ in range(2))
        self.qkv, self.mix = nn.Linear(H, 3 * H, bias=False), nn.Linear(H, H, bias=False)
        self.widen, self.narrow = nn.Linear(H, 4 * H), nn.Linear(4 * H, H)

    def forward(self, h: Tensor, seen: Tensor) -> Tensor:
        """h: (B, T, H), seen: (T, T) of bool -> (B, T, H)"""
        q, k, v = self.qkv(self.norms[0](h)).unflatten(-1, (3, self.M, -1)).permute(2, 0, 3, 1, 4)  # (B, M, T, H / M)
        h = h + self.mix(F.scaled_dot_product_attention(q, k, v, seen).transpose(1, 2).flatten(2))
        return h + self.narrow(F.gelu(self.widen(self.norms[1](h))))


class Learner(nn.Module):
    """A Transformer that reads `tokens` and answers all queries in one pass.  (B, n, d), (B, n) -> (B, n)

    No places are told: the examples are a set, and `may_see` alone says which came before.  Taught in 48.
    """

    def __init__(self, d: int, L: int = 2, H: int = 32, M: int = 1) -> None:
        """Raises ValueError when the heads do not share H evenly."""
        super().__init__()
        if H % M:
            raise ValueError(f"{M} heads need an even share of H = {H}")
        self.read, self.answer = nn.Linear(d + 2, H), nn.Linear(H, 1)
        self.blocks, self.norm = nn.ModuleList(Block(H, M) for _ in range(L)), nn.LayerNorm(H)

    def states(self, x: Tensor, y: Tensor) -> list[Tensor]:
        """What every token holds before the first block and after each, L + 1 of (B, 2n, H): examples, then queries."""
        n = x.shape[1]
        asks = torch.cat((torch.zeros(n), torch.ones(n))).expand(len(x), -1)[..., None]  # a query says so
        hs = [self.read(torch.cat((tokens(x, y), asks), -1))]
        seen = may_see(n)
        for block in self.blocks:
            hs.append(block(hs[-1], seen))
        return hs

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Predictions p of every prefix."""
        return self.answer(self.norm(self.states(x, y)[-1][:, x.shape[1] :]))[..., 0]


def prefix_loss(model: nn.Module, task: Task) -> Tensor:
    """Mean square error over tasks and prefixes, divided by d.  Akyurek et al. (2022), equation 8.  Taught in 48."""
    x, y, _ = task
    return (model(x, y) - y).square().mean() / x.shape[-1]
