"""Part 3, dynamical stability: the exercises of chapter 35."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import stability, two_layer
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault

Pair = tuple[Tensor, Tensor]


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---------------------------------------------------------------- trace and largest eigenvalue


def _gradients() -> list[Case]:
    return [Case((_randn(4, 7),), "four samples, seven "
                                  "weights"), Case((_randn(5, 3, seed=1),), "five samples, three weights")]


def _hessian(A: Tensor) -> Tensor:
    return A.T @ A / len(A)


def _top(H: Tensor) -> Tensor:
    return torch.linalg.eigvalsh(H)[-1]


CURVATURES = Exercise(
    name="stability.curvatures", chapter="35", title="Two numbers of a "
                                                     "minimum", reference=stability.curvatures, minutes=6,
    cases=_gradients,
    mistakes={
        "1/n is missing: the loss is a mean over the samples, and so is H.":
            lambda A: ((A * A).sum(), _top(A.T @ A)),
        "1/n is missing in the trace.": lambda A: ((A * A).sum(), _top(_hessian(A))),
        "1/n is missing in the largest eigenvalue.": lambda A: ((A * A).sum() / len(A), _top(A.T @ A)),
        "you divided by the number of weights; H is a mean over the n samples, the rows of A.":
            lambda A: ((A * A).sum() / A.shape[1], _top(A.T @ A / A.shape[1])),
        "that is the smallest eigenvalue: `eigvalsh` ascends, so the largest is at place -1.":
            lambda A: ((A * A).sum() / len(A), torch.linalg.eigvalsh(_hessian(A))[0]),
        "the two results are exchanged: first the trace, then the largest eigenvalue.":
            lambda A: (_top(_hessian(A)), (A * A).sum() / len(A)),
        "that is the largest singular value of A; an eigenvalue of H is its square, divided by n.":
            lambda A: ((A * A).sum() / len(A), torch.linalg.svdvals(A)[0]),
        "both results are the trace: `norm(A)` adds all squared entries. The largest eigenvalue needs `matrix_norm(A, "
        "2)`, or "
        "`eigvalsh`.": lambda A: ((A * A).sum() / len(A), (A * A).sum() / len(A)),
        "the square is missing: an eigenvalue of H is the square of a singular value of A, divided by n.":
            lambda A: ((A * A).sum() / len(A), torch.linalg.svdvals(A)[0] / len(A)),
        "the trace adds *squared* lengths of the gradients.":
            lambda A: (A.norm(dim=1).mean(), _top(_hessian(A))),
        "`.mean()` over all entries divides by the number of weights as well; the trace sums over weights and "
        "averages over samples.": lambda A: ((A * A).mean(), _top(_hessian(A))),
        "that is the largest |a_i|^2, the curvature that one sample sees alone; H averages over samples.":
            lambda A: ((A * A).sum() / len(A), (A * A).sum(1).max()),
        "that takes the mean gradient first and its outer product then; H is the mean of the outer products.":
            lambda A: (A.mean(0).square().sum(), A.mean(0).square().sum()),
        "that is the largest entry on H's diagonal, the curvature along a single weight; the largest eigenvalue looks "
        "in all directions.":
            lambda A: ((A * A).sum() / len(A), _hessian(A).diagonal().max()),
        "that is a covariance: the mean gradient was taken off. H takes the gradients as they are.":
            lambda A: ((A - A.mean(0)).square().sum() / len(A), _top(_hessian(A - A.mean(0)))),
        "a factor 2 too many: the loss carries 1/2, so H is A^T A / n.":
            lambda A: (2 * (A * A).sum() / len(A), 2 * _top(_hessian(A))),
    },
    alternatives=(lambda A: (torch.trace(_hessian(A)), _top(_hessian(A))),
                  lambda A: (A.square().sum(1).mean(), torch.linalg.matrix_norm(A, 2) ** 2 / len(A)),
                  lambda A: (torch.einsum("ij,ij->", A, A) / len(A), _top(A @ A.T / len(A)))),
    hints=("H = A^T A / n. Its trace is the mean over samples of |a_i|^2.",
           "`torch.linalg.eigvalsh` gives the eigenvalues of a symmetric matrix, the largest last. A A^T / n is "
           "smaller and "
           "has the same ones, apart from zeros."),
    solution='''
def curvatures(A):
    H = A.T @ A / len(A)
    return H.trace(), torch.linalg.eigvalsh(H)[-1]
''',
)


# ---------------------------------------------------------------- the second moment


def _moments() -> list[Case]:
    cases = []
    for n, P, lr, seed in ((3, 4, 0.3, 0), (5, 2, 0.1, 3)):
        S = _randn(P, P + 1, seed=seed + 1)
        cases.append(Case((_randn(n, P, seed=seed), S @ S.T, lr), f"{n} samples, {P} weights"))
    return cases


def _both_sides(H: Tensor, C: Tensor) -> Tensor:
    return H @ C + C @ H


def _blanks(noise: Callable[[Tensor, Tensor], Tensor], drift: Callable[[Tensor, Tensor], Tensor] = _both_sides,
            power: int = 2) -> Callable[..., Tensor]:
    """The stub with its blanks filled: what the first-order term is, and the mean over samples, from (A, C)."""
    return lambda A, C, lr: C - lr * drift(_hessian(A), C) + lr**power * noise(A, C)


def _noise(A: Tensor, C: Tensor) -> Tensor:
    return A.T @ (((A @ C) * A).sum(1, keepdim=True) * A) / len(A)


def _by_samples(A: Tensor, C: Tensor, lr: float) -> Tensor:
    steps = [torch.eye(A.shape[1], dtype=A.dtype) - lr * torch.outer(a, a) for a in A]
    return torch.stack([S @ C @ S for S in steps]).mean(0)


SECOND_MOMENT = Exercise(
    name="stability.second_moment", chapter="35", title="Two blanks: one step of a "
                                                        "cloud", reference=stability.second_moment,
    minutes=10, cases=_moments,
    mistakes={
        "that is gradient descent, (1 - lr H) C (1 - lr H): the last term has to average over samples *after* "
        "squaring.":
            _blanks(lambda A, C: _hessian(A) @ C @ _hessian(A)),
        "that adds products of *different* samples, too: A^T (A C A^T) A runs over all pairs. Each sample meets "
        "itself alone.":
            _blanks(lambda A, C: len(A) * _hessian(A) @ C @ _hessian(A)),
        "in the last term C has a a^T on one side only; the step acts from both: a (a^T C a) a^T.":
            _blanks(lambda A, C: _hessian(A) @ C),
        "the last term is one number, added to every entry: a_i^T C a_i multiplies the matrix a_i a_i^T, sample by "
        "sample.":
            _blanks(lambda A, C: ((A @ C) * A).sum(1).mean() * torch.ones_like(C)),
        "the last term is missing: it is small for a small step, and it is what makes SGD unstable.":
            _blanks(lambda A, C: 0 * C),
        "the first-order term is H C + C H, which stays symmetric; 2 H C does not.":
            _blanks(_noise, lambda H, C: 2 * H @ C),
        "the first-order term appears once: it is H C + C H, from both sides of the product.":
            _blanks(_noise, lambda H, C: H @ C),
        "1/n is missing in the last term: it is a mean over samples.":
            _blanks(lambda A, C: len(A) * _noise(A, C)),
        "the last term lacks its outer product: a_i^T C a_i is a number, and it multiplies the matrix a_i a_i^T.":
            _blanks(lambda A, C: ((A @ C) * A).sum(1).mean() * torch.eye(len(C), dtype=C.dtype)),
        "the last term is a mean of products, each sample with itself; this is the product of the means.":
            _blanks(lambda A, C: ((A @ C) * A).sum(1).mean() * _hessian(A)),
        "a_i^T C a_i became |a_i|^2: that is right where C is the identity, and only there.":
            _blanks(lambda A, C: A.T @ (A.square().sum(1, keepdim=True) * A) / len(A)),
        "lr comes squared in the last term.": _blanks(_noise, power=1),
        "H lacks its 1/n: it is a mean over samples.":
            lambda A, C, lr: C - lr * (A.T @ A @ C + C @ A.T @ A) + lr**2 * _noise(A, C),
        "lr stands in the stub already: the two blanks are what is multiplied by it.":
            lambda A, C, lr: C - lr**2 * _both_sides(_hessian(A), C) + lr**4 * _noise(A, C),
        "the sign is in the stub already: drift is H C + C H, and it is taken off.":
            _blanks(_noise, lambda H, C: -H @ C - C @ H),
        "the products with C are matrix products, `@`; `*` multiplies entry by entry.":
            _blanks(_noise, lambda H, C: H * C + C * H),
        "that is |C a_i|^2; the number in the last term is a_i^T C a_i.":
            _blanks(lambda A, C: A.T @ ((A @ C).square().sum(1, keepdim=True) * A) / len(A)),
        "two things: that is gradient descent's last term, which squares after averaging; and the first-order term "
        "is H C + C H, not 2 H C.":
            _blanks(lambda A, C: _hessian(A) @ C @ _hessian(A), lambda H, C: 2 * H @ C),
    },
    alternatives=(_by_samples, _blanks(_noise),
                  _blanks(lambda A, C: torch.einsum("ij,ik,i->jk", A, A, torch.einsum("ij,jk,ik->i", A, C, A))
                          / len(A))),
    hints=("Multiply out (1 - lr a a^T) C (1 - lr a a^T), then take the mean over samples. Three kinds of terms "
           "appear.",
           "Of first order: a a^T C + C a a^T. Its mean has H in place of a a^T.",
           "Of second order: a a^T C a a^T = a (a^T C a) a^T, a number times an outer product. `((A @ C) * A).sum(1)` "
           "has all "
           "n numbers."),
    solution='''
def second_moment(A, C, lr):
    H = A.T @ A / len(A)
    drift = H @ C + C @ H
    seen = ((A @ C) * A).sum(1)                         # (n,), a_i^T C a_i
    spread = A.T @ (seen[:, None] * A) / len(A)         # (P, P)
    return C - lr * drift + lr**2 * spread
''',
)


# ---------------------------------------------------------------- a step of SGD


def _one_sample() -> list[Case]:
    return [Case((_randn(d, seed=s), _randn(1, seed=s + 1), _randn(d, seed=s + 2), _randn(d, seed=s + 3), lr),
                 f"{d} inputs") for d, s, lr in ((4, 0, 0.1), (3, 10, 0.3))]


def _step(push: Callable[..., Tensor], up: float = 1) -> Callable[..., Pair]:
    """An answer from what multiplies u (and v, with the opposite sign): push(error, x, lr)."""
    def diagonal_step(x: Tensor, y: Tensor, u: Tensor, v: Tensor, lr: float) -> Pair:
        p = push((x * (u * u - v * v)).sum() - y, x, lr)
        return u - p * u, v + up * p * v

    return diagonal_step


def _in_turn(x: Tensor, y: Tensor, u: Tensor, v: Tensor, lr: float) -> Pair:
    u = u - 2 * lr * ((x * (u * u - v * v)).sum() - y) * x * u
    return u, v + 2 * lr * ((x * (u * u - v * v)).sum() - y) * x * v


def _by_autograd(x: Tensor, y: Tensor, u: Tensor, v: Tensor, lr: float) -> Pair:
    u, v = u.clone().requires_grad_(), v.clone().requires_grad_()
    loss = ((x * (u**2 - v**2)).sum() - y).square().sum() / 2
    du, dv = torch.autograd.grad(loss, (u, v))
    return (u - lr * du).detach(), (v - lr * dv).detach()


DIAGONAL_STEP = Exercise(
    name="stability.diagonal_step", chapter="35", title="A step on one "
                                                        "sample", reference=two_layer.diagonal_step, minutes=8,
    cases=_one_sample,
    mistakes={
        "the factor 2 is missing: the derivative of u^2 is 2u (the 1/2 of the loss went against the square of the "
        "error).":
            _step(lambda e, x, lr: lr * e * x),
        "the sign at v: f falls where v^2 grows, so v moves the other way.": _step(lambda e, x, lr: 2 * lr * e * x, -1),
        "this climbs: the step goes *against* the gradient.": _step(lambda e, x, lr: -2 * lr * e * x),
        "v was moved with the error at the *new* u: take the error once, then move both.": _in_turn,
        "the factor u (and v) is missing: the derivative of u^2 is 2u.":
            lambda x, y, u, v, lr: (u - 2 * lr * ((x * (u * u - v * v)).sum() - y) * x,
                                    v + 2 * lr * ((x * (u * u - v * v)).sum() - y) * x),
        "the derivative of 1/2 e^2 by e is e, not 2 e: there is a factor 2 too "
        "many.": _step(lambda e, x, lr: 4 * lr * e * x),
        "the loss stands where the error belongs: the derivative of e^2 / 2 is e.":
            _step(lambda e, x, lr: 2 * lr * e * e / 2 * x),
        "the input x is missing in the gradient.":
            _step(lambda e, x, lr: 2 * lr * e * torch.ones_like(x)),
        "the sum is missing: the error is one number for the sample, f - y, and not one for each input.":
            lambda x, y, u, v, lr: (u - 2 * lr * (x * (u * u - v * v) - y) * x * u,
                                    v + 2 * lr * (x * (u * u - v * v) - y) * x * v),
        "the target is missing: the error is f - y.":
            lambda x, y, u, v, lr: _step(lambda e, x, lr: 2 * lr * e * x)(x, 0 * y, u, v, lr),
        "the squares are missing in f: it is the sum of (u^2 - v^2) x.":
            lambda x, y, u, v, lr: (u - 2 * lr * ((x * (u - v)).sum() - y) * x * u,
                                    v + 2 * lr * ((x * (u - v)).sum() - y) * x * v),
        "u was moved with the error at the *new* v: take the error once, then move both.":
            lambda x, y, u, v, lr: _in_turn(x, -y, v, u, lr)[::-1],
        "the learning rate is missing.": _step(lambda e, x, lr: 2 * e * x),
        "that is the gradient; the weights after the step are expected.":
            lambda x, y, u, v, lr: (2 * ((x * (u * u - v * v)).sum() - y) * x * u,
                                    -2 * ((x * (u * u - v * v)).sum() - y) * x * v),
        "the error is missing: the gradient of the loss is the error times the gradient of f.":
            _step(lambda e, x, lr: 2 * lr * x),
        "u moves by its own gradient, 2 u x, and v by its own, -2 v x; yours are exchanged.":
            lambda x, y, u, v, lr: (u - 2 * lr * ((x * (u * u - v * v)).sum() - y) * x * v,
                                    v + 2 * lr * ((x * (u * u - v * v)).sum() - y) * x * u),
        "the squares are still there: the derivative of u^2 is 2u.":
            lambda x, y, u, v, lr: (u - lr * ((x * (u * u - v * v)).sum() - y) * x * u * u,
                                    v + lr * ((x * (u * u - v * v)).sum() - y) * x * v * v),
        "you divided by the number of inputs; the loss is of one sample, and f is a sum over inputs.":
            _step(lambda e, x, lr: 2 * lr * e * x / len(x)),
        "f is the sum of (u^2 - v^2) x: the second part is taken off, and its derivative carries a minus.":
            lambda x, y, u, v, lr: (u - 2 * lr * ((x * (u * u + v * v)).sum() - y) * x * u,
                                    v - 2 * lr * ((x * (u * u + v * v)).sum() - y) * x * v),
    },
    alternatives=(_step(lambda e, x, lr: 2 * lr * e * x), _by_autograd),
    hints=("The error is e = sum of (u^2 - v^2) x, minus y. The loss of this sample is e^2 / 2.",
           "Its gradient is e times the gradient of f: by u it is 2 u x, by v it is -2 v x.",
           "Both move against it, from the same e: u - lr e 2 u x, and v + lr e 2 v x."),
    solution='''
def diagonal_step(x, y, u, v, lr):
    e = (x * (u**2 - v**2)).sum() - y
    return u - lr * e * 2 * u * x, v + lr * e * 2 * v * x
''',
)


# ---------------------------------------------------------------- transfer: the flattest form


def _nets() -> list[Case]:
    cases = []
    for m, s in ((5, 0), (4, 20)):
        sizes = torch.logspace(-0.5, 0.5, m, dtype=torch.float64)[:, None]
        W, a = _randn(m, 3, seed=s + 1) * sizes, _randn(m, seed=s + 2)
        cases.append(Case((_randn(9, 3, seed=s), W, a), f"{m} units"))
    W, a = _randn(4, 3, seed=41), _randn(4, seed=42)
    W[2] = -W[2].abs()                                                            # off wherever all inputs are positive
    cases.append(Case((_randn(9, 3, seed=40).abs(), W, a), "4 units, one of them off for every sample"))
    return cases


def _observe_form(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """The function at other points, and the trace of what came back."""
    X, W, a = case.args
    found = candidate(X, W, a)
    if found is None:
        return {"W and a": None}
    if not (isinstance(found, (tuple, list)) and len(found) == 2 and all(isinstance(t, Tensor) for t in found)):
        raise Fault("error", "two tensors are expected, W and a.")
    if found[0].shape != W.shape or found[1].shape != a.shape:
        raise Fault("wrong shape", f"W and a keep their shapes, {tuple(W.shape)} and {tuple(a.shape)}; got "
                                   f"{tuple(found[0].shape)} and {tuple(found[1].shape)}.")
    probe = _randn(12, 3, seed=99)
    outer, inner = two_layer.unit_curvatures(X, *found)
    return {"the function at twelve other "
            "points": two_layer.relu_output(probe, *found), "the trace": (outer + inner).sum(),
            "the outer weights' part of it": outer.sum()}


def _scaled(power: float, which: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = lambda o, i, W, a: i / o,
            guarded: bool = False) -> Callable[..., Pair]:
    """Each unit by its own factor, a power of something made of its two parts of the trace, W and a.

    Whoever errs in the factor has seldom thought of units that are always off: only a guarded answer leaves them alone.
    """
    def flattest(X: Tensor, W: Tensor, a: Tensor) -> Pair:
        outer, inner = two_layer.unit_curvatures(X, W, a)
        ratio = which(outer, inner, W, a)
        if guarded:
            ratio = torch.where(ratio.isfinite() & (ratio > 0), ratio, torch.ones_like(ratio))
        c = ratio**power
        return W * c[:, None], a / c

    return flattest


def _parts(X: Tensor, W: Tensor, a: Tensor) -> Pair:
    z = X @ W.T
    return z.relu().square().mean(0), ((z > 0) * X.square().sum(1, keepdim=True)).mean(0) * a**2


def _unguarded(outer: Callable[..., Tensor] = lambda X, z, a: z.relu().square().mean(0),
               inner: Callable[..., Tensor] = lambda X, z, a: a**2 * ((z > 0) * X.square().sum(1)[:, None]).mean(0),
               at_a: Callable[[Tensor, Tensor], Tensor] = lambda a, c: a / c) -> Callable[..., Pair]:
    """Balanced from parts made of X, of z = X W^T and of a; a unit without parts is not cared for."""
    def flattest(X: Tensor, W: Tensor, a: Tensor) -> Pair:
        z = X @ W.T
        c = (inner(X, z, a) / outer(X, z, a)) ** 0.25
        return W * c[:, None], at_a(a, c)

    return flattest


def _over_those_alone(X: Tensor, W: Tensor, a: Tensor) -> Pair:
    outer, _ = _parts(X, W, a)
    on = X @ W.T > 0
    inner = a**2 * (on * X.square().sum(1, keepdim=True)).sum(0) / on.sum(0)
    c = torch.where(outer > 0, inner / outer, torch.ones_like(outer)) ** 0.25
    return W * c[:, None], a / c


def _by_search(X: Tensor, W: Tensor, a: Tensor) -> Pair:
    outer, inner = _parts(X, W, a)
    c = torch.logspace(-3, 3, 24001, dtype=W.dtype)[:, None]
    best = c[(c**2 * outer + inner / c**2).argmin(0), 0]
    return W * best[:, None], a / best


FLATTEST = Exercise(
    name="stability.flattest", chapter="35", title="Transfer: the flattest form of a "
                                                   "network", reference=two_layer.flattest,
    minutes=12, core=False, observe=_observe_form, cases=_nets, rtol=2e-3,
    mistakes={
        "you scaled W by c and a by c as well: then the function grows by c^2. One of them has to be "
        "divided.": _unguarded(at_a=lambda a, c: a * c),
        "the wrong way: the part that is too large has grown. W wants a large c where the *inner* part is the larger "
        "one.":
            _scaled(-0.25),
        "you took c^2 for c, and the two parts have changed places. The outer part grows with c^2 and the inner one "
        "falls with "
        "it, so c is a fourth root.":
            _scaled(0.5),
        "one root too many: both parts are equal where c^4 = inner / outer.": _scaled(0.125),
        "that makes |w_j| and |a_j| equal, which balances a unit's *weights*. What has to be balanced are its two "
        "parts of the "
        "trace, and they depend on the inputs that the unit sees.":
            _scaled(0.5, lambda o, i, W, a: a.abs() / W.norm(dim=1)),
        "all units got one common factor: each has its own balance, and each may be rescaled alone.":
            _scaled(0.25, lambda o, i, W, a: (i.sum() / o.sum()).expand_as(a)),
        "the inner part lacks a_j^2: it is the mean of a_j^2 |x|^2 over the samples where the unit is on.":
            _scaled(0.25, lambda o, i, W, a: i / a**2 / o),
        "a unit that is off for every sample has 0 for both parts, and 0/0 is not a number: leave such a unit as it "
        "is.":
            _unguarded(),
        "the inner part is a sum over all samples, divided by n, of which those count where the unit is on; you took "
        "the mean over those alone.":
            _over_those_alone,
        "the inner part counts only the samples where the unit is on: relu has slope 0 elsewhere.":
            _unguarded(inner=lambda X, z, a: a**2 * X.square().sum(1).mean()),
        "the outer part lacks its relu: where the unit is off its output is 0.":
            _unguarded(outer=lambda X, z, a: z.square().mean(0)),
        "both parts lack the relu: a unit that is off adds 0 to the outer part and nothing to the inner one.":
            _unguarded(outer=lambda X, z, a: z.square().mean(0), inner=lambda X, z, a: a**2 * X.square().sum(1).mean()),
        "|x|^2 is a sum over the inputs, not a mean.":
            _unguarded(inner=lambda X, z, a: a**2 * ((z > 0) * X.square().mean(1, keepdim=True)).mean(0)),
        "the outer part lacks its square: it is the mean of relu(w.x)^2.":
            _unguarded(outer=lambda X, z, a: z.relu().mean(0)),
        "a was not divided: w_j times c and a_j divided by c is the same function.":
            _unguarded(at_a=lambda a, c: a.clone()),
        "you gave the network back as it was; its trace can be smaller.": lambda X, W, a: (W.clone(), a.clone()),
    },
    alternatives=(_scaled(0.25, guarded=True), _by_search),
    hints=("relu(c z) = c relu(z) for c > 0: so w_j c and a_j / c is the same function.",
           "A unit adds two parts to the trace: the mean of relu(w.x)^2 (by its outer weight), and the mean of a^2 "
           "|x|^2 where "
           "it is on (by its inner weights). With c they become c^2 outer + inner / c^2.",
           "The sum is least where both are equal: c^4 = inner / outer. Leave units alone for which one of them is 0."),
    solution='''
def flattest(X, W, a):
    z = X @ W.T                                                       # (n, m)
    outer = z.relu().square().mean(0)                                 # (m,)
    inner = a**2 * ((z > 0) * X.square().sum(1, keepdim=True)).mean(0)
    c = torch.where(outer * inner > 0, inner / outer, 1.0) ** 0.25
    return W * c[:, None], a / c
''',
)

EXERCISES = (CURVATURES, SECOND_MOMENT, DIAGONAL_STEP, FLATTEST)
