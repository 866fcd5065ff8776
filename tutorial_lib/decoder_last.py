"""A hierarchical model of text in chunks, trained at once, without its decoder, or its decoder alone.

symbol       meaning                                                     shape
V, K         symbols in the alphabet, symbols in a chunk                 ints
B, L         windows in a batch, chunks that are read in each            ints
places       where each chunk of a window begins in the text             (B, L + 1)
chunks, c    symbols as numbers                                          (B, L + 1, K), (N, K)
e            embedding of a chunk, a function of its K symbols alone     (..., E)
h            context: what the chunks so far have left behind            (B, L, S)
q            query, what the context expects; score s = q . e            (..., E)

Parts as in a hierarchical recurrent encoder-decoder (Sordoni et al. 2015; Serban et al. 2016).  Context after chunk i
predicts chunk i + 1.  Training without the decoder: Mujika (2023), "Hierarchical Attention Encoder Decoder"; the small
recurrences are ours.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from tutorial_lib.activations import backward_in_pieces
from tutorial_lib.sampled_softmax import in_batch_loss
from tutorial_lib.text import bits_per_character


class ChunkEncoder(nn.Module):
    """An embedding for every possible chunk, without a table: a small network over its symbols.  Taught in 24."""

    def __init__(self, V: int, K: int, D: int = 16, M: int = 128, E: int = 64) -> None:
        super().__init__()
        self.symbol = nn.Embedding(V, D)
        self.straight = nn.Linear(K * D, E)
        self.bent = nn.Sequential(nn.Linear(K * D, M), nn.ReLU(), nn.Linear(M, E))

    def forward(self, c: Tensor) -> Tensor:
        """Embeddings of chunks.  (..., K) int64 -> (..., E)"""
        x = self.symbol(c).flatten(-2)  # (..., K * D)
        return self.straight(x) + self.bent(x)


class MainModel(nn.Module):
    """Runs once a chunk: a GRU over embeddings, with the last embedding beside its state.  Taught in 24."""

    def __init__(self, E: int = 64, H: int = 96) -> None:
        super().__init__()
        self.gru, self.query = nn.GRU(E, H, batch_first=True), nn.Linear(H + E, E)

    def forward(self, e: Tensor) -> Tensor:
        """The context after each chunk.  (B, L, E) -> (B, L, S), S = H + E"""
        return torch.cat([self.gru(e)[0], e], -1)


class ChunkDecoder(nn.Module):
    """Runs once a symbol: spells a chunk, given a context and the symbols of the chunk so far.  Taught in 24."""

    def __init__(self, V: int, S: int = 160, D: int = 32, C: int = 48, G: int = 96) -> None:
        super().__init__()
        self.symbol = nn.Embedding(V + 1, D)  # the last row stands for "the chunk begins"
        self.begin, self.context = nn.Linear(S, G), nn.Linear(S, C)
        self.gru, self.out = nn.GRU(D + C, G, batch_first=True), nn.Linear(G, V)

    def forward(self, h: Tensor, c: Tensor) -> Tensor:
        """Logits of each symbol from the context and the symbols before it.  h: (N, S), c: (N, K) -> (N, K, V)"""
        first = torch.full_like(c[:, :1], self.symbol.num_embeddings - 1)
        before = self.symbol(torch.cat([first, c[:, :-1]], 1))  # (N, K, D)
        context = self.context(h)[:, None].expand(-1, c.shape[1], -1)  # (N, K, C)
        ys, _ = self.gru(torch.cat([before, context], -1), self.begin(h).tanh()[None])  # (N, K, G)
        return self.out(ys)


def chunk_places(T: int, K: int, L: int, B: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Endless batches of windows of L + 1 chunks at random places of a text of T symbols.  -> (B, L + 1) int64

    Raises ValueError when the text is shorter than a window.  Taught in 24.
    """
    if min(K, L, B) < 1 or K * (L + 1) > T:
        raise ValueError(f"windows of {L + 1} chunks of {K} symbols do not fit into a text of {T}")
    while True:
        yield torch.randint(T - K * (L + 1) + 1, (B, 1), generator=rng) + K * torch.arange(L + 1)


def cut(codes: Tensor, places: Tensor, K: int) -> Tensor:
    """The chunks that begin at `places`.  codes: (T,), places: (...) -> (..., K).  Taught in 24."""
    return codes[places[..., None] + torch.arange(K)]


def chunk_numbers(codes: Tensor, K: int, V: int) -> tuple[Tensor, Tensor]:
    """For each place of a text: a number for the chunk that begins there, and how often that chunk occurs in it.

    codes: (T,) -> ids (T - K + 1,), equal for equal chunks; log Q (T - K + 1,), log of its share of all places, nats.
    Raises ValueError when V^K does not fit into 63 bits.  Taught in 24.
    """
    if V**K >= 2**63:
        raise ValueError(f"chunks of {K} of {V} symbols are too many to be numbered in 63 bits")
    spelled = codes.unfold(0, K, 1) @ V ** torch.arange(K)  # (T - K + 1,)
    _, ids, counts = spelled.unique(return_inverse=True, return_counts=True)
    return ids, (counts.double() / len(ids)).log().float()[ids]


def shifted(h: Tensor, chunks: Tensor) -> tuple[Tensor, Tensor]:
    """Each context beside the chunk that follows it: h (B, L, S), chunks (B, L + 1, K) -> (B * L, S), (B * L, K)

    Raises ValueError unless there is one chunk more than contexts.  Taught in 24.
    """
    if chunks.shape[:2] != (h.shape[0], h.shape[1] + 1):
        raise ValueError(f"L contexts need L + 1 chunks; got {tuple(h.shape)} and {tuple(chunks.shape)}")
    return h.flatten(0, 1), chunks[:, 1:].flatten(0, 1)


def contrastive_loss(encoder: ChunkEncoder, main: MainModel, chunks: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    """Which of the batch's chunks comes next?  No decoder: mean -log p among the candidates, in nats.

    chunks: (B, L + 1, K), ids, log_q: (B, L + 1) number and log chance to be a candidate, of each -> ().  Taught in 24.
    """
    e = encoder(chunks)  # (B, L + 1, E)
    q, wanted = shifted(main.query(main(e[:, :-1])), e)
    return in_batch_loss(q, wanted, ids[:, 1:].flatten(), log_q[:, 1:].flatten())


def joint_loss(encoder: ChunkEncoder, main: MainModel, decoder: ChunkDecoder, chunks: Tensor) -> Tensor:
    """End to end: bits per character of all chunks but the first.  chunks: (B, L + 1, K) -> ().  Taught in 24."""
    h, c = shifted(main(encoder(chunks[:, :-1])), chunks)
    return bits_per_character(decoder(h, c), c)


def decoder_loss(encoder: ChunkEncoder, main: MainModel, decoder: ChunkDecoder, chunks: Tensor) -> Tensor:
    """The same bits, for training the decoder alone: the context comes without a graph.

    chunks: (B, L + 1, K) -> (), with gradients for the decoder only.  Taught in 24.
    """
    with torch.no_grad():
        h, c = shifted(main(encoder(chunks[:, :-1])), chunks)
    return bits_per_character(decoder(h, c), c)


def joint_in_pieces(encoder: ChunkEncoder, main: MainModel, decoder: ChunkDecoder, chunks: Tensor, n: int) -> Tensor:
    """The backward pass of `joint_loss` with the decoder cut into n pieces.  -> the loss, without graph.

    The context is a leaf to the decoder; its gradient, once complete, goes on through main model and encoder.
    Raises ValueError for an n that does not fit.  Taught in 24.
    """
    h, c = shifted(main(encoder(chunks[:, :-1])), chunks)
    leaf = h.detach().requires_grad_()
    loss = backward_in_pieces(lambda h, c: bits_per_character(decoder(h, c), c), leaf, c, n)
    h.backward(leaf.grad)
    return loss
