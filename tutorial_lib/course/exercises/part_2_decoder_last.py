"""Part 2, training without the decoder: the exercises of chapter 24."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib import activations, decoder_last, sampled_softmax
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault
from tutorial_lib.text import bits_per_character


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- the partition function

LOG_PARTITION = Exercise(
    name="sampled_softmax.log_partition", chapter="24", title="A sum over all, from a few",
    reference=sampled_softmax.log_partition, minutes=5, gradient=("s",),
    cases=lambda: [Case((_randn(5), _randn(5, seed=1).log_softmax(-1)), "five draws"),
                   Case((_randn(3, 4, seed=2), _randn(3, 4, seed=3) - 2), "three lists of four draws")],
    mistakes={
        "the sign of log Q is turned: a chunk that is drawn often must count *less* each time, so log Q is subtracted.":
            lambda s, log_q: (s + log_q).logsumexp(-1) - math.log(s.shape[-1]),
        "the correction is missing: common chunks are in the sum too often.":
            lambda s, log_q: s.logsumexp(-1) - math.log(s.shape[-1]),
        "the division by m is missing: this is the log of a sum, and a mean is wanted; subtract log m.":
            lambda s, log_q: (s - log_q).logsumexp(-1),
        "you divided the logarithm by m; dividing the sum by m subtracts log m from its logarithm.":
            lambda s, log_q: (s - log_q).logsumexp(-1) / s.shape[-1],
        "m itself is subtracted; in logarithms, dividing by m subtracts log m.":
            lambda s, log_q: (s - log_q).logsumexp(-1) - s.shape[-1],
        "log m is added; a mean is a sum divided by m, which subtracts log m.":
            lambda s, log_q: (s - log_q).logsumexp(-1) + math.log(s.shape[-1]),
        "the number of lists was taken for the number of draws: m is the length of the last axis.":
            lambda s, log_q: (s - log_q).logsumexp(-1) - math.log(len(s) if s.dim() > 1 else s.shape[-1]),
        "`log_q` is a logarithm already: take it as it is, without another log or exp.":
            lambda s, log_q: (s - log_q.exp()).logsumexp(-1) - math.log(s.shape[-1]),
        "the score was divided by Q; it is exp(s) that is divided, which subtracts log Q from s.":
            lambda s, log_q: (s / log_q.exp()).logsumexp(-1) - math.log(s.shape[-1]),
        "all numbers of all lists were counted: m is the length of the last axis.":
            lambda s, log_q: (s - log_q).logsumexp(-1) - math.log(s.numel()),
        "you took the exponential yourself, and `logsumexp` takes it once more: give it the corrected scores, "
        "s - log Q.":
            lambda s, log_q: (s.exp() / log_q.exp()).logsumexp(-1) - math.log(s.shape[-1]),
        "the logarithm of m was taken to base 2; all others here are natural (`math.log`).":
            lambda s, log_q: (s - log_q).logsumexp(-1) - math.log2(s.shape[-1]),
        "you averaged the corrected scores; their exponentials are averaged.":
            lambda s, log_q: (s - log_q).mean(-1),
    },
    alternatives=(lambda s, log_q: ((s - log_q).exp().mean(-1)).log(),
                  lambda s, log_q: (s - log_q - math.log(s.shape[-1])).logsumexp(-1)),
    hints=("exp(s) / Q = exp(s - log Q).", "The log of a mean of m is the log of their sum, minus log m.",
           "m is `s.shape[-1]`."),
)

# ---------------------------------------------------------------- candidates from the batch


def _batch() -> list[Case]:
    ids = torch.tensor([7, 3, 7, 7, 1, 3])
    rows = _randn(8, 4, seed=5)[ids]
    shares = torch.tensor([0.5, 0.3, 0.2, 0.9, 0.1, 0.2, 0.3, 0.7]).log()[ids]
    return [Case((_randn(6, 4, seed=6), rows, ids, shares), "six rows, of which three ask for chunk 7 and two "
                                                            "for chunk 3"),
            Case((_randn(3, 2, seed=7), _randn(3, 2, seed=8), torch.tensor([4, 2, 9]),
                  torch.tensor([0.1, 0.6, 0.3]).log()),
                 "three rows that ask for different chunks")]


def _observe_in_batch(candidate: Callable[..., Tensor], case: Case) -> dict[str, Any]:
    """The loss, its gradient for the queries, and for each different chunk: which of its equal rows gets it is free."""
    q, e, ids, log_q = case.args
    q, e = q.clone().requires_grad_(), e.clone().requires_grad_()
    loss = candidate(q, e, ids, log_q)
    if not isinstance(loss, Tensor) or loss.dim():
        return {"the loss": loss}
    if not loss.requires_grad:
        raise Fault("wrong value", "no gradient flows back to q and e: something on the way detaches it (`.detach()`, "
                    "`.item()`, `torch.no_grad()`).")
    to_q, to_e = torch.autograd.grad(loss, (q, e), allow_unused=True)
    if to_q is None or to_e is None:
        raise Fault("wrong value", "no gradient flows back to q or to e: the scores are products of both.")
    which = torch.unique(ids, return_inverse=True)[1]
    by_chunk = torch.zeros(int(which.max()) + 1, e.shape[1]).index_add(0, which, to_e)
    return {"the loss": loss, "the gradient with respect to q": to_q,
            "the gradient with respect to the embeddings of the different chunks": by_chunk}


def _numbers_as_rows(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    different, which = torch.unique(ids, return_inverse=True)
    return F.cross_entropy(q @ e[different].T - log_q[different], which)


def _which_as_rows(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    which = torch.unique(ids, return_inverse=True)[1]
    return F.cross_entropy(q @ e[which].T - log_q[which], which)


def _first_rows(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    different, which = torch.unique(ids, return_inverse=True)
    return F.cross_entropy(q @ e[: len(different)].T - log_q[: len(different)], which)


def _copies_added(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    first, which = sampled_softmax.merge(ids)
    rows = torch.zeros(len(first), e.shape[1]).index_add(0, which, e)
    return F.cross_entropy(q @ rows.T - log_q[first], which)


def _written_over(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    first, which = sampled_softmax.merge(ids)
    rows = torch.zeros(len(first), e.shape[1])
    rows[which] = e
    return F.cross_entropy(q @ rows.T - log_q[first], which)


def _all_copies_right(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    s = q @ e.T - log_q
    return (s.logsumexp(1) - s.masked_fill(ids[:, None] != ids, -torch.inf).logsumexp(1)).mean()


def _last_copies(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    """One row for each number, whichever was written last."""
    different, which = torch.unique(ids, return_inverse=True)
    rows = torch.zeros(len(different), dtype=torch.int64).index_put((which,), torch.arange(len(ids)))
    return F.cross_entropy(q @ e[rows].T - log_q[rows], which)


def _in_batch(correct: Callable[[Tensor, Tensor], Tensor], merged: bool = True,
              target: Callable[[Tensor], Tensor] = lambda which: which,
              reduction: str = "mean") -> Callable[..., Tensor]:
    """in_batch_loss with another correction of (s, log_q of the columns), without merging, or with other targets."""
    def loss(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
        rows = torch.arange(len(ids))
        first, which = sampled_softmax.merge(ids) if merged else (rows, rows)
        return F.cross_entropy(correct(q @ e[first].mT, log_q[first]), target(which), reduction=reduction)

    return loss


def _only_wrong(s: Tensor, which: Tensor, log_q: Tensor) -> Tensor:
    right = F.one_hot(which, s.shape[1]).bool()
    return torch.where(right, s, s - log_q)


def _right_left_out(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    first, which = sampled_softmax.merge(ids)
    return F.cross_entropy(_only_wrong(q @ e[first].mT, which, log_q[first]), which)


def _without_right_in_sum(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    first, which = sampled_softmax.merge(ids)
    s = q @ e[first].mT - log_q[first]
    right = F.one_hot(which, s.shape[1]).bool()
    return (s.masked_fill(right, -torch.inf).logsumexp(-1) - s[right]).mean()


def _hits_only(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    """Accidental hits are masked, other duplicates stay."""
    s = q @ e.mT - log_q
    hit = (ids[:, None] == ids) & ~torch.eye(len(ids), dtype=torch.bool)
    return F.cross_entropy(s.masked_fill(hit, -torch.inf), torch.arange(len(ids)))


def _after_softmax(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    first, which = sampled_softmax.merge(ids)
    return F.nll_loss((q @ e[first].mT).log_softmax(1) - log_q[first], which)


def _no_softmax(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    first, which = sampled_softmax.merge(ids)
    return F.nll_loss(q @ e[first].mT - log_q[first], which)


def _first_log_q(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    first, which = sampled_softmax.merge(ids)
    return F.cross_entropy(q @ e[first].mT - log_q[: len(first)], which)


def _rows_merged(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    first, _ = sampled_softmax.merge(ids)
    return F.cross_entropy(q[first] @ e[first].mT - log_q[first], torch.arange(len(first)))


def _exchanged(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    first, which = sampled_softmax.merge(ids)
    return F.cross_entropy(e @ q[first].mT - log_q[first], which)


def _cosines(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    first, which = sampled_softmax.merge(ids)
    return F.cross_entropy(F.normalize(q, dim=1) @ F.normalize(e[first], dim=1).mT - log_q[first], which)


def _by_mask(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    """No gathering: later copies of a chunk are struck out, and each row finds the first copy of its own."""
    same = ids[:, None] == ids
    first = same.int().argmax(1)
    s = (q @ e.mT - log_q).masked_fill((first != torch.arange(len(ids)))[None], -torch.inf)
    return -s.log_softmax(1).gather(1, first[:, None]).mean()


def _by_loop(q: Tensor, e: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
    seen: dict[int, int] = {}
    for row, number in enumerate(ids.tolist()):
        seen.setdefault(number, row)
    kept, order = list(seen.values()), list(seen)
    s = q @ e[kept].T - log_q[kept]
    return torch.stack([s[i].logsumexp(0) - s[i, order.index(n)] for i, n in enumerate(ids.tolist())]).mean()


IN_BATCH = Exercise(
    name="sampled_softmax.in_batch_loss", chapter="24", title="Pick your own among the batch's",
    reference=sampled_softmax.in_batch_loss, cases=_batch, minutes=15, observe=_observe_in_batch,
    workload=lambda: Case((_randn(384, 64), _randn(384, 64, seed=1), torch.arange(384) % 350, -torch.ones(384))),
    mistakes={
        "duplicates are counted as wrong answers: where two rows ask for the same chunk, each pushes the "
        "other's copy, its "
        "own right answer, away. Make each different chunk a candidate once.":
            _in_batch(lambda s, q: s - q, merged=False),
        "two things: the correction is missing, and duplicates are counted as wrong answers, so that rows with "
        "the same "
        "chunk push their own right answer away.":
            _in_batch(lambda s, q: s, merged=False),
        "the correction is missing (or it runs along the rows, `log_q[:, None]`, which takes the same from all "
        "candidates of "
        "a row and changes nothing): common chunks are candidates more often, and the scores learn log p - log Q.":
            _in_batch(lambda s, q: s),
        "the sign of the correction is turned: log Q is subtracted from the scores.":
            _in_batch(lambda s, q: s + q),
        "duplicates are counted as wrong answers, and the sign of the correction is turned.":
            _in_batch(lambda s, q: s + q, merged=False),
        "the right chunk is left uncorrected. Bayes' rule divides p by Q for every candidate, the right one "
        "too; left as it "
        "is, its score is compared with others that have been raised.":
            _right_left_out,
        "the right chunk is missing in the sum: it is one of the candidates.":
            _without_right_in_sum,
        "a row's own chunk is no longer a wrong answer to itself, but other chunks that occur twice are still "
        "two candidates, "
        "with a chance meant for one.":
            _hits_only,
        "all copies of the right chunk count as right, which is better than pushing one's own away; but a chunk that "
        "occurs twice is still two candidates to all others, with a chance meant for one.": _all_copies_right,
        "`different` holds the *numbers* of chunks, and you used them as rows of e. For each of them you need a row in "
        "which that chunk stands.": _numbers_as_rows,
        "`which` says which of the different chunks each row asks for; it does not choose rows of e. For each "
        "different chunk you need one row in which it stands.": _which_as_rows,
        "the value is right, the gradient is not: writing rows with `table[which] = e`, where an index comes more than "
        "once, autograd gives the gradient to every copy. Choose rows of e instead.": _written_over,
        "you took the first rows of e, as many as there are different chunks; they need not be those chunks.":
            _first_rows,
        "the embeddings of equal chunks were added up, so that one that occurs three times has three times the row.":
            _copies_added,
        "each row is asked for its neighbour's chunk: row i of q belongs to row i of e.":
            _in_batch(lambda s, q: s - q, target=lambda which: which.roll(-1)),
        "the correction comes after the softmax; it belongs to the scores, before it: s - log Q is what the softmax "
        "is taken of.": _after_softmax,
        "there is no softmax: `F.nll_loss` wants logarithms of probabilities. `F.cross_entropy` takes scores.":
            _no_softmax,
        "two softmaxes, one upon the other: `F.cross_entropy` takes scores and does the softmax itself.":
            _in_batch(lambda s, q: (s - q).softmax(1)),
        "the rows of e are right, the corrections are not: `log_q` must be taken at the same rows.": _first_log_q,
        "each different chunk is asked for once, so rows drop out: candidates are made one, the rows of q all stay.":
            _rows_merged,
        "queries and embeddings are exchanged: each row of q looks among the rows of e.": _exchanged,
        "the score is the dot product; here both sides were brought to length 1 first, which keeps all scores between "
        "-1 and 1.": _cosines,
        "the sum over rows came out; the mean is wanted.":
            _in_batch(lambda s, q: s - q, reduction="sum"),
        "scores were corrected by Q, not by its logarithm (or by the log of a log): `log_q` is a logarithm already.":
            _in_batch(lambda s, q: s - q.exp()),
    },
    alternatives=(_by_mask, _by_loop, _last_copies),
    hints=("`different, which = torch.unique(ids, return_inverse=True)`: `which[i]` is the column of row i's "
           "right chunk.",
           "You need one row of e, and one entry of log_q, for each different chunk. Any row with that number "
           "will do, since equal "
           "chunks have equal embeddings; the library has `sampled_softmax.merge`.",
           "s = q @ e_of_the_different.T - log_q_of_the_different, then `F.cross_entropy(s, which)`."),
    solution='''
def in_batch_loss(q, e, ids, log_q):
    different, which = torch.unique(ids, return_inverse=True)
    a_row = torch.stack([(ids == number).nonzero()[0, 0] for number in different])   # the first row with each number
    s = q @ e[a_row].T - log_q[a_row]                                                # (B, different)
    return F.cross_entropy(s, which)
''',
)

# ---------------------------------------------------------------- find the bug: the shift


def _windows() -> list[Case]:
    return [Case((_randn(2, 3, 4), torch.arange(2 * 4 * 5).view(2, 4, 5)), "2 windows of 4 chunks of 5 symbols"),
            Case((_randn(3, 1, 2, seed=1), _randn(3, 2, 6, seed=2)), "3 windows of 2 chunks, as embeddings"),
            Case((_randn(1, 4, 3, seed=1), torch.arange(5).view(1, 5)), "1 window of 5 chunks, as places")]


SHIFTED = Exercise(
    name="decoder_last.shifted", chapter="24", title="Find the bug: a loss that falls wonderfully",
    reference=decoder_last.shifted, cases=_windows, minutes=5,
    mistakes={
        "this is the bug itself: each context stands beside the chunk that it has just read. The model learns "
        "to repeat "
        "what it was told. Leave out the first chunk, not the last.":
            lambda h, chunks: (h.flatten(0, 1), chunks[:, : h.shape[1]].flatten(0, 1)),
        "one context too few: all L of them are used, beside chunks 2 to L + 1.":
            lambda h, chunks: (h[:, :-1].flatten(0, 1), chunks[:, 1:-1].flatten(0, 1)),
        "shifted the wrong way: each context stands beside a chunk from *before* the one it has just read.":
            lambda h, chunks: (h[:, 1:].flatten(0, 1), chunks[:, : h.shape[1] - 1].flatten(0, 1)),
        "`roll` brings chunks round from the end to the beginning: the first context stands beside the last chunk.":
            lambda h, chunks: (h.flatten(0, 1), chunks.roll(1, 1)[:, : h.shape[1]].flatten(0, 1)),
        "the shift is right; windows and chunks are still two axes. Flatten both into rows.":
            lambda h, chunks: (h, chunks[:, 1:]),
        "all windows were put behind each other first and shifted then: from the second window on, contexts stand "
        "beside wrong chunks. Leave out the first chunk of *each* window, then flatten.":
            lambda h, chunks: (h.flatten(0, 1), chunks.flatten(0, 1)[1 : h.shape[0] * h.shape[1] + 1]),
        "the first window was left out, not the first chunk of each: chunks are axis 1.":
            lambda h, chunks: (h[1:].flatten(0, 1), chunks[1:, 1:].flatten(0, 1)),
    },
    alternatives=(lambda h, chunks: (h.reshape(-1, h.shape[-1]), chunks[:, 1:].reshape(-1, *chunks.shape[2:])),
                  lambda h, chunks: (torch.cat(list(h)), torch.cat([c[1:] for c in chunks]))),
    hints=("The first context has read chunk 1. Which one is it to predict?", "`chunks[:, 1:]`; then "
                                                                              "`flatten(0, 1)` for both."),
    solution='''
def shifted(h, chunks):
    return h.flatten(0, 1), chunks[:, 1:].flatten(0, 1)
''',
)

# ---------------------------------------------------------------- freezing


def _parts() -> tuple[Any, Any, Any]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return (decoder_last.ChunkEncoder(7, 3, 4, 6, 5), decoder_last.MainModel(5, 4),
                decoder_last.ChunkDecoder(7, 9, 4, 5, 6))


def _observe_freezing(candidate: Callable[..., Tensor], case: Case) -> dict[str, Any]:
    """The loss; which parts get a gradient, and the decoder's; whether the weights still ask for one."""
    encoder, main, decoder = _parts()
    loss = candidate(encoder, main, decoder, *case.args)
    if not isinstance(loss, Tensor):
        return {"the loss": loss}
    if not loss.requires_grad:
        raise Fault("wrong value", "no gradient reaches the decoder: only encoder and main model belong into "
                    "`torch.no_grad()`, the decoder must stay outside, and the loss must not be detached.")
    if loss.dim():
        return {"the loss": loss}
    loss.backward()
    size = [sum((w.grad.abs().sum() for w in part.parameters() if w.grad is not None), torch.zeros(()))
            for part in (encoder, main, decoder)]
    asks = torch.tensor([float(w.requires_grad) for part in (encoder, main, decoder) for w in part.parameters()])
    return {"the loss": loss, "the size of the encoder's gradient": size[0],
            "the size of the main model's gradient": size[1], "the size of the decoder's gradient": size[2],
            "the share of weights that still ask for gradients": asks.mean()}


def _detached(encoder: Any, main: Any, decoder: Any, chunks: Tensor) -> Tensor:
    h, c = decoder_last.shifted(main(encoder(chunks[:, :-1])).detach(), chunks)
    return bits_per_character(decoder(h, c), c)


def _inference(encoder: Any, main: Any, decoder: Any, chunks: Tensor) -> Tensor:
    with torch.set_grad_enabled(False):
        e = encoder(chunks)[:, :-1]
        h = main(e)
    c = chunks[:, 1:].reshape(-1, chunks.shape[-1])
    logits = decoder(h.reshape(len(c), -1), c)
    return F.cross_entropy(logits.mT, c) / math.log(2)


def _frozen_for_ever(encoder: Any, main: Any, decoder: Any, chunks: Tensor) -> Tensor:
    encoder.requires_grad_(False)
    main.requires_grad_(False)
    return decoder_last.joint_loss(encoder, main, decoder, chunks)


def _encoder_only(encoder: Any, main: Any, decoder: Any, chunks: Tensor) -> Tensor:
    with torch.no_grad():
        e = encoder(chunks[:, :-1])
    h, c = decoder_last.shifted(main(e), chunks)
    return bits_per_character(decoder(h, c), c)


def _own_chunk(encoder: Any, main: Any, decoder: Any, chunks: Tensor) -> Tensor:
    with torch.no_grad():
        h = main(encoder(chunks[:, :-1])).flatten(0, 1)
    c = chunks[:, :-1].flatten(0, 1)
    return bits_per_character(decoder(h, c), c)


def _reads_ahead(encoder: Any, main: Any, decoder: Any, chunks: Tensor) -> Tensor:
    with torch.no_grad():
        h = main(encoder(chunks))[:, 1:].flatten(0, 1)
    c = chunks[:, 1:].flatten(0, 1)
    return bits_per_character(decoder(h, c), c)


def _nats(encoder: Any, main: Any, decoder: Any, chunks: Tensor) -> Tensor:
    return decoder_last.decoder_loss(encoder, main, decoder, chunks) * math.log(2)


def _per_chunk(encoder: Any, main: Any, decoder: Any, chunks: Tensor) -> Tensor:
    return decoder_last.decoder_loss(encoder, main, decoder, chunks) * chunks.shape[-1]


def _encoder_for_ever(encoder: Any, main: Any, decoder: Any, chunks: Tensor) -> Tensor:
    encoder.requires_grad_(False)
    return decoder_last.joint_loss(encoder, main, decoder, chunks)


DECODER_LOSS = Exercise(
    name="decoder_last.decoder_loss", chapter="24", title="The decoder, alone", reference=decoder_last.decoder_loss,
    cases=lambda: [Case((torch.randint(7, (2, 5, 3), generator=torch.Generator().manual_seed(1)),),
                        "2 windows of 5 chunks of 3 symbols")],
    observe=_observe_freezing, minutes=8,
    mistakes={
        "the contexts were computed with a graph, so encoder and main model get gradients, too: this is end-to-end "
        "training. `torch.no_grad()` around the two keeps the gradient, and the memory, away.":
            lambda encoder, main, decoder, chunks: decoder_last.joint_loss(encoder, main, decoder, chunks),
        "the encoder is cut off, but the main model still gets gradients: it belongs into `torch.no_grad()` as well.":
            _encoder_only,
        "the parts are frozen for ever: `requires_grad_(False)` changes the modules themselves, and whoever "
        "wants to go on "
        "training finds them dead. Compute the contexts under `torch.no_grad()` instead.":
            _frozen_for_ever,
        "each context was asked for the chunk it has just read: use `shifted`.": _own_chunk,
        "the contexts have read the chunk that they are to predict: the encoder must get all chunks but the last.":
            _reads_ahead,
        "this is in nats; `bits_per_character` gives bits.": _nats,
        "these are bits per chunk; `bits_per_character` is a mean over characters already.": _per_chunk,
        "only the encoder is frozen, and for ever; the main model still learns. Compute the contexts of both under "
        "`torch.no_grad()`, which changes no module.": _encoder_for_ever,
        "no gradient reaches the decoder: only encoder and main model belong into `torch.no_grad()`, the "
        "decoder must stay "
        "outside, and the loss must not be detached.":
            lambda encoder, main, decoder, chunks: decoder_last.decoder_loss(encoder, main, decoder, chunks).detach(),
    },
    alternatives=(_detached, _inference),
    hints=("`with torch.no_grad():` around what shall not be trained. `.detach()` gives the same gradients, "
           "after the memory was "
           "used.",
           "Read all chunks but the last, `chunks[:, :-1]`; `shifted` puts the contexts beside what follows.",
           "Outside of the `with`: `bits_per_character(decoder(h, c), c)`."),
)

# ---------------------------------------------------------------- transfer: pieces


_NO_GRADIENT_FOR_H = ("h gets no gradient: do not detach the pieces, whoever computed h may want to go on "
                      "backwards.")


def _observe_pieces(candidate: Callable[..., Tensor], case: Case) -> dict[str, Any]:
    """The loss, the gradients of weights and contexts, and whether little was held at a time."""
    rows, n = case.args
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        net = torch.nn.Sequential(torch.nn.Linear(6, 32), torch.nn.Tanh(), torch.nn.Linear(32, 32), torch.nn.Tanh(),
                                  torch.nn.Linear(32, 5))
    h, c = _randn(rows, 6, seed=1).requires_grad_(), torch.arange(rows) % 5
    out: dict[str, Any] = {}

    calls = []

    def loss(h: Tensor, c: Tensor) -> Tensor:
        calls.append(len(h))
        return F.cross_entropy(net(h), c)

    def go() -> None:
        out["the loss"] = candidate(loss, h, c, n)

    held = activations.peak_bytes(go)
    pieces = len(calls)
    whole = activations.peak_bytes(lambda: loss(h, c))
    if not isinstance(out["the loss"], (Tensor, float)):
        return out
    if net[0].weight.grad is None:
        raise Fault("wrong value", "no backward pass was made: each piece needs its `.backward()`, which adds "
                                   "to `.grad`.")
    if h.grad is None:
        raise Fault("wrong value", _NO_GRADIENT_FOR_H)
    out["the gradient of the weights"] = net[0].weight.grad.clone()
    out["the gradient of h"] = h.grad.clone()
    little = float(n == 1 or held < 0.5 * whole)
    out["whether less than half of the whole is held at a time (1: yes)"] = torch.tensor(little)
    out["whether the loss has let go of its graph (1: yes)"] = torch.tensor(
        float(not getattr(out["the loss"], "requires_grad", False)))
    out["the number of pieces"] = torch.tensor(float(pieces))
    return out


def _pieces(loss: Any, h: Tensor, c: Tensor, n: int, share: Callable[[int, int], float] | None = None) -> Tensor:
    total = torch.zeros(())
    for a, b in zip(h.tensor_split(n), c.tensor_split(n), strict=True):
        part = loss(a, b) * (share(len(a), len(h)) if share else len(a) / len(h))
        part.backward()
        total = total + part.detach()
    return total


def _one_backward(loss: Any, h: Tensor, c: Tensor, n: int) -> Tensor:
    total = sum(loss(a, b) * len(a) / len(h) for a, b in zip(h.tensor_split(n), c.tensor_split(n), strict=True))
    total.backward()
    return total.detach()


def _keeps_graph(loss: Any, h: Tensor, c: Tensor, n: int) -> Tensor:
    total: Any = 0.0
    for a, b in zip(h.tensor_split(n), c.tensor_split(n), strict=True):
        part = loss(a, b) * len(a) / len(h)
        part.backward()
        total = total + part
    return total


def _detached_rows(loss: Any, h: Tensor, c: Tensor, n: int) -> Tensor:
    return _pieces(loss, h.detach(), c, n)


def _at_once(loss: Any, h: Tensor, c: Tensor, n: int) -> Tensor:
    total = loss(h, c)
    total.backward()
    return total.detach()


def _rows_for_pieces(loss: Any, h: Tensor, c: Tensor, n: int) -> Tensor:
    return _pieces(loss, h, c, -(-len(h) // n))


def _two_shares(loss: Any, h: Tensor, c: Tensor, n: int, gradient: Callable[[int, int], float],
                value: Callable[[int, int], float]) -> Tensor:
    """One share of the rows for the gradient, another for the loss that comes back."""
    total = torch.zeros(())
    for a, b in zip(h.tensor_split(n), c.tensor_split(n), strict=True):
        part = loss(a, b)
        (part * gradient(len(a), len(h))).backward()
        total = total + part.detach() * value(len(a), len(h))
    return total


def _last_value(loss: Any, h: Tensor, c: Tensor, n: int) -> Tensor:
    for a, b in zip(h.tensor_split(n), c.tensor_split(n), strict=True):
        part = loss(a, b) * len(a) / len(h)
        part.backward()
    return part.detach()


def _rest_forgotten(loss: Any, h: Tensor, c: Tensor, n: int) -> Tensor:
    size, total = len(h) // n, torch.zeros(())
    for i in range(n):
        rows = slice(i * size, (i + 1) * size)
        part = loss(h[rows], c[rows]) * size / len(h)
        part.backward()
        total = total + part.detach()
    return total


def _last_only(loss: Any, h: Tensor, c: Tensor, n: int) -> Tensor:
    parts = list(zip(h.tensor_split(n), c.tensor_split(n), strict=True))
    total = sum(loss(a, b).detach() * len(a) / len(h) for a, b in parts)
    a, b = parts[-1]
    (loss(a, b) * len(a) / len(h)).backward()
    return total


def _by_index(loss: Any, h: Tensor, c: Tensor, n: int) -> Tensor:
    values = []
    for rows in torch.arange(len(h)).chunk(n):
        part = len(rows) * loss(h[rows], c[rows]) / len(h)
        part.backward()
        values.append(part.item())
    return torch.tensor(sum(values))


PIECES = Exercise(
    name="activations.backward_in_pieces", chapter="24", title="Same gradients, less at a time",
    reference=activations.backward_in_pieces, observe=_observe_pieces, minutes=12, core=False,
    cases=lambda: [Case((40, 4), "40 rows in 4 pieces"), Case((23, 5), "23 rows in 5 pieces, not all of one length"),
                   Case((6, 1), "6 rows in one piece")],
    mistakes={
        "the gradients are right, and nothing is saved: the graphs of all pieces are alive at one time, waiting for a "
        "backward pass at the end or kept by `retain_graph=True`. Call `.backward()` on each piece before the next one "
        "is computed.": _one_backward,
        "each piece counts fully, so the gradient is that of a sum over pieces: weigh each by its share of the rows.":
            lambda loss, h, c, n: _pieces(loss, h, c, n, lambda part, rows: 1.0),
        "each piece is divided by the number of pieces; that is right for equal pieces only. Weigh each by its "
        "share of the "
        "rows, len(piece) / len(h).":
            lambda loss, h, c, n: _pieces(loss, h, c, n, lambda part, rows: 1 / n),
        "each piece is divided by the number of all rows; its loss is a mean over its own, so the weight is its "
        "length over "
        "that number.":
            lambda loss, h, c, n: _pieces(loss, h, c, n, lambda part, rows: 1 / rows),
        "the loss that comes back still has a graph: add up `part.detach()`.": _keeps_graph,
        _NO_GRADIENT_FOR_H: _detached_rows,
        "only the last piece was sent backwards: `.backward()` belongs into the loop.": _last_only,
        "all rows went through the loss at once, so all is held at once: cut h and c first.": _at_once,
        "n is the number of pieces, not of rows in a piece: `tensor_split(n)` makes n pieces, `split(n)` pieces of n "
        "rows.": _rows_for_pieces,
        "the gradients are right; the loss that comes back adds up the means of the pieces without their shares.":
            lambda loss, h, c, n: _two_shares(loss, h, c, n, lambda part, rows: part / rows, lambda part, rows: 1.0),
        "the gradients are right; the loss that comes back takes all pieces for equally long.":
            lambda loss, h, c, n: _two_shares(loss, h, c, n, lambda part, rows: part / rows, lambda part, rows: 1 / n),
        "the loss that comes back is right, the gradients are not: `.backward()` must be called on the piece weighed "
        "by its share of the rows.":
            lambda loss, h, c, n: _two_shares(loss, h, c, n, lambda part, rows: 1.0, lambda part, rows: part / rows),
        "the gradients are right; the loss that comes back is that of the last piece alone. Add them up.": _last_value,
        "rows are left over where the length is not a multiple of n: `tensor_split(n)` uses all of them.":
            _rest_forgotten,
    },
    alternatives=(_by_index, lambda loss, h, c, n: _pieces(loss, h, c, n)),
    hints=("`zip(h.tensor_split(n), c.tensor_split(n))` walks through the pieces.",
           "A mean over all rows is the sum over pieces of (share of rows) times (mean of the piece).",
           "In the loop: `part = loss(a, b) * len(a) / len(h)`, `part.backward()`, `total += part.detach()`."),
)

EXERCISES = (LOG_PARTITION, IN_BATCH, SHIFTED, DECODER_LOSS, PIECES)
