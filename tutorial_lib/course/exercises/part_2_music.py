"""Part 2, hierarchical sequences: the exercises of chapter 21."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from tutorial_lib import hierarchical, music
from tutorial_lib.kit.judge import Exercise
from tutorial_lib.kit.observe import Case, Fault


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- each bar from its own embedding


def _toy_writer(c: Tensor, x: Tensor) -> Tensor:
    """A writer whose logits depend on the embedding, on all symbols before in its segment, and on the step."""
    before = torch.cat([torch.full_like(x[:, :1], 3), x[:, :-1]], 1).double()
    heard = (before * 0.9 ** torch.arange(x.shape[1])).cumsum(1)  # (N, S)
    parts = [heard, c.sum(-1, keepdim=True).double() + heard * 0, c[:, :1] * torch.arange(x.shape[1])]
    return torch.stack([p.float() for p in parts], -1)


def _bars() -> list[Case]:
    def case(B: int, U: int, S: int, seed: int, says: str) -> Case:
        x = torch.randint(5, (B, U * S), generator=torch.Generator().manual_seed(seed))
        return Case((_toy_writer, _randn(B, U, 4, seed=seed + 1), x), says)
    return [case(2, 3, 4, 0, "two tunes of three bars"), case(3, 4, 2, 9, "three tunes of four bars")]


def _per_bar(embedding: Callable[[Tensor, int], Tensor]) -> Callable[..., Tensor]:
    """A loop over bars in which `embedding(c, u)` is what bar u is written from."""
    def answer(writer: Any, c: Tensor, x: Tensor) -> Tensor:
        bars = x.chunk(c.shape[1], 1)
        return torch.cat([writer(embedding(c, u), bar) for u, bar in enumerate(bars)], 1)
    return answer


def _in_one_go(writer: Any, c: Tensor, x: Tensor) -> Tensor:
    return writer(c[:, 0], x)


def _carried(writer: Any, c: Tensor, x: Tensor) -> Tensor:
    """Bars one after the other, each with all that was written before it."""
    S = x.shape[1] // c.shape[1]
    return torch.cat([writer(c[:, u], x[:, : (u + 1) * S])[:, u * S :] for u in range(c.shape[1])], 1)


def _mixed_rows(writer: Any, c: Tensor, x: Tensor) -> Tensor:
    """Embeddings in the order bar by bar, segments in the order tune by tune."""
    S = x.shape[1] // c.shape[1]
    return writer(c.transpose(0, 1).flatten(0, 1), x.reshape(-1, S)).reshape(*x.shape, -1)


def _strided(writer: Any, c: Tensor, x: Tensor) -> Tensor:
    """Bars of every U-th step in place of S steps in a row."""
    U = c.shape[1]
    logits = writer(c.flatten(0, 1), x.unflatten(1, (-1, U)).transpose(1, 2).flatten(0, 1))
    return logits.reshape(*x.shape, -1)


def _tiled(writer: Any, c: Tensor, x: Tensor) -> Tensor:
    """The embeddings tiled along the batch, so that rows and bars no longer fit."""
    S = x.shape[1] // c.shape[1]
    return writer(c[:, 0].repeat(c.shape[1], 1), x.reshape(-1, S)).reshape(*x.shape, -1)


def _bar_by_bar(writer: Any, c: Tensor, x: Tensor) -> list[Tensor]:
    """The right logits of each bar, (B, S, V) each: what remains is to put them together."""
    return [writer(c[:, u], bar) for u, bar in enumerate(x.chunk(c.shape[1], 1))]


BY_BARS = Exercise(
    name="hierarchical.by_bars", chapter="21", title="Every bar from its own embedding, all in one batch",
    reference=hierarchical.by_bars, cases=_bars, minutes=8,
    mistakes={
        "you wrote the whole tune in one go from the first bar's embedding: that is the flat decoder. The writer must "
        "start anew at each bar.": _in_one_go,
        "each bar has its embedding, but the writer still hears the bars before it, so its state is carried over. "
        "Give it "
        "the S symbols of the bar alone.": _carried,
        "every bar was written from the first bar's embedding; bar u has c[:, u].": _per_bar(lambda c, u: c[:, 0]),
        "every bar was written from the average of the embeddings; bar u has c[:, u].":
            _per_bar(lambda c, u: c.mean(1)),
        "every bar was written from the last embedding; bar u has c[:, u].": _per_bar(lambda c, u: c[:, -1]),
        "the embeddings are off by one bar: bar u has c[:, u], the first bar c[:, 0].":
            _per_bar(lambda c, u: c[:, u - 1]),
        "the embeddings come in the wrong order (the last bar's first).": _per_bar(lambda c, u: c[:, -1 - u]),
        "rows got mixed: the embeddings are in the order bar by bar, the symbols tune by tune. `c.flatten(0, 1)` and "
        "`x.reshape(-1, S)` have the same order.": _mixed_rows,
        "the bars were cut wrongly: a bar is S steps in a row, not every U-th step. `x.reshape(-1, S)` cuts them.":
            _strided,
        "you took this notebook's S = 8; another tune may have other bars. From the shapes: "
        "`S = x.shape[1] // c.shape[1]`.":
            lambda writer, c, x: writer(c.flatten(0, 1), x.reshape(-1, 8)).reshape(*x.shape, -1),
        "`repeat` tiles all tunes one after the other, and only the first bar's embedding is used: "
        "`c.flatten(0, 1)` has one row for each bar.": _tiled,
        "the logits are right, but still one row for each bar, (B U, S, V). Put the rows back: "
        "`.reshape(*x.shape, -1)`.":
            lambda writer, c, x: torch.stack(_bar_by_bar(writer, c, x), 1).flatten(0, 1),
        "the logits are right, but bars and steps are still two axes, (B, U, S, V). Make them one: `.flatten(1, 2)`.":
            lambda writer, c, x: torch.stack(_bar_by_bar(writer, c, x), 1),
        "the bars were joined along the batch; they follow one another in time: `torch.cat(bars, 1)`.":
            lambda writer, c, x: torch.cat(_bar_by_bar(writer, c, x)),
        "the bars were joined along the batch, and the reshape after that mixed the tunes: `torch.cat(bars, 1)`, "
        "along the steps.":
            lambda writer, c, x: torch.cat(_bar_by_bar(writer, c, x)).reshape(*x.shape, -1),
        "the writer's rows are in the order tune by tune, and you put them back as if they were in the order bar by "
        "bar: `.reshape(*x.shape, -1)` is enough.":
            lambda writer, c, x: torch.stack(_bar_by_bar(writer, c, x), 1).flatten(0, 1).unflatten(
                0, (c.shape[1], len(x))).transpose(0, 1).flatten(1, 2),
    },
    alternatives=(_per_bar(lambda c, u: c[:, u]),
                  lambda writer, c, x: writer(c.reshape(-1, c.shape[-1]), x.view(len(x) * c.shape[1], -1)).view(
                      len(x), x.shape[1], -1)),
    hints=("A bar does not wait for another: to the writer they are B U rows of one batch.",
           "`c.flatten(0, 1)` has a row for each bar, (B U, C); with `S = x.shape[1] // c.shape[1]`, "
           "`x.reshape(-1, S)` has its S symbols.",
           "Then put the rows back: `.reshape(B, T, -1)`. A loop over the bars, with `torch.cat(..., 1)`, is right, "
           "too."),
    solution='''
def by_bars(writer, c, x):
    S = x.shape[1] // c.shape[1]
    logits = writer(c.flatten(0, 1), x.reshape(-1, S))     # (B U, S, V)
    return logits.reshape(*x.shape, -1)                    # (B, T, V)
''',
)

# ---------------------------------------------------------------- the objective (two blanks)


def _prices() -> list[Case]:
    nats, kl = torch.tensor([200.0, 150.0, 180.0, 90.0]), torch.tensor([30.0, 95.0, 60.5, 140.0])
    return [Case((nats, kl, 0.2, 64.0), "four tunes, two of them below 64 nats of KL"),
            Case((nats, kl, 0.5, 200.0), "four tunes, all below the free 200 nats"),
            Case((nats, kl, 1.5, 0.0), "nothing free, beta = 1.5")]


OBJECTIVE = Exercise(
    name="hierarchical.objective", chapter="21", title="Two blanks: what the code may cost",
    reference=hierarchical.objective, cases=_prices, gradient=("nats", "kl"), minutes=5,
    mistakes={
        "this is max(beta KL, free): below the threshold you charge the whole threshold, and beta weighs before the "
        "free "
        "nats are taken off. Take them off first: beta max(KL - free, 0).":
            lambda nats, kl, beta, free: (nats + (beta * kl).clamp(min=free)).mean(),
        "this is beta max(KL, free): its gradient is right, but the price stands `free` nats too high, also where "
        "nothing "
        "is to be paid. max(KL - free, 0).":
            lambda nats, kl, beta, free: (nats + beta * kl.clamp(min=free)).mean(),
        "the free nats are taken off, but nothing stops at 0: codes below the threshold are paid for being empty.":
            lambda nats, kl, beta, free: (nats + beta * (kl - free)).mean(),
        "free nats are per tune. You averaged the KL over the batch first, so that a tune with a rich code spends the "
        "allowance of its neighbours.":
            lambda nats, kl, beta, free: nats.mean() + beta * (kl.mean() - free).clamp(min=0),
        "no nat is free here: every tune pays for all of its KL. Take `free` off first.":
            lambda nats, kl, beta, free: (nats + beta * kl).mean(),
        "beta is missing: each nat beyond the free ones costs beta.":
            lambda nats, kl, beta, free: (nats + (kl - free).clamp(min=0)).mean(),
        "beta stands on the wrong side: it is the price of the code, not of the notes.":
            lambda nats, kl, beta, free: (beta * nats + (kl - free).clamp(min=0)).mean(),
        "this is the sum over the batch; the objective is the mean over tunes.":
            lambda nats, kl, beta, free: (nats + beta * (kl - free).clamp(min=0)).sum(),
        "clamp was given a maximum where a minimum is meant: what lies below 0 becomes 0.":
            lambda nats, kl, beta, free: (nats + beta * (kl - free).clamp(max=0)).mean(),
        "the price is subtracted: a code that costs more would be rewarded.":
            lambda nats, kl, beta, free: (nats - beta * (kl - free).clamp(min=0)).mean(),
        "the distance to the threshold is charged on both sides (abs, or a square): below it nothing may be paid and "
        "nothing pulled.":
            lambda nats, kl, beta, free: (nats + beta * (kl - free).abs()).mean(),
        "the free nats are in the first blank already. What is beyond them may be small, but not negative: the second "
        "blank is 0.":
            lambda nats, kl, beta, free: (nats + beta * (kl - free).clamp(min=free)).mean(),
        "beta is not what is taken off: it multiplies in the line below. The first `free` nats are.":
            lambda nats, kl, beta, free: (nats + beta * (kl - beta).clamp(min=0)).mean(),
        "`free` is in nats already, as the KL is; no log 2 is needed here.":
            lambda nats, kl, beta, free: (nats + beta * (kl - free * math.log(2)).clamp(min=0)).mean(),
    },
    alternatives=(lambda nats, kl, beta, free: nats.mean() + beta * torch.relu(kl - free).mean(),
                  lambda nats, kl, beta, free: (nats + beta * torch.where(kl > free, kl - free, 0 * kl)).mean()),
    hints=("First blank: how many nats of this tune's KL are beyond the free ones?",
           "Second blank: the smallest value that the excess may have.",
           "A tune below the threshold pays nothing, and nothing pulls at its code."),
    solution='''
def objective(nats, kl, beta, free):
    beyond = (kl - free).clamp(min=0)
    return (nats + beta * beyond).mean()
''',
)

# ---------------------------------------------------------------- slerp


def _codes() -> list[Case]:
    a, b = _randn(2, 3, 16, seed=3).unbind(0)
    unit = normalize(_randn(2, 5, seed=4), dim=-1)
    axis = torch.eye(5)[2]
    return [Case((a, b, 0.3), "three pairs of Gaussian codes, t = 0.3"),
            Case((unit[0], unit[1], 0.5), "two codes of length 1, half way"),
            Case((torch.stack([2 * axis, unit[0]]), torch.stack([3 * axis, unit[1]]), 0.25),
                 "two pairs, the first in one direction (the angle is 0), the second not"),
            Case((a, 1.5 * b, 1.0), "t = 1: the second code itself")]


def _slerp(angle: Callable[[Tensor, Tensor], Tensor], first: Callable[..., Tensor], second: Callable[..., Tensor],
           guard: bool = True) -> Callable[..., Tensor]:
    """The arc with one of its parts replaced."""
    def answer(a: Tensor, b: Tensor, t: float) -> Tensor:
        w = angle(a, b)
        arc = first(w, t) * a + second(w, t) * b
        return torch.where(w.sin().abs() < 1e-4, (1 - t) * a + t * b, arc) if guard else arc
    return answer


def _w(a: Tensor, b: Tensor) -> Tensor:
    return cosine_similarity(a, b, dim=-1).clamp(-1, 1)[..., None].acos()


def _raw_w(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1, keepdim=True).clamp(-1, 1).acos()


def _length(v: Tensor) -> Tensor:
    return v.norm(dim=-1, keepdim=True)


def _all_straight(a: Tensor, b: Tensor, t: float) -> Tensor:
    """One parallel pair sends all of them straight."""
    return (1 - t) * a + t * b if (_w(a, b).sin().abs() < 1e-4).any() else hierarchical.slerp(a, b, t)


def _one_angle(a: Tensor, b: Tensor, t: float) -> Tensor:
    """One angle for the whole batch, from all numbers of all codes."""
    w = ((a * b).sum() / (a.norm() * b.norm())).clamp(-1, 1).acos()
    return torch.where(w.sin() < 1e-4, (1 - t) * a + t * b, _A(w, t) * a + _B(w, t) * b)


def _A(w: Tensor, t: float) -> Tensor:
    return ((1 - t) * w).sin() / w.sin()


def _B(w: Tensor, t: float) -> Tensor:
    return (t * w).sin() / w.sin()


SLERP = Exercise(
    name="hierarchical.slerp", chapter="21", title="Along the arc", reference=hierarchical.slerp, cases=_codes,
    minutes=10, rtol=1e-3, atol=1e-4,
    mistakes={
        "this is the straight line (lerp): half way between two Gaussian codes it is too short by a factor near 0.7.":
            lambda a, b, t: (1 - t) * a + t * b,
        "right, but for two codes in the same direction sin w = 0, and 0 / 0 is not a number. Go straight there.":
            _slerp(_w, _A, _B, guard=False),
        "the angle needs codes of length 1: divide the dot product by both lengths before you take the arc cosine.":
            _slerp(_raw_w, _A, _B),
        "a and b are swapped: t = 0 must give a.": _slerp(_w, _B, _A),
        "the division by sin w is missing.": _slerp(_w, lambda w, t: ((1 - t) * w).sin(), lambda w, t: (t * w).sin()),
        "you took the cosine for the angle: w is its arc cosine.":
            _slerp(lambda a, b: cosine_similarity(a, b, dim=-1)[..., None], _A, _B),
        "the weights are sines of t and 1 - t alone; the angle is missing inside: sin(t w).":
            _slerp(_w, lambda w, t: math.sin(1 - t) / w.sin(), lambda w, t: math.sin(t) / w.sin()),
        "you scaled the straight line to length 1; the codes have their own lengths, and the speed along the arc is "
        "uneven.":
            lambda a, b, t: normalize((1 - t) * a + t * b, dim=-1),
        "the answer has length 1: the weights go on a and b themselves, not on their directions.":
            lambda a, b, t: hierarchical.slerp(normalize(a, dim=-1), normalize(b, dim=-1), t),
        "weights sqrt(1 - t) and sqrt(t) keep the length on average, but only for codes at a right angle.":
            lambda a, b, t: (1 - t) ** 0.5 * a + t**0.5 * b,
        "a small number under the fraction prevents 0 / 0, but where the angle is 0 it leaves 0, not a code. Go "
        "straight "
        "there, with `torch.where`.":
            _slerp(_w, lambda w, t: ((1 - t) * w).sin() / (w.sin() + 1e-8),
                   lambda w, t: (t * w).sin() / (w.sin() + 1e-8), guard=False),
        "where the codes have one direction you return a; go straight from a to b there, their lengths may differ.":
            lambda a, b, t: torch.where(_w(a, b).sin().abs() < 1e-4, a, hierarchical.slerp(a, b, t)),
        "one parallel pair sends the whole batch straight: decide for each pair, with `torch.where` in place of `if`.":
            _all_straight,
        "you took one angle for the whole batch; each pair has its own: sum over the last axis only (`dim=-1`).":
            _one_angle,
        "this is the arc between the directions, with a length that goes evenly from |a| to |b|: a good idea, but "
        "another curve. In the formula the weights go on a and b themselves.":
            lambda a, b, t: hierarchical.slerp(normalize(a, dim=-1), normalize(b, dim=-1), t)
            * ((1 - t) * _length(a) + t * _length(b)),
        "you scaled the straight line to the right length: it lies on the arc, but in another place than t of the "
        "angle, except half way.":
            lambda a, b, t: normalize((1 - t) * a + t * b, dim=-1) * ((1 - t) * _length(a) + t * _length(b)),
    },
    alternatives=(
        lambda a, b, t: torch.where(_w(a, b).sin().abs() < 1e-4, a + t * (b - a),
                                    _A(_w(a, b), t) * a + _B(_w(a, b), t) * b),
        _slerp(lambda a, b: _raw_w(normalize(a, dim=-1), normalize(b, dim=-1)), _A, _B),
        lambda a, b, t: hierarchical.slerp(b, a, 1 - t),
    ),
    hints=("The angle: `torch.nn.functional.cosine_similarity(a, b, dim=-1)[..., None].clamp(-1, 1).acos()`.",
           "The weights: sin((1 - t) w) / sin w on a, sin(t w) / sin w on b.",
           "Where sin w is (nearly) 0, `torch.where` can put the straight line in."),
    solution='''
def slerp(a, b, t):
    w = torch.nn.functional.cosine_similarity(a, b, dim=-1)[..., None].clamp(-1, 1).acos()
    arc = (((1 - t) * w).sin() * a + (t * w).sin() * b) / w.sin()
    return torch.where(w.sin().abs() < 1e-4, (1 - t) * a + t * b, arc)
''',
)

# ---------------------------------------------------------------- transfer: a statistic of what comes back

S = 8
ORDERED = 0.75  # in so many of a hundred tunes must it fall when the bars are put in random order


def _corpus() -> tuple[Tensor, Tensor, Tensor]:
    """A hundred tunes; the same with their bars in random order; the same a third higher."""
    from tutorial_lib.kit.data import melodies

    tunes = music.practice(melodies())
    x = tunes.spell(tunes.x[::13][:100])
    rng = torch.Generator().manual_seed(0)
    order = torch.rand(len(x), 16, generator=rng).argsort(1)
    mixed = x.view(len(x), 16, S).gather(1, order[..., None].expand(-1, -1, S)).flatten(1)
    return x, mixed, music.transpose(x, 3)


def _observe_form(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
    """Not the values: what they must do."""
    given = case.args
    found = [candidate(v, S) for v in given] + [candidate(_sixes(), 6)]
    if found[0] is None:
        return {"the statistic": None}
    for v, x in zip(found, [*given, _sixes()], strict=True):
        if not isinstance(v, Tensor) or v.shape != x.shape[:-1]:
            raise Fault("wrong shape", f"one number for each tune is expected: from x {tuple(x.shape)} a tensor "
                        f"{tuple(x.shape[:-1])}; got {tuple(v.shape) if isinstance(v, Tensor) else type(v).__name__}.")
        if not v.is_floating_point():
            raise Fault("wrong value", f"the numbers have the type {v.dtype}; make them floats (`.float()`), so "
                                       "that their "
                        "mean can be taken.")
    real, shuffled, moved, repeated, made, sixes = (v.double() for v in found)
    if not bool(torch.isfinite(real).all()):
        raise Fault("wrong value", "some tunes get NaN or infinity: is something divided by a count that can be 0?")
    return {"1 if all values lie between 0 and 1": torch.tensor(float((real >= 0).all() and (real <= 1).all())),
            "1 if a third higher nothing changes": torch.tensor(float(torch.allclose(real, moved, atol=1e-6))),
            "1 if a tune of one bar, 16 times, gets the value 1":
                torch.tensor(float((repeated - 1).abs().max() < 1e-6)),
            "1 if a phrase of four bars, played four times, gets 0.5 or more": torch.tensor(float(made[0] >= 0.5)),
            "1 if a tune whose every bar is played twice, and never again, gets less":
                torch.tensor(float(made[1] < 0.5)),
            "1 if with S = 6 a phrase of four such bars, played four times, gets 0.5 or more":
                torch.tensor(float(sixes[0] >= 0.5)),
            f"1 if it falls in {ORDERED:.0%} of the tunes when their bars are put in random order":
                torch.tensor(float((real > shuffled + 1e-6).double().mean() >= ORDERED))}


def _one_bar() -> Tensor:
    bar = torch.tensor([[19, 0, 21, 23, 19, 0, 26, 0], [21, 23, 24, 26, 28, 26, 24, 23]])
    return bar.repeat(1, 16)


def _made() -> Tensor:
    """A phrase of four bars, four times; and eight bars, each twice in a row."""
    bars = torch.randint(9, 40, (8, S), generator=torch.Generator().manual_seed(3))
    return torch.stack([bars[:4].repeat(4, 1).flatten(), bars.repeat_interleave(2, 0).flatten()])


def _sixes() -> Tensor:
    """A phrase of four bars of six steps, four times."""
    return torch.randint(9, 40, (1, 24), generator=torch.Generator().manual_seed(5)).repeat(1, 4)


def _earlier_bar(x: Tensor, S: int) -> Tensor:
    """The share of bars that stood earlier in the tune."""
    b = x.unflatten(-1, (-1, S))
    alike = (b[..., :, None, :] == b[..., None, :, :]).all(-1)
    return alike.triu(1).any(-2).double().mean(-1)


def _any_bar(x: Tensor, S: int) -> Tensor:
    """The share of bars that stand elsewhere in the tune, too."""
    b = x.unflatten(-1, (-1, S))
    alike = (b[..., :, None, :] == b[..., None, :, :]).all(-1)
    return (alike.sum(-1) > 1).double().mean(-1)


def _steps_alike(x: Tensor, lag: int) -> Tensor:
    return (x[..., lag:] == x[..., :-lag]).double().mean(-1)


FORM = Exercise(
    name="music.form", chapter="21", title="Transfer: a number for what comes back", reference=music.form,
    minutes=12, observe=_observe_form,
    cases=lambda: [Case((*_corpus(), _one_bar(), _made()), "a hundred tunes")],
    mistakes={
        "bars that come back anywhere stay there when the order of the bars changes: this number cannot see form. "
        "Compare "
        "with the same place a whole number of phrases before.": _any_bar,
        "you look back one bar (or less). Tunes rarely repeat a bar at once; they come back after a phrase of 4 or "
        "8 bars, "
        "which is 4 * S or 8 * S steps.": lambda x, S: music.echo(x, S),
        "a phrase that comes back does not raise this number, and mixed bars do not lower it. Compare each note "
        "with the one "
        "4 or 8 bars before: 4 * S or 8 * S steps.": lambda x, S: music.echo(x, S // 2),
        "a count grows with the number of notes; divide by it, so that all tunes lie between 0 and 1.":
            lambda x, S: ((x[..., 8 * S :] == x[..., : -8 * S]) & (x[..., 8 * S :] >= 2)).sum(-1).double(),
        "two lags were added, so that a tune of one bar gets 2: take the larger, or the mean.":
            lambda x, S: music.echo(x, 4 * S) + music.echo(x, 8 * S),
        "lags of one and two bars weigh too much here: tunes come back after a phrase, of 4 or 8 bars.":
            lambda x, S: music.echo(x, 2 * S) * music.echo(x, S),
        "the share of bars that stood anywhere before does not change much with the order of the bars, and the "
        "first bar "
        "cannot count: this number cannot see form. Compare with the same place a whole number of phrases before.":
            _earlier_bar,
        "the largest of several lags, one bar among them: a tune that plays each bar twice and never comes back gets a "
        "high number, too. Leave the short lags out.":
            lambda x, S: torch.stack([music.echo(x, k * S) for k in (1, 2, 4, 8)]).amax(0),
        "taking off what is repeated at once leaves nothing of a tune of one bar, which comes back entirely and "
        "should get "
        "1. What comes back after a phrase is enough.":
            lambda x, S: (music.echo(x, 4 * S) - music.echo(x, S)).clamp(0, 1),
        "right for bars of 8 steps only: take the lags from S, 4 * S and 8 * S.":
            lambda x, S: torch.maximum(music.echo(x, 32), music.echo(x, 64)),
        "an average over all lags from one bar on: the few at which tunes come back are lost among those at which they "
        "do not. Choose the lags of phrases, 4 * S and 8 * S.":
            lambda x, S: torch.stack([music.echo(x, k * S) for k in range(1, 9)]).mean(0),
    },
    alternatives=(lambda x, S: music.echo(x, 8 * S),
                  lambda x, S: (music.echo(x, 4 * S) + music.echo(x, 8 * S)) / 2,
                  lambda x, S: torch.maximum(_steps_alike(x, 4 * S), _steps_alike(x, 8 * S))),
    hints=("Folk tunes are built of phrases of 4 and parts of 8 bars. What stands 4 or 8 bars before each note?",
           "`music.echo(x, lag)` is the share of notes that begin `lag` steps after the same note began.",
           "Take the larger of two lags (`torch.maximum`), or their mean: then a tune of one bar gets 1."),
    solution='''
def form(x, S):
    return torch.maximum(echo(x, 4 * S), echo(x, 8 * S))
''',
)

EXERCISES = (BY_BARS, OBJECTIVE, SLERP, FORM)
