"""transformer: attention beside the library's, places that only differences of count, causal reading."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.attention import causal_attention
from tutorial_lib.transformer import Transformer, TransformerBlock, turned

close = torch.testing.assert_close


def seeded(make, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(2, 12), st.integers(1, 6), st.integers(0, 5))
def test_scores_depend_on_the_distance_alone(T, half, shift):
    """Closed form: the same vectors, a few steps later, give the same products; lengths stay."""
    x, y = some(2 * half), some(2 * half, seed=1)
    q, k = turned(x.expand(T + shift, -1)), turned(y.expand(T + shift, -1))
    scores = q @ k.T
    close(scores[shift:, shift:], scores[:T, :T])
    close(q.norm(dim=-1), x.norm().expand(T + shift))
    close(q[0], x)


def test_an_odd_number_and_uneven_heads_are_refused():
    with pytest.raises(ValueError, match="even"):
        turned(some(3, 5))
    with pytest.raises(ValueError, match="heads"):
        TransformerBlock(12, 4)


def test_attention_is_the_library_s_head_by_head():
    block, x = seeded(lambda: TransformerBlock(16, 2)).double(), some(3, 9, 16)
    q, k, v = block.qkv(x).split(16, -1)
    heads = [causal_attention(turned(q[..., p]), turned(k[..., p]), v[..., p]) for p in (slice(0, 8), slice(8, 16))]
    close(block.attend(x), torch.cat(heads, -1))


@torch.no_grad()
def test_it_reads_forwards_only_and_at_any_length():
    model, x = seeded(lambda: Transformer(11, 16)), torch.arange(60).view(2, 30) % 11
    whole = model(x)
    assert whole.shape == (2, 30, 11)
    close(model(x[:, :13]), whole[:, :13], atol=1e-5, rtol=1e-4)
    changed = x.clone()
    changed[:, 20] += 1
    differs = (model(changed) - whole).abs().amax((0, 2)) > 0
    assert not differs[:20].any() and differs[20:].all()


def test_without_weights_of_its_parts_a_block_hands_its_input_on():
    block, x = seeded(lambda: TransformerBlock(16, 2)).double(), some(1, 5, 16)
    for p in (*block.mix.parameters(), *block.narrow.parameters()):
        p.data.zero_()
    close(block(x), x)
