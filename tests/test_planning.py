"""planning: graphs beside networkx or search, lines that are and are not valid, walkers exactly and by drawing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.planning import (
    algorithm_1,
    arrival,
    by_degree,
    counts,
    degree,
    observed_adjacency,
    observed_reachability,
    random_dag,
    reachable,
    refused,
    split_pairs,
    training_lines,
    valid,
    walk,
    written,
)

close = torch.testing.assert_close
CHAIN = torch.tensor([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], dtype=torch.bool)  # 0 1 2 3 in a row
some = given(st.integers(2, 14), st.floats(0.1, 0.7), st.integers(0, 999))


def world(n, p, seed, m=3):
    """A graph, its training and test pairs, and its lines."""
    rng = torch.Generator().manual_seed(seed)
    A = random_dag(n, p, rng)
    A[0, 1] = True  # so that there is a line
    train, test = split_pairs(A, 0.5, rng)
    return A, train, test, training_lines(A, train, m, rng), rng


@settings(max_examples=20, deadline=None)
@some
def test_reachability_is_that_of_a_search(n, p, seed):
    A = world(n, p, seed)[0]
    R = reachable(A)
    for k in range(n):
        seen, ahead = set(), [k]
        while ahead:
            i = ahead.pop()
            seen.add(i)
            ahead += [j for j in A[i].nonzero().flatten().tolist() if j not in seen]
        assert set(R[:, k].nonzero().flatten().tolist()) == seen
    assert reachable(CHAIN).T.equal(torch.ones(4, 4, dtype=torch.bool).triu())
    assert reachable(CHAIN | CHAIN.T).all()


@settings(max_examples=20, deadline=None)
@some
def test_lines_are_valid_show_every_edge_and_pairs_are_split_once(n, p, seed):
    A, train, test, x, rng = world(n, p, seed)
    R = reachable(A)
    assert not A.tril().any() and len(train) + len(test) == R.sum() - n
    assert len(torch.cat((train, test)).unique(dim=0)) == len(train) + len(test)
    assert valid(x, A).all() and len(x) == 3 * len(train) + A.sum()
    assert observed_adjacency(x, n).equal(A)
    R_obs = observed_reachability(x, n)
    assert not (R_obs & ~R).any()
    for s, t in test.tolist():
        path = walk(A, R, s, t, rng)
        assert path[0] == s and path[-1] == t
    N = counts(x, n)
    assert (N[:, :, :n].sum(1) > 0).equal(A) and (N[..., :n].sum(0) > 0).equal(R_obs)
    assert N.sum() == (x[:, 3:] < n).sum() + len(x)
    F, seen = refused(N), {(int(i), int(u[1])) for u in x for i in u[2:] if i < n}
    for t, k in torch.cartesian_prod(torch.arange(n), torch.arange(n)).tolist():
        assert F[t, k] == (not R_obs[t, k] and any((i, t) in seen for i in A[:, k].nonzero().flatten().tolist()))
    assert N[..., n].sum() == N[range(n), range(n), n].sum() == len(x)


def test_what_two_lines_show_is_not_what_follows_from_them():
    x = written([[0, 1, 2], [2, 3]], [2, 3], 4)
    assert x.tolist() == [[0, 2, 0, 1, 2, 4], [2, 3, 2, 3, 4, 4]]
    R_obs = observed_reachability(x, 4)
    assert R_obs.nonzero().tolist() == [[2, 1], [2, 2], [3, 3]]  # a source is not seen, a target is
    D = degree(CHAIN, R_obs)
    assert D[0, 3] == 3 and D[1, 3] == 2 and D[2, 3] == 1 and D[1, 2] == 0 and D[3, 0] == -1
    with pytest.raises(ValueError, match="one target for each"):
        written([[0]], [], 4)


@pytest.mark.parametrize("line, right", [
    ([0, 3, 0, 1, 2, 3, 4, 4], True),
    ([0, 3, 0, 1, 2, 3, 4, 1], True),  # what follows the end is not read
    ([0, 3, 1, 2, 3, 4, 4, 4], False),  # does not begin at its source
    ([0, 3, 0, 2, 3, 4, 4, 4], False),  # no such edge
    ([0, 3, 0, 1, 2, 4, 4, 4], False),  # stops too early
    ([0, 2, 0, 1, 2, 3, 4, 4], False),  # goes past its target
    ([0, 3, 0, 1, 2, 3, 3, 3], False),  # no end
    ([3, 0, 3, 2, 1, 0, 4, 4], False),  # edges the wrong way round
    ([0, 3, 4, 4, 4, 4, 4, 4], False),
    ([3, 3, 3, 4, 4, 4, 4, 4], False),
])
def test_a_line_is_valid_or_not(line, right):
    assert valid(torch.tensor([line]), CHAIN).tolist() == [right]


def test_what_cannot_be_is_refused():
    for bad in ((1, 0.5), (3, 1.5)):
        with pytest.raises(ValueError, match="two nodes"):
            random_dag(*bad, torch.Generator())
    with pytest.raises(ValueError, match="shortest line"):
        valid(torch.zeros(1, 4, dtype=torch.long), CHAIN)
    with pytest.raises(ValueError, match="lower to higher"):
        arrival(torch.zeros(4, 4, 5), CHAIN.T)
    with pytest.raises(ValueError, match="no degree"):
        by_degree(torch.ones(1), torch.tensor([-1]))


@settings(max_examples=30, deadline=None)
@some
def test_the_walker_arrives_always_with_the_truth_and_by_degree_with_what_was_seen(n, p, seed):
    A, _, _, x, _ = world(n, p, seed)
    R, R_obs = reachable(A), observed_reachability(x, n)
    paths = (R & ~torch.eye(n, dtype=torch.bool)).T
    close(arrival(algorithm_1(A, R), A)[paths], torch.ones(int(paths.sum()), dtype=torch.double))
    close(arrival(algorithm_1(A, R_obs), A)[paths], (degree(A, R_obs)[paths] <= 1).double())


def test_guessing_arrives_as_often_as_neighbours_lead_on():
    A = torch.zeros(5, 5, dtype=torch.bool)
    A[0, 1] = A[0, 2] = A[0, 3] = A[1, 4] = A[2, 4] = True  # from 0, two of three ways lead to 4
    R_obs = torch.eye(5, dtype=torch.bool)
    close(arrival(algorithm_1(A, R_obs, guess=True), A)[0, 4].item(), 2 / 3)
    assert arrival(algorithm_1(A, R_obs), A)[0, 4] == 0 and arrival(algorithm_1(A, R_obs), A)[1, 4] == 1
    close(algorithm_1(A, ~R_obs.new_zeros(5, 5), guess=True), algorithm_1(A, ~R_obs.new_zeros(5, 5)))


def test_arrival_is_what_drawing_gives():
    A, _, _, _, rng = world(7, 0.6, 3)
    P = torch.rand(7, 7, 8, generator=rng, dtype=torch.double)
    P = P / P.sum(-1, keepdim=True)
    s, t, f = 0, 4, arrival(P, A)
    now, ok = torch.full((20_000,), s), torch.ones(20_000, dtype=torch.bool)
    done = ~ok
    for _ in range(7):
        new = torch.multinomial(P[t, now.clamp(max=6)], 1, generator=rng)[:, 0]
        ends = (new == 7) & ~done
        ok &= done | torch.where(ends, now == t, torch.nn.functional.pad(A, (0, 1))[now.clamp(max=6), new])
        done, now = done | ends, torch.where(done, now, new)
    share = (ok & done).double().mean()
    assert 0 < f[s, t] < 1 and abs(share - f[s, t]) < 4 * (f[s, t] / 20_000) ** 0.5


def test_sums_by_degree_add_up():
    right, number = by_degree(torch.tensor([1, 0, 0.5, 1]), torch.tensor([0, 0, 2, 7]))
    assert right.tolist() == [1, 0, 0.5, 1] and number.tolist() == [2, 0, 1, 1]
