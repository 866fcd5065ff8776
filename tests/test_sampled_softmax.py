"""sampled_softmax: averages summed over every list of draws, the full softmax as limit, what the least loss teaches."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tutorial_lib.sampled_softmax import candidate_loss, chance_among, in_batch_loss, log_partition, merge

close = torch.testing.assert_close


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def every_list(Q, m):
    """All lists of m draws and their probabilities.  -> (N^m, m), (N^m,)"""
    drawn = torch.cartesian_prod(*[torch.arange(len(Q))] * m).view(-1, m)
    return drawn, Q[drawn].prod(1)


@given(st.integers(2, 5), st.integers(1, 4), st.integers(0, 9))
def test_the_estimate_of_the_partition_function_is_right_on_average_and_its_log_too_low(N, m, seed):
    s, Q = 2 * numbers(N, seed=seed), numbers(N, seed=seed + 50).softmax(0)
    drawn, chance = every_list(Q, m)
    log_hat = log_partition(s[drawn], Q.log()[drawn])
    close(chance @ log_hat.exp(), s.exp().sum())
    assert chance @ log_hat <= s.logsumexp(0) + 1e-12


def test_drawn_by_the_softmax_itself_every_list_gives_the_partition_function():
    s = numbers(6)
    drawn, _ = every_list(s.softmax(0), 3)
    close(log_partition(s[drawn], s.log_softmax(0)[drawn]), s.logsumexp(0).expand(216))


def test_more_draws_come_closer():
    s, Q = numbers(50, seed=1), numbers(50, seed=2).softmax(0)
    draws = torch.multinomial(Q, 200_000, replacement=True, generator=torch.Generator().manual_seed(3))
    spread = [(log_partition(s[d], Q.log()[d]) - s.logsumexp(0)).std() for d in (draws.view(-1, m) for m in (4, 64))]
    assert 3 < spread[0] / spread[1] < 5  # as the root of 16


@pytest.mark.parametrize("m", [1, 2, 3])
def test_the_gradient_of_the_corrected_choice_vanishes_at_the_truth(m):
    """And at log(p / Q) without the correction; at log p it does not."""
    p, Q = numbers(4, seed=1).softmax(0), numbers(4, seed=2).softmax(0)
    drawn, chance = every_list(Q, m)
    shown = torch.cat([torch.arange(4)[:, None, None].expand(4, len(drawn), 1), drawn.expand(4, -1, -1)], -1)

    def gradient(s, log_q):
        s = s.clone().requires_grad_()
        (p @ (candidate_loss(s[shown], log_q[shown]) @ chance)).backward()
        return s.grad.abs().max()

    assert gradient(p.log(), Q.log()) < 1e-12 and gradient((p / Q).log(), 0 * Q) < 1e-12
    assert gradient(p.log(), 0 * Q) > 1e-2


def test_independent_candidates_without_duplicates_are_exact_too():
    """Each class is there with a chance of its own, the right one always: all subsets summed."""
    p, chance = numbers(5, seed=3).softmax(0), torch.tensor([0.9, 0.5, 0.2, 0.7, 0.4], dtype=torch.float64)
    s = p.log().requires_grad_()
    total = 0
    for subset in torch.cartesian_prod(*[torch.arange(2)] * 5).bool():
        weight = torch.where(subset, chance, 1 - chance).prod()
        for y in range(5):
            present = subset.clone()
            present[y] = True
            logits = (s - chance.log()).masked_fill(~present, -torch.inf)
            total = total + weight * p[y] * F.cross_entropy(logits[None], torch.tensor([y]))
    total.backward()
    assert s.grad.abs().max() < 1e-12


@given(st.integers(1, 6), st.floats(0.01, 0.9))
def test_the_chance_to_be_among_the_draws_against_every_list(m, share):
    Q = torch.tensor([share, 1 - share], dtype=torch.float64)
    drawn, chance = every_list(Q, m)
    close(chance_among(Q.log(), m)[0].exp(), chance[(drawn == 0).any(1)].sum())


def test_a_rare_class_is_drawn_about_m_times_its_share():
    close(chance_among(torch.tensor(1e-7, dtype=torch.float64).log(), 100).exp().item(), 1e-5, rtol=1e-4, atol=0)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_merge_gives_each_class_once(ids):
    ids = torch.tensor(ids)
    first, which = merge(ids)
    assert torch.equal(ids[first][which], ids) and len(ids[first].unique()) == len(first)
    assert all((ids[:f] != ids[f]).all() for f in first)  # first occurrences


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 9))
def test_in_batch_loss_is_the_full_softmax_when_every_class_is_there_for_certain(N, more, seed):
    rows = torch.cat([torch.arange(N), torch.randint(N, (more,), generator=torch.Generator().manual_seed(seed))])
    table, q = numbers(N, 3, seed=seed), numbers(len(rows), 3, seed=seed + 1)
    close(in_batch_loss(q, table[rows], rows, torch.zeros(len(rows))), F.cross_entropy(q @ table.T, rows))


def test_in_batch_loss_on_two_rows_of_one_class_costs_nothing():
    q, e = numbers(2, 3), numbers(1, 3).expand(2, 3)
    assert in_batch_loss(q, e, torch.tensor([4, 4]), torch.tensor([-3.0, -3.0])).abs() < 1e-12


def test_a_common_class_is_favoured_by_its_share():
    """With equal scores the corrected chance of a class is 1 / its chance to be there, normalised."""
    loss = in_batch_loss(torch.zeros(2, 1), torch.zeros(2, 1), torch.tensor([0, 1]), torch.tensor([0.8, 0.2]).log())
    close(loss, -(torch.tensor([0.2, 0.8]).log()).mean())


def test_bad_inputs_are_named():
    with pytest.raises(ValueError, match="same draws"):
        log_partition(torch.zeros(3), torch.zeros(2))
    with pytest.raises(ValueError, match="each candidate"):
        candidate_loss(torch.zeros(3), torch.zeros(2))
    with pytest.raises(ValueError, match="at least one draw"):
        chance_among(torch.zeros(1), 0)
    with pytest.raises(ValueError, match=r"\(B,\)"):
        merge(torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r"\(B, E\)"):
        in_batch_loss(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(3), torch.zeros(2))
    assert math.isclose(log_partition(torch.zeros(2, 1), torch.zeros(2, 1)).sum().item(), 0.0)
