"""lexicon: lines are what they say, the reader is Bayes' rule counted over all meanings, evidence adds up."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.lexicon import (
    Listener,
    chances,
    least_loss,
    lines,
    listening_loss,
    pairs_needed,
    rare_and_common,
    reader,
    said_before,
)

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 5), st.integers(1, 6), st.integers(0, 99))
def test_keys_and_values_take_turns(B, T, K, V, seed):
    x = lines(B, T, K, rare_and_common(V), 0.1, rng(seed))
    assert x.shape == (B, T) and x.min() >= 0 and x.max() < K + V
    assert ((x[:, 1:] < K) != (x[:, :-1] < K)).all()
    assert torch.equal(x, lines(B, T, K, rare_and_common(V), 0.1, rng(seed)))


def test_values_follow_p_and_slips_are_as_rare_as_asked():
    p = rare_and_common(4)
    close(p, torch.tensor([12.0, 6, 4, 3]) / 25)
    x = lines(4000, 4, 1, p, 0.3, rng(1))  # one key only
    said = (x * (x >= 1)).sort(1).values[:, -2:] - 1  # the two values of each line
    close(torch.bincount(said.flatten(), minlength=4) / 8000, p, atol=0.03, rtol=0)
    same = 0.7**2 + (1 - 0.7**2) * p.square().sum()
    assert (said[:, 0] == said[:, 1]).float().mean().item() == pytest.approx(same.item(), abs=0.03)


@pytest.mark.parametrize(("eps", "T"), [(0.0, 4), (1.0, 4), (0.1, 0)])
def test_lines_that_cannot_be(eps, T):
    with pytest.raises(ValueError, match="eps lies between 0 and 1"):
        lines(1, T, 2, rare_and_common(2), eps, rng())


def test_what_was_said_is_counted():
    x = torch.tensor([[0, 2, 1, 3, 0, 2, 0, 3, 0], [2, 0, 0, 1, 2, 0, 0, 1, 0]])  # keys 0, 1; values 2, 3
    assert said_before(x, 2, 2).tolist() == [[2, 1], [0, 0]]


def test_the_reader_is_bayes_rule_over_all_meanings():
    K, p, eps = 2, torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), 0.2
    for x in lines(6, 9, K, p, eps, rng(2)):
        weights, told = [], []
        for meaning in product(range(3), repeat=K):
            like = torch.stack([p[m] for m in meaning]).prod()
            for key, value in zip(x[:-1].tolist(), x[1:].tolist(), strict=True):
                if key < K:
                    like = like * ((1 - eps) * (meaning[key] == value - K) + eps * p[value - K])
            weights.append(like)
            told.append((1 - eps) * torch.eye(3, dtype=torch.float64)[meaning[x[-1] % K]] + eps * p)
        wanted = (torch.stack(weights)[:, None] * torch.stack(told)).sum(0) / sum(weights)
        found = reader(x[None], K, p, eps)[0].exp()
        close(found.sum(), torch.tensor(1.0, dtype=torch.float64))
        if x[-1] < K:
            close(found[K:], wanted)
        else:
            close(found[:K], torch.full((K,), 0.5, dtype=torch.float64))


def test_chances_without_evidence_and_with_much():
    p = rare_and_common(5)
    close(chances(torch.zeros(5), p, 0.1), p)
    close(chances(torch.tensor([0.0, 0, 0, 9, 0]), p, 0.1)[3], 0.9 + 0.1 * p[3])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=4), st.integers(0, 3), st.sampled_from([0.05, 0.2, 0.5]))
def test_pairs_needed_is_the_first_number_that_wins(n, y, eps):
    p, n = rare_and_common(4), torch.tensor(n)
    need = pairs_needed(n, y, p, eps)
    one = torch.eye(4)[y]
    assert chances(n + need * one, p, eps).argmax() == y
    assert all(chances(n + i * one, p, eps).argmax() != y for i in range(need))
    assert pairs_needed(n, y, p, eps, most=need - 1) == -1 if need else True


def test_a_rare_value_is_better_evidence_for_itself():
    p, once = rare_and_common(10), torch.eye(10)
    # prior times evidence is p (1 + 9 / p) = p + 9 after one saying each, (p + 9)^2 / p after two
    assert pairs_needed(once[0], 9, p, 0.1) == 2 and pairs_needed(once[9], 0, p, 0.1) == 1
    assert pairs_needed(2 * once[0], 9, p, 0.1) == 2 and pairs_needed(2 * once[9], 0, p, 0.1) == 3


def test_the_listener_is_causal_and_every_weight_learns():
    torch.manual_seed(0)
    model, x = Listener(5, d=8), lines(6, 9, 2, rare_and_common(3), 0.2, rng(3))
    loss = listening_loss(model, x)
    loss.backward()
    assert all(w.grad is not None and w.grad.abs().sum() > 0 for w in model.parameters())
    later = x.clone()
    later[:, -1] = (later[:, -1] + 1) % 5
    close(model(x)[:, :-1], model(later)[:, :-1])
    close(model.next_token(x), model(x)[:, -1])
    told = -model(x[:, :-1]).log_softmax(-1).gather(2, x[:, 1:, None]).mean()
    close(loss, told)


def test_no_listener_is_better_than_the_reader():
    K, p, eps = 2, rare_and_common(3), 0.2
    x = lines(200, 8, K, p, eps, rng(4))
    torch.manual_seed(0)
    model = Listener(5, d=16)
    adam = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(60):
        adam.zero_grad()
        listening_loss(model, lines(32, 8, K, p, eps, rng(step))).backward()
        adam.step()
    assert least_loss(x, K, p, eps) - 0.01 < listening_loss(model, x) < least_loss(x, K, p, eps) + 0.15

    class Knows(torch.nn.Module):
        def forward(self, x):
            return torch.stack([reader(x[:, : t + 1], K, p, eps) for t in range(x.shape[1])], 1)

    close(listening_loss(Knows(), x), least_loss(x, K, p, eps))
