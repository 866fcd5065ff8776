"""One layer, one head that writes paths: its two tables exactly, the weights of theorem 2, the network that is trained.

symbol       meaning                                               shape            in Wang et al. (2024)
n, V         nodes; tokens, V = n + 1 with the end                 ints             |V|, M
d, T         numbers for each token; longest line                  ints             d, N
i, j, k      node now, target, next token                          ints             section 3.2
A, R         edges; R[t, k]: k can reach t                         (n, n) bool      section 3.1
x            lines s t s u1 ... t end                              (B, T) int64     u
N            N[i, j, k]: how often k follows i towards j           (n, n, V)        N_{i,j,k}
W_M          what the node now says of the next token              (n, V)           W^M, equation 5
W_V          what the target says of the next token                (n, V)           W^V, equation 5
L            logits by target and node now: W_M[i] + W_V[t]        (n, n, V)        equation 5
c, c0        how large the numbers of a construction are           floats           c_1 = c_2, c_0, appendix B
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tutorial_lib.attention import attention_weights

# ---------------------------------------------------------------- two tables: attention fixed on the target


def table_logits(W_M: Tensor, W_V: Tensor) -> Tensor:
    """L[t, i] = W_M[i] + W_V[t]: the network whose attention stays on the target.  (n, V) both -> (n, n, V)

    softmax gives its chances.  Wang et al. (2024), equation 5.  Taught in 49.
    """
    return W_M + W_V[:, None]


def table_loss(W_M: Tensor, W_V: Tensor, N: Tensor) -> Tensor:
    """Cross-entropy of all next tokens, from counts alone: convex in the two tables.  N: (n, n, V) -> a number

    Wang et al. (2024), proof of theorem 3.  Taught in 49.
    """
    L = table_logits(W_M, W_V).transpose(0, 1)  # (i, j, V)
    return (N.sum(-1) * L.logsumexp(-1)).sum() - (N * L).sum()


def table_gradients(W_M: Tensor, W_V: Tensor, N: Tensor) -> tuple[Tensor, Tensor]:
    """How the loss grows with W_M and with W_V: expected minus counted.  N: (n, n, V) -> (n, V) twice

    Wang et al. (2024), equation 6.  Taught in 49.
    """
    expected = N.sum(-1, keepdim=True) * table_logits(W_M, W_V).transpose(0, 1).softmax(-1)  # (i, j, V)
    return (expected - N).sum(1), (expected - N).sum(0)


def table_written(A: Tensor, R: Tensor, c: float) -> tuple[Tensor, Tensor]:
    """Tables that walk as algorithm 1 does: c A and c R, and 3/4 c for the end in each.  A, R: (n, n) -> (n, V) twice

    A node that is next and leads on scores 2 c, the end 1.5 c, anything else at most c: with growing c the walker
    goes on while it can and ends when it cannot, which on a graph without cycles is at t.  The end's score is ours;
    the rest is Wang et al. (2024), theorem 2.  Taught in 49.
    """
    end = torch.full((len(A), 1), 0.75, dtype=torch.double)
    return c * torch.cat((A.double(), end), 1), c * torch.cat((R.double(), end), 1)


def main_effects(L: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The best W_M and W_V for logits L (least squares), and the share of L that no such sum explains.

    L: (n, n, V) -> (n, V), (n, V), a number in [0, 1].  Logits are centred over V first, which softmax cannot see.
    The shared mean goes to W_M.  Taught in 49.
    """
    L = L - L.mean(-1, keepdim=True)
    W_M = L.mean(0)  # (i, V)
    W_V = L.mean(1) - W_M.mean(0)  # (t, V)
    rest = (L - table_logits(W_M, W_V)).square().sum()
    return W_M, W_V, rest / (L - L.mean((0, 1))).square().sum().clamp(min=1e-30)


# ---------------------------------------------------------------- the network


class PathTransformer(nn.Module):
    """One layer and one head with learned places: FFN(LN2(a + h)) + a + h, a = attention of LN1(h), h = embed + place.

    x: (B, T) int64 -> logits (B, T, V).  norms=False leaves all three norms out.  Equations 1 to 3.  Taught in 49.
    """

    def __init__(self, V: int, d: int, T: int, wide: int = 4, norms: bool = True) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(V, d), nn.Parameter(0.02 * torch.randn(T, d))
        self.q, self.k, self.v = (nn.Linear(d, d, bias=False) for _ in range(3))
        self.widen, self.narrow = nn.Linear(d, wide * d), nn.Linear(wide * d, d)
        self.out = nn.Linear(d, V, bias=False)
        self.norms = nn.ModuleList(nn.LayerNorm(d) if norms else nn.Identity() for _ in range(3))
        nn.init.normal_(self.embed.weight, std=0.02)

    def start(self, x: Tensor) -> Tensor:
        """Tokens and their places as numbers.  (B, T) -> (B, T, d).  Raises ValueError for lines that are too long."""
        if x.shape[1] > len(self.place):
            raise ValueError(f"there are places for {len(self.place)} tokens; got {x.shape[1]}")
        return self.embed(x) + self.place[: x.shape[1]]

    def looks(self, x: Tensor) -> Tensor:
        """How much each token looks at each: x: (B, T) -> (B, T, T).  Column 1 is the target.  Figure 4."""
        h = self.norms[0](self.start(x))
        return attention_weights(self.q(h), self.k(h))

    def ffn(self, h: Tensor) -> Tensor:
        """(..., d) -> (..., d), equation 2."""
        return self.narrow(self.widen(h).relu())

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T) int64 -> (B, T, V)"""
        h = self.start(x)
        normed = self.norms[0](h)
        h = h + attention_weights(self.q(normed), self.k(normed)) @ self.v(normed)
        return self.out(self.norms[2](self.ffn(self.norms[1](h)) + h))

    def tables(self) -> tuple[Tensor, Tensor]:
        """W_M' and W_V', with the norms left out as the paper writes them: (n, V) twice.  Section 4.2, appendix D."""
        e = self.embed.weight[:-1]  # (n, d)
        v = self.v(e)
        return self.out(self.ffn(e) + e), self.out(v + self.ffn(v))


def first_logits(model: nn.Module, n: int) -> Tensor:
    """A network's logits after each line "i t i", as if the walk began there: L[t, i].  -> (n, n, V)

    model: (B, 3) -> (B, 3, V).  Taught in 49.
    """
    t, i = torch.arange(n).repeat_interleave(n), torch.arange(n).repeat(n)
    return model(torch.stack((i, t, i), 1))[:, -1].view(n, n, -1)


@torch.no_grad()
def theorem_2(A: Tensor, R: Tensor, T: int, c0: float = 40.0, c: float = 40.0) -> PathTransformer:
    """The network with A and R written into its weights: d = n + 2 numbers, no norms, float64.

    Attention finds the target by its place, its value is c R[t]; the hidden units that pass are those of the node
    now, if R says that it can reach t (with R_obs it may not, and then A is not read); they bring c A[i].  Beyond
    the paper's construction, the end always gets 1.5 c.  A, R: (n, n) bool; T: longest line.
    Wang et al. (2024), theorem 2 and appendix B.  Taught in 49.
    """
    n, d = len(A), len(A) + 2
    model = PathTransformer(n + 1, d, T, norms=False).double()
    for weight in model.parameters():
        weight.zero_()
    model.embed.weight[:, : n + 1] = torch.eye(n + 1)
    model.place[1, -1] = c0
    model.q.weight.copy_(d**0.5 * torch.eye(d))
    model.k.weight[:, -1] = 1
    model.v.weight[:n, :n] = c * R.double().T
    model.v.weight[n, :n] = 1.5 * c
    model.widen.weight[:d] = torch.eye(d)
    model.widen.bias.fill_(-c)
    model.narrow.weight[:n, :n] = c * A.double().T
    model.out.weight[:, : n + 1] = torch.eye(n + 1)
    return model


@torch.no_grad()
def complete(model: nn.Module, pairs: Tensor, T: int, end: int, rng: torch.Generator, given: int = 2) -> Tensor:
    """Lines that a network writes for pairs (s, t), each token drawn from its chances; after an end all are ends.

    pairs: (Q, 2) -> (Q, T) int64.  given: 2 for the prompt "s t", 3 for "s t s".  Raises ValueError for another.
    Wang et al. (2024), section 4.1.  Taught in 49.
    """
    if given not in (2, 3):
        raise ValueError(f"a prompt has 2 or 3 tokens; got {given}")
    x = torch.cat((pairs, pairs[:, :1]), 1)[:, :given]
    while x.shape[1] < T:
        new = torch.multinomial(model(x)[:, -1].softmax(-1), 1, generator=rng)  # (Q, 1)
        done = (x[:, 2:] == end).any(1, keepdim=True)
        x = torch.cat((x, torch.where(done, end, new)), 1)
    return x


def next_token_loss(logits: Tensor, x: Tensor, end: int, first: int = 1) -> Tensor:
    """Mean cross-entropy of the tokens from place first + 1 on, up to the first end.  logits: (B, T, V), x: (B, T)

    first: 1 judges s after "s t" and all that follows, 2 what follows "s t s".  -> a number.  Equation 4.
    Taught in 49.
    """
    wanted = x[:, first + 1 :].clone()  # (B, T - first - 1)
    wanted[(wanted == end).cumsum(1) > 1] = -100
    return nn.functional.cross_entropy(logits[:, first:-1].flatten(0, 1), wanted.flatten())
