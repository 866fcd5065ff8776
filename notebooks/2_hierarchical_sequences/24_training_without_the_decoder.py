# ---
# jupyter:
#   course:
#     id: "24"
#     title: Training without the decoder
#     belief: An encoder is an embedding matrix for every possible chunk, so all of a hierarchical model but its decoder can learn by picking the next chunk out of a few, and the decoder can come last.
#     papers: [hred]
#     needs: ["20"]
#     minutes: {read: 40, do: 45}
#     track: extended
#     goals:
#       - correct a softmax over a few drawn candidates, and say what is learned when the correction is missing
#       - train encoder and main model without a decoder, then a decoder on what they left, each phase touching its own weights only
#       - say where memory and time are spent and saved, and which control a result of this kind needs
#     discuss: A result says that a frozen, trained encoder serves a new decoder well. Which frozen encoder would you ask to see beside it, and what would you conclude if that one did as well?
#     when_late: Skip the first explorer and section 7; keep the nine chunks, the neighbours and the table of section 6.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 24 · Training without the decoder
#
# *At the end you will believe this: an encoder is an embedding matrix for every possible chunk, so all of a hierarchical model
# but its decoder can learn by picking the next chunk out of a few, and the decoder can come last.*

# %%
import math
import time

import torch
from torch.nn import functional as F

from tutorial_lib import ask, check, claim, explore, plot, show, start, train

lab = start("24")

# %% [markdown]
# **You will be able to**
#
# - correct a softmax over a few drawn candidates, and say what is learned when the correction is missing;
# - train encoder and main model without a decoder, then a decoder on what they left, each phase touching its own weights only;
# - say where memory and time are spent and saved, and which control a result of this kind needs.
#
# Two questions first, on what this chapter leans on ([20 Sequences](20_sequences.ipynb)).

# %%
ask("decoder_last.recall_bits")
ask("decoder_last.recall_teacher")

# %% [markdown]
# ## 1 · Where the memory goes
#
# The text is *Moby Dick* once more: models learn from the first nine tenths and are judged on the last. This time it is cut
# into **chunks** of $K = 6$ characters.

# %%
from tutorial_lib import moby_dick

book, K = moby_dick(), 6
V, split = len(book.alphabet), len(book.codes) * 9 // 10
train_codes, test_codes = book.codes[:split], book.codes[split:]
begin = book.text.index("Call me Ishmael")
print([book.text[begin + K * i : begin + K * (i + 1)] for i in range(7)])

# %% [markdown]
# A **hierarchical** model of text (a hierarchical recurrent encoder-decoder, HRED) has three parts that run at two speeds.
#
# - The **encoder** turns each chunk $c_i$ into 64 numbers, its embedding $e_i$. It sees nothing but the chunk.
# - The **main model**, a GRU, reads the embeddings, one step a chunk, and keeps a context $h_i$ of all chunks so far.
# - The **decoder**, another GRU, spells the next chunk $c_{i+1}$ character by character, given $h_i$ and what it has spelled so
#   far (with the teacher at its side).
#
# They are in the library, and short. The encoder adds a linear map of its six characters and a small network with one bend; the
# main model hands on its state and, beside it, the last embedding:

# %%
import inspect

from tutorial_lib.decoder_last import ChunkDecoder, ChunkEncoder, MainModel, chunk_places, cut, joint_loss

print(inspect.getsource(ChunkEncoder.forward) + inspect.getsource(MainModel.forward))


def fresh():
    """Encoder, main model and decoder as every way of training finds them."""
    with lab.seeded("three parts"):
        return ChunkEncoder(V, K), MainModel(), ChunkDecoder(V)


print({type(part).__name__: sum(p.numel() for p in part.parameters()) for part in fresh()}, "numbers")

# %% [markdown]
# A training step needs memory: what the forward pass computes must be kept until the backward pass has used it. PyTorch lets us
# watch: `activations.peak_bytes` counts each piece of memory that autograd holds on to, weights left out. For the same 256
# chunks (16 windows of 16, and one more to predict), how much of it is the decoder's?

# %%
ask("decoder_last.share")

# %%
from tutorial_lib.activations import peak_bytes

encoder, main, decoder = fresh()
sample = cut(train_codes, next(chunk_places(len(train_codes), K, 16, 16, lab.rng("a sample"))), K)         # (16, 17, 6)


def cost(run, times=8):
    """Memory held for the backward pass, in MB, and CPU time of a forward and a backward pass, in ms."""
    begun = time.process_time()
    for _ in range(times):
        run().sum().backward()
    return peak_bytes(run) / 1e6, (time.process_time() - begun) / times * 1e3


low, whole = cost(lambda: main(encoder(sample[:, :-1]))), cost(lambda: joint_loss(encoder, main, decoder, sample))
fig, axes = plot.figure(columns=2, width=4.6, height=2.1)
for ax, i, unit in zip(axes, (0, 1), ("MB held for the backward pass", "ms of CPU for a step")):
    ax.barh(["a step"], [low[i]], color=plot.BLUE, label="encoder and main model", height=0.5)
    ax.barh(["a step"], [whole[i] - low[i]], left=[low[i]], color=plot.YELLOW, label="decoder", height=0.5)
    ax.set(xlabel=unit, ylim=(-0.5, 1.1))
    ax.set_yticks([])
_ = axes[0].legend(loc="upper left", ncols=2, fontsize=10)
show(fig, alt="Two horizontal bars: of about 7 MB that a training step holds for the backward pass, encoder and main model need one "
              "and the decoder the rest; of the CPU time of a step they need about a quarter, the decoder three quarters.")

# %% [markdown]
# The decoder runs six times as often as the main model, and at every step it weighs 80 characters. It is the expensive part;
# what the model knows of the text beyond a few letters is in the other two. **Could those be trained without it?**
#
# They would need a task of their own. Here is one: given the context, *which chunk comes next?* No spelling, one decision a
# chunk. It is a softmax over all chunks. There is a catch.
#
# ## 2 · A matrix with 262 billion rows
#
# A model that predicts one of $N$ things gives each a row of numbers $e_c$ and scores it against a query $q(h)$ made from the
# context:
#
# $$p(c \mid h) = \frac{\exp s(h, c)}{Z(h)}, \qquad s(h, c) = q(h)\cdot e_c, \qquad Z(h) = \sum_{c'} \exp s(h, c').$$
#
# The rows are an embedding matrix. For chunks of six characters $N = 80^6$.

# %%
ask("decoder_last.table")

# %% [markdown]
# But we have a function that gives a row for any chunk one cares to ask for: the encoder. It *is* the matrix, without being
# written down. That is the first idea of the paper that this chapter follows (Mujika, 2023): **an encoder that sees nothing but
# the chunk is an implicit embedding matrix**, and the chunk it reads and the chunk it predicts can share it.
#
# Where the chunks can be counted, the matrix can be written down. Look at the book through three signs: a vowel, another
# letter, anything else. Chunks of two signs are nine.

# %%
signs = torch.tensor([0 if a in "aeiouAEIOU" else 1 if a.isalpha() else 2 for a in book.alphabet])[train_codes]
nine = [a + b for a in "vc." for b in "vc."]
all_nine = torch.cartesian_prod(torch.arange(3), torch.arange(3))                # (9, 2): every chunk there is
with lab.seeded("nine rows"):
    small = ChunkEncoder(3, 2, E=4)
matrix = small(all_nine)                                                         # (9, 4): the matrix, written down
some = torch.tensor([4, 0, 8, 4])
assert torch.allclose(small(all_nine[some]), F.one_hot(some, 9).float() @ matrix, atol=1e-6)
print("a row for", nine[4], "by encoder and by matrix:", [f"{x:.2f}" for x in matrix[4].tolist()])

# %% [markdown]
# One difference remains. A step of training that wants another row for `cc` changes one row of a table. In the encoder it
# changes the weights, and with them the rows of all chunks, also of those that were never seen.

# %%
(gradient,) = torch.autograd.grad(matrix[4].sum(), small.bent[0].weight)
with torch.no_grad():
    small.bent[0].weight -= 0.1 * gradient
    moved = (small(all_nine) - matrix).norm(dim=1)
print("a step on the row of cc moves", {name: f"{m:.3f}" for name, m in zip(nine, moved.tolist())})

# %% [markdown]
# ## 3 · A few in place of all
#
# The rows are there, the sum $Z$ is not: it has $N$ terms. So take a few. Draw $m$ chunks $c_1, \dots, c_m$, each with
# probability $Q(c)$. Which $Q$? The cheapest draws are the chunks that happen to be in the batch, encoded already. They come as
# often as they stand in the text, so $Q$ is the share of each chunk in the text: far from even.
#
# The sum over the drawn ones is not an estimate of $Z$: common chunks are in it far too often. Each term must be divided by how
# often it comes:
#
# $$\hat Z = \frac1m \sum_{j=1}^m \frac{\exp s_j}{Q(c_j)} = \frac1m\sum_{j=1}^m \exp\big(s_j - \log Q(c_j)\big), \qquad
# \mathbb E\big[\hat Z\big] = \sum_c Q(c)\,\frac{\exp s_c}{Q(c)} = Z .$$
#
# In words: **subtract $\log Q$ from the score, then do as if it were the whole vocabulary.** Fill the two blanks; the logarithm
# of the estimate is wanted, and `logsumexp` keeps it from overflowing.

# %%
def log_partition(s, log_q):
    """The log of the estimate of Z from m draws.  s, log_q: (..., m), of the drawn chunks -> (...)"""
    corrected = ...
    return corrected.logsumexp(-1) - ...


# %%
log_partition = check("sampled_softmax.log_partition", log_partition)

# %% [markdown]
# With nine chunks nothing has to be taken on trust: every list of $m$ draws can be written down, with its probability, and the
# average is a finite sum. $Q$ is counted in the book; the scores are any numbers.

# %%
chunk_at = signs[:-1] * 3 + signs[1:]                                            # (T - 1,): which of the nine begins here
Q = torch.bincount(chunk_at, minlength=9).double() / len(chunk_at)               # (9,)
s = 1.5 * torch.randn(9, generator=lab.rng("any scores"), dtype=torch.float64)
print({name: f"{share:.2f}" for name, share in zip(nine, Q.tolist())})


def lists(m):
    """Every list of m of the nine chunks, and its probability.  -> (9^m, m), (9^m,)"""
    drawn = torch.cartesian_prod(*[torch.arange(9)] * m).view(-1, m)
    return drawn, Q[drawn].prod(1)


# %% [markdown]
# Three averages over all lists: of $\hat Z$, of the same without the correction ($9/m$ times the sum, as if all nine came
# equally often), and of $\log\hat Z$, which is what a loss contains.

# %%
ask("decoder_last.log_of_mean")

# %%
log_Z, averages = s.logsumexp(0), {}
for m in (1, 2, 3, 4, 5):
    drawn, chance = lists(m)
    log_hat = log_partition(s[drawn], Q.log()[drawn])                            # (9^m,)
    without = log_partition(s[drawn], torch.full(drawn.shape, -math.log(9)).double())
    averages[m] = [(chance @ x).item() for x in ((log_hat - log_Z).exp(), (without - log_Z).exp(), log_hat - log_Z)]
    print(f"m = {m}: average of the estimate over Z {averages[m][0]:.12f}, without correction {averages[m][1]:.3f}; "
          f"average of its log minus log Z {averages[m][2]:+.3f}")
claim("hred.partition", error=max(abs(a - 1) for a, _, _ in averages.values()),
      without=min(abs(b - 1) for _, b, _ in averages.values()), log_two=-averages[2][2], log_five=-averages[5][2])

# %% [markdown]
# The estimate is right on average for every $m$, its logarithm is too low (the logarithm bends downwards, so a list that misses
# a large term costs more than a lucky list brings), and less so with more draws. Without the correction the average is off by a
# factor that no number of draws changes. How far off depends on the scores: over five seeds, which draw other scores, by 18, 72,
# 19, 0.1 and 24 %. Once, then, it was all but right by accident, and the check above, which asks for 2 %, did not hold there.
#
# How far the logarithm scatters depends on $Q$. Here are all 6,400 chunks of *two* characters after an `h`, scored by counted
# pairs so that $Z = 1$ exactly. Move the number of draws; then the exponent: candidates are drawn by (share in the text) to that
# power, 0 being evenly. Where is the spread least?

# %%
from tutorial_lib.text import counted

bigram = counted(train_codes, 1, V)                                              # (80, 80)
s_two = (bigram[book.alphabet.index("h")][:, None] + bigram).flatten()           # (6400,): log p of two characters after an h
share_two = (torch.bincount(train_codes[:-1] * V + train_codes[1:], minlength=V * V) + 0.1).double()


def draw_few(draws=64, exponent=1.0):
    """Two thousand estimates of log Z = 0, corrected and not."""
    q = share_two**exponent / (share_two**exponent).sum()
    lists_of = torch.multinomial(q, 2000 * draws, replacement=True, generator=lab.rng("few")).view(2000, draws)
    score = s_two.double()[lists_of]
    hat = {"corrected": log_partition(score, q.log()[lists_of]),
           "not corrected": log_partition(score, torch.full_like(score, -math.log(V * V)))}
    fig, (ax,) = plot.figure(width=8.4, height=3.2)
    for (name, x), color in zip(hat.items(), (plot.BLUE, plot.RED)):
        ax.hist(x.clamp(-8, 8), bins=torch.linspace(-8, 8, 97).tolist(), color=color, alpha=0.6,
                label=f"{name}: log of the average {x.exp().mean().log():+.2f}, average of the log {x.mean():+.2f}, spread {x.std():.2f}")
    ax.axvline(0, color="k", ls="--", lw=1.2)
    ax.set(xlabel=r"$\log \hat Z$ (the truth is 0)", ylabel="of 2,000 lists", ylim=(0, 1.5 * ax.get_ylim()[1]),
           title=f"{draws} of 6,400 candidates, drawn by share to the power {exponent:.2f}")
    ax.legend(loc="upper left", fontsize=10)
    return fig


explore(draw_few, draws=[1, 4, 16, 64, 256], exponent=(0.0, 1.5, 0.25),
        alt="Histogram of two thousand estimates of log Z from 64 drawn candidates: corrected ones lie close to the truth, 0, with a "
            "spread of 0.2; uncorrected ones lie four units above it.")

# %% [markdown]
# At exponent 0 the correction is the same for all and changes nothing: both agree, and scatter widely, since an even draw
# rarely hits the few chunks that make up most of $Z$. By share (1), with 64 draws, it is nearly ten times less, and 1.25 does no
# worse here. Best of all would be to draw by the model's own $p(c \mid h) = \exp(s)/Z$: then every term $\exp(s)/Q$ is $Z$ and
# the spread is zero (Bengio and Senécal, 2008). It is no use: to draw so one needs $Z$.
#
# **What is learned?** A loss with $\log\hat Z$ in it is biased, so does training go to the wrong place? There is a better way
# to look at it. Put the right chunk $y$ among the $m$ draws, at any of the $m+1$ places with the same chance, and ask which of
# them it is. If $y$ came from $p(\cdot\mid h)$ and the others from $Q$, a list in which candidate $j$ is the right one has the
# probability $p(c_j\mid h)\prod_{k\ne j}Q(c_k)$, up to a factor that is the same for all $j$. Divide by $\prod_k Q(c_k)$, which is
# the same for all $j$, too, and Bayes' rule gives the chance that it is candidate $j$:
#
# $$P(j \text{ is right}) = \frac{p(c_j \mid h)/Q(c_j)}{\sum_{k} p(c_k \mid h)/Q(c_k)}
# = \operatorname{softmax}_j\big(s(h, c_j) - \log Q(c_j)\big)\quad\text{where } s = \log p + \text{constant}.$$
#
# The constant may be another for each context; no softmax sees it. So with the correction, *on the right chunk as well*, the best
# scores are $\log p$, for any $Q$ that leaves no chunk out and however few candidates. And without it?

# %%
ask("decoder_last.without")

# %% [markdown]
# Nine chunks again, and nothing drawn: the loss is summed over all contexts (the chunk before), all right answers and all lists
# of two candidates, and scores, a table of 9 × 9, go downhill until they stop.

# %%
from tutorial_lib.sampled_softmax import candidate_loss, chance_among

pairs_seen = torch.bincount(chunk_at[:-2] * 9 + chunk_at[2:], minlength=81).view(9, 9).double() + 0.1
weight, p = pairs_seen.sum(1) / pairs_seen.sum(), pairs_seen / pairs_seen.sum(1, keepdim=True)         # (9,), (9, 9)


def learned(m, log_q, once=False):
    """softmax of the scores with the least expected loss.  log_q: (9,) what is subtracted; once: duplicates struck out.  -> (9, 9)"""
    drawn, chance = lists(m)
    shown = torch.cat([torch.arange(9)[:, None, None].expand(9, len(drawn), 1), drawn.expand(9, -1, -1)], -1)   # (9, 9^m, 1 + m)
    again = (shown[..., :, None] == shown[..., None, :]).tril(-1).any(-1) & once
    table = torch.zeros(9, 9, dtype=torch.float64, requires_grad=True)
    downhill = torch.optim.LBFGS([table], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def expected():
        downhill.zero_grad()
        loss = candidate_loss(table[:, shown].masked_fill(again, -torch.inf), log_q[shown])      # (9, 9, 9^m)
        value = (weight[:, None] * p * (loss @ chance)).sum()
        value.backward()
        return value

    downhill.step(expected)
    return table.detach().softmax(1)


def off(found, truth=p):
    """Total variation distance from the truth, averaged over contexts: the share of probability in the wrong place."""
    return (weight @ (found - truth).abs().sum(1) / 2).item()


# %% [markdown]
# Four ways: as derived; without the correction; and two ways to treat **duplicates**. In a batch the same chunk may come twice,
# and the right chunk may be drawn as a wrong one (an *accidental hit*). As drawn, the derivation covers both. Usual practice
# strikes them out: every chunk is a candidate once. Then the chance to be *among* the candidates counts, $1 - (1 - Q)^m$, in
# place of $Q$ (`chance_among`, in logarithms).

# %%
with_q, without_q = learned(2, Q.log()), learned(2, 0 * Q)
once_right, once_wrong = learned(2, chance_among(Q.log(), 2), once=True), learned(2, Q.log(), once=True)
ratio = p / Q / (p / Q).sum(1, keepdim=True)
claim("hred.minimum", corrected=off(with_q), uncorrected=off(without_q), ratio=off(without_q, ratio),
      merged=off(once_right), merged_wrong=off(once_wrong))

# %% [markdown]
# As a picture: what is learned against the truth, one dot for each context and chunk.

# %%
fig, axes = plot.figure(columns=2, width=4.3, height=3.6, sharey=True)
for ax, found, title in zip(axes, (with_q, without_q), (r"with $-\log Q$", "without")):
    ax.plot([0, 0.75], [0, 0.75], color="k", lw=1, ls="--")
    points = ax.scatter(p, found, c=Q.expand(9, 9), cmap="viridis", s=36)
    ax.set(xlabel=r"true $p(c \mid h)$", title=title)
axes[0].set_ylabel("learned, from two candidates")
fig.colorbar(points, ax=axes[1], label="share $Q$ of the chunk")
show(fig, alt="Learned against true probabilities of nine chunks in nine contexts. With the correction all dots lie on the diagonal. "
              "Without it rare chunks, dark, lie far above it, and common chunks, bright, below.")

# %% [markdown]
# Without the correction rare chunks are overrated, in a way that is known exactly: the scores become $\log p(c\mid h) - \log
# Q(c)$, by how much the context *raises* the chance of a chunk. That is not noise, it is another quantity (pointwise mutual
# information), and adding $\log Q$ afterwards repairs it. Striking out duplicates is all but exact with the right chance (0.003
# off, since draws of a list are not quite independent) and 0.015 off with the wrong one.
#
# Now the loss of the chapter. The batch holds B right chunks; each row looks for its own among the *different* chunks of the
# batch. `ids` numbers chunks, so that equal chunks have equal numbers; `log_q` is the log of the chance to be among the
# candidates. `torch.unique(ids, return_inverse=True)` finds the different ones.

# %%
def in_batch_loss(q, e, ids, log_q):
    """Mean -log p of each row's own chunk among the different chunks of the batch.

    q: (B, E) queries, e: (B, E) embeddings of the right chunks, ids: (B,), log_q: (B,) -> ()
    """
    ...  # your code here


# %%
in_batch_loss = check("sampled_softmax.in_batch_loss", in_batch_loss)

# %% [markdown]
# ## 4 · No decoder
#
# Two things are needed to train with it. The numbers of chunks and their shares come from counting, once; note that this is a
# table of *counts* of the chunks that occur, not of embeddings.

# %%
from tutorial_lib.decoder_last import chunk_numbers

number, log_share = chunk_numbers(train_codes, K, V)                             # one for each place where a chunk can begin
print(f"{number.max() + 1:,} different chunks occur, of {V**K:,} possible; the commonest makes up {log_share.max().exp():.2%}")

# %% [markdown]
# And each context must meet the chunk that comes *after* it. Here is how a colleague did it. His loss falls wonderfully.

# %%
def shifted_from_the_wild(h, chunks):
    return h.flatten(0, 1), chunks[:, : h.shape[1]].flatten(0, 1)


# %% [markdown]
# What does his model learn to do? Find the bug. (In this chapter $L$ chunks are read and $L + 1$ are given.)

# %%
def shifted(h, chunks):
    """Each context beside the chunk that follows.  h: (B, L, S), chunks: (B, L + 1, ...) -> (B * L, S), (B * L, ...)"""
    ...  # your code here


# %%
shifted = check("decoder_last.shifted", shifted)

# %% [markdown]
# The loss of the first phase, in five lines on your functions, and proof that it is the library's. Every chunk is encoded once,
# and serves as input, as right answer and as wrong answer to others.

# %%
from tutorial_lib import decoder_last


def contrastive_loss(encoder, main, places, pair=shifted):
    """Which chunk comes next?  places: (B, L + 1) -> (), in nats"""
    e = encoder(cut(train_codes, places, K))                                     # (B, L + 1, E)
    q, wanted = pair(main.query(main(e[:, :-1])), e)                             # (B * L, E) each
    _, at = pair(e[:, :-1], places)                                              # (B * L,) where the right chunks stand
    return in_batch_loss(q, wanted, number[at], chance_among(log_share[at], len(at)))


places = next(chunk_places(len(train_codes), K, 16, 16, lab.rng("a sample")))
theirs = decoder_last.contrastive_loss(encoder, main, sample, number[places], chance_among(log_share[places], 256))
assert torch.allclose(contrastive_loss(encoder, main, places), theirs, atol=1e-5)
print(f"{cost(lambda: contrastive_loss(encoder, main, places))[0]:.2f} MB for a step, with the decoder {whole[0]:.2f} MB")

# %% [markdown]
# Training is the same for all that follows: Adam at a rate of 0.01 that falls to zero (half and double of it were tried for
# most of the ways: worse, or no different). A function counts CPU seconds.

# %%
def fit(loss, parts, B, L, steps, name):
    """Train the weights of `parts` on `loss(places)`; returns the history and the CPU seconds it took."""
    begun, weights = time.process_time(), [w for part in parts for w in part.parameters()]
    places = chunk_places(len(train_codes), K, L, B, lab.rng(f"places, {name}"))
    history = train(loss, weights, places, steps, lr=1e-2, decay=True, label=name)
    return history, time.process_time() - begun


cheating = fresh()
history, _ = fit(lambda at: contrastive_loss(*cheating[:2], at, shifted_from_the_wild), cheating[:2], 16, 24, 60, "his")
print(f"his loss after 60 steps: {history[-10:].mean():.3f} nats")

# %% [markdown]
# He asks each context for the chunk that it has just read. Now the right one. There are 384 candidates a batch; guessing costs
# about $\log 384 = 6$ nats. (Rows of a batch are drawn as independently as can be had: 16 places of the book.)

# %%
trained = fresh()
history, contrast_seconds = fit(lambda at: contrastive_loss(*trained[:2], at), trained[:2], 16, 24, 330, "no decoder")
print(f"after 330 steps and {contrast_seconds:.1f} CPU seconds: {history[-20:].mean():.2f} nats")

# %% [markdown]
# Is that much? The correction takes the shares of chunks out, so whoever knows them, and nothing of the context, pays what
# guessing costs. What is paid less is owed to the context, here about half a nat a chunk.
#
# No spelling was learned, and no table was made. What has the encoder made of chunks? Below are a chunk and its nearest
# neighbours among the 4,000 commonest chunks (by the cosine of their embeddings), before and after those few seconds. The last
# three do not occur in the book; they have rows all the same.

# %%
ask("decoder_last.neighbours")

# %%
first_place = torch.full((int(number.max()) + 1,), split).scatter_reduce(0, number, torch.arange(len(number)), "amin")
common = torch.bincount(number).argsort(descending=True, stable=True)[:4000]
browsed = cut(train_codes, first_place[common], K)                               # (4000, 6)
embedded = {}
with torch.no_grad():
    for name, enc in (("before", fresh()[0]), ("after", trained[0])):
        centre = enc(browsed).mean(0)
        embedded[name] = enc, centre, F.normalize(enc(browsed) - centre, dim=1)


def neighbours(chunk=" whale"):
    """The nearest of the commonest chunks, before and after training."""
    asked = torch.tensor([book.alphabet.index(a) for a in chunk])
    fig, axes = plot.figure(columns=2, width=4.2, height=3.4)
    for ax, (name, (enc, centre, rows)) in zip(axes, embedded.items()):
        with torch.no_grad():
            near = rows @ F.normalize(enc(asked) - centre, dim=0)
        near = torch.where((browsed == asked).all(1), -1.0, near)
        best = near.topk(10)
        words = ["".join(book.alphabet[c] for c in row).replace(" ", "␣").replace("\n", "↵") for row in browsed[best.indices].tolist()]
        ax.barh(range(10), best.values, color=plot.GREY if name == "before" else plot.BLUE, height=0.7)
        ax.set_yticks(range(10), words, family="monospace")
        ax.set(xlim=(0, 1), ylim=(9.6, -0.6), xlabel="cosine", title=f"{name}: near {chunk.replace(' ', '␣')}")
        ax.tick_params(axis="y", length=0)
        ax.grid(False, axis="y")
    return fig


explore(neighbours, chunk=[" whale", " said ", "d the ", "upon t", "Captai", "seven ", "ing of", ", and ", " zebra", "qqqqqq", "Ishmal"],
        alt="Two lists of ten chunks with bars. Before training, the neighbours of the chunk space-whale share letters with it at "
            "the same places. After it most of them begin and end like it: where, while, whole.")

# %% [markdown]
# Pointing at examples proves nothing. For all pairs of a thousand chunks: how much larger is the cosine of two that agree in
# their first letter than of two that do not? And for the other places?

# %%
def weight_of_place(rows, chunks):
    """For each of the K places: mean cosine of pairs with the same character there, minus that of other pairs."""
    cosines = rows @ rows.T
    apart = ~torch.eye(len(rows), dtype=torch.bool)
    same = chunks[:, None] == chunks[None]                                       # (N, N, K)
    return [(cosines[same[..., k] & apart].mean() - cosines[~same[..., k]].mean()).item() for k in range(K)]


for name, (_, _, rows) in embedded.items():
    print(f"{name:7}", " ".join(f"{w:+.2f}" for w in weight_of_place(rows[:1000], browsed[:1000])))

# %% [markdown]
# Before training all six places count about alike. After it, on each of four seeds that were tried, the first letter counts
# most (0.5), then the last (0.3), then those between. A row has two uses. As an *answer* a chunk must be told from other
# candidates given the past, and it is its beginning that the past says most about; as an *input* it says by its end how the
# text goes on.
#
# ## 5 · The decoder, last
#
# Encoder and main model are now **frozen**: the decoder is trained on their contexts, and nothing else moves. Write its loss.
# It must give gradients to the decoder alone, and the other two must stay trainable for whoever wants to go on. Use `shifted`
# and `bits_per_character`.

# %%
from tutorial_lib.text import bits_per_character


def decoder_loss(encoder, main, decoder, chunks):
    """Bits per character of all chunks but the first, to train the decoder alone.  chunks: (B, L + 1, K) -> ()"""
    ...  # your code here


# %%
decoder_loss = check("decoder_last.decoder_loss", decoder_loss)

# %% [markdown]
# A frozen model is judged on the last tenth of the book, in 60 windows of 161 chunks, with the teacher at its side.

# %%
test_chunks = test_codes[: 60 * 161 * K].view(60, 161, K)


def judge(encoder, main, decoder):
    """Bits per character on the test part."""
    with torch.no_grad():
        return joint_loss(encoder, main, decoder, test_chunks).item()


def decode(encoder, main, steps, name):
    """A fresh decoder trained on frozen parts: bits on the test part, CPU seconds."""
    decoder = fresh()[2]
    _, seconds = fit(lambda at: decoder_loss(encoder, main, decoder, cut(train_codes, at, K)), [decoder], 8, 16, steps, name)
    return judge(encoder, main, decoder), seconds


before = [w.clone() for w in trained[0].parameters()]
bits_last, decoder_seconds = decode(*trained[:2], 260, "the decoder")
assert all(torch.equal(a, b) for a, b in zip(before, trained[0].parameters()))
print(f"{bits_last:.2f} bits per character, {contrast_seconds:.1f} and {decoder_seconds:.1f} CPU seconds; the encoder has not moved")

# %% [markdown]
# Is that good? A number alone says nothing. Three others belong beside it, at the same CPU time: the same three parts trained
# **end to end**; a decoder **without context**, that spells each chunk from nothing; and the control that decides, a decoder on
# an encoder and main model that are frozen **as they were initialised**, random. If a frozen random encoder does as well, the
# first phase has taught nothing that was needed.

# %%
ask("decoder_last.control")

# %% [markdown]
# ## 6 · At the same CPU time
#
# "The same time" means: the cost of a step was measured for each way, step counts were chosen from it and are fixed below, and
# the seconds that they really took are printed. One more rival belongs here, since chunks can be spelled apart from each other
# once the contexts are known: train end to end, but **spell only a third** of each batch's chunks, drawn anew each time. That,
# too, saves most of the decoder.

# %%
def end_to_end(steps, name, B=8, part=1):
    """All three parts at once; with part = 3 only a third of the chunks are spelled.  -> bits, seconds"""
    encoder, main, decoder = fresh()
    some = lab.rng(f"spelled, {name}")

    def loss(at):
        chunks = cut(train_codes, at, K)
        h, c = shifted(main(encoder(chunks[:, :-1])), chunks)
        kept = torch.randperm(len(h), generator=some)[: len(h) // part]
        return bits_per_character(decoder(h[kept], c[kept]), c[kept])

    _, seconds = fit(loss, (encoder, main, decoder), B, 16, steps, name)
    return judge(encoder, main, decoder), seconds


# %% [markdown]
# The decoder without context sees zeros where the others see $h$.

# %%
def no_context(steps):
    """A decoder that spells each chunk from nothing.  -> bits, seconds"""
    decoder, blank = fresh()[2], torch.zeros(1, 160)

    def loss(at):
        c = cut(train_codes, at[:, 1:], K).flatten(0, 1)
        return bits_per_character(decoder(blank.expand(len(c), -1), c), c)

    _, seconds = fit(loss, [decoder], 8, 16, steps, "no context")
    with torch.no_grad():
        c = test_chunks[:, 1:].flatten(0, 1)
        return bits_per_character(decoder(blank.expand(len(c), -1), c), c).item(), seconds


# %% [markdown]
# All ways get about five CPU seconds; where claims are recorded, six times as long. First end to end, and once more for a third
# of the time, to see how fast it still improves.

# %%
times = 6 if lab.full else 1
joint, joint_seconds = end_to_end(500 * times, "end to end")
joint_early, _ = end_to_end(500 * times // 3, "end to end, a third of the time")

# %%
third, third_seconds = end_to_end(390 * times, "a third spelled", 24, 3)

# %% [markdown]
# Decoder last was trained above; the long run does both phases anew.

# %%
last, last_seconds = bits_last, contrast_seconds + decoder_seconds
if lab.full:
    parts = fresh()[:2]
    _, first_phase = fit(lambda at: contrastive_loss(*parts, at), parts, 16, 24, 330 * times, "no decoder, long")
    last, second_phase = decode(*parts, 260 * times, "decoder, long")
    last_seconds = first_phase + second_phase

# %% [markdown]
# The control, with all of the time for its decoder, and with only as many steps as the decoder of decoder last.

# %%
random = fresh()[:2]
at_random, random_seconds = decode(*random, 640 * times, "random")
brief, brief_seconds = decode(*random, 260 * times, "random, brief")
for name, bits, seconds in (("end to end", joint, joint_seconds), ("a third spelled", third, third_seconds),
                            ("decoder last", last, last_seconds), ("random, frozen", at_random, random_seconds),
                            ("random, brief", brief, brief_seconds)):
    print(f"{name:16} {bits:.3f} bits per character, {seconds:4.1f} CPU seconds")

# %% [markdown]
# In a picture, with the lines of chapter 20: tables of pairs and triples, and `xz` on the whole book.

# %%
import lzma

from tutorial_lib.text import contexts

lines = {name: bits_per_character(counted(train_codes, order, V)[contexts(test_codes, order, V)], test_codes[order:]).item()
         for order, name in ((1, "bigram"), (2, "trigram"))}
lines["xz, whole book"] = 8 * len(lzma.compress(book.text.encode())) / len(book.text)
nothing = no_context(500)
bars = lines | {"no context": nothing[0], "random, frozen": at_random, "end to end": joint, "a third spelled": third,
                "decoder last": last}
fig, (ax,) = plot.figure(width=9.6, height=3.3)
plot.bars(ax, {name.replace(", ", "\n").replace(" ", "\n", 1): b for name, b in bars.items()}, ylabel="bits per character",
          title="the last tenth of Moby Dick", colors=[plot.YELLOW] * 3 + [plot.GREY] * 2 + [plot.GREEN] * 2 + [plot.BLUE])
_ = ax.set_ylim(2.3, 3.75)
show(fig, alt="Bars of bits per character on the test part, axis from 2.3: bigram 3.55, trigram 2.9, xz 2.68, decoder without context "
              "about 3.3, and close together near 3 a decoder on random frozen parts, end to end, end to end with a third spelled, "
              "and decoder last.")

# %% [markdown]
# The bars to the left need no training: two tables, counted on the first nine tenths, and `xz`, which packs the whole book, the
# last tenth included. Everything to the right of them is about five seconds of training.

# %%
claim("hred.equal_quality", joint=joint, last=last, third=third, joint_seconds=joint_seconds, last_seconds=last_seconds,
      times=3 ** ((joint - last) / (joint_early - joint)))
claim("hred.control", last=last, brief=brief, random=at_random, nothing=nothing[0])

# %% [markdown]
# Five seconds are too few to pass the trigram table, and they hold a lesson. Beside no context alone, decoder last looks like a
# success. Beside the decoder on *random* parts it does not: that one spent all of the time on learning to read what a random
# network leaves of the last chunk, and at this length nothing serves better.
#
# With six times the steps the order turns. End to end then took 36 to 38 CPU seconds, decoder last 32 to 35. Recorded over five
# seeds:
#
# | | bits per character | behind decoder last, seed by seed |
# |---|---|---|
# | decoder last | 2.65 to 2.69 | |
# | end to end | 2.68 to 2.76 | 0.003 to 0.07 |
# | end to end, a third spelled | 2.71 to 2.75 | 0.03 to 0.10 |
# | random, frozen | 2.72 to 2.76 | 0.02 to 0.08 |
# | random, frozen, as many decoder steps as decoder last | 2.82 to 2.86 | 0.13 to 0.18 |
#
# So the paper's way makes as good a model in the same time, close to where `xz` stands, and a little better than the random
# control. What the first phase is worth shows where the last one is *brief*, as the paper has it: that is the last row.
#
# The abstract reports less total time as well. Here there is a little of it: for the bits of decoder last, end to end would have
# needed 1.02 to 1.66 times its CPU time, 1.17 in the middle one of five. That is read off a line through its bits at a third of
# the time and at all of it, over the logarithm of the time, and goes beyond what was run; so it is shown and not judged.
#
# ## 7 · Where the saving comes from
#
# Now the memory. For the same 256 chunks: end to end, the phase without a decoder, the phase of the decoder.

# %%
ask("decoder_last.peak")

# %%
from functools import partial

from tutorial_lib.decoder_last import joint_in_pieces

with torch.no_grad():
    h, c = shifted(main(encoder(sample[:, :-1])), sample)                        # (256, 160), (256, 6)


def spell(h, c):
    return bits_per_character(decoder(h, c), c)


held = {"end to end": peak_bytes(partial(joint_loss, encoder, main, decoder, sample)) / 1e6,
        "no decoder": peak_bytes(partial(contrastive_loss, encoder, main, places)) / 1e6,
        "decoder alone": peak_bytes(partial(decoder_loss, encoder, main, decoder, sample)) / 1e6}
print({name: f"{mb:.2f} MB" for name, mb in held.items()})

# %% [markdown]
# The phase without a decoder needs less than a quarter of it. But the method has two phases, and its peak is the larger one:
# with the same batch the decoder's phase holds nearly as much as end to end, because the decoder was what cost. So the method
# as such saves memory for *most of the time*, not at its peak.
#
# The peak can be had down, too. Once contexts are known, chunks are spelled apart from each other. The loss is a mean over
# chunks, so its gradient is a sum over pieces of the batch, and each piece can be forgotten before the next begins. Write it:
# `loss(h, c)` is a mean over rows, gradients add up in `.grad` by themselves.

# %%
def backward_in_pieces(loss, h, c, n):
    """The backward pass of loss(h, c), a mean over the rows, in n pieces.  h, c: (N, ...) -> the loss, without graph"""
    ...  # your code here: h.tensor_split(n) gives n pieces, not all of one length


# %% [markdown]
# It is judged by two properties: the gradients are those of the whole, and what is held at a time is little.

# %%
backward_in_pieces = check("activations.backward_in_pieces", backward_in_pieces)

# %% [markdown]
# One more honest look: can end to end be cut in the same way? Yes. Give the decoder its contexts as a fresh leaf, let it work
# piece by piece, and send the gradient that has gathered at the leaf on through main model and encoder, in one go
# (`decoder_last.joint_in_pieces`, five lines). The gradients are the same to rounding.

# %%
def gradients(run):
    for part in (encoder, main, decoder):
        part.zero_grad()
    run()
    return [w.grad.clone() for part in (encoder, main.gru, decoder) for w in part.parameters()]


at_once = gradients(lambda: joint_loss(encoder, main, decoder, sample).backward())
piecewise = gradients(partial(joint_in_pieces, encoder, main, decoder, sample, 8))
held |= {"decoder alone, 8 pieces": peak_bytes(partial(backward_in_pieces, spell, h, c, 8)) / 1e6,
         "end to end, 8 pieces": peak_bytes(partial(joint_in_pieces, encoder, main, decoder, sample, 8)) / 1e6}
gap = max(((a - b).norm() / b.norm()).item() for a, b in zip(piecewise, at_once))
print({name: f"{mb:.2f} MB" for name, mb in held.items()}, f"largest relative difference of gradients {gap:.0e}")

# %%
claim("hred.memory", joint=held["end to end"], contrast=held["no decoder"], decoder=held["decoder alone"],
      decoder_pieces=held["decoder alone, 8 pieces"], joint_pieces=held["end to end, 8 pieces"], gap=gap)

# %% [markdown]
# In eight pieces the decoder's phase falls below the phase without a decoder, whose 1.6 MB are now the peak of decoder last. End
# to end in pieces holds 1.7 MB, about the same. So the peak is had down by *independence*: given its context, no chunk needs to
# know how another is spelled. It serves both ways alike. What leaving the decoder out saves beyond that is the decoder's time.
#
# The whole trade as a timeline, for one budget of a minute. Boxes are phases: as wide as they last, as high as the memory they
# hold. Move the length of chunks, the share of the time that the decoder gets, and the number of pieces.

# %%
def measure(K):
    """Memory and time of a step over 16 windows of 96 characters, for chunks of K.  -> dict of (MB by pieces, ms)"""
    with lab.seeded(f"chunks of {K}"):
        encoder, main, decoder = ChunkEncoder(V, K), MainModel(), ChunkDecoder(V)
    at = next(chunk_places(len(train_codes), K, 96 // K, 16, lab.rng("timeline")))
    chunks = cut(train_codes, at, K)
    rare = torch.full(at.shape, -9.0)
    h, c = torch.zeros(16 * (96 // K), 160), chunks[:, 1:].flatten(0, 1)
    runs = {"joint": lambda: joint_loss(encoder, main, decoder, chunks),
            "contrast": lambda: decoder_last.contrastive_loss(encoder, main, chunks, at, rare),
            "decoder": lambda: decoder_loss(encoder, main, decoder, chunks)}
    found = {name: cost(run, 3) for name, run in runs.items()}
    for n in (2, 4, 8):
        found[f"joint {n}"] = (peak_bytes(partial(joint_in_pieces, encoder, main, decoder, chunks, n)) / 1e6,)
        piece = partial(backward_in_pieces, lambda h, c: bits_per_character(decoder(h, c), c), h, c, n)
        found[f"decoder {n}"] = (peak_bytes(piece) / 1e6,)
    return found


measured = {k: measure(k) for k in (2, 3, 4, 6, 8, 12)}


# %% [markdown]
# (All sizes at 16 windows of 96 characters; costs were measured a moment ago on your machine.)

# %%
def timeline(chunk=6, decoder_share=0.3, pieces=1):
    """A minute of each way of training: memory over time."""
    of, tag = measured[chunk], "" if pieces == 1 else f" {pieces}"
    top = of["joint"][0]
    fig, axes = plot.figure(rows=2, width=8.6, height=1.9, sharex=True)
    steps = {"joint": 60e3 / of["joint"][1], "contrast": 60e3 * (1 - decoder_share) / of["contrast"][1],
             "decoder": 60e3 * decoder_share / of["decoder"][1]}
    read = {name: n * 16 * 96 / 1e6 for name, n in steps.items()}                # millions of characters
    boxes = ((0, 0, 60, of["joint" + tag][0], plot.GREEN, f"end to end: {read['joint']:.1f} M characters"),
             (1, 0, 60 * (1 - decoder_share), of["contrast"][0], plot.BLUE, f"no decoder: {read['contrast']:.1f} M"),
             (1, 60 * (1 - decoder_share), 60 * decoder_share, of["decoder" + tag][0], plot.YELLOW, f"decoder: {read['decoder']:.1f} M"))
    tallest = [max(box[3] for box in boxes if box[0] == row) for row in (0, 1)]
    for row, x, w, height, color, label in boxes:
        axes[row].bar(x, height, w, align="edge", color=color, edgecolor="white", linewidth=2)
        at = min(max(x + w / 2, 8), 52)                                          # labels stay inside
        axes[row].annotate(f"{label}, {height:.1f} MB", (at, tallest[row]), ha="center", va="bottom", fontsize=10)
        axes[row].set(ylim=(0, 1.35 * top), ylabel="MB held")
    axes[1].set(xlabel="CPU seconds", xlim=(0, 60))
    axes[0].set_title(f"chunks of {chunk} characters, the decoder in {pieces} piece{'s' if pieces > 1 else ''}")
    return fig


explore(timeline, chunk=[2, 3, 4, 6, 8, 12], decoder_share=(0.1, 0.9, 0.1), pieces=[1, 2, 4, 8],
        alt="Two rows of boxes over sixty CPU seconds. Above, end to end, one box of 7 MB. Below, a long low box without decoder, "
            "under 2 MB, then a short high box of the decoder, nearly 6 MB; each says how many million characters it reads.")

# %% [markdown]
# With short chunks there is little to leave out: for two characters the main model runs half as often as the decoder, and scores
# (candidates times rows) make up more than half of what the first phase holds. With long chunks the first phase becomes cheap, and
# nearly all of the cost is the decoder's.
#
# ## 8 · Where this breaks
#
# - **The full text of the paper was not at hand.** What is said of it here is in its abstract: the implicit matrix, sampled
#   softmax, training without a decoder, the brief last phase, less memory, less time. Its title speaks of attention; our parts
#   are small recurrences that train for seconds. Which candidates it draws, and whether it corrects for them as we do, we do
#   not know.
# - **The random control is close.** With all of the time for its decoder it ended 0.02 to 0.08 bits behind decoder last on five
#   seeds, and on one of them ahead of end to end. A text model of this size and time lives on the last few characters, and a
#   random linear map keeps those readable. Models that train for days live on what no random network holds; ours do not get
#   there. Longer chunks do not help: in a single trial with 12 characters and 13 CPU seconds the random control (2.82 bits) was
#   ahead of end to end (2.85).
# - **Candidates from a batch.** The share of chunks was counted beforehand. On a stream it has to be estimated on the way, and
#   windows whose neighbouring chunks are both candidates are not independent draws.
# - **The peak is the decoder's**, unless it is cut into pieces or its batch is smaller. And what we count are tensors kept for
#   the backward pass: weights, gradients, the optimiser's two moments and the interpreter come on top, and are the larger part
#   for models as small as ours.
# - **A score is one dot product of 64 numbers.** It cannot tell apart chunks that it maps to one place. What the encoder drops,
#   no decoder brings back, and a contrastive loss gives it no reason to keep what does not help in telling a few candidates
#   apart.
#
# ## What we saw
#
# - An encoder that sees only its chunk is an embedding matrix of $80^6$ rows that fits into 28,000 numbers.
# - With $-\log Q$ the partition function is estimated without bias, and the choice among a few candidates is best at the true
#   probabilities, exactly, for any $Q$ and any number of candidates; without it, scores measure what the context adds to a
#   chunk's share.
# - Encoder and main model learn without a decoder in less than a quarter of the memory; a decoder trained last, with gradients
#   of its own only, brings the model about as far as training end to end in the same CPU time. How much of that is owed to the
#   first phase, only the frozen random parts can tell: 0.02 to 0.08 bits when their decoder gets all of the time, 0.13 to 0.18
#   when it gets as few steps.
#
# Two questions to take along.

# %%
ask("decoder_last.close_scores")
ask("decoder_last.close_saving")

# %% [markdown]
# **References.** A. Mujika, *Hierarchical Attention Encoder Decoder* (2023), arXiv:2306.01070: the abstract. A. Sordoni and
# others, *A Hierarchical Recurrent Encoder-Decoder for Generative Context-Aware Query Suggestion* (2015), arXiv:1507.02221, and
# I. V. Serban and others, *Building End-To-End Dialogue Systems Using Generative Hierarchical Neural Network Models* (2016),
# arXiv:1507.04808: HRED. Y. Bengio and J.-S. Senécal, *Adaptive importance sampling to accelerate training of a neural
# probabilistic language model* (2008): the estimate of $Z$ and the best $Q$. S. Jean, K. Cho, R. Memisevic and Y. Bengio, *On
# using very large target vocabulary for neural machine translation* (2015): sampled softmax in use. G. Blanc and S. Rendle,
# *Adaptive sampled softmax with kernel based sampling* (2018), arXiv:1712.00527: its bias, and how it depends on $Q$. The
# choice among candidates as Bayes' rule, with hits removed: the note on candidate sampling that comes with TensorFlow's
# `sampled_softmax_loss`. K. Khrylchenko and others, *Correcting the LogQ correction* (2025), arXiv:2507.09331: what changes
# when the right class is left uncorrected. Data: *Moby Dick* by Herman Melville, public domain. The exact checks on nine
# chunks, the comparison at equal time, the random control and the pieces are ours.
#
# **Next:** [25 Local losses](25_local_losses.ipynb) cuts gradients between levels altogether. Back to the [map](../00_start_here.ipynb).
