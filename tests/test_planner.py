"""planner: the loss from counts beside the loss line by line, its gradient, what is written into weights walks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.planner import (
    PathTransformer,
    complete,
    first_logits,
    main_effects,
    next_token_loss,
    table_gradients,
    table_logits,
    table_loss,
    table_written,
    theorem_2,
)
from tutorial_lib.planning import (
    arrival,
    counts,
    degree,
    observed_reachability,
    random_dag,
    reachable,
    split_pairs,
    training_lines,
    valid,
)

close = torch.testing.assert_close


def world(n, p, seed, m=3):
    """A graph, its test pairs, its lines, and the generator that drew them."""
    rng = torch.Generator().manual_seed(seed)
    A = random_dag(n, p, rng)
    A[0, 1] = True  # so that there is a line
    train, test = split_pairs(A, 0.5, rng)
    return A, test, training_lines(A, train, m, rng), rng


def tables(n, seed=0):
    return torch.randn(2, n, n + 1, generator=torch.Generator().manual_seed(seed), dtype=torch.double).unbind()


def seeded(make, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 9), st.integers(0, 99))
def test_the_loss_from_counts_is_the_loss_line_by_line_and_so_is_its_gradient(n, seed):
    x, (W_M, W_V) = world(n, 0.5, seed)[2], tables(n, seed)
    W_M.requires_grad_(), W_V.requires_grad_()
    N = counts(x, n)
    loss = table_loss(W_M, W_V, N)
    whole = table_logits(W_M, W_V)[x[:, 1:2], x.clamp(max=n - 1)]  # (L, T, V)
    close(loss, next_token_loss(whole, x, n, first=2) * N.sum())
    for mine, other in zip(table_gradients(W_M, W_V, N), torch.autograd.grad(loss, (W_M, W_V)), strict=True):
        close(mine, other)


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 9), st.integers(0, 99))
def test_theorem_3_signs_of_the_gradient(n, seed):
    N = counts(world(n, 0.4, seed)[2], n)
    W_M, W_V = tables(n, seed)
    low = -60.0  # standing for minus infinity
    for which, axis in ((0, 1), (1, 0)):
        total, visited = N.sum(axis), N.sum((axis, 2))[:, None].expand(-1, n + 1)  # (n, V)
        gradient = table_gradients(W_M, W_V, N)[which]
        assert (gradient[visited == 0] == 0).all()
        assert (gradient[(visited > 0) & (total == 0)] > 0).all()
        for row, k in (total > 0).nonzero()[:4].tolist():
            far = [W_M.clone(), W_V.clone()]
            far[which][row, k] = low
            assert table_gradients(*far, N)[which][row, k] < 0


@settings(max_examples=10, deadline=None)
@given(st.integers(3, 12), st.integers(0, 99))
def test_written_tables_and_written_network_walk_as_algorithm_1(n, seed):
    A, _, x, _ = world(n, 0.4, seed)
    R, R_obs = reachable(A), observed_reachability(x, n)
    paths = R.T & ~torch.eye(n, dtype=torch.bool)
    for known, right in ((R, paths), (R_obs, degree(A, R_obs) <= 1)):
        P = table_logits(*table_written(A, known, 200.0)).softmax(-1)
        close(arrival(P, A)[paths], right[paths].double())
    for known, right in ((R, paths), (R_obs, degree(A, R_obs) == 0)):  # A is read only where R knows the node
        L = first_logits(theorem_2(A, known, n + 3), n)
        close(arrival(L.softmax(-1), A)[paths], right[paths].double())


def test_the_written_network_looks_at_the_target_and_writes_valid_lines():
    A, test, x, rng = world(10, 0.4, 1)
    model, T = theorem_2(A, reachable(A), 13), 13
    assert (model.looks(x)[:, 2:, 1] > 1 - 1e-9).all()
    assert valid(complete(model, test, T, 10, rng, given=3), A).all() and len(test) > 3
    blind = theorem_2(A, reachable(A), T, c=0.0)
    assert not valid(complete(blind, test, T, 10, rng), A).all()
    with pytest.raises(ValueError, match="2 or 3"):
        complete(model, test, T, 10, rng, given=1)


def test_main_effects_find_a_sum_and_leave_the_rest():
    L = table_logits(*tables(5))
    close(table_logits(*main_effects(L)[:2]), L - L.mean(-1, keepdim=True))
    assert main_effects(L)[2] < 1e-20
    only = torch.zeros(2, 2, 3, dtype=torch.double)
    only[0, 0, 0], only[1, 1, 0], only[0, 1, 0], only[1, 0, 0] = 1, 1, -1, -1  # one factor says nothing by itself
    close(main_effects(only)[2], torch.ones((), dtype=torch.double))


def test_the_network_reads_forwards_and_its_tables_are_what_it_computes_without_norms():
    model, x = seeded(lambda: PathTransformer(6, 8, 7)), torch.tensor([[0, 3, 0, 2, 3, 5]])
    y = x.clone()
    y[0, 4] = 1
    assert model(x).shape == (1, 6, 6)
    close(model(x)[:, :4], model(y)[:, :4])
    close(model.looks(x).sum(-1), torch.ones(1, 6))
    with pytest.raises(ValueError, match="places for 7"):
        model(torch.zeros(1, 8, dtype=torch.long))
    bare = seeded(lambda: PathTransformer(6, 8, 7, norms=False))
    with torch.no_grad():
        bare.widen.weight.zero_()
        bare.q.weight.zero_()
        bare.narrow.bias.zero_()
        bare.widen.bias.zero_()
        bare.place.zero_()
    W_M, W_V = bare.tables()  # without hidden units both are plain products; the first token looks at itself
    close(bare(x[:, :1])[0, 0], W_M[0] + W_V[0])
    assert not bare.ffn(bare.embed.weight).any() and bare.start(x).equal(bare.embed(x))


def test_only_tokens_up_to_the_first_end_are_judged():
    x, logits = torch.tensor([[0, 1, 0, 1, 2, 2, 2]]), torch.zeros(1, 7, 3)
    logits[0, 4:] = torch.tensor([9.0, 0, 0])  # what is said after the end does not count
    close(next_token_loss(logits, x, 2), torch.tensor(3.0).log())
    close(next_token_loss(logits, x, 2, first=2), torch.tensor(3.0).log())
