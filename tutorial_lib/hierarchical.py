"""A VAE of tunes whose decoder writes them in one go, or bar by bar from embeddings; and letting go of the teacher.

symbol      meaning                                                    shape
B, T, V     tunes, steps, symbols that occur                           ints
U, S        segments of a tune, steps of one: T = U S                  ints: 16 bars of 8, or 1 of 128
x           symbols 0 .. V-1; from 2 on they begin a note              (B, T) int64
Z           numbers of the code                                        an int
z           code of a tune; mu, logvar: its posterior                  (B, Z)      Roberts et al. (2018), z
c           embedding of each segment, put out by the conductor        (B, U, C)   the paper's c
H           units of the writer, the LSTM that puts symbols out        an int
taught      for how many steps the true symbol is put in               (N,) int64
free        nats of KL that cost nothing                               a float     tau
beta        the price of a nat beyond them                             a float     beta

Departures from the paper, the same for both decoders: the encoder is linear, with one variance for all tunes, and can
begin at the principal components (the paper's is a bidirectional LSTM); the writer is told the number of the step, the
conductor at each bar the code and the number of the bar (the paper's hears the code at its start); and a bar begins
with a start symbol of its own (the official code puts in the last symbol of the bar before).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.vae import kl_standard_normal, reparameterise

Choose = Callable[[Tensor], Tensor]


def largest(logits: Tensor) -> Tensor:
    """The likeliest symbol.  (..., V) -> (...)  Taught in 21."""
    return logits.argmax(-1)


def by_bars(writer: Callable[[Tensor, Tensor], Tensor], c: Tensor, x: Tensor) -> Tensor:
    """Logits of a whole tune, each segment written from its own embedding and from nothing else.

    writer: embeddings (N, C), symbols (N, S) -> logits (N, S, V); c: (B, U, C), x: (B, U S) -> (B, U S, V).
    All segments are rows of one batch.  Raises ValueError when T is no multiple of U.
    Roberts et al. (2018), the hierarchical decoder.  Taught in 21.
    """
    U = c.shape[1]
    if x.shape[1] % U:
        raise ValueError(f"{x.shape[1]} steps cannot be shared by {U} segments")
    logits = writer(c.flatten(0, 1), x.reshape(-1, x.shape[1] // U))  # (B U, S, V)
    return logits.reshape(*x.shape, -1)  # (B, T, V)


class Writer(nn.Module):
    """An LSTM that writes a segment of up to S steps from an embedding of C numbers.

    Each step is given the symbol before (V: the start), the embedding, and the number of the step.
    """

    def __init__(self, V: int, C: int, H: int, S: int, D: int = 32, clock: int = 16) -> None:
        super().__init__()
        self.V, self.embed, self.clock = V, nn.Embedding(V + 1, D), nn.Embedding(S, clock)
        self.begin, self.lstm = nn.Linear(C, 2 * H), nn.LSTM(D + C + clock, H, batch_first=True)
        self.out = nn.Linear(H, V)

    def start(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """The LSTM's state before the first step, from the embedding.  c: (N, C) -> h, c, each (1, N, H)"""
        h, cell = self.begin(c).tanh().chunk(2, -1)
        return h.contiguous()[None], cell.contiguous()[None]

    def forward(self, c: Tensor, x: Tensor) -> Tensor:
        """Logits of every step beside the teacher: the true symbols before it are put in.

        c: (N, C), x: (N, S) -> (N, S, V)
        """
        N, S = x.shape
        before = torch.cat([torch.full_like(x[:, :1], self.V), x[:, :-1]], 1)  # (N, S)
        clock = self.clock.weight[:S].expand(N, S, -1)
        given = torch.cat([self.embed(before), c[:, None].expand(N, S, -1), clock], -1)  # (N, S, D + C + clock)
        return self.out(self.lstm(given, self.start(c))[0])

    @torch.no_grad()
    def let_go(self, c: Tensor, x: Tensor, taught: Tensor, choose: Choose = largest) -> Tensor:
        """What it chooses at each step when the teacher puts in the true symbol for the first `taught` steps only.

        c: (N, C), x: (N, S), taught: (N,) -> (N, S): taught = 0 is a free run, taught = S the forward pass' choice.
        """
        state, symbol, chosen = self.start(c), torch.full_like(x[:, 0], self.V), []
        for t, true in enumerate(x.unbind(1)):
            given = torch.cat([self.embed(symbol), c, self.clock.weight[t].expand(len(c), -1)], -1)
            h, state = self.lstm(given[:, None], state)
            chosen.append(choose(self.out(h[:, 0])))
            symbol = torch.where(taught > t, true, chosen[-1])
        return torch.stack(chosen, 1)


class Whole(nn.Module):
    """No hierarchy: the code is the one embedding of the whole tune.  z: (B, Z) -> (B, 1, Z)"""

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) -> (B, 1, Z)"""
        return z[:, None]


class Conductor(nn.Module):
    """An LSTM over bars that turns a code into one embedding for each.  z: (B, Z) -> (B, U, C)"""

    def __init__(self, Z: int, U: int, C: int, D: int = 32) -> None:
        super().__init__()
        self.bar, self.begin = nn.Embedding(U, D), nn.Linear(Z, 2 * C)
        self.lstm = nn.LSTM(Z + D, C, batch_first=True)

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) -> (B, U, C)"""
        U = self.bar.num_embeddings
        h, cell = self.begin(z).tanh().chunk(2, -1)
        given = torch.cat([z[:, None].expand(-1, U, -1), self.bar.weight.expand(len(z), -1, -1)], -1)  # (B, U, Z + D)
        return self.lstm(given, (h.contiguous()[None], cell.contiguous()[None]))[0]


class Decoder(nn.Module):
    """A conductor, which gives each segment its embedding, and a writer, which writes all segments alike."""

    def __init__(self, conductor: nn.Module, writer: Writer) -> None:
        super().__init__()
        self.conductor, self.writer = conductor, writer

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        """Logits beside the teacher.  z: (B, Z), x: (B, T) -> (B, T, V)"""
        return by_bars(self.writer, self.conductor(z), x)

    def let_go(self, z: Tensor, x: Tensor, taught: Tensor | int = 0, choose: Choose = largest) -> Tensor:
        """What is chosen when the teacher lets go after `taught` steps of the tune.

        z: (B, Z), x: (B, T), taught: a number or (B,) -> (B, T)
        """
        c = self.conductor(z)  # (B, U, C)
        U, S = c.shape[1], x.shape[1] // c.shape[1]
        steps = torch.as_tensor(taught).expand(len(x))[:, None] - S * torch.arange(U)  # (B, U): left for each segment
        return self.writer.let_go(c.flatten(0, 1), x.reshape(-1, S), steps.flatten(), choose).reshape(x.shape)


def flat(V: int, Z: int, T: int, H: int) -> Decoder:
    """One writer for all T steps, started from the code: the baseline.  Taught in 21."""
    return Decoder(Whole(), Writer(V, Z, H, T))


def hierarchical(V: int, Z: int, T: int, U: int, C: int, H: int) -> Decoder:
    """A conductor over U bars, and a writer of T / U steps that starts anew at each.  Taught in 21."""
    return Decoder(Conductor(Z, U, C), Writer(V, C, H, T // U))


class Encoder(nn.Module):
    """q(z|x): its mean is linear in which symbol stands at which step, its log variance the same for all tunes."""

    def __init__(self, V: int, T: int, Z: int) -> None:
        super().__init__()
        self.V, self.mu, self.logvar = V, nn.Linear(T * V, Z), nn.Parameter(torch.zeros(Z))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: (B, T) -> mu, logvar, each (B, Z)"""
        mu = self.mu(F.one_hot(x, self.V).flatten(1).to(self.logvar))  # from (B, T V)
        return mu, self.logvar.expand_as(mu)

    @torch.no_grad()
    def begin_at_components(self, x: Tensor, logvar: float = -2.0) -> Encoder:
        """Set the means to the principal components of the tunes x (N, T), each of variance 1; returns itself.

        Raises ValueError for fewer tunes than numbers in the code.
        """
        Z = self.mu.out_features
        if len(x) <= Z:
            raise ValueError(f"{Z} components need more than {Z} tunes; got {len(x)}")
        ones = F.one_hot(x, self.V).flatten(1).float()  # (N, T V)
        centred = ones - ones.mean(0)
        values, vectors = torch.linalg.eigh(centred @ centred.T)  # rising
        axes = centred.T @ vectors[:, -Z:] / values[-Z:] * len(x) ** 0.5  # (T V, Z)
        self.mu.weight.copy_(axes.T)
        self.mu.bias.copy_(-ones.mean(0) @ axes)
        self.logvar.fill_(logvar)
        return self


class TuneVAE(nn.Module):
    """An encoder and a decoder of tunes."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def parts(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """What a tune costs beside the teacher, with one draw of its code, and its KL; both in nats.

        x: (B, T) -> (B,), (B,)
        """
        mu, logvar = self.encoder(x)
        logits = self.decoder(reparameterise(mu, logvar, rng), x)  # (B, T, V)
        return F.cross_entropy(logits.mT, x, reduction="none").sum(-1), kl_standard_normal(mu, logvar)

    def groups(self, lr: float, encoder: float = 0.1) -> list[dict[str, object]]:
        """Parameters for an optimiser: those of the encoder with a smaller step, `encoder` times lr."""
        return [{"params": list(self.encoder.parameters()), "lr": lr * encoder},
                {"params": list(self.decoder.parameters()), "lr": lr}]


KINDS = ("flat", "hierarchical")


def tune_vae(kind: str, V: int, x: Tensor | None = None, T: int = 128, Z: int = 64, U: int = 16) -> TuneVAE:
    """A model of tunes in the sizes of chapter 21, of one of KINDS.

    Given tunes x (N, T), its encoder begins at their principal components.
    Both decoders have about 200,000 parameters.  Raises ValueError for another kind.  Taught in 21.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    decoder = flat(V, Z, T, 160) if kind == "flat" else hierarchical(V, Z, T, U, 80, 112)
    encoder = Encoder(V, T, Z)
    return TuneVAE(encoder if x is None else encoder.begin_at_components(x), decoder)


def objective(nats: Tensor, kl: Tensor, beta: float, free: float) -> Tensor:
    """The mean over tunes of nats + beta max(kl - free, 0): a tune's first `free` nats of KL cost nothing.

    nats, kl: (B,) -> ().  Raises ValueError for a negative beta or free.
    Kingma et al. (2016) for free bits; in this form Roberts et al. (2018) and their code.  Taught in 21.
    """
    if beta < 0 or free < 0:
        raise ValueError(f"beta and free must not be negative; got {beta} and {free}")
    return (nats + beta * (kl - free).clamp(min=0)).mean()


def beta_at(step: int, top: float, rate: float) -> float:
    """The schedule of beta, top (1 - rate^step): 0 at first, then closer and closer to `top`; at once for rate = 0.

    Raises ValueError unless 0 <= rate < 1.  The official code of Roberts et al. (2018).  Taught in 21.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate must lie in [0, 1); got {rate}")
    return top * (1 - rate**step)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """From a (t = 0) to b (t = 1) along the arc between them; where both have one length, all points have it.

    a, b: (..., Z) -> (..., Z): (sin((1 - t) w) a + sin(t w) b) / sin w, with w the angle between a and b; where they
    are parallel, the straight line.  Shoemake (1985).  Taught in 21.
    """
    cos = F.cosine_similarity(a, b, dim=-1).clamp(-1, 1)[..., None]  # (..., 1)
    w = cos.acos()
    straight = w.sin().abs() < 1e-4
    sin = w.sin().where(~straight, torch.ones_like(w))
    arc = (((1 - t) * w).sin() * a + (t * w).sin() * b) / sin
    return torch.where(straight, (1 - t) * a + t * b, arc)


def notes_right(y: Tensor, x: Tensor) -> Tensor:
    """The share of the notes that x begins at which y begins the same note, step for step.  x, y: (..., T) -> ()

    Raises ValueError for other shapes.  Taught in 21.
    """
    if x.shape != y.shape:
        raise ValueError(f"as many steps as the tune has are compared; got {tuple(y.shape)} for {tuple(x.shape)}")
    return (y == x)[x >= 2].float().mean()


def right_by_bar(y: Tensor, x: Tensor, U: int) -> Tensor:
    """The share of right notes in each of U bars, over all tunes; NaN where a bar has none.  (B, T) -> (U,)

    Taught in 21.
    """
    note, right = ((v.reshape(len(x), U, -1).sum((0, 2))) for v in (x >= 2, (x >= 2) & (y == x)))
    return right / note
