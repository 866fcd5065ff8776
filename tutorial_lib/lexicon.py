"""A little language whose words mean something else in every line, and the reader that knows all there is to know.

symbol     meaning                                                    shape        in Bhargava et al. (2023)
K, V       keys 0 .. K-1; values K .. K+V-1                           ints         the vocabulary has K + V tokens
x          lines key value key value ..., begun at either             (B, T) int64 x0
p          how often a key means each value, before anything is said  (V,)
eps        share of the values said by slip, drawn from p again       in (0, 1)    (their epsilon is another)
n          how often each value was said after the key asked for      (..., V)
y          the value that is wanted                                   int          y
d, H       numbers for each step of the model; heads                  ints

Each line draws a meaning from p for every key.  What a key means can be told by the line alone, from as far back as
the key was last used: the place where a prompt can lie.  The language is ours.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.associative_recall import with_last
from tutorial_lib.transformer import TransformerBlock


def rare_and_common(V: int) -> Tensor:
    """p proportional to 1 / rank: the first value is V times as common as the last.  -> (V,)  Taught in 46."""
    return F.normalize(1 / torch.arange(1.0, V + 1), p=1, dim=0)


def lines(B: int, T: int, K: int, p: Tensor, eps: float, rng: torch.Generator) -> Tensor:
    """B lines of T tokens, each with meanings of its own.  p: (V,) -> (B, T) int64

    Raises ValueError unless eps lies in (0, 1) and T is 1 or more.  Taught in 46.
    """
    if not 0 < eps < 1 or T < 1:
        raise ValueError(f"eps lies between 0 and 1 and T is 1 or more; got {eps}, {T}")
    pairs = T // 2 + 1
    meaning = torch.multinomial(p, B * K, True, generator=rng).view(B, K)
    slip = torch.multinomial(p, B * pairs, True, generator=rng).view(B, pairs)
    keys = torch.randint(K, (B, pairs), generator=rng)
    said = torch.where(torch.rand(B, pairs, generator=rng) < eps, slip, meaning.gather(1, keys))
    start = torch.randint(2, (B, 1), generator=rng)
    return torch.stack((keys, K + said), 2).flatten(1).gather(1, start + torch.arange(T))


def said_before(x: Tensor, K: int, V: int) -> Tensor:
    """n: how often each value came right after the token that stands last.  x: (..., T) -> (..., V)  Taught in 46."""
    after = F.one_hot((x[..., 1:] - K).clamp(-1) + 1, V + 1)[..., 1:]  # (..., T - 1, V), zero for keys
    return ((x[..., :-1] == x[..., -1:])[..., None] * after).sum(-2)


def chances(n: Tensor, p: Tensor, eps: float) -> Tensor:
    """Chance of each value after a key whose values were said n times so far: Bayes' rule.  (..., V) -> (..., V)

    One saying of v multiplies the odds that the key means v by 1 + (1 - eps) / (eps p(v)).  Taught in 46.
    """
    weight = (1 + (1 - eps) / (eps * p)).log()
    return (1 - eps) * (p.log() + n * weight).softmax(-1) + eps * p


def reader(x: Tensor, K: int, p: Tensor, eps: float) -> Tensor:
    """Log chance of every next token for the reader that knows the language.  x: (B, T) -> (B, K + V)

    After a key comes a value, after a value any key; -inf for what cannot come.  Taught in 46.
    """
    values = chances(said_before(x, K, len(p)), p, eps)
    key_last = (x[:, -1:] < K).to(p.dtype)
    keys = torch.full((len(x), K), 1 / K, dtype=p.dtype)
    return torch.cat(((1 - key_last) * keys, key_last * values), 1).log()


def pairs_needed(n: Tensor, y: int, p: Tensor, eps: float, most: int = 50) -> int:
    """How many times "key y" must stand in front before y is the likeliest value; -1 if `most` do not do.

    n: (V,), what the line itself says of the key; y in 0 .. V - 1.  A prompt of twice as many tokens.  Taught in 46.
    """
    told = n + torch.arange(most + 1)[:, None] * F.one_hot(torch.tensor(y), len(p))  # (most + 1, V)
    wins = chances(told, p, eps).argmax(-1) == y
    return int(wins.int().argmax()) if wins.any() else -1


class Listener(nn.Module):
    """Learns the language: each step sees its token beside the last one, then one block of attention.  Taught in 46."""

    def __init__(self, tokens: int, d: int = 48, H: int = 2) -> None:
        """d numbers for each step, d / 2 for each token.  Raises ValueError when the heads do not share d evenly."""
        super().__init__()
        self.embed = nn.Embedding(tokens, d // 2)
        self.block = TransformerBlock(d, H)
        self.norm, self.out = nn.RMSNorm(d, eps=1e-5), nn.Linear(d, tokens)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the token after each.  x: (B, T) int64 -> (B, T, tokens)"""
        return self.out(self.norm(self.block(with_last(self.embed(x)))))

    def next_token(self, x: Tensor) -> Tensor:
        """Scores of the token after the last.  x: (B, T) int64 -> (B, tokens)"""
        return self(x)[:, -1]


def listening_loss(model: nn.Module, x: Tensor) -> Tensor:
    """Mean cross-entropy of every token after the first, in nats.  x: (B, T) -> ()  Taught in 46."""
    return F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())


def least_loss(x: Tensor, K: int, p: Tensor, eps: float) -> Tensor:
    """The same for the reader that knows the language, below which no model comes but by luck.  Taught in 46."""
    each = [F.nll_loss(reader(x[:, :t], K, p, eps), x[:, t]) for t in range(1, x.shape[1])]
    return torch.stack(each).mean()
