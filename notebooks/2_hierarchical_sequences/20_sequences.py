# ---
# jupyter:
#   course:
#     id: "20"
#     title: Sequences
#     belief: A sequence model guesses the next step from what it carries of all the steps before, and how well it guesses beside its teacher says little about how it fares alone.
#     papers: []
#     needs: ["11"]
#     minutes: {read: 25, do: 40}
#     track: core
#     goals:
#       - turn predictions of the next symbol into bits per character, and say which lines a model has to beat
#       - write a recurrence, an LSTM cell and causal attention in six lines each, and say how far back each can feel
#       - let a model run without its teacher, and measure how its error grows with every step
#     discuss: A weather model is judged by its error one hour ahead, a text model by its bits per character. For which decisions of their users do these numbers matter, and what would you measure in their place?
#     when_late: Skip the words of section 6 and the temperatures of section 7; keep the bits, the picture of the reach and the first explorer of section 7.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 20 · Sequences
#
# *At the end you will believe this: a sequence model guesses the next step from what it carries of all the steps before,
# and how well it guesses beside its teacher says little about how it fares alone.*

# %%
import math
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from tutorial_lib import ask, check, explore, plot, show, start

lab = start("20")

# %% [markdown]
# **You will be able to**
#
# - turn predictions of the next symbol into bits per character, and say which lines a model has to beat;
# - write a recurrence, an LSTM cell and causal attention in six lines each, and say how far back each can feel;
# - let a model run without its teacher, and measure how its error grows with every step.
#
# Two questions first, on what this chapter leans on ([11 What a VAE is](../1_latent_variables/11_what_a_vae_is.ipynb)).

# %%
ask("sequences.recall_bits")
ask("sequences.recall_independent")

# %% [markdown]
# ## 1 · The teacher lets go
#
# Someone has counted the spots on the sun since 1700. They come and go about every eleven years, never twice alike.

# %%
from tutorial_lib import series

sun = series()["sunspots"]
years, spots = sun.t, sun.values.double()              # (309,) each, 1700 to 2008
first_test = 1920 - 1700                               # everything from 1920 on is kept for testing

# %% [markdown]
# In 1927 the statistician Udny Yule described this series by its own past: the next value is a weighted sum of
# the last few. He used two of them; we take $K = 9$. The weights come from least squares over the years before 1920.
#
# $$\hat x_t = w_0 + \sum_{k=1}^{K} w_k\, x_{t-k}$$

# %%
def fit_window(x, K):
    """Weights that predict x[t] best from the K values before it.  (T,) -> (K + 1,), oldest first, constant last"""
    past = torch.cat([x.unfold(0, K, 1)[:-1], torch.ones(len(x) - K, 1)], 1)     # (T - K, K + 1)
    return torch.linalg.lstsq(past, x[K:]).solution


w9 = fit_window(spots[:first_test], 9)
with_teacher = spots.unfold(0, 9, 1)[:-1] @ w9[:-1] + w9[-1]                     # (300,) a guess for each year from 1709
error = (with_teacher - spots[9:])[first_test - 9 :].square().mean().sqrt()
print(f"typical error one year ahead, 1920 to 2008: {error:.0f} sunspots (the series itself: std {spots[first_test:].std():.0f})")

# %% [markdown]
# Each of these guesses was made from nine *true* values. Had it been wrong last year, it was told so before it had to guess
# again: it has a **teacher** at its side (trained so, a model is said to learn by *teacher forcing*). Suppose the teacher
# leaves at the end of 1949. From then on there are no true values, and the model must take its own guesses for them.

# %%
ask("sequences.let_go")

# %%
alone = spots[:250].tolist()                           # 1700 to 1949 are true
while len(alone) < len(spots):
    alone.append((spots.new_tensor(alone[-9:]) @ w9[:-1] + w9[-1]).item())       # a guess, taken for the truth

fig, (ax,) = plot.figure(width=9, height=3.4)
ax.plot(years[200:], spots[200:], color="k", lw=1.2, label="the sun")
ax.plot(years[209:], with_teacher[200:], ".", ms=7, color=plot.BLUE, label="with the teacher, one year ahead")
ax.plot(years[249:], alone[249:], color=plot.RED, lw=2.2, label="alone since 1950")
ax.set(xlabel="year", ylabel="sunspot number", title="the same nine weights")
_ = ax.legend(loc="upper left", ncols=3, fontsize=10), ax.set_ylim(-10, 245)
show(fig, alt="Sunspot numbers from 1900 to 2008 in black, eleven-year waves. Blue dots, predictions one year ahead, follow every "
              "wave closely. A red line, the same model alone since 1950, keeps waving, but its waves are half as high from "
              "the start and shrink from one to the next.")

# %% [markdown]
# The same nine numbers, twice. With the teacher they look like knowledge of the sun; alone they keep a rhythm and lose the
# height of the waves. Everything that generates, from melodies to language, is used
# like the red line and trained like the blue dots. This part of the course is about the gap between the two.
#
# Three things are needed for it: a price for guesses (section 2), something better to carry than the last nine values
# (sections 3 to 5), and a fair measure of being alone (section 7).

# %% [markdown]
# ## 2 · What a character costs
#
# Text is a sequence of symbols. Any probability of a whole text can be taken apart, step by step, without assuming
# anything; this is the **chain rule**:
#
# $$p(x_1, \dots, x_T) = \prod_{t=1}^{T} p(x_t \mid x_1, \dots, x_{t-1}), \qquad
# -\log_2 p(x_1,\dots,x_T) = \sum_{t=1}^T -\log_2 p(x_t \mid x_{<t})\quad\text{bits}.$$
#
# So a model of sequences is a machine that guesses the next symbol. Chapter 11 went another way: given $z$, its
# pixels ignored each other. Here each symbol sees all that came before. Divided by $T$ the sum is the price in **bits per
# character**, and it is a real one: an arithmetic coder stores the text in that many bits, to within two for the whole
# file.
#
# PyTorch's cross-entropy computes $-\log p$ from logits, in nats. Fill the two blanks.

# %%
def bits_per_character(logits, x):
    """The average of -log2 p(x) over all characters.  logits: (..., V), x: (...) -> ()"""
    nats = F.cross_entropy(logits.flatten(0, -2), x.flatten(), reduction=...)
    return nats / ...


# %%
bits_per_character = check("text.bits_per_character", bits_per_character)

# %% [markdown]
# The text is *Moby Dick*. Models learn from the first nine tenths and are judged on the last.

# %%
from tutorial_lib import moby_dick

book = moby_dick()
V, split = len(book.alphabet), len(book.codes) * 9 // 10
train_codes, test_codes = book.codes[:split], book.codes[split:]                 # (1072739,), (119194,)
print(f"{len(book.codes):,} characters, {V} different ones; the test part begins with")
print(repr(book.text[split : split + 62]))

# %% [markdown]
# Two models need no training, only counting: how often is each symbol used (a **unigram** model), and how often after each
# other symbol (a **bigram** model)? A tenth is added to each count, so that a pair that was never seen is not impossible.

# %%
pairs = torch.bincount(train_codes[:-1] * V + train_codes[1:], minlength=V * V).view(V, V) + 0.1
bigram = (pairs / pairs.sum(-1, keepdim=True)).log()                             # (V, V): row, the symbol before
after_q = bigram[book.alphabet.index("q")].exp()
print(f"after a q comes {book.alphabet[after_q.argmax()]!r} with probability {after_q.max():.3f}")

# %% [markdown]
# How much does a symbol save that knows its neighbour?

# %%
ask("sequences.bigram")

# %% [markdown]
# `text.counted` is the same for any number of symbols before: none, one, two.

# %%
from tutorial_lib.text import contexts, counted

assert torch.allclose(counted(train_codes, 1, V), bigram, atol=1e-5)
bits = {"80 alike": math.log2(V)}
for order, name in enumerate(("unigram", "bigram", "trigram")):
    bits[name] = bits_per_character(counted(train_codes, order, V)[contexts(test_codes, order, V)],
                                    test_codes[order:]).item()
print(", ".join(f"{name} {value:.2f}" for name, value in bits.items()), "bits per character")

# %% [markdown]
# Compressors play the same game. `xz` starts without any knowledge and learns the book while it packs it.

# %%
import lzma

bits["xz, whole book"] = 8 * len(lzma.compress(book.text.encode())) / len(book.text)
print(f"xz: {bits['xz, whole book']:.2f} bits per character")

# %% [markdown]
# That is the line to beat, if not quite the same exam: for the last tenth alone, having packed the first nine, `xz` needs 2.57.
#
# A bigram knows one neighbour. To do better, a model must carry more of the past, and a table of counts cannot: with
# ten symbols before, it would have $80^{10}$ rows.

# %% [markdown]
# ## 3 · Something to carry
#
# **A recurrence** carries a fixed number of values, the **state** $h_t$, and updates it with each input by the same rule:
#
# $$h_t = \tanh\big(W_x x_t + W_h h_{t-1} + b\big).$$
#
# Whatever the model knows of the past must be in $h$: the nine last values of section 1 were a state, too, chosen by hand.
# Here training chooses. Memory and time per step stay the same however long the sequence is. In six lines:

# %%
def rnn(xs, h, Wx, Wh, b):
    """All states of a recurrence.  xs: (B, T, D), h: (B, H) -> (B, T, H)"""
    hs = []
    for x in xs.unbind(1):                             # x: (B, D), one step after the other
        h = torch.tanh(x @ Wx.T + h @ Wh.T + b)        # (B, H)
        hs.append(h)
    return torch.stack(hs, 1)


# %% [markdown]
# (`unbind` takes the steps apart once. A loop that cuts out `xs[:, t]` gives the same values, and a backward pass whose cost
# grows with $T^2$: the gradient of every slice is a tensor as large as all of `xs`.)
#
# It is `torch.nn.RNN`, to the last digits that a float can hold:

# %%
xs, zeros = torch.randn(3, 12, 5, generator=lab.rng("inputs")), torch.zeros(3, 7)
with lab.seeded("a recurrence"):
    theirs = nn.RNN(5, 7, batch_first=True)
Wx, Wh, b = theirs.weight_ih_l0, theirs.weight_hh_l0, theirs.bias_ih_l0 + theirs.bias_hh_l0
assert torch.allclose(rnn(xs, zeros, Wx, Wh, b), theirs(xs)[0], atol=1e-6)
print("rnn and torch.nn.RNN agree on", tuple(theirs(xs)[0].shape))

# %% [markdown]
# **The LSTM** ("long short-term memory") carries a second value beside each $h$: a cell $c$, which is not pressed through a
# matrix and a tanh at every step. It is *kept* by a factor $f$ and *added to*. The factors are **gates**, numbers between 0 and 1
# that are computed from $x_t$ and $h_{t-1}$ at each step: how much is written, $i$, how much is kept, $f$, how much is shown, $o$.
#
# $$c_t = f_t\, c_{t-1} + i_t\, g_t, \qquad h_t = o_t \tanh c_t, \qquad
# \begin{aligned} i_t, f_t, o_t &= \mathrm{sigmoid}(\cdot)\\ g_t &= \tanh(\cdot)\end{aligned}
# \quad\text{of}\quad W_x x_t + W_h h_{t-1} + b.$$
#
# The four rows of gates lie above each other in one matrix, in the order $i, f, g, o$. Two lines are left to write.

# %%
def lstm_step(x, state, Wx, Wh, b):
    """One step.  x: (B, D), state: (h, c), each (B, H), Wx: (4H, D), Wh: (4H, H), b: (4H,) -> h, (h, c)"""
    h, c = state
    i, f, g, o = (x @ Wx.T + h @ Wh.T + b).chunk(4, -1)              # (B, H) each
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = ...                                                          # the new cell
    h = ...                                                          # what is shown of it
    return h, (h, c)


# %%
lstm_step = check("recurrent.lstm_step", lstm_step)

# %% [markdown]
# A step takes an input and a state, and gives an output and a state. `recurrent.scan` runs any such step over time, with the
# loop that you saw in `rnn`. Over your step it is `torch.nn.LSTM`:

# %%
from tutorial_lib.recurrent import scan

with lab.seeded("an LSTM"):
    theirs = nn.LSTM(5, 7, batch_first=True)
weights = {"Wx": theirs.weight_ih_l0, "Wh": theirs.weight_hh_l0, "b": theirs.bias_ih_l0 + theirs.bias_hh_l0}
ys, (h, c) = scan(partial(lstm_step, **weights), xs, (zeros, zeros))
assert torch.allclose(ys, theirs(xs)[0], atol=1e-6) and torch.allclose(c, theirs(xs)[1][1][0], atol=1e-6)
print("scan over lstm_step and torch.nn.LSTM agree on", tuple(ys.shape))

# %% [markdown]
# (A GRU is the LSTM's smaller sister, without a second value: one gate $z$ both keeps and writes,
# $h_t = z_t\, h_{t-1} + (1 - z_t)\, n_t$, and another decides how much of $h_{t-1}$ the new content $n_t$ sees. It is
# `recurrent.gru_step`. Fused versions such as `nn.LSTM` do all steps in one call and are several times faster than our loop; from
# here on we train with those.)

# %% [markdown]
# ## 4 · Looking back
#
# **Attention** carries nothing: it keeps everything and looks. Each step $t$ writes a **key** $k_t$, by which it can be
# found, and a **value** $v_t$, which is handed over when it is. Step $t$ also asks, with a **query** $q_t$: it
# compares the query with all keys so far and takes the average of their values, weighted by how well they fit.
#
# $$y_t = \sum_{s \le t} A_{ts}\, v_s, \qquad A_{ts} = \frac{\exp(q_t\cdot k_s/\sqrt D)}{\sum_{r\le t}\exp(q_t\cdot k_r/\sqrt D)}$$
#
# (Dot products of $D$ numbers grow like $\sqrt D$, hence the root.) No step waits for the one before, so all are computed at
# once; the price is a table of $T\times T$ weights, where a recurrence needs $T$ updates. It is called *causal* when no step sees
# what comes after it. Without that, guessing the next character would be copying it.
#
# Six lines again, from a colleague:

# %%
def attention_from_the_wild(q, k, v):
    T, D = q.shape[-2:]
    weights = (q @ k.mT / D**0.5).softmax(-1)          # (..., T, T)
    past = torch.ones(T, T).tril()                     # 1 where s <= t
    return (weights * past) @ v


# %% [markdown]
# He has checked that it is causal: he changed the values of all later steps, and nothing moved.

# %%
q, k, v = torch.randn(3, 1, 8, 4, generator=lab.rng("queries, keys, values"))    # (1, 8, 4) each
later = torch.zeros(8, 1).index_fill(0, torch.tensor([5, 6, 7]), 1.0)            # 1 for the last three steps
before, after = attention_from_the_wild(q, k, v), attention_from_the_wild(q, k, v + later)
print("outputs of the first five steps are unchanged:", torch.equal(before[:, :5], after[:, :5]))

# %% [markdown]
# Now change the *keys* of the last three steps instead.

# %%
after = attention_from_the_wild(q, k + later, v)
print("outputs of the first five steps are unchanged:", torch.equal(before[:, :5], after[:, :5]))
print("first step's output:", [f"{y:.2f}" for y in before[0, 0]], " its value, all it may see:", [f"{y:.2f}" for y in v[0, 0]])

# %% [markdown]
# The future leaks, and the first step, which can only look at itself, does not even return its own value. Find the bug, and
# write it as it should be.

# %%
def causal_attention(q, k, v):
    """Each step's average of the values so far.  q, k: (..., T, D), v: (..., T, Dv) -> (..., T, Dv)"""
    ...  # your code here


# %%
causal_attention = check("attention.causal_attention", causal_attention)

# %% [markdown]
# PyTorch's fused version gives the same.

# %%
assert torch.allclose(causal_attention(q, k, v), F.scaled_dot_product_attention(q, k, v, is_causal=True), atol=1e-6)
print("causal_attention and torch's scaled_dot_product_attention agree")

# %% [markdown]
# ## 5 · How far back can it feel?
#
# To learn that step $T$ depends on step $T-n$, a gradient must get from one to the other. Through a recurrence it passes $n$
# updates, and each multiplies it by a Jacobian:
#
# $$\frac{\partial h_T}{\partial h_{T-n}} = \prod_{t=T-n+1}^{T} \mathrm{diag}(1 - h_t^2)\, W_h.$$
#
# A product of $n$ factors that are mostly below 1, or mostly above, shrinks or grows exponentially with $n$. Along the LSTM's
# cell the factors are the forget gates, $\prod_t f_t$, numbers that the network itself can bring close to 1. Attention passes a
# single step, whatever $n$.
#
# `recurrent.reach` measures it: the size of $\partial y_T/\partial x_{T-n}$ for each $n$, over random inputs. Four untrained
# networks of 64 units: a tanh recurrence and an LSTM as PyTorch starts them, an LSTM whose forget gates were opened by adding 3 to
# their bias ($f = \mathrm{sigmoid}(3) = 0.95$), and attention.

# %%
ask("sequences.reach")

# %%
from tutorial_lib.recurrent import reach, rnn_step

H, noise = 64, torch.randn(16, 101, 16, generator=lab.rng("noise to be felt"))   # 16 sequences of 101 steps
h0 = torch.zeros(16, H)
with lab.seeded("four untrained networks"):
    fresh_rnn, fresh_lstm, project = nn.RNN(16, H), nn.LSTM(16, H), nn.Linear(16, 3 * H)


def scaled_rnn(scale):
    """The recurrence with its state matrix multiplied by `scale`, as a function of the inputs."""
    step = partial(rnn_step, Wx=fresh_rnn.weight_ih_l0, Wh=scale * fresh_rnn.weight_hh_l0, b=fresh_rnn.bias_ih_l0)
    return lambda xs: scan(step, xs, h0)[0]


def opened_lstm(bias):
    """The LSTM with `bias` added to its forget gates, as a function of the inputs."""
    added = torch.zeros(4, H).index_fill(0, torch.tensor(1), bias).flatten()     # the second of i, f, g, o
    step = partial(lstm_step, Wx=fresh_lstm.weight_ih_l0, Wh=fresh_lstm.weight_hh_l0, b=fresh_lstm.bias_ih_l0 + added)
    return lambda xs: scan(step, xs, (h0, h0))[0]


# %% [markdown]
# Both functions change one number of a network; attention gets its queries, keys and values from one linear layer.

# %%
def felt(run):
    """The reach of a network, as a share of what the last output feels of its own input.  -> (101,)"""
    size = reach(run, noise, lab.rng("directions"))
    return size / size[0]


networks = {"tanh recurrence": scaled_rnn(1.0), "LSTM": opened_lstm(0.0), "LSTM, forget gates opened": opened_lstm(3.0),
            "attention": lambda xs: causal_attention(*project(xs).chunk(3, -1))}
felt_by = {name: felt(run) for name, run in networks.items()}

fig, (ax,) = plot.figure(width=7.4, height=3.8)
plot.lines(ax, range(101), felt_by, xlabel="steps back, n", ylabel="gradient, relative to n = 0", title="how far back it feels")
ax.set(yscale="log", ylim=(1e-12, 30))
show(fig, alt="Size of the gradient of the last output with respect to the input n steps back, logarithmic axis. The tanh "
              "recurrence falls along a straight line to 1e-12 near n = 45, the LSTM as PyTorch starts it a little more slowly, "
              "the LSTM with opened forget gates and attention stay within a factor of about ten of their first value up to 100 "
              "steps.")

# %% [markdown]
# A straight line on a logarithmic axis is a power: the gradient **vanishes** exponentially. The LSTM is no cure by itself;
# started with forget gates near one half it forgets nearly as fast. (The green line ends above 1: beside the cell a gradient
# also passes through $h$ and the gates. With $W_h = 0$ it would end at 0.005.) It is a recurrence that *can* be brought to
# remember, by training or by a bias, and that is what it was made for. Move the two knobs. Where does the tanh recurrence go
# from vanishing to **exploding**? And what happens to the LSTM at $-1$?

# %%
def knobs(times_state_matrix=2.0, forget_bias=1.0):
    """The reach of the tanh recurrence and of the LSTM when one number of each is changed."""
    fig, (ax,) = plot.figure(width=7.4, height=3.8)
    ax.plot(felt_by["attention"], color=plot.GREY, lw=1, label="attention")
    ax.plot(felt(scaled_rnn(times_state_matrix)), color=plot.BLUE, label=f"tanh recurrence, $W_h$ times {times_state_matrix:.1f}")
    gate = 1 / (1 + math.exp(-forget_bias))
    ax.plot(felt(opened_lstm(forget_bias)), color=plot.RED, label=f"LSTM, bias {forget_bias:+.1f}: gates near {gate:.2f}")
    ax.plot([gate**n for n in range(101)], color=plot.RED, lw=1, ls=":", label=f"{gate:.2f} to the power n")
    ax.set(yscale="log", ylim=(1e-12, 1e12), xlabel="steps back, n", ylabel="gradient, relative to n = 0")
    ax.legend(loc="upper left", ncols=2, fontsize=10)
    return fig


explore(knobs, times_state_matrix=(0.5, 5.0, 0.1), forget_bias=(-1.0, 5.0, 0.5),
        alt="Gradient against steps back on a logarithmic axis, for the tanh recurrence with its state matrix doubled and for "
            "the LSTM with one added to its forget bias. Both fall, close to straight lines, the LSTM faster; the "
            "dotted line, the gate at the middle to the power n, falls faster still.")

# %% [markdown]
# (The dotted line is what a single gate at the middle value would leave. The LSTM lies above it: its gates differ, and those
# that are open widest decide what arrives. PyTorch starts our $W_h$ with a largest eigenvalue of size 0.6, and tanh shrinks
# further: the turn comes near 2.5 times. At a bias of $-1$ the LSTM forgets faster than the tanh recurrence as it was.) Between
# vanishing and exploding there is a narrow place where the factors are near 1. Much of part 4 is about recurrences built to
# stay there.

# %% [markdown]
# ## 6 · A few seconds of Moby Dick
#
# Now the model: each character becomes 32 numbers, an LSTM of 96 units reads them, and a linear layer turns its state into
# logits for the next one. It is trained with the teacher at its side: at every place of a window the *true* characters
# before it are given, all 48 guesses are priced at once, and no guess is ever fed back.

# %%
class Reader(nn.Module):
    """Characters in, logits of each next one out.  x: (B, T) -> (B, T, V), and the LSTM's state"""

    def __init__(self, V, D=32, H=96):
        super().__init__()
        self.embed, self.lstm, self.out = nn.Embedding(V, D), nn.LSTM(D, H, batch_first=True), nn.Linear(H, V)

    def forward(self, x, state=None):
        hs, state = self.lstm(self.embed(x), state)    # (B, T, H)
        return self.out(hs), state


# %% [markdown]
# 400 batches of 8 windows. It will have read 154,000 characters, an eighth of the book. Where will it end, among the lines of
# section 2?

# %%
ask("sequences.reader")

# %%
from tutorial_lib import train
from tutorial_lib.text import windows

with lab.seeded("reader"):
    reader = Reader(V)


def loss(x):
    """Bits per character of a batch of windows: each character but the last predicts the next.  x: (B, T + 1)"""
    return bits_per_character(reader(x[:, :-1])[0], x[:, 1:])


history = train(loss, reader.parameters(), windows(train_codes, 49, 8, lab.rng("windows")), 400, lr=2.5e-2, decay=True,
                label="reading")

# %% [markdown]
# The test part, in rows of a thousand characters (every third one, to save time):

# %%
rows = test_codes[:119_000].view(119, 1000)[::3]                                 # (40, 1000)
with torch.no_grad():
    bits["LSTM"] = loss(rows).item()
fig, (ax,) = plot.figure(width=7.4, height=3.2)
plot.bars(ax, bits, ylabel="bits per character", title="the last tenth of Moby Dick",
          colors=[plot.GREY] * 4 + [plot.YELLOW, plot.BLUE])
_ = ax.set_ylim(0, 7)
show(fig, alt="Bars of bits per character on the test part: 80 symbols alike 6.32, unigram 4.5, bigram 3.55, trigram 2.9, xz on the "
              "whole book 2.68, LSTM about 2.8.")

# %% [markdown]
# A few seconds of training take it past all three tables and to about a tenth of a bit above `xz`, a fifth above its 2.57 on
# the same exam. That is not good yet: a table with three symbols before, 41 million numbers, would cost about 2.5, and large
# networks reach well below 2 on English text.
#
# The average also hides where the price is paid. Here is one line of the test part, character by character.

# %%
begin = book.text.index("Towards thee I roll")
line = book.codes[begin - 1 : begin + 60]                                        # one before, for the bigram
with torch.no_grad():
    so_far = reader(book.codes[begin - 200 : begin + 59][None])[0][0, -60:]      # (60, V): it has read 200 before

fig, (ax,) = plot.figure(width=10, height=2.7)
for name, logits, color, width in (("bigram", bigram[line[:-1]], "#cccccc", 0.9), ("LSTM", so_far, plot.BLUE, 0.5)):
    price = F.cross_entropy(logits, line[1:], reduction="none") / math.log(2)    # (60,)
    ax.bar(range(60), price, color=color, width=width, label=f"{name}: {price.mean():.2f} bits per character")
ax.set(xticks=range(60), xticklabels=[book.alphabet[c] for c in line[1:]], ylabel="bits", xlim=(-1, 60), ylim=(0, 13))
ax.tick_params(axis="x", labelsize=11, length=0)
ax.grid(False, axis="x")
_ = ax.legend(loc="upper left", ncols=2)
show(fig, alt="Price of each character of a line of Moby Dick under the bigram model, pale bars, and under the LSTM, narrow blue "
              "bars in front. The LSTM pays less inside and at the end of most words, and for most first letters about as much.")

# %% [markdown]
# One line may mislead. Over all rows, sorted by where a character stands:

# %%
with torch.no_grad():
    price = {"bigram": bigram[rows[:, :-1]], "LSTM": reader(rows[:, :-1])[0]}
price = {name: F.cross_entropy(logits.mT, rows[:, 1:], reduction="none") / math.log(2) for name, logits in price.items()}
letter = torch.tensor([a.isalpha() for a in book.alphabet])[rows]                # (40, 1000)
first, inside = letter[:, 1:] & ~letter[:, :-1], letter[:, 1:] & letter[:, :-1]  # (40, 999)
for name, bits_of in price.items():
    print(f"{name}: first letters {bits_of[first].mean():.2f}, letters inside {bits_of[inside].mean():.2f}, "
          f"other signs {bits_of[~letter[:, 1:]].mean():.2f} bits")

# %% [markdown]
# What it has gained on the bigram is mostly inside of words and at their ends. First letters stay dear.
#
# **Stretch: other pieces.** Large models predict *tokens*, longer pieces of text, and report the price per token. A number
# per token means nothing until one knows how long tokens are. Write the exchange: from the price of each piece, in nats, and
# its length, to bits per character.

# %%
def bits_from_tokens(nats, lengths):
    """Bits per character from the price of each piece and its length in characters.  (N,), (N,) -> ()"""
    ...  # your code here


# %%
bits_from_tokens = check("text.bits_from_tokens", bits_from_tokens)

# %% [markdown]
# Try it on a model without any memory whose pieces are words and single other signs. A word that the first nine tenths do not
# hold is announced (as often as words occurred there once only) and spelled: each sign of it, and its end, one of 81 alike.

# %%
import re
from collections import Counter

pieces = [re.findall(r"[A-Za-z]+|[^A-Za-z]", part) for part in (book.text[:split], book.text[split:])]
seen = Counter(pieces[0])
new = sum(n == 1 for n in seen.values()) / len(pieces[0])                        # the chance of a new word
nats = [-math.log((1 - new) * seen[p] / len(pieces[0])) if p in seen else -math.log(new) + (len(p) + 1) * math.log(V + 1)
        for p in pieces[1]]
cost = torch.tensor(nats), torch.tensor([len(p) for p in pieces[1]])
print(f"{cost[0].mean() / math.log(2):.2f} bits per piece, {bits_from_tokens(*cost):.2f} bits per character")

# %% [markdown]
# A bag of words, with no idea of order, costs a fifth of a bit more than our network per character; per piece it looks more than twice as
# dear. Compare models in bits per character, on the same text.

# %% [markdown]
# ## 7 · Alone
#
# Beside its teacher the network's favourite next character is right nearly half of the time. Now let go: it reads 60 true
# characters, then each guess is its next input. Any model that takes steps can be let go in this way. `step` takes an input
# and a state and gives an output and a state; `choose` turns an output into the next input (a draw, the favourite, or the
# output itself).

# %%
def free_run(step, x, state, T, choose):
    """T steps, each fed with what was chosen at the one before.  x: (B, ...), the last true input -> (B, T, ...)"""
    ...  # your code here: collect what was chosen, and stack it along axis 1


# %%
free_run = check("recurrent.free_run", free_run)

# %% [markdown]
# Six hundred places in the test part. With the teacher, the share of right guesses is the same at each step. Alone, for the
# second guess the model stands on its own first one, for the third on two of its own.

# %%
ask("sequences.alone")

# %%
WARM, AHEAD = 60, 16
places = torch.randint(len(test_codes) - WARM - AHEAD, (600, 1), generator=lab.rng("places"))
passages = test_codes[places + torch.arange(WARM + AHEAD)]                       # (600, 76)


def reader_step(x, state):
    """One step of the reader.  x: (B,) codes -> logits (B, V), state"""
    logits, state = reader(x[:, None], state)
    return logits[:, 0], state


with torch.no_grad():
    beside = reader(passages[:, :-1])[0].argmax(-1)[:, WARM - 1 :] == passages[:, WARM:]                   # (600, 16)
    _, warm_state = reader(passages[:, : WARM - 1])
    guesses = free_run(reader_step, passages[:, WARM - 1], warm_state, AHEAD, lambda logits: logits.argmax(-1))
by_itself = guesses == passages[:, WARM:]                                                                  # (600, 16)
second = [by_itself[by_itself[:, 0] == first, 1].float().mean().item() for first in (True, False)]
print(f"right at the second step alone: {second[0]:.2f} after a right first guess, {second[1]:.2f} after a wrong one")

# %% [markdown]
# One wrong character, and the next is wrong as well, nearly always: it continues another text. How much of that is the
# model's fault? A text can go on in many good ways, and the sun has moods that nobody could foresee. The sunspots have a
# fair control: a second set of weights for each distance, fitted to predict that distance *directly*. It is never
# fed with a guess. What it gets wrong, nine values do not tell a linear model.

# %%
def window_step(x, past, w):
    """Read one value, forget the oldest, predict the next.  x: (B,), past: (B, K), w: (K + 1,) -> (B,), (B, K)"""
    past = torch.cat([past[:, 1:], x[:, None]], 1)
    return past @ w[:-1] + w[-1], past


def alone_from(t, K, T, x=spots):
    """T years alone for each first year in t, an index, with a window of K.  t: (B,) -> (B, T)"""
    step = partial(window_step, w=fit_window(x[:first_test], K))
    past = x[t[:, None] - 1 - torch.arange(K, 0, -1)]                            # (B, K): the K values before the last one
    return free_run(step, x[t - 1], past, T, lambda y: y)


assert torch.allclose(alone_from(torch.tensor([250]), 9, 59)[0], spots.new_tensor(alone[250:]))

# %% [markdown]
# (The assert: from 1950 it is the red line of section 1.) The direct weights predict $x_{t+n-1}$ from the nine values before $t$.

# %%
def direct(t, K, n, x=spots):
    """Predict n years ahead in one go: weights fitted for this distance.  t: (B,) -> (B,)"""
    known = x[:first_test]
    past = torch.cat([known.unfold(0, K, 1)[: -n], torch.ones(len(known) - K - n + 1, 1)], 1)
    w = torch.linalg.lstsq(past, known[K + n - 1 :]).solution
    return x[t[:, None] - torch.arange(K, 0, -1)] @ w[:-1] + w[-1]


AHEAD_YEARS = 25
t = torch.arange(first_test, len(spots) - AHEAD_YEARS + 1)                       # let go in each year, 1920 to 1984
truth = spots[t[:, None] + torch.arange(AHEAD_YEARS)]                            # (65, 25)
rms = {(K, "alone"): (alone_from(t, K, AHEAD_YEARS) - truth).square().mean(0).sqrt() for K in (2, 9)}
rms |= {(K, "direct"): torch.stack([(direct(t, K, n) - truth[:, n - 1]).square().mean().sqrt()
                                    for n in range(1, AHEAD_YEARS + 1)]) for K in (2, 9)}
always_mean = (truth - spots[:first_test].mean()).square().mean().sqrt()

# %%
fig, (left, right) = plot.figure(columns=2, width=5.2, height=3.7)
plot.lines(left, range(1, AHEAD + 1), {"with the teacher": beside.float().mean(0), "alone": by_itself.float().mean(0)},
           xlabel="characters since the teacher left", ylabel="share of right guesses", title="text", marker="o", ms=4)
left.set(ylim=(0, 0.6), xticks=range(1, AHEAD + 1, 3))
for (K, name), y in rms.items():
    right.plot(range(1, AHEAD_YEARS + 1), y, color=plot.RED if K == 9 else plot.YELLOW, ls="-" if name == "alone" else "--",
               label=f"window of {K}, {name}")
right.axhline(always_mean, color="k", ls=":", lw=1.2)
_ = right.annotate("always the mean", (0.8, always_mean + 1.2), fontsize=10)
right.set(xlabel="years since the teacher left", ylabel="typical error, sunspots", title="sunspots", ylim=(0, 72))
_ = right.legend(loc="lower right", fontsize=10)
show(fig, alt="Left, share of right guesses against characters since the teacher left: with the teacher level near 0.45, alone "
              "falling from there to 0.1 within seven characters. Right, typical error of sunspot predictions against "
              "years alone: the window of 9 rises from 18 to 35 within four years and to 50 after 25, its direct "
              "predictions run along it for ten years, then above; the window of 2 rises to 55 within eight years while its "
              "direct predictions fall back to 37 at ten years.")

# %% [markdown]
# Two different things are mixed in such curves. **The world's share**: for the window of nine, feeding guesses back costs
# nothing. The direct predictions (dashed) are no better, and after ten years worse: ten weights fitted to a target so far off catch
# more of its noise than of the sun. (That they have up to 24 years fewer to learn from is not the reason: nine weights for
# the next year, fitted without those years and fed back, do as well as before.) What nine values do not tell cannot be lost. **The model's share**: with a window of two, the guesses fed back are far worse than need
# be. The direct weights know that the sun comes round every eleven years; two numbers that were fitted to the next year do not, and
# each slip is built upon. A curve of errors alone does not say which it is. A control does.

# %% [markdown]
# Here is the picture to remember: *let go*. Choose the year in which the teacher leaves; years that are off by more than 35
# sunspots, twice the typical error with a teacher, turn red.

# %%
def let_go(year=1950, window=9):
    """The sun, the guesses with the teacher, and those after it has left."""
    t0, w = year - 1700, fit_window(spots[:first_test], window)
    told = spots[t0 - 50 - window : t0].unfold(0, window, 1)[:-1] @ w[:-1] + w[-1]            # (50,)
    guess = torch.cat([told, alone_from(torch.tensor([t0]), window, len(spots) - t0)[0]])
    at, off = years[t0 - 50 :], (guess - spots[t0 - 50 :]).abs()
    colors = [plot.RED if o > 35 else plot.BLUE for o in off]
    fig, (top, below) = plot.figure(rows=2, width=9, height=2.3, sharex=True, height_ratios=[2, 1])
    top.plot(at, spots[t0 - 50 :], color="k", lw=1)
    top.plot(at[50:], guess[50:], color=plot.GREY, lw=1)
    top.scatter(at, guess, s=26, color=colors, zorder=3)
    top.set(ylabel="sunspot number", ylim=(-30, 215), title=f"the sun (black) and the guesses; the teacher leaves before {year}")
    below.bar(at, off, color=colors, width=0.8)
    below.set(xlabel="year", ylabel="off by", ylim=(0, 190))
    for ax in (top, below):
        ax.axvline(year - 0.5, color="k", ls="--", lw=1.5)
    return fig


explore(let_go, year=(1921, 2000), window=[9, 2],
        alt="Sunspots from 1900 on in black; dots are guesses, blue where they are within 35 sunspots, red where they are not. Left "
            "of a dashed line at 1950, with the teacher, all but a few are blue; right of it most peaks turn red. Below, "
            "bars of how far each year is off.")

# %% [markdown]
# Let go in 1957, when the model has just been told of the steep rise to the highest wave on record, and it does well for
# another fifteen years; a single year earlier it does not see that wave coming. With a window of 2, one low wave is all there is before the guesses
# settle at the mean. Chapter 21 lets go of melodies, where you can hear it.

# %% [markdown]
# **Choosing.** For text there is a decision to be made at every step: what is fed back? The favourite is safe and soon goes
# in circles. A *draw* from the probabilities is what the chain rule asks for: it makes whole texts with the model's
# probability. In between lies a knob, the **temperature** $\tau$: draw from $\mathrm{softmax}(\text{logits}/\tau)$.

# %%
import textwrap

from tutorial_lib.text import draw_symbol

TEMPERATURES, EACH = [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0], 16
tau = torch.tensor(TEMPERATURES).repeat_interleave(EACH)[:, None]                # (128, 1)
draws = lab.rng("draws of text")
again = torch.arange(EACH).repeat(len(TEMPERATURES))                             # the same 16 places for each
with torch.no_grad():
    state = tuple(s[:, again] for s in warm_state)
    drawn = free_run(reader_step, passages[again, WARM - 1], state, 200, lambda logits: draw_symbol(logits, tau, draws))
texts = ["".join(book.alphabet[c] for c in row) for row in drawn.tolist()]       # 128 texts of 200 characters

# %% [markdown]
# Nobody can say what the right continuation would be, so we measure two things that text has: how many of its words are in
# the book at all, and how many different ones there are among the first 400.

# %%
known_words = {piece.lower() for piece in seen}        # section 6 counted the pieces of the first nine tenths


def in_the_book(written):
    """Share of words that the first nine tenths hold, and the share of different ones among the first 400."""
    words = [w for one in written for w in re.findall("[a-z]+", one.lower())[1:-1]]        # the ends may be cut
    return sum(w in known_words for w in words) / len(words), len(set(words[:400])) / 400


real = in_the_book(["".join(book.alphabet[c] for c in row[:200]) for row in rows[:32].tolist()])
measured = torch.tensor([in_the_book(texts[i * EACH : (i + 1) * EACH]) for i in range(len(TEMPERATURES))])     # (8, 2)


def temperature(tau=0.6):
    """Both measures over the temperature, and what is written at one of them."""
    i = TEMPERATURES.index(tau)
    fig, (ax, page) = plot.figure(columns=2, width=5.0, height=3.4)
    for y, name, color, true in zip(measured.T, ("words that are in the book", "different words"), (plot.BLUE, plot.YELLOW), real):
        ax.plot(TEMPERATURES, y, marker="o", ms=4, color=color, label=name)
        ax.axhline(true, color=color, ls=":", lw=1.5)
    ax.axvline(tau, color="k", ls="--", lw=1)
    ax.set(xlabel=r"temperature $\tau$", ylabel="share (dotted: the book itself)", ylim=(-0.25, 1.05),
           yticks=torch.linspace(0, 1, 6).tolist())
    ax.legend(loc="lower right", fontsize=10)
    written = textwrap.wrap(texts[i * EACH].replace("$", "S"), 40)
    page.text(0, 0.97, "\n".join(written), va="top", family="monospace", fontsize=12)
    page.set_title(f"drawn at {tau}", loc="left")
    page.set_axis_off()
    return fig


explore(temperature, tau=TEMPERATURES,
        alt="Left, two curves over temperature: the share of drawn words that are in the book falls from above 0.8 to under a "
            "third, the share of different words rises; dotted lines mark the book itself, near 1 and near 0.6. Right, 200 drawn "
            "characters at temperature 0.6, English-like words without sense.")

# %% [markdown]
# No temperature reaches both dotted lines: the book is varied *and* made of words. What is bought on one side is paid for on
# the other, until the model is better.

# %% [markdown]
# ## 8 · Where this breaks
#
# - **Bits per character do not say how a model fares alone.** The price is an average over *true* pasts. A model may be
#   cheap there and helpless after its first slip, and training never shows it one. Feeding guesses back during training, now
#   and then, is one remedy (scheduled sampling); chapter 21 tries another, a state that is set anew for each bar.
# - **Right or wrong against the truth is a harsh judge.** A model that continued the text in another sensible way would score as
#   badly as ours. The share of known words is a kind judge, and easily fooled. For the sun we had a control; for
#   text there is none so clean.
# - **The reach was measured before training, on noise.** Training moves gates, and it can open some units and close
#   others. That a gradient arrives does not mean that something is learned from it.
# - **A few seconds.** The network saw windows of 48 characters, and learned nothing that needs more. With hours in place of
#   seconds the comparison with `xz` is no longer close; parts 2 and 4 ask what other
#   architectures carry, and compare them on smaller tasks.

# %% [markdown]
# ## What we saw
#
# - By the chain rule a sequence model is a guesser of the next symbol, priced in bits per character. Tables of counts and
#   compressors are the lines to beat, and pieces of different lengths can be compared per character only.
# - A recurrence carries a state of fixed size, an LSTM adds a cell that is kept by gates, attention keeps everything and looks
#   back. A gradient through $n$ updates is a product of $n$ factors; gates near 1, or a direct look, let it arrive.
# - Alone, a model stands on its own guesses. The error grows with the distance, partly because the world is open, partly
#   because guesses lead where the model is wrong; a control tells the two apart.
#
# Two questions to take along.

# %%
ask("sequences.close_tokens")
ask("sequences.close_alone")

# %% [markdown]
# **References.** G. U. Yule, *On a method of investigating periodicities in disturbed series, with special reference to Wolfer's
# sunspot numbers* (1927): a series predicted from its own past. C. E. Shannon, *Prediction and entropy of printed
# English* (1951): what a letter costs. J. L. Elman, *Finding structure in time* (1990): the recurrence. S. Hochreiter and J.
# Schmidhuber, *Long short-term memory* (1997); F. A. Gers, J. Schmidhuber and F. Cummins, *Learning to forget* (2000): the forget
# gate. K. Cho and others (2014), arXiv:1406.1078: the GRU. R. Jozefowicz, W. Zaremba and I. Sutskever, *An empirical
# exploration of recurrent network architectures* (2015): the forget bias. Y. Bengio, P. Simard and P. Frasconi, *Learning long-term
# dependencies with gradient descent is difficult* (1994): vanishing gradients. A. Vaswani and others, *Attention is all you need*
# (2017), arXiv:1706.03762: section 3.2.1. R. J. Williams and D. Zipser, *A learning algorithm for continually running fully
# recurrent neural networks* (1989): teacher forcing. S. Bengio and others, *Scheduled sampling for sequence prediction with
# recurrent neural networks* (2015), arXiv:1506.03099. Data: *Moby Dick* by Herman Melville, public domain; yearly sunspot numbers.
#
# **Next:** [21 Flat and hierarchical decoders](21_flat_and_hierarchical_decoders.ipynb) lets go of melodies, and gives the decoder a conductor. Back to the
# [map](../00_start_here.ipynb).
