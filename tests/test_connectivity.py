"""Effective rank, and how far a linear network's kernel moves: closed forms, training, theorem, limits."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib import connectivity, tangents
from tutorial_lib.alignment import alignment

D = torch.float64


def draw(*shape, seed=0):
    """Gaussian numbers in double precision."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=D)


# ---------------------------------------------------------------- rank


@given(st.integers(1, 6), st.integers(0, 1000), st.floats(0.01, 100))
def test_equal_singular_values_count_as_they_are(r, seed, size):
    W = connectivity.oriented(draw(7, seed=seed), 6, r, 1.0, size, torch.Generator().manual_seed(seed))
    for rank in (connectivity.participation, connectivity.entropy_rank):
        assert rank(W).item() == pytest.approx(r, rel=1e-8)
    assert torch.linalg.matrix_norm(W).item() == pytest.approx(size)


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 1000))
def test_effective_ranks_lie_between_one_and_the_rank(m, d, seed):
    W = draw(3, m, d, seed=seed)
    P, E = connectivity.participation(W), connectivity.entropy_rank(W)
    assert (P >= 1).all() and (P <= E + 1e-9).all() and (min(m, d) + 1e-9 >= E).all()
    assert torch.allclose(P, connectivity.participation(7 * W.mT))


@given(st.integers(1, 5), st.integers(0, 1000))
def test_low_rank_keeps_the_size_and_the_best_directions(r, seed):
    W = draw(2, 5, 6, seed=seed)
    cut = connectivity.low_rank(W, r)
    assert torch.allclose(torch.linalg.matrix_norm(cut), torch.linalg.matrix_norm(W))
    assert (torch.linalg.matrix_rank(cut) == r).all()
    s, t = torch.linalg.svdvals(W), torch.linalg.svdvals(cut)
    assert torch.allclose(t[:, :r] / t[:, :1], s[:, :r] / s[:, :1])
    assert torch.allclose(connectivity.low_rank(W, 5), W)


# ---------------------------------------------------------------- the network


def test_task_kernel_is_the_tangent_kernel_by_gradients():
    W, w, x = draw(4, 3).requires_grad_(), draw(4, seed=1).requires_grad_(), draw(5, 3, seed=2)
    rows = [torch.autograd.grad(w @ (W @ point), (W, w)) for point in x]
    blocks = [torch.stack(p) for p in zip(*rows, strict=True)]
    A = connectivity.task_kernel(W, w)
    assert torch.allclose(tangents.tangent_kernel(blocks, blocks), x @ A @ x.T)


@given(st.integers(1, 4), st.floats(0.0, 1.0), st.integers(0, 1000))
def test_oriented_has_the_alignment_that_was_asked_for(r, p, seed):
    b = draw(6, seed=seed)
    W = connectivity.oriented(b, 5, r, p, 2.0, torch.Generator().manual_seed(seed))
    within = torch.linalg.svd(W).Vh[:r] @ b  # b's coordinates in the row space
    assert (within.norm() / b.norm()).item() == pytest.approx(p, abs=1e-7)


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 6), st.floats(0.3, 1.0), st.floats(0.3, 1.5), st.floats(0.7, 3.0), st.integers(0, 1000))
def test_the_end_in_closed_form_is_the_end_of_training(r, p, size, length, seed):
    b = draw(6, seed=seed)
    b = b / b.norm() * length
    p = 1.0 if r == 6 else p
    W, w = connectivity.oriented(b, 7, r, p, size, torch.Generator().manual_seed(seed)), torch.zeros(7, dtype=D)
    W1, w1 = connectivity.descend(W, w, b, lr=0.02, goal=1e-4)
    kept, moved = connectivity.end(r, 6, p, size, length)
    A0, A = connectivity.task_kernel(W, w), connectivity.task_kernel(W1, w1)
    assert alignment(A0, A).item() == pytest.approx(kept.item(), abs=5e-3)
    assert ((W1 - W).norm() / W.norm()).item() == pytest.approx(moved.item(), abs=0.02 * max(1, moved.item()))
    assert (w1 @ w1).item() == pytest.approx(connectivity.output_size(size**2 / r, length).item(), rel=0.02)


def test_descent_keeps_what_the_flow_conserves_and_finds_the_task():
    W, w, b = draw(3, 5, 4), 0.3 * draw(3, 5, seed=1), draw(3, 4, seed=2)
    before = W @ W.mT - w[..., None] * w[..., None, :]
    W1, w1 = connectivity.descend(W, w, b, lr=0.01, goal=1e-3)
    after = W1 @ W1.mT - w1[..., None] * w1[..., None, :]
    assert torch.allclose((W1.mT @ w1[..., None])[..., 0], b, atol=5e-3)
    assert (after - before).abs().max() < 0.02 * before.abs().max()


@pytest.mark.parametrize("s2, length", [(1e-9, 2.0), (1e9, 2.0), (1.0, 1.0)])
def test_output_size_solves_its_equation_and_has_both_limits(s2, length):
    q = connectivity.output_size(s2, length).item()
    assert q**2 + s2 * q == pytest.approx(length**2)
    assert q == pytest.approx(length if s2 < 1 else length**2 / s2 if s2 > 1 else (math.sqrt(5) - 1) / 2)


def test_large_starts_are_lazy_up_to_what_they_have_to_turn():
    """|b| far below |W|^2: the kernel changes by (1 - p^2) / r, and the weights by sqrt(2 (1 - p) / r)."""
    for r, p in ((1, 0.4), (3, 0.4), (3, 1.0)):
        kept, moved = connectivity.end(r, 8, p, 1.0, 1e-6)
        assert 1 - kept.item() == pytest.approx((1 - p**2) / r, abs=1e-5)
        assert moved.item() == pytest.approx(math.sqrt(2 * (1 - p) / r), abs=1e-5)


@pytest.mark.parametrize("r, outer", [(1, 0.0), (2, 1.0), (6, 0.0)])
def test_mean_over_tasks_from_a_small_start(r, outer):
    W = 1e-3 * connectivity.low_rank(draw(8, 6, seed=3), r)
    w = outer * 1e-3 * draw(8, seed=4)
    b = torch.nn.functional.normalize(draw(300, 6, seed=5), dim=1)
    W1, w1 = connectivity.descend(W.expand(300, -1, -1), w.expand(300, -1), b, lr=0.1, goal=1e-3)
    A0 = connectivity.task_kernel(W, w)
    kept = alignment(A0.expand(300, -1, -1), connectivity.task_kernel(W1, w1))
    error = (kept.mean() - connectivity.expected_alignment(A0)).abs()
    assert error < 4 * kept.std() / 300**0.5 + 0.002


def test_no_kernel_is_lazier_on_average_than_one_that_prefers_nothing():
    d = 6
    best = connectivity.expected_alignment(torch.eye(d, dtype=D))
    assert best.item() == pytest.approx((d + 1) / math.sqrt(d * (d + 3)))
    W = draw(50, d, d)
    assert (connectivity.expected_alignment(W.mT @ W) < best).all()


def test_lazy_start_has_rank_one_and_its_kernel_keeps_its_shape():
    b, w = draw(6), draw(5, seed=1)
    W = connectivity.lazy_start(b, w)
    A0 = connectivity.task_kernel(W, w)
    A = connectivity.task_kernel(*connectivity.descend(W, w, b, lr=0.01))
    assert torch.linalg.matrix_rank(W) == 1 and W.norm().item() == pytest.approx(w.norm().item())
    assert alignment(A0, A).item() == pytest.approx(1, abs=1e-12)


def test_wrong_input_is_answered():
    b, w, rng = draw(4), draw(3), torch.Generator()
    with pytest.raises(ValueError, match="no effective rank"):
        connectivity.participation(torch.zeros(3, 3))
    with pytest.raises(ValueError, match="no effective rank"):
        connectivity.entropy_rank(torch.zeros(3, 3))
    with pytest.raises(ValueError, match="r = 5"):
        connectivity.low_rank(draw(4, 6), 5)
    with pytest.raises(ValueError, match="3 hidden units"):
        connectivity.task_kernel(draw(3, 4), draw(4))
    with pytest.raises(ValueError, match="p = 0.5"):
        connectivity.oriented(b, 5, 4, 0.5, 1.0, rng)
    with pytest.raises(ValueError, match="positive"):
        connectivity.end(2, 4, 0.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="square"):
        connectivity.output_size(-1.0, 1.0)
    with pytest.raises(ValueError, match="no direction"):
        connectivity.lazy_start(0 * b, w)
    with pytest.raises(RuntimeError, match="not learned"):
        connectivity.descend(connectivity.oriented(b, 3, 2, 0.0, 1.0, rng), 0 * w, b, most=20)
