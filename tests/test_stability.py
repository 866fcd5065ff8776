"""stability: curvatures by autograd, the second moment against samples and clouds, the threshold and its chain."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.stability import cloud, curvatures, ladder, moment_ratio, second_moment, sharpness

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


def operator(A, lr, batch=1):
    """The second moment's map as a matrix on symmetric matrices, in coordinates of the gradients' span."""
    U, S, _ = torch.linalg.svd(A, full_matrices=False)
    rows = (U * S)[:, S / S[0] > 1e-9]
    r = rows.shape[1]
    return torch.stack([second_moment(rows, (M + M.T) / 2, lr, batch).reshape(-1)
                        for M in torch.eye(r * r, dtype=A.dtype).view(-1, r, r)])


def test_curvatures_are_those_of_the_loss_by_autograd():
    """At zero error the Hessian of a network's loss is A^T A / n."""
    X, w = randn(5, 3), randn(3, seed=1)

    def f(w):
        return torch.tanh(X @ w) + (X @ w) ** 2

    y = f(w).detach()
    H = torch.autograd.functional.hessian(lambda w: (f(w) - y).square().mean() / 2, w)
    A = torch.autograd.functional.jacobian(f, w)
    trace, largest = curvatures(A)
    close(trace, H.trace())
    close(largest, torch.linalg.eigvalsh(H)[-1])


def test_many_sets_at_once_and_runs_that_diverged():
    A = randn(2, 3, 4, 6)
    A[1, 2, 0, 0] = torch.inf
    trace, largest = curvatures(A)
    assert trace.shape == largest.shape == (2, 3)
    assert trace[1, 2].isnan() and largest[1, 2].isnan() and trace.isfinite().sum() == 5
    close(largest[0, 1], curvatures(A[0, 1])[1])


@settings(deadline=None, max_examples=25)
@given(n=st.integers(1, 6), P=st.integers(1, 6), seed=st.integers(0, 99), lr=st.floats(0.01, 1))
def test_second_moment_is_the_mean_over_samples(n, P, seed, lr):
    """One sample a step: the mean of (1 - lr a a^T) C (1 - lr a a^T); two: the mean over all pairs."""
    A, S = randn(n, P, seed=seed), randn(P, P, seed=seed + 1)
    C, eye = S @ S.T, torch.eye(P, dtype=torch.float64)
    ones = [eye - lr * torch.outer(a, a) for a in A]
    close(second_moment(A, C, lr), torch.stack([M @ C @ M for M in ones]).mean(0))
    pairs = [(M + N) / 2 for M in ones for N in ones]
    close(second_moment(A, C, lr, batch=2), torch.stack([M @ C @ M for M in pairs]).mean(0))
    whole = eye - lr * A.T @ A / n
    close(second_moment(A, C, lr, batch=10**9), whole @ C @ whole, atol=1e-6, rtol=1e-6)


def test_clouds_have_the_second_moment_and_follow_their_steps():
    A, begin = randn(4, 3), randn(3, seed=1)
    seen = cloud(A, begin.expand(40_000, -1), 0.2, 3, rng(2))
    assert seen.shape == (4, 40_000, 3)
    C = torch.outer(begin, begin)
    for k in range(3):
        C = second_moment(A, C, 0.2)
        products = seen[k + 1][:, :, None] * seen[k + 1][:, None]
        assert ((products.mean(0) - C).abs() <= 5 * products.std(0) / 200 + 1e-12).all()
    whole = torch.eye(3, dtype=torch.float64) - 0.2 * A.T @ A / 4
    close(cloud(A, begin[None], 0.2, 5)[-1, 0], torch.linalg.matrix_power(whole, 5) @ begin)


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 8), P=st.integers(1, 8), seed=st.integers(0, 99), batch=st.sampled_from([1, 1, 2, 5]))
def test_at_the_threshold_the_largest_eigenvalue_is_one(n, P, seed, batch):
    A = randn(n, P, seed=seed) * torch.rand(n, 1, generator=rng(seed), dtype=torch.float64)
    threshold = 2 / sharpness(A, batch).item()
    below, at, above = (torch.linalg.eigvalsh(operator(A, times * threshold, batch))[-1].item() - 1
                        for times in (0.98, 1, 1.02))
    assert below < 1e-9 and abs(at) < 1e-8 and above > 1e-3


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 10), P=st.integers(1, 10), seed=st.integers(0, 99))
def test_the_chain_of_four_and_batches_between(n, P, seed):
    A = randn(n, P, seed=seed) * (0.1 + torch.rand(n, 1, generator=rng(seed), dtype=torch.float64))
    trace, ratio, exact, longest = ladder(A).tolist()
    assert trace <= ratio * (1 + 1e-9) and ratio <= exact * (1 + 1e-9) and exact <= longest * (1 + 1e-9)
    assert moment_ratio(A).item() == ratio
    by_batch = [sharpness(A, b).item() for b in (1, 2, 4, 100_000)]
    assert all(a >= b - 1e-9 for a, b in zip(by_batch, by_batch[1:], strict=False))
    assert by_batch[-1] == pytest.approx(curvatures(A)[1].item(), rel=1e-3)
    close(sharpness(3 * A), 9 * sharpness(A))


def test_closed_forms():
    """Equal lengths: the trace.  Right angles: the longest.  One weight: fourth moment over second."""
    A = torch.nn.functional.normalize(randn(6, 4), dim=1)
    close(ladder(A), torch.ones(4, dtype=torch.float64))
    lengths = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    close(sharpness(torch.diag(lengths)), torch.tensor(9.0, dtype=torch.float64))
    a = randn(7, 1)
    close(sharpness(a), (a**4).mean() / (a**2).mean())
    close(sharpness(torch.tensor([[1.0], [3.0]], dtype=torch.float64)), torch.tensor(8.2, dtype=torch.float64))
    assert sharpness(torch.zeros(3, 2, dtype=torch.float64)).item() == 0


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="one row per sample"):
        sharpness(torch.ones(3))
    with pytest.raises(ValueError, match="gradients are"):
        curvatures(torch.ones(3))
    with pytest.raises(ValueError, match="as wide as A"):
        second_moment(torch.ones(3, 2), torch.eye(3), 0.1)
    with pytest.raises(ValueError, match="as wide as A"):
        cloud(torch.ones(3, 2), torch.ones(5, 3), 0.1, 2)
    with pytest.raises(ValueError, match="above 0"):
        second_moment(torch.ones(3, 2), torch.eye(2), -0.1)
    with pytest.raises(ValueError, match="at most; got 41"):
        sharpness(randn(41, 50), batch=2)
