# ---
# jupyter:
#   course:
#     id: "21"
#     title: Flat and hierarchical decoders
#     belief: A decoder that writes a long tune in one go loses it once the teacher lets go, one that writes every bar from its own plan keeps more of it, and beside the teacher the two can hardly be told apart.
#     papers: [music-vae]
#     needs: ["11", "20"]
#     minutes: {read: 35, do: 40}
#     track: core
#     goals:
#       - say what a bar of a hierarchical decoder cannot see, and prove it on its logits
#       - price a code with free bits and a schedule, and measure whether a decoder uses it
#       - judge a decoder of long sequences by free runs, samples and interpolations, not beside its teacher
#     discuss: A language model is judged by how well it predicts the next word of a text that somebody else wrote. Which of its uses resemble that, and which resemble playing alone? How would you measure those?
#     when_late: Skip section 4 and the interpolation of section 7; keep the two decoders, the minute of training and the explorer of section 5, with sound.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 21 · Flat and hierarchical decoders
#
# *At the end you will believe this: a decoder that writes a long tune in one go loses it once the teacher lets go, one that writes
# every bar from its own plan keeps more of it, and beside the teacher the two can hardly be told apart.*

# %%
import time
from functools import cache, partial
from itertools import count

import torch

from tutorial_lib import ask, check, claim, explore, keep, play, plot, show, start

lab = start("21")

# %% [markdown]
# **You will be able to**
#
# - say what a bar of a hierarchical decoder cannot see, and prove it on its logits;
# - price a code with free bits and a schedule, and measure whether a decoder uses it;
# - judge a decoder of long sequences by free runs, samples and interpolations, not beside its teacher.
#
# Two questions first, on what this chapter leans on: the VAE ([11](../1_latent_variables/11_what_a_vae_is.ipynb)) and letting
# go of the teacher ([20](20_sequences.ipynb)).

# %%
ask("music.recall_kl")
ask("music.recall_teacher")

# %% [markdown]
# ## 1 · A tune that gets lost
#
# The data are folk tunes that were printed between 1778 and 1903: reels, hornpipes, marches, airs. Each is cut to 16 bars of 8 steps
# and moved to one key, so that all end on a G if they end at home. At each of the $T = 128$ steps stands one of $V = 42$ symbols: a
# note begins (40 pitches), what sounds goes on (0), or silence begins (1). About an eighth of the tunes is kept for testing; versions
# of one tune stay on one side.

# %%
from tutorial_lib import melodies, music

tunes = music.practice(melodies())
practised, unheard = tunes.x[~tunes.held_out], tunes.x[tunes.held_out]           # (1178, 128), (185, 128)
titles = [melodies().title[i] for i in tunes.of[tunes.held_out]]
V, T, U, S = len(tunes.symbols), 128, 16, 8
print(f"{len(practised)} tunes to learn from, {len(unheard)} to be judged by; {V} symbols; "
      f"{(tunes.x >= 2).float().mean():.0%} of the steps begin a note")

# %% [markdown]
# Here is one that no model of this chapter has heard. (The players of this chapter sound in a running notebook. Eight steps
# take 1.4 seconds; the synthesiser is ten lines of `music.py`.)

# %%
def sound(x):
    """One tune as sound.  x: (128,) symbols -> (174080,) at 8000 samples a second"""
    return music.waveform(tunes.spell(x))


pick = titles.index("The Old Grey Gander")
tune = unheard[pick]
play(sound(tune), 8000, alt=f"{titles[pick]}, 16 bars as printed, by a plucked synthesiser")

# %% [markdown]
# A variational autoencoder was trained on the other tunes: an encoder turns a tune into a code $z$ of 64 numbers, and a recurrent
# network, the **flat** decoder, is started from $z$ and writes the tune again, symbol by symbol. That took half a minute, which this
# page cannot spare now, so its weights ship with the course (`make weights CHAPTER=21` trains them again). We let it write
# this tune twice: once **beside the teacher**, who puts the true symbol in after each guess, and once **alone**, fed with
# its own. (The tune was chosen because it shows clearly what is true of most; averages over all follow.)

# %%
ask("music.lost")

# %% [markdown]
# Two lines do it. `decoder(z, x)` gives the logits beside the teacher, all steps at once; `decoder.let_go(z, x)` writes step by
# step and puts in what it chose, here always the likeliest symbol.

# %%
from tutorial_lib import weights
from tutorial_lib.hierarchical import notes_right, right_by_bar, tune_vae


def shipped(kind):
    """The trained model of that kind, from data/weights."""
    vae = tune_vae(kind, V)
    vae.load_state_dict({name: w.float() for name, w in weights(f"tunes.{kind}").items()})
    return vae.requires_grad_(False)


flat_vae, bar_vae = shipped("flat"), shipped("hierarchical")
z = flat_vae.encoder(tune[None])[0]                                              # (1, 64), the mean of q(z|x)
beside, alone = flat_vae.decoder(z, tune[None]).argmax(-1)[0], flat_vae.decoder.let_go(z, tune[None])[0]

# %% [markdown]
# A **piano roll** shows which pitch sounds when. Grey is the tune as it should be. A note counts as right when it begins at the
# right step with the right pitch.

# %%
def piano(ax, y, x, title):
    """The notes of y over those of x in grey: blue where x begins the same note at the same step, red where not."""
    for symbols, width, colors in ((x, 8, ["#d0d0d0", "#d0d0d0"]), (y, 3.2, [plot.RED, plot.BLUE])):
        first, pitch, steps = torch.tensor(music.notes(tunes.spell(symbols))).T
        right = (x == symbols)[first].tolist()
        ax.hlines(pitch, first, first + steps - 0.15, lw=width, color=[colors[r] for r in right])
    ax.set(xlim=(0, T), xticks=range(0, T + 1, 32), xticklabels=[1, 5, 9, 13, ""], ylabel="MIDI pitch", title=title)
    ax.set_xticks(range(0, T, 8), minor=True)
    ax.grid(False, axis="y")


fig, axes = plot.figure(rows=2, width=10, height=2.3, sharex=True)
piano(axes[0], beside, tune, f"beside the teacher: {notes_right(beside, tune):.0%} of the notes right")
piano(axes[1], alone, tune, f"alone: {notes_right(alone, tune):.0%}")
axes[1].set_xlabel("bar")
show(fig, alt="Two piano rolls of one tune of 16 bars. Grey bars are the true notes, thin blue ones notes that the decoder got right, red "
              "ones notes it got wrong. Beside the teacher most are blue; alone, most are red.")

# %% [markdown]
# It starts well. Then it plays something that could be a tune, in the right key and with the right kind of steps, only not this one.

# %%
play(sound(alone), 8000, alt="the same tune, written by the flat decoder alone")

# %% [markdown]
# It is the experiment of chapter 20 once more, with a difference: this model has a note to itself. The code $z$ was computed
# from the whole tune. Alone, it still knows what it wanted to play, in 64 numbers; it does not know how to hold on to
# it for 128 steps. Roberts and others proposed a remedy in 2018: not to write the tune in one go.
#
# ## 2 · Two decoders that differ in one place
#
# What writes is the same in both: an LSTM that is started from an **embedding** $c$ and puts out symbols. Call it the *writer*. At step
# $s$ it gets the symbol before (a start symbol at first), $c$ again, and the number of the step:
#
# $$h_0 = \tanh(W c), \qquad h_s = \mathrm{LSTM}\big(h_{s-1},\,[x_{s-1}, c, s]\big), \qquad p(x_s \mid x_{<s}, c) = \mathrm{softmax}(W' h_s).$$
#
# (The first equation fills both values that an LSTM carries; offsets are left out. The symbol and the number of the step go in as
# vectors that are learned, `w.embed` and `w.clock` below; the word *embedding* in this chapter means $c$.) With the step function of
# chapter 20, in the open, and equal to the library's:

# %%
from tutorial_lib import hierarchical
from tutorial_lib.recurrent import lstm_step, scan


def write(w, c, x):
    """Logits of each step, the true symbols put in.  w: a Writer, c: (N, C), x: (N, S) -> (N, S, V)"""
    before = torch.cat([torch.full_like(x[:, :1], w.V), x[:, :-1]], 1)           # (N, S): the start symbol is number V
    given = [w.embed(before), c[:, None].expand(-1, x.shape[1], -1), w.clock.weight[: x.shape[1]].expand(len(x), -1, -1)]
    h, cell = torch.tanh(w.begin(c)).chunk(2, -1)                                # (N, H) each
    net = w.lstm
    step = partial(lstm_step, Wx=net.weight_ih_l0, Wh=net.weight_hh_l0, b=net.bias_ih_l0 + net.bias_hh_l0)
    return w.out(scan(step, torch.cat(given, -1), (h, cell))[0])


with lab.seeded("a writer"), torch.no_grad():
    writer, c0 = hierarchical.Writer(V, C=5, H=12, S=8), torch.randn(3, 5)
    assert torch.allclose(write(writer, c0, tune[:24].view(3, 8)), writer(c0, tune[:24].view(3, 8)), atol=1e-6)

# %% [markdown]
# **Flat**: the embedding is the code, and the segment is the whole tune, $c = z$ and $S = 128$.
#
# **Hierarchical**: a second LSTM, the **conductor**, first turns $z$ into 16 embeddings $c_1, \dots, c_{16}$, one for each bar. It
# hears the code and the number of the bar, and never a note. Then the writer writes each bar of $S = 8$ steps, *starting
# anew from* $c_u$:
#
# $$p(x \mid z) = \prod_{u=1}^{16}\; \prod_{s=1}^{8}\; p\big(x_{u,s} \mid x_{u,1}, \dots, x_{u,s-1},\, c_u\big).$$
#
# No bar hears another. Whatever bar 13 has in common with bar 5 must come through the code. And since no bar waits for another,
# all bars of all tunes are rows of one batch. Write that.

# %%
def by_bars(writer, c, x):
    """Logits of whole tunes.  writer: ((N, C), (N, S)) -> (N, S, V); c: (B, U, C), x: (B, U * S) -> (B, U * S, V)"""
    ...  # your code here; take U and S from the shapes of c and x


# %% [markdown]
# The check tells the flat decoder, the one that hears too much, and a handful of ways to mix up rows and bars.

# %%
by_bars = check("hierarchical.by_bars", by_bars)

# %% [markdown]
# The library's two decoders are built from these parts, in sizes that make them equally large.

# %%
with lab.seeded("two decoders"):
    flat = hierarchical.flat(V, Z=64, T=128, H=160)
    barwise = hierarchical.hierarchical(V, Z=64, T=128, U=16, C=80, H=112)
codes = torch.randn(32, 64, generator=lab.rng("codes"))
c = barwise.conductor(codes)                                                     # (32, 16, 80)
assert torch.allclose(by_bars(barwise.writer, c, unheard[:32]), barwise(codes, unheard[:32]), atol=1e-6)
for name, decoder in (("flat", flat), ("hierarchical", barwise)):
    print(f"{name}: {sum(p.numel() for p in decoder.parameters()):,} parameters")

# %% [markdown]
# What does a bar see of another? Replace the notes of bar 5 by those of other tunes, and look which logits move.

# %%
ask("music.locality")

# %% [markdown]
# Both decoders as they were started, untrained, on 32 tunes and 32 random codes:

# %%
def moved(decoder, u):
    """The largest change of a logit in each bar when bar u is replaced, the teacher beside.  -> (U,)"""
    other = unheard[:32].clone()
    other[:, u * S : (u + 1) * S] = unheard[32:64, u * S : (u + 1) * S]
    with torch.no_grad():
        change = (decoder(codes, other) - decoder(codes, unheard[:32])).abs()    # (32, T, V)
    return change.view(32, U, -1).amax((0, 2))


fig, (ax,) = plot.figure(width=8, height=2.7)
for shift, (name, decoder, color) in enumerate((("flat", flat, plot.RED), ("hierarchical", barwise, plot.BLUE))):
    ax.bar(torch.arange(1, 17) + 0.4 * shift - 0.2, moved(decoder, 4), width=0.4, color=color, label=name)
ax.set(xlabel="bar", ylabel="change of a logit", title="largest change in each bar when bar 5 is replaced", xticks=range(1, 17))
_ = ax.legend()
show(fig, alt="Bars for the largest change of a logit in each of 16 bars after bar 5 was replaced. Flat: nothing before bar 5, large at "
              "bars 5 and 6, and a little at bar 7. Hierarchical: bar 5 alone.")

# %% [markdown]
# One bar may be luck. All sixteen in turn:

# %%
leaks = torch.stack([moved(barwise, u) for u in range(U)])                       # (bar replaced, bar looked at)
flat_leaks = torch.stack([moved(flat, u) for u in range(U)])
elsewhere = ~torch.eye(U, dtype=torch.bool)
claim("music-vae.locality", leak=leaks[elsewhere].max(), own=leaks.diagonal().min(),
      flat=torch.stack([flat_leaks[u, u + 1] for u in range(U - 1)]).min())

# %% [markdown]
# Exactly zero, before any training: a matter of what is connected. (The official code leaves one thread: the first step of a
# bar is given the last symbol of the bar before. Ours is given a start symbol.)
#
# ## 3 · A minute of training
#
# Both are trained alike: the same encoder, the same tunes in batches of 16, the same number of steps, and each with the learning
# rate that suited it best (of 0.002, 0.004, 0.008, 0.016, and 0.032 for the flat one). The price of a tune is that of chapter 11, with a twist that section 4 is about:
#
# $$\underbrace{-\log p(x \mid z)}_{\text{nats for the notes}} \;+\; \beta\,\max\big(\mathrm{KL} - \tau,\; 0\big), \qquad
# \mathrm{KL} = \mathrm{KL}\big(q(z|x)\,\|\,N(0, I)\big),\quad \beta = 0.2,\quad \tau = 88.7.$$
#
# Two savings bring it into a minute, for both alike. The encoder is linear, and starts at the principal components of the
# tunes; the official code trains a bidirectional LSTM for that. And the writer is told the number of its step, the conductor that
# of its bar.

# %%
ask("music.gap")

# %% [markdown]
# Two helpers: `score` judges a model on the unheard tunes, and `watched` does so now and then while the model trains, with the clock
# stopped.

# %%
from tutorial_lib import minibatches, train

objective = hierarchical.objective                     # section 4 is about it


def score(vae):
    """Shares of the unheard tunes' notes that are right: beside the teacher, alone."""
    with torch.no_grad():
        mu, _ = vae.encoder(unheard)
        return (notes_right(vae.decoder(mu, unheard).argmax(-1), unheard).item(),
                notes_right(vae.decoder.let_go(mu, unheard), unheard).item())


def watched(batches, vae, log, every):
    """The same batches; every so often, the score is noted with the CPU seconds spent so far on training."""
    spent, begun = 0.0, time.process_time()
    for step, batch in enumerate(batches):
        if step % every == 0:
            spent += time.process_time() - begun
            log.append((step, spent, *score(vae)))
            begun = time.process_time()
        yield batch


# %% [markdown]
# `fit` trains one model from a named seed. The price `beta` may change with the step (section 4). An encoder that begins at the
# components learns at a tenth of the decoder's rate, one that begins at random at the full rate.

# %%
RATES = {"flat": 1.6e-2, "hierarchical": 8e-3}         # each decoder's best


def fit(kind, steps, name, beta=lambda step: 0.2, free=88.7, every=60, components=True):
    """A trained model and its log: (step, CPU seconds, notes right beside the teacher, alone) in rows."""
    with lab.seeded(name):
        vae = tune_vae(kind, V, practised if components else None)
    groups = vae.groups(RATES[kind], encoder=0.1 if components else 1.0)
    rng, step, log = lab.rng(name), count(), []
    stream = watched(minibatches(practised, 16, rng), vae, log, every)
    train(lambda x: objective(*vae.parts(x, rng), beta(next(step)), free), groups, stream, steps + 1, lr=RATES[kind],
          decay=True, label=f"{kind}, {steps} steps")
    return vae.requires_grad_(False), torch.tensor(log)


fits = {kind: fit(kind, 300, kind) for kind in hierarchical.KINDS}

# %% [markdown]
# The same logs twice: against steps, and against what they cost.

# %%
fig, (left, right) = plot.figure(columns=2, width=4.9, height=3.5, sharey=True)
for kind, color in zip(fits, (plot.RED, plot.BLUE), strict=True):
    step, seconds, taught, free_run = fits[kind][1].T
    for ax, x in ((left, step), (right, seconds)):
        ax.plot(x, taught, color=color, ls=":", label=f"{kind}, beside the teacher")
        ax.plot(x, free_run, color=color, label=f"{kind}, alone")
left.set(xlabel="steps", ylabel="share of notes right", title="at equal steps", ylim=(0, 0.74))
right.set(xlabel="CPU seconds", title="at equal time")
_ = left.legend(fontsize=10, loc="upper left", ncols=1)
show(fig, alt="Share of notes right on unheard tunes against training steps, left, and against CPU seconds, right. Dotted, beside the teacher: "
              "the two decoders lie close together, the flat one a little higher. Solid, alone: both far below, and after the first "
              "steps the hierarchical one above the flat one, in both panels.")

# %% [markdown]
# The dotted curves are taken as training takes them, beside the teacher; the flat decoder is even a little ahead there. The solid ones
# are what a listener hears.

# %%
(_, flat_cpu, flat_taught, flat_alone), (_, bar_cpu, bar_taught, bar_alone) = (fits[k][1][-1].tolist() for k in fits)
claim("music-vae.gap", flat_taught=flat_taught, bar_taught=bar_taught, flat_alone=flat_alone, bar_alone=bar_alone,
      flat_cpu=flat_cpu, bar_cpu=bar_cpu)

# %% [markdown]
# (Over five seeds: alone 0.201 to 0.212 for the flat one and 0.269 to 0.281 for the hierarchical one; beside the teacher 0.470
# to 0.473 and 0.447 to 0.469.)
#
# A step of the hierarchical decoder is cheaper, too: 8 times 16 steps of an LSTM can be computed as 8, all bars at once, where the
# flat one has to go through 128. So equal steps are the comparison that is kinder to the flat one.
#
# Does it stay with more training? The next claim is recorded: its full run has 1,000 steps of each, by which time both begin to
# learn the practised tunes by heart. So each share counts at its best moment, which is picked, for both alike, on the tunes that judge
# them. The short run uses the models above.

# %%
longer = {kind: fit(kind, 1000, kind, every=250) for kind in fits} if lab.full else fits
best = {kind: longer[kind][1][:, 2:].amax(0) for kind in fits}                   # each at its best moment
claim("music-vae.reconstruction", flat_taught=best["flat"][0], bar_taught=best["hierarchical"][0],
      flat_alone=best["flat"][1], bar_alone=best["hierarchical"][1],
      flat_cpu=longer["flat"][1][-1, 1], bar_cpu=longer["hierarchical"][1][-1, 1])

# %% [markdown]
# Over five seeds, at full length: alone 0.24 to 0.25 and 0.35 to 0.36, beside the teacher 0.52 to 0.53 and 0.53 to 0.54. The
# gap alone has grown; beside the teacher the two are as close as before.
#
# Is it the code that makes the difference? Hand each tune the code of another, and see how much is lost.

# %%
ask("music.shuffled")

# %% [markdown]
# The tunes are the same, the notes of the teacher are the same; only the codes are handed on by one.

# %%
def lost_without(vae):
    """What another tune's code costs, in share of notes right: beside the teacher, alone."""
    with torch.no_grad():
        mu = vae.encoder(unheard)[0].roll(1, 0)                                  # the code of the tune before
        taught = notes_right(vae.decoder(mu, unheard).argmax(-1), unheard).item()
        by_itself = notes_right(vae.decoder.let_go(mu, unheard), unheard).item()
    own = score(vae)
    return own[0] - taught, own[1] - by_itself


lost = {kind: lost_without(vae) for kind, (vae, _) in fits.items()}
print({kind: [round(v, 3) for v in values] for kind, values in lost.items()}, "lost beside the teacher, alone")
claim("music-vae.code", flat_taught=lost["flat"][0], bar_taught=lost["hierarchical"][0],
      flat_alone=lost["flat"][1], bar_alone=lost["hierarchical"][1])

# %% [markdown]
# (Over five seeds the loss alone is 0.11 to 0.12 for the flat decoder and 0.16 to 0.18 for the hierarchical one.) The flat
# decoder's guesses lean on the notes just played, the hierarchical one's, at the start of each bar, on nothing but the code.
# Beside the teacher both habits pay nearly equally. Alone, one of them stands on sand.
#
# (Read the two numbers differently. Alone, another tune's code brings both down to about a tenth of the notes, so the loss repeats
# the gap above: who stood higher falls further. New evidence is the loss beside the teacher, where both stand equally high: 0.15
# for the flat one, 0.18 to 0.19 for the hierarchical one.)
#
# ## 4 · What a code may cost
#
# A VAE that writes symbol by symbol has a way out that the VAE of chapter 11 had not: it can ignore $z$, let $q(z|x)$ be the prior, and
# predict each symbol from those before. The KL is then 0, which is called **posterior collapse**. Two remedies go
# into the objective. **Free bits**: the first $\tau$ nats of a tune's KL cost nothing (`free` in the code). A **schedule**: $\beta$
# starts small and rises, so that the code is established before it is charged. Fill the two blanks.

# %%
def objective(nats, kl, beta, free):
    """The mean over tunes of nats + beta max(kl - free, 0).  nats, kl: (B,) -> ()"""
    beyond = (kl - ...).clamp(min=...)
    return (nats + beta * beyond).mean()


# %% [markdown]
# The check looks at gradients, too: an objective may have the right value and pull in the wrong place.

# %%
objective = check("hierarchical.objective", objective)

# %% [markdown]
# It is a promise about gradients: below $\tau$ nothing pulls at the code, beyond it a nat pulls with weight $\beta$.

# %%
from tutorial_lib.vae import kl_standard_normal

mu = torch.randn(64, 16, generator=lab.rng("posteriors"), dtype=torch.float64).requires_grad_()
kl = kl_standard_normal(mu, torch.full_like(mu, -1.0))                           # (64,) nats
tau = kl.detach().median()
pull = torch.autograd.grad(objective(torch.zeros_like(kl), kl, 0.2, tau), mu, retain_graph=True)[0] * 64
plain = torch.autograd.grad(kl.sum(), mu)[0]                                     # the gradient of each KL itself
claim("music-vae.free_bits", below=pull[kl < tau].abs().max(), beyond=(pull - 0.2 * plain)[kl > tau].abs().max(),
      share=(kl < tau).float().mean())

# %% [markdown]
# The official code for 16 bars allows 256 free bits and $\beta = 0.2$ from the first step; a schedule, $\beta_k = \beta\,(1 - r^k)$ at
# step $k$, is used there for pieces of two bars. We allowed 128 bits, one for each step as they do: $\tau = 128 \log 2 = 88.7$ nats. What
# if the code were charged in full? Now the encoder begins at random, so that the code has to be invented before it can be used.

# %%
ask("music.charged")

# %% [markdown]
# Four models: both decoders at full price, and the hierarchical one with a rising price ($r = 0.99$, which comes to 0.78 of the full
# price by the last of 150 steps) and with free bits (and $\beta = 0.2$, as in section 3). Beside each KL stands what the code is good
# for: the share of notes that are lost, alone, when the code is another tune's.

# %%
full, slow, low = lambda step: 1.0, lambda step: hierarchical.beta_at(step, 1.0, 0.99), lambda step: 0.2
prices = {"flat,\nfull price": ("flat", full, 0.0), "hierarchical,\nfull price": ("hierarchical", full, 0.0),
          "hierarchical,\nprice rising": ("hierarchical", slow, 0.0), "hierarchical,\nfree bits": ("hierarchical", low, 88.7)}
paid = [fit(kind, 150, f"random {kind}", beta, free, every=150, components=False)[0] for kind, beta, free in prices.values()]
nats = [kl_standard_normal(*vae.encoder(unheard)).mean().item() for vae in paid]
useful = [lost_without(vae)[1] for vae in paid]        # notes lost when the code is another tune's

fig, (left, right) = plot.figure(columns=2, width=5.4, height=3.2)
for ax, values, ylabel, top in ((left, nats, "KL in nats", 80), (right, useful, "share of notes", 0.11)):
    plot.bars(ax, dict(zip(prices, values, strict=True)), ylabel=ylabel, colors=[plot.RED, plot.BLUE, plot.CYAN, plot.GREEN])
    ax.tick_params(axis="x", labelsize=9)
    ax.set_ylim(0, top)
_ = left.set_title("what the code says"), right.set_title("what it is good for, alone")
show(fig, alt="Bars for two decoders whose codes began at random. Left, the KL: small for both at full price, a little larger with a rising "
              "price, many times larger with free bits. Right, the share of notes that are lost alone when the code is another tune's: "
              "least for the flat decoder at full price, more for the hierarchical one in all three cases.")
claim("music-vae.charged", flat_kl=nats[0], bar_kl=nats[1], slow_kl=nats[2], free_kl=nats[3],
      flat_use=useful[0], bar_use=useful[1], free_use=useful[3])

# %% [markdown]
# At full price both codes shrink (over five seeds, to 15 to 17 nats in the flat and 10 in the hierarchical one); a price that
# rises slowly leaves 13 to 15, free bits 55 to 62. The last is below the 88.7 that are free: a tune of average KL was charged
# nothing. Neither KL falls to 0, so neither decoder has collapsed. But what the flat
# one pays for is of little use to it when it is alone, 0.015 to 0.030 of the notes; the hierarchical one, which knows nothing
# else at the start of a bar, makes fewer nats count for more, 0.048 to 0.058. (All of these are small beside section 3, where the
# encoder did not have to be invented.) At this scale that is what is left of the paper's remark that a hierarchy keeps the code
# from being ignored.
#
# ## 5 · Let go
#
# Here is the picture to keep. The models are the shipped ones, trained for 1,000 steps. The slider sets the bar at which the
# teacher lets go; up to there he puts in the true notes. Below: the share of notes right in each bar, over 32 unheard tunes. Move
# it from 17 (he stays to the end) to 1, and watch what is blue. Of the four tunes two show the difference clearly, one is ordinary,
# and on one the flat decoder is ahead.

# %%
CHOICES = {name: titles.index(name) for name in ("The Old Grey Gander", "Roger Was A Plowboy", "The Morning Star",
                                                      "7th Regiment Reel")}
JUDGES = torch.tensor([*CHOICES.values(), *[i for i in range(32) if i not in CHOICES.values()][:28]])     # (32,)


@cache
def let_go_at(kind, bar):
    """What the 32 tunes become when the teacher leaves at the beginning of that bar.  -> (32, T)"""
    vae = {"flat": flat_vae, "hierarchical": bar_vae}[kind]
    return vae.decoder.let_go(vae.encoder(unheard[JUDGES])[0], unheard[JUDGES], taught=(bar - 1) * S)


def let_go(bar=5, melody=pick):
    """Two piano rolls, flat and hierarchical, and the share of notes right in each bar."""
    fig, (top, middle, low) = plot.figure(rows=3, width=10, height=2.1, height_ratios=[3, 3, 2])
    row = list(CHOICES.values()).index(melody)
    for ax, kind, color in ((top, "flat", plot.RED), (middle, "hierarchical", plot.BLUE)):
        y, x = let_go_at(kind, bar)[row], unheard[melody]
        piano(ax, y, x, f"{kind}: {notes_right(y[(bar - 1) * S :], x[(bar - 1) * S :]):.0%} of the notes right since"
              if bar <= U else f"{kind}: the teacher stays to the end")
        share = right_by_bar(let_go_at(kind, bar), unheard[JUDGES], U)
        low.step(range(U + 1), [*share.tolist(), share[-1].item()], where="post", color=color, label=kind)
    for ax, at in ((top, S), (middle, S), (low, 1)):
        ax.axvline((bar - 1) * at, color="k", lw=2)
    low.set(xlim=(0, U), ylim=(0, 1), xticks=range(0, U + 1, 4), xticklabels=[1, 5, 9, 13, ""], xlabel="bar", ylabel="notes right")
    low.legend(loc="upper right", ncols=2, fontsize=9)
    return fig


explore(let_go, bar=(1, 17), melody=CHOICES,
        alt="Two piano rolls of one tune, flat above and hierarchical below it, with a black line at bar 5 where the teacher lets go. Before it "
            "most notes are blue, right, in both. After it the flat roll turns mostly red and the hierarchical one less so. Beneath, "
            "the share of notes right in each bar: after the line the flat curve falls to about a quarter, the hierarchical one "
            "to about a third.")

# %% [markdown]
# The flat decoder's first wrong note is the context of the next, and so on to the end. In the hierarchical one, too, a wrong note
# spoils what follows it, but only to the next bar line, where the writer starts anew from what the conductor planned. Listen: the
# original is in section 1; here are the two decoders from the first bar on, alone.

# %%
ask("music.after")

# %% [markdown]
# Listen to both, and keep the better one: a MIDI file opens in any music program.

# %%
alone_by = {kind: let_go_at(kind, 1)[0] for kind in ("flat", "hierarchical")}
for kind, y in alone_by.items():
    play(sound(y), 8000, alt=f"{titles[pick]}, rebuilt from its code by the {kind} decoder alone")
keep(music.midi(tunes.spell(alone_by["hierarchical"]), title=titles[pick]), "rebuilt.mid")

# %% [markdown]
# ## 6 · Tunes that nobody wrote
#
# A VAE can also be asked for new tunes: draw $z \sim N(0, I)$ and decode it, alone. Whether they are good is for listeners to say.
# Whether they are *built* like tunes can be counted. Folk tunes come back: a phrase of four bars is
# played again, or the whole first half. A transfer, then: write a number between 0 and 1 that tells a tune from the same
# bars in random order. `music.echo(x, lag)` may help: the share of notes that begin `lag` steps after the same note began.
#
# What it must do: fall in three quarters of the tunes when their bars are mixed; stay as it is when a tune is moved a third higher;
# give 1 to a tune of one bar played 16 times, 0.5 or more to a phrase of four bars played four times, and less than 0.5 to a tune
# that plays each of its bars twice in a row and never again. What returns at once is not what we are after.

# %%
from tutorial_lib.music import echo


def form(x, S):
    """How much of each tune comes back, between 0 and 1.  x: (..., T) tokens, S: steps of a bar -> (...)"""
    ...  # your code here: your own idea; it is judged by what it does


# %% [markdown]
# Any idea counts that does what was asked. It is tried on a hundred tunes, on the same with their bars mixed, a third higher, and on tunes
# made for the purpose, one of them in bars of six steps. The chapter goes on with your own measure; the numbers in its text and its
# questions were taken with the library's, the larger of the echoes after 4 and after 8 bars.

# %%
form = check("music.form", form)

# %% [markdown]
# Now the samples: 256 codes from the prior, the same for both decoders, each symbol drawn at temperature 0.5 (probabilities squared
# and normalised again, so that likely notes become likelier).

# %%
ask("music.samples")

# %% [markdown]
# `drawn` gives both decoders the same codes.

# %%
from tutorial_lib.text import draw_symbol


def drawn(vae, n=256):
    """New tunes from the prior.  -> (n, T)"""
    z, rng = torch.randn(n, 64, generator=lab.rng("prior codes")), lab.rng("symbols")
    return vae.decoder.let_go(z, torch.zeros(n, T, dtype=torch.int64), choose=lambda logits: draw_symbol(logits, 0.5, rng))


samples = {"flat": drawn(flat_vae), "hierarchical": drawn(bar_vae)}
order = torch.rand(len(unheard), U, generator=lab.rng("order of bars")).argsort(1)
mixed = unheard.view(-1, U, S).gather(1, order[..., None].expand(-1, -1, S)).flatten(1)
built = {"unheard tunes": unheard, "their bars, mixed": mixed, "flat samples": samples["flat"],
         "hierarchical samples": samples["hierarchical"]}
comes_back = {name: form(tunes.spell(x), S).nanmean().item() for name, x in built.items()}
near = {name: echo(tunes.spell(x), S).nanmean().item() for name, x in built.items()}

# %% [markdown]
# To the left, what comes back after a phrase; to the right, for comparison, what is repeated at once in the next bar.

# %%
fig, (left, right) = plot.figure(columns=2, width=5.4, height=3.3)
labels = [name.replace(" ", "\n", 1) for name in built]
for ax, values, title in ((left, comes_back, "after a phrase, 4 or 8 bars"), (right, near, "from one bar to the next")):
    plot.bars(ax, dict(zip(labels, values.values(), strict=True)), ylabel="share of notes that come back", title=title,
              colors=[plot.GREY, "#cccccc", plot.RED, plot.BLUE])
    ax.tick_params(axis="x", labelsize=9)
    ax.set_ylim(0, 1)
show(fig, alt="Bars of the share of notes that come back, after four or eight bars, left, and from one bar to the next, right, for unheard tunes, the "
              "same with their bars mixed, and samples of the two decoders. After a phrase the tunes reach about 0.8 and the mixed bars 0.3; the samples of the "
              "hierarchical decoder lie above the flat decoder's, both far below the tunes.")
claim("music-vae.samples", flat=comes_back["flat samples"], hierarchical=comes_back["hierarchical samples"],
      real=comes_back["unheard tunes"], mixed=comes_back["their bars, mixed"])

# %% [markdown]
# (Over five seeds of draws: 0.21 to 0.23 for the flat decoder, 0.32 to 0.33 for the hierarchical one.) The right panel is the
# control: from one bar to the next both decoders repeat about as little as tunes do, so the difference to the left is not that one
# of them repeats itself in general. (Mixed bars repeat more there, because a bar that came back after a phrase may now stand
# beside its copy.) Still, the hierarchical samples lie only a little above mixed bars. Neither is built like a
# tune yet. And this is how it sounds: not an average draw, but the one of 256 that comes back most.

# %%
show_off = samples["hierarchical"][form(tunes.spell(samples["hierarchical"]), S).nan_to_num(0).argmax()]
play(sound(show_off), 8000, alt="a tune that nobody wrote: of 256 draws of the hierarchical decoder, the one that comes back most")
keep(music.midi(tunes.spell(show_off), title="A draw"), "nobody_wrote_it.mid")

# %% [markdown]
# ## 7 · Between two tunes
#
# Codes can be mixed. Half way between two tunes lies, on a straight line, $\tfrac12(z_a + z_b)$; but the codes that the decoder has met are
# draws from (nearly) $N(0, I)$ in 64 dimensions, and those have lengths near $\sqrt{64} = 8$, while the average of two independent
# ones has length near $8/\sqrt2$. It is a code of a kind that hardly ever occurs. Along the arc between them the length is kept:
#
# $$\mathrm{slerp}(a, b, t) = \frac{\sin((1-t)\,\omega)\,a + \sin(t\,\omega)\,b}{\sin\omega}, \qquad \cos\omega = \frac{a\cdot b}{|a||b|}.$$

# %%
def slerp(a, b, t):
    """From a (t = 0) to b (t = 1) along the arc.  a, b: (..., Z), t in [0, 1] -> (..., Z)"""
    ...  # your code here; where a and b are parallel, go straight


# %% [markdown]
# More than a dozen mistakes are known, among them the straight line, the angle of codes that were not normalised, and 0 / 0.

# %%
slerp = check("hierarchical.slerp", slerp)

# %% [markdown]
# The lengths, over two thousand pairs of draws from the prior:

# %%
a, b = torch.randn(2, 2000, 64, generator=lab.rng("pairs of codes")).unbind(0)
half_line = ((a + b) / 2).norm(dim=-1) / ((a.norm(dim=-1) + b.norm(dim=-1)) / 2)
half_arc = slerp(a, b, 0.5).norm(dim=-1) / ((a.norm(dim=-1) + b.norm(dim=-1)) / 2)
same = b * (a.norm(dim=-1) / b.norm(dim=-1))[:, None]                            # as long as a
kept = max((slerp(a, same, t).norm(dim=-1) / a.norm(dim=-1) - 1).abs().max() for t in (0.1, 0.3, 0.5, 0.9))
claim("music-vae.slerp", kept=kept, line=half_line.mean(), arc=half_arc.mean())

# %% [markdown]
# Now by ear and eye: from one unheard tune to another, with the hierarchical decoder, alone. Grey is what it makes of the first
# tune's own code; blue are the notes shared with that, red all others.

# %%
ends = bar_vae.encoder(unheard[list(CHOICES.values())[:2]])[0]                   # (2, 64)
names = list(CHOICES)[:2]
PATHS = {"along the arc": slerp, "on the straight line": lambda a, b, t: (1 - t) * a + t * b}


def between(t, path):
    """The tune at place t of a path between two tunes.  -> (T,)"""
    return bar_vae.decoder.let_go(path(*ends, t)[None], unheard[:1])[0]


along = {name: torch.stack([between(t / 10, path) for t in range(11)]) for name, path in PATHS.items()}
likeness = {name: [[notes_right(y, along[name][end]).item() for y in along[name]] for end in (0, -1)] for name in PATHS}


def mix(place=5, path="along the arc"):
    """One tune on the way, and how much it shares with both ends, all along the way."""
    fig, (top, low) = plot.figure(rows=2, width=10, height=2.4, height_ratios=[3, 2])
    piano(top, along[path][place], along[path][0], f"{place * 10} % of the way from {names[0]} to {names[1]}")
    for shares, name, color in zip(likeness[path], names, (plot.BLUE, plot.YELLOW), strict=True):
        low.plot(range(0, 101, 10), shares, color=color, marker=".", label=f"notes of {name}")
    low.axvline(10 * place, color="k", lw=2)
    low.set(xlabel="% of the way", ylabel="share of notes", ylim=(0, 1.45), yticks=[0, 0.5, 1])
    low.legend(fontsize=9, loc="upper center", ncols=2)
    return fig


explore(mix, place=(0, 10), path=list(PATHS),
        alt="Piano roll of the tune half way between two tunes, over the first tune in grey: some of its notes are shared, blue, most are new, red. "
            "Beneath, the share of notes that agree with the first tune falls along the way while that with the second rises; they "
            "cross near the middle.")

# %% [markdown]
# The tune in the middle, to hear:

# %%
play(sound(along["along the arc"][5]), 8000, alt=f"half way from {names[0]} to {names[1]}, along the arc")

# %% [markdown]
# (Does the arc sound better than the line? Here it hardly matters. Half way between 92 pairs of unheard tunes, 48 % of the notes of the arc's
# tune stand in one of its ends, and 47 % of the line's; about as many pitches are used.)
#
# ## 8 · Where this breaks
#
# - **It is small.** Alone, the better decoder gets about a third of the notes right. The official configuration for melodies of 16
#   bars has layers of 1,024 to 2,048 units, codes of 512 numbers and batches of 512 melodies. Of the paper we have read the abstract
#   and the official code: our shares of notes are not to be compared with its numbers.
# - **Both had help.** In our first design, with a recurrent encoder, no numbers of steps and bars, and a conductor that hears the code
#   only at its start, as in the official code, 40 CPU seconds a decoder left both at 0.16 of the notes when alone (one seed). The
#   principal components and the numbers bring forward, for both, what took longer there.
# - **A conductor without recurrence did even better.** A plain linear map from the code to the 16 embeddings got 0.35 of the notes right
#   alone where the LSTM conductor got 0.25 (one seed, 300 steps, a larger model). What counts is that bars start anew, not how the plan is made.
# - **Samples do not come back enough.** Both decoders' draws repeat far less than tunes do. In the hierarchical one a phrase
#   that returns has to be planned twice, in the same words, by the conductor; drawing symbols at random then spoils one of
#   the two. Attention, which can look the first one up (chapter 20), is what later music models took.
# - **Bar lines are given.** Where segments are not known, in speech or in text, the hierarchy has to find them.
# - **Right notes are a crude ear.** A note a third off, or an eighth late, counts as wrong, though it may sound fine.
#
# ## What we saw
#
# - A bar of the hierarchical decoder sees the code and its own notes, and no note of another bar: exactly, before any training.
# - At equal parameters and steps the two decoders guess nearly equally well beside the teacher. Alone, the hierarchical one gets more
#   notes right, in all bars but the first. It leans more on its code, and its step costs less time.
# - Free bits leave the first nats of a code uncharged, with no gradient below the threshold. Charged in full, both codes shrink to 10
#   to 17 nats, and the flat decoder has less use for its own.
# - Samples of the hierarchical decoder come back more, though far from enough. Along the arc codes keep their length.
#
# Two questions to take along.

# %%
ask("music.close_metric")
ask("music.close_segments")

# %% [markdown]
# **References.** A. Roberts, J. Engel, C. Raffel, C. Hawthorne and D. Eck, *A Hierarchical Latent Vector Model for Learning Long-Term Structure
# in Music* (ICML 2018), arXiv:1803.05428; read: the abstract (a decoder that first outputs embeddings of subsequences and generates each
# independently; use of the code; sampling, interpolation and reconstruction against a flat baseline). Their official code, Magenta,
# `models/music_vae`: `lstm_models.py` (conductor and core decoder, start of a bar), `base_model.py` (free bits per tune, schedule of
# beta) and `configs.py` (16 bars: 256 free bits, beta 0.2). Free bits: D. P. Kingma and others, *Improved Variational Inference with
# Inverse Autoregressive Flow* (2016). Posterior collapse in recurrent VAEs: S. R. Bowman and others, *Generating Sentences from a
# Continuous Space* (2016). Slerp: K. Shoemake, *Animating Rotation with Quaternion Curves* (1985). Melodies: see the data's card. The
# linear encoder, the numbers of bar and step, the echo and the measure of form are ours.
#
# **Next:** [22 Trajectory embeddings](22_trajectory_embeddings.ipynb) codes what a body does instead of what a fiddle plays. Back to
# the [map](../00_start_here.ipynb).
