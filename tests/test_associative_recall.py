"""associative_recall: rounds that can be answered, models that are the systems they claim to be, a memory by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib import framework
from tutorial_lib.associative_recall import (
    MEMBERS,
    Recaller,
    code_memory,
    place_of_answer,
    recall_loss,
    recall_task,
    recalled,
    rounds,
    with_last,
)

close = torch.testing.assert_close


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 5), st.integers(0, 99))
def test_each_query_has_one_answer_in_its_round(B, P, more, seed):
    V = P + more
    tokens, answers = recall_task(B, P, V, rng(seed))
    assert tokens.shape == (B, 3 * P) and answers.shape == (B, P)
    for row, wanted in zip(tokens, answers, strict=True):
        told = dict(row[: 2 * P].view(P, 2).tolist())
        assert len(told) == P and all(k < V <= v < 2 * V for k, v in told.items())
        assert [told[k] - V for k in row[2 * P :].tolist()] == wanted.tolist()
        assert (row[place_of_answer(row)] == wanted + V).all()


def test_rounds_are_fresh_and_come_from_their_generator():
    stream, again = rounds(2, 3, 8, rng(1)), rounds(2, 3, 8, rng(1))
    first, second = next(stream), next(stream)
    assert torch.equal(first[0], next(again)[0]) and not torch.equal(first[0], second[0])


def test_each_step_beside_the_one_before_it():
    x = torch.arange(6.0).view(1, 3, 2)
    assert with_last(x).tolist() == [[[0, 1, 0, 0], [2, 3, 0, 1], [4, 5, 2, 3]]]


@pytest.mark.parametrize("member", [m for m in MEMBERS if m != "softmax"])
def test_a_model_is_the_system_that_it_says(member):
    torch.manual_seed(0)
    model = Recaller(member, 3, d=2, V=6, E=5).double()
    tokens, _ = recall_task(1, 4, 6, rng(2))
    u, system = model.system(tokens[0])
    close(model.readout(framework.run(system, u)[0])[8:], model(tokens)[0])
    assert system[0].shape == (12, 6)  # n d numbers


@pytest.mark.parametrize("member", MEMBERS)
def test_models_are_causal_and_every_weight_learns(member):
    torch.manual_seed(1)
    model = Recaller(member, 4, d=2, V=8, E=6)
    tokens, answers = recall_task(8, 3, 8, rng(3))
    loss = recall_loss(model, (tokens, answers))
    assert loss.item() == pytest.approx(math.log(8), rel=0.5)
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    later = tokens.clone()
    later[:, -1] = (later[:, -1] + 1) % 8
    close(model(tokens)[:, :-1], model(later)[:, :-1])
    assert model.parameters_count() == sum(p.numel() for p in model.parameters())


def test_recalled_counts_by_query():
    class Knows(torch.nn.Module):
        def forward(self, tokens):
            P = tokens.shape[1] // 3
            places = torch.stack([place_of_answer(t) for t in tokens])
            scores = torch.nn.functional.one_hot(tokens.gather(1, places) - 8, 8).float()
            scores[:, P - 1] = -scores[:, P - 1]
            return scores

    assert recalled(Knows(), recall_task(5, 3, 8, rng(4))).tolist() == [1, 1, 0]


def test_a_memory_with_orthogonal_codes_recalls_exactly():
    tokens, _ = recall_task(1, 4, 4, rng(5))
    tokens = tokens[0]
    for gate in (False, True):
        q, k = code_memory(tokens, torch.eye(8), gate)
        Phi = framework.implied(framework.linear_attention(q, k, 1))[..., 0, 0]
        told = Phi[8:, :8]
        assert (told.argmax(1) == place_of_answer(tokens)).all() and told.sum() == 4
    assert (k[tokens < 4] == 0).all()


def test_bad_input_is_told():
    with pytest.raises(ValueError, match="as many different keys"):
        recall_task(1, 5, 4, rng())
    with pytest.raises(ValueError, match="member is one of"):
        Recaller("GRU", 2)
    with pytest.raises(ValueError, match="grows with the sequence"):
        Recaller("softmax", 2).system(torch.zeros(3, dtype=torch.int64))
