"""decoder_last: what each part may see, which weights each phase touches, three losses against slow routes."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tutorial_lib.decoder_last import (
    ChunkDecoder,
    ChunkEncoder,
    MainModel,
    chunk_numbers,
    chunk_places,
    contrastive_loss,
    cut,
    decoder_loss,
    joint_in_pieces,
    joint_loss,
    shifted,
)

V, K, close = 7, 3, torch.testing.assert_close


@pytest.fixture
def parts():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ChunkEncoder(V, K, 4, 6, 5), MainModel(5, 4), ChunkDecoder(V, 9, 4, 5, 6)


def some(*shape, seed=0, high=V):
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(seed))


def touched(parts):
    """Which parts have a gradient that is not zero."""
    return [any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters()) for part in parts]


def test_a_chunk_has_one_embedding_wherever_it_stands(parts):
    c = some(2, 5, K)
    c[1, 3] = c[0, 1]
    e = parts[0](c)
    close(e[1, 3], e[0, 1])
    close(parts[0](c[0, 1]), e[0, 1])


def test_the_encoder_is_a_matrix_where_all_chunks_can_be_written_down(parts):
    all_chunks = torch.cartesian_prod(*[torch.arange(V)] * K)  # in the order of their numbers to the base V
    c = some(11, K, seed=1)
    row = c @ V ** torch.arange(K - 1, -1, -1)
    close(parts[0](c), F.one_hot(row, V**K).float() @ parts[0](all_chunks))


def test_the_context_knows_the_past_and_its_own_chunk_only(parts):
    c, changed = some(1, 6, K), some(1, 6, K)
    changed[:, 3] = (c[:, 3] + 1) % V
    changed[:, [0, 1, 2, 4, 5]] = c[:, [0, 1, 2, 4, 5]]
    h, other = (parts[1](parts[0](x)) for x in (c, changed))
    assert h.shape == (1, 6, 9)
    close(h[:, :3], other[:, :3])
    assert all((h[:, i] - other[:, i]).abs().max() > 1e-4 for i in (3, 4, 5))


def test_the_decoder_does_not_see_what_it_is_to_spell(parts):
    h, c = torch.randn(4, 9, generator=torch.Generator().manual_seed(0)), some(4, K)
    changed = c.clone()
    changed[:, 1] = (c[:, 1] + 1) % V
    a, b = parts[2](h, c), parts[2](h, changed)
    assert a.shape == (4, K, V)
    close(a[:, :2], b[:, :2])
    assert (a[:, 2] - b[:, 2]).abs().max() > 1e-5 and (parts[2](h + 1, c) - a)[:, 0].abs().max() > 1e-5


def test_each_phase_touches_its_own_weights_only(parts):
    chunks = some(2, 4, K)
    contrastive_loss(*parts[:2], chunks, chunks @ V ** torch.arange(K), -torch.ones(2, 4)).backward()
    assert touched(parts) == [True, True, False] and parts[1].query.weight.grad.abs().sum() > 0
    for part in parts:
        part.zero_grad()
    decoder_loss(*parts, chunks).backward()
    assert touched(parts) == [False, False, True]
    assert all(p.requires_grad for part in parts for p in part.parameters())


def test_the_decoders_loss_and_gradient_are_those_of_end_to_end(parts):
    chunks = some(2, 4, K)
    joint_loss(*parts, chunks).backward()
    whole = [p.grad.clone() for p in parts[2].parameters()]
    assert touched(parts) == [True, True, True]
    for part in parts:
        part.zero_grad()
    loss = decoder_loss(*parts, chunks)
    loss.backward()
    close(loss, joint_loss(*parts, chunks))
    close([p.grad for p in parts[2].parameters()], whole)


def test_joint_loss_against_a_walk_through_the_chunks(parts):
    """One chunk after the other, one character after the other; bits per character of all chunks but the first."""
    chunks = some(1, 4, K, seed=3)
    encoder, main, decoder = parts
    bits = []
    for i in range(1, 4):
        h = main(encoder(chunks[:, :i]))[:, -1]
        for k in range(K):
            so_far = torch.cat([chunks[:, i, : k + 1], torch.zeros(1, K - k - 1, dtype=torch.int64)], 1)
            logits = decoder(h, so_far)[0, k]
            bits.append(-logits.log_softmax(0)[chunks[0, i, k]] / math.log(2))
    close(joint_loss(*parts, chunks), torch.stack(bits).mean())


def test_contrastive_loss_against_a_loop(parts):
    chunks = some(2, 3, K, seed=4, high=2)  # few symbols: chunks occur twice
    ids, log_q = chunks @ 2 ** torch.arange(K), -some(2 * 2**K, seed=5).float()[: 2**K][chunks @ 2 ** torch.arange(K)]
    encoder, main, _ = parts
    candidates = {int(i): (encoder(c), q) for i, c, q in zip(ids[:, 1:].flatten(), chunks[:, 1:].flatten(0, 1),
                                                            log_q[:, 1:].flatten(), strict=True)}
    losses = []
    for row in range(2):
        for i in (1, 2):
            query = main.query(main(encoder(chunks[row : row + 1, :i])))[0, -1]
            s = torch.stack([query @ e - q for e, q in candidates.values()])
            losses.append(-s.log_softmax(0)[list(candidates).index(int(ids[row, i]))])
    close(contrastive_loss(encoder, main, chunks, ids, log_q), torch.stack(losses).mean())


@given(st.integers(1, 6))
def test_end_to_end_in_pieces_has_the_gradients_of_the_whole(n):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts = ChunkEncoder(V, K, 4, 6, 5), MainModel(5, 4), ChunkDecoder(V, 9, 4, 5, 6)
    chunks = some(2, 4, K)
    weights = [p for part in (parts[0], parts[1].gru, parts[2]) for p in part.parameters()]
    loss = joint_loss(*parts, chunks)
    whole = torch.autograd.grad(loss, weights)
    close(joint_in_pieces(*parts, chunks, n), loss.detach())
    close([w.grad for w in weights], list(whole))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
def test_windows_are_chunks_in_a_row(size, L, B):
    codes = torch.arange(40)
    places = next(chunk_places(40, size, L, B, torch.Generator().manual_seed(L)))
    chunks = cut(codes, places, size)
    assert chunks.shape == (B, L + 1, size)
    close(chunks.flatten(1), chunks[:, :1, 0] + torch.arange(size * (L + 1)))


def test_every_window_can_come_up():
    places = chunk_places(5, 2, 1, 50, torch.Generator().manual_seed(0))
    assert next(places)[:, 0].unique().tolist() == [0, 1]


def test_chunk_numbers_count_chunks_at_all_places():
    codes = torch.tensor([0, 1, 0, 1, 0, 0, 1])
    ids, log_q = chunk_numbers(codes, 2, 3)  # 01 three times, 10 twice, 00 once
    assert ids[0] == ids[2] == ids[5] != ids[1] == ids[3] != ids[4]
    close(log_q.exp(), torch.tensor([3, 2, 3, 2, 1, 3]) / 6)


def test_shifted_pairs_a_context_with_what_follows():
    h = torch.arange(6.0).view(2, 3, 1)  # context i of window b is 3 b + i
    chunks = torch.arange(8).view(2, 4, 1)  # chunk i of window b is 4 b + i
    left, right = shifted(h, chunks)
    assert left.flatten().tolist() == [0, 1, 2, 3, 4, 5] and right.flatten().tolist() == [1, 2, 3, 5, 6, 7]
    with pytest.raises(ValueError, match=r"L \+ 1 chunks"):
        shifted(h, chunks[:, :3])


def test_bad_inputs_are_named():
    with pytest.raises(ValueError, match="do not fit into a text of 10"):
        next(chunk_places(10, 4, 2, 1, torch.Generator()))
    with pytest.raises(ValueError, match="63 bits"):
        chunk_numbers(torch.zeros(20, dtype=torch.int64), 10, 80)
