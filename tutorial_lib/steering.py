"""Prompts as control inputs: what a head can be made to say at all, and prompts that make a model say it.

symbol       meaning                                                  shape            in Bhargava et al. (2023)
U, k         control tokens in front, k of them, norms up to M_u      (k, d)           U, definition 6
X0, m        imposed tokens, which stay                               (m, d)           X_0
W            W_q, W_k, W_v of the head: queries X W_q, and so on      (d, dk) x2, (d, dv)  theta
Y            outputs at the imposed tokens, Y = Y_u + Y_x             (m, dv)          Y
Y_u, Y_x     what of Y comes from control, from imposed tokens        (m, dv)          D_x^-1 A_xu V_u, D_x^-1 A_xx V_x
Y_max        outputs with no prompt at all                            (m, dv)          Y_x^max
Y_star       outputs that are wanted                                  (m, dv)          Y*
sigma        largest singular value of a matrix                       a number         sigma_q, sigma_key, sigma_v
g            sum over imposed j of exp(q_i k_j / sqrt dk)             (m,)             g_i
alpha        sigma_q sigma_k M_u M_x / sqrt dk                        a number         alpha
u, x0, y     prompt, what follows it, token wanted next               (k,), (T,), int  u, x_0, y
next_token   scores of the next token; any model                      (B, T) -> (B, V) P_LM
margin       score of y less the best other: positive when y is said  (..., V)

A head in the paper has no mask: each imposed token sees all of U and of X0.  For the last token that is causal
attention too.  y is reachable from x0 when some prompt makes it the likeliest next token.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product

import torch
from torch import Tensor

Head = tuple[Tensor, Tensor, Tensor]  # W_q, W_k, W_v
NextToken = Callable[[Tensor], Tensor]  # (B, T) int64 -> (B, V) scores

# ---------------------------------------------------------------- one head of attention


def head_outputs(U: Tensor, X0: Tensor, W: Head) -> tuple[Tensor, Tensor]:
    """Y_u and Y_x: what the outputs at the imposed tokens take from the prompt, and from one another.

    U: (..., k, d), k = 0 allowed; X0: (m, d) -> (..., m, dv) twice.  Raises ValueError when their d differ.
    Bhargava et al. (2023), definition 6 and the partition after it.  Taught in 46.
    """
    if U.shape[-1] != X0.shape[-1]:
        raise ValueError(f"control and imposed tokens need the same size; got {U.shape[-1]} and {X0.shape[-1]}")
    W_q, W_k, W_v = W
    X = torch.cat((U, X0.expand(*U.shape[:-2], *X0.shape)), -2)  # (..., k + m, d)
    scores = (X0 @ W_q) @ (X @ W_k).mT / W_k.shape[1] ** 0.5  # (..., m, k + m)
    weights, values, k = scores.softmax(-1), X @ W_v, U.shape[-2]
    return weights[..., :k] @ values[..., :k, :], weights[..., k:] @ values[..., k:, :]


def no_prompt(X0: Tensor, W: Head) -> Tensor:
    """Y_max: the outputs of the imposed tokens alone.  X0: (m, d) -> (m, dv)  Taught in 46."""
    return head_outputs(X0[:0], X0, W)[1]


def along_and_aside(Y: Tensor, Y_star: Tensor) -> tuple[Tensor, Tensor]:
    """Each row's part along the row of Y_star, and the rest, orthogonal to it.  (..., m, dv) -> the same, twice

    A row of zeros has no direction: all of Y lies aside of it.  Taught in 46.
    """
    size = Y_star.square().sum(-1, keepdim=True).clamp(min=1e-300 if Y.dtype == torch.float64 else 1e-30)
    along = (Y * Y_star).sum(-1, keepdim=True) / size * Y_star
    return along, Y - along


def _scores_and_sum(X0: Tensor, W: Head) -> tuple[Tensor, Tensor]:
    """How each imposed token scores a token u, as a . u; and g.  X0: (m, d) -> a (m, d), g (m,)"""
    a = X0 @ W[0] @ W[1].mT / W[1].shape[1] ** 0.5
    return a, (a @ X0.mT).exp().sum(-1)


def gamma(X0: Tensor, W: Head, M_u: float) -> Tensor:
    """exp(alpha) sigma_v M_u / g: what one control token can do at most against the output as it is.  -> (m,)

    Bhargava et al. (2023), theorem on reachability in self-attention, where M_x is the largest norm in X0.  The
    theorem is for all tokens of norm M_u at most.  Taught in 46.
    """
    sigma_q, sigma_k, sigma_v = (torch.linalg.matrix_norm(w, 2) for w in W)
    M_x = X0.norm(dim=-1).max()
    alpha = sigma_q * sigma_k * M_u * M_x / W[1].shape[1] ** 0.5
    return alpha.exp() * sigma_v * M_u / _scores_and_sum(X0, W)[1]


def unreachable(Y_star: Tensor, X0: Tensor, W: Head, M_u: float, k: int) -> Tensor:
    """Rows that prove that no prompt of k tokens gives Y_star: |Y_max aside of Y_star| > k gamma.  -> (m,) bool

    False proves nothing.  Raises ValueError for a negative k.  Bhargava et al. (2023), the same theorem.
    Taught in 46.
    """
    if k < 0:
        raise ValueError(f"a prompt has 0 tokens or more; got {k}")
    return along_and_aside(no_prompt(X0, W), Y_star)[1].norm(dim=-1) > k * gamma(X0, W, M_u)


def shortest_allowed(Y_star: Tensor, X0: Tensor, W: Head, M_u: float) -> int:
    """The fewest tokens that the theorem does not rule out for Y_star.  -> k  Taught in 46."""
    rows = along_and_aside(no_prompt(X0, W), Y_star)[1].norm(dim=-1) / gamma(X0, W, M_u)
    return math.ceil(rows.max().item() - 1e-9)


def strongest_token(X0: Tensor, W: Head, M_u: float, e: Tensor) -> tuple[Tensor, Tensor]:
    """Exactly how far one control token can push each row along the unit vectors e, in place of gamma; and the token.

    e: (m, dv) -> (m,), (m, d).  Largest exp(a . u) (W_v e) . u / g over |u| = M_u: u lies in the plane of a and W_v e,
    so one angle is left, which a grid finds and refines.  k tokens push k times as far, since exp(a . u) V u adds up
    over tokens.  Sharper than the theorem, and ours.  Raises ValueError for d = 1.  Taught in 46.
    """
    if X0.shape[1] < 2:
        raise ValueError("tokens of one number leave no plane to turn in; d = 2 or more is needed")
    a, g = _scores_and_sum(X0, W)
    b = e @ W[2].mT  # (m, d)
    first = a / a.norm(dim=-1, keepdim=True).clamp(min=1e-30)
    b1 = (b * first).sum(-1, keepdim=True)
    rest = b - b1 * first
    b2 = rest.norm(dim=-1, keepdim=True)
    A = M_u * a.norm(dim=-1, keepdim=True)
    angle, half = torch.full_like(A, math.pi / 2), math.pi / 2
    for _ in range(6):
        tried = angle + half * torch.linspace(-1, 1, 201, dtype=A.dtype)  # (m, 201)
        push = (A * tried.cos()).exp() * (b1 * tried.cos() + b2 * tried.sin())
        angle, half = tried.gather(1, push.argmax(1, keepdim=True)), half / 50
    token = M_u * (angle.cos() * first + angle.sin() * rest / b2.clamp(min=1e-30))
    return M_u * push.max(1).values / g, token


# ---------------------------------------------------------------- any model of next tokens


@torch.no_grad()
def steered(next_token: NextToken, u: Tensor, x0: Tensor) -> Tensor:
    """Scores of the next token after each prompt and x0.  u: (B, k), x0: (T,) -> (B, V)

    Raises ValueError when x0 is empty.  Bhargava et al. (2023), definition 2.  Taught in 46.
    """
    if len(x0) < 1:
        raise ValueError("x0 needs a token to follow the prompt")
    return next_token(torch.cat((u, x0.expand(len(u), -1)), 1))


def margins(scores: Tensor) -> Tensor:
    """Each token's score less the best other's: positive for the one token that is said.  (..., V) -> (..., V)

    Taught in 46.
    """
    best, second = scores.topk(2, -1).values.split(1, -1)
    return scores - torch.where(scores == best, second, best)


def every_prompt(next_token: NextToken, x0: Tensor, V: int, k: int) -> tuple[Tensor, Tensor]:
    """The best margin of every token over all V^k prompts of k tokens, and the prompt.  -> (V,), (V, k)

    The reachable set is where the margin is positive.  Raises ValueError over a million prompts.  Taught in 46.
    """
    if k < 0 or V**k > 1_000_000:
        raise ValueError(f"{V}^{k} prompts are too many to try, or k is negative; search instead")
    u = torch.tensor(list(product(range(V), repeat=k)), dtype=torch.int64).view(V**k, k)
    found = torch.cat([margins(steered(next_token, part, x0)) for part in u.split(4096)])  # (V^k, V)
    best, at = found.max(0)
    return best, u[at]


def back_generated(next_token: NextToken, x0: Tensor, y: int, V: int, k: int) -> Tensor:
    """A prompt built backwards: k times the one token in front that helps y most.  -> (k,)

    Greedy back generation, as in the code of Bhargava et al. (2023), who use it for k up to 3.  Taught in 46.
    """
    u = x0[:0]
    for _ in range(k):
        tried = torch.cat((torch.arange(V)[:, None], u.expand(V, -1)), 1)  # (V, len(u) + 1)
        u = tried[margins(steered(next_token, tried, x0))[:, y].argmax()]
    return u


def swapped(u: Tensor, V: int) -> Tensor:
    """All prompts that differ from u in one place at most.  (k,) -> (k V, k)  Taught in 46."""
    place, token = torch.arange(len(u)).repeat_interleave(V), torch.arange(V).repeat(len(u))
    return u.repeat(len(place), 1).scatter(1, place[:, None], token[:, None])


def coordinate_steps(next_token: NextToken, x0: Tensor, y: int, V: int, u: Tensor) -> Iterator[Tensor]:
    """u, then prompts each made from the last by the one swap that helps y most, until no swap helps.  -> (k,) each

    The greedy coordinate search of Zou et al. (2023), which Bhargava et al. (2023) use for k over 3, with all swaps
    tried where they let the gradient choose some.  Taught in 46.
    """
    best = margins(steered(next_token, u[None], x0))[0, y]
    yield u
    while len(u):
        tried = swapped(u, V)
        found = margins(steered(next_token, tried, x0))[:, y]
        if found.max() <= best:
            return
        best, u = found.max(), tried[found.argmax()]
        yield u


def magic_word(next_token: NextToken, x0: Tensor, y: int, V: int, most: int, starts: int = 0,
               rng: torch.Generator | None = None) -> Tensor | None:
    """The shortest prompt found that makes y the likeliest next token, of `most` tokens at most; None without one.

    For each length: the last length's prompt with the best token in front, then swaps; then swaps from as many random
    prompts as `starts` says.  What it finds is reachable; what it does not find may be too.  The code of
    Bhargava et al. (2023) goes up in length likewise: backwards to 3, then swaps from random prompts of 4, 6, 8, 10.
    Taught in 46.
    """
    u = x0[:0]
    for k in range(most + 1):
        if k:
            tried = torch.cat((torch.arange(V)[:, None], u.expand(V, -1)), 1)
            u = tried[margins(steered(next_token, tried, x0))[:, y].argmax()]
        found = [_climb(next_token, x0, y, V, u)]
        while k and found[-1][0] <= 0 and len(found) <= starts:
            found.append(_climb(next_token, x0, y, V, torch.randint(V, (k,), generator=rng)))
        best, u = max(found, key=lambda pair: pair[0])
        if best > 0:
            return u
    return None


def _climb(next_token: NextToken, x0: Tensor, y: int, V: int, u: Tensor) -> tuple[float, Tensor]:
    """Where the swaps lead, stopping as soon as y is said: its margin and the prompt."""
    for better in coordinate_steps(next_token, x0, y, V, u):
        u, margin = better, margins(steered(next_token, better[None], x0))[0, y].item()
        if margin > 0:
            break
    return margin, u


def share_unreached(lengths: Tensor, most: int) -> Tensor:
    """The share of pairs (x0, y) that no prompt found of k tokens or fewer reaches, for k = 0 .. most.  -> (most + 1,)

    lengths: (pairs,) of the shortest prompts, -1 where none was found.  Bhargava et al. (2023), definition 5,
    k-epsilon controllability: epsilon as k grows.  Taught in 46.
    """
    found = (lengths >= 0) & (lengths <= torch.arange(most + 1)[:, None])  # (most + 1, pairs)
    return 1 - found.double().mean(1)
