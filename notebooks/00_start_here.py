# ---
# jupyter:
#   course:
#     id: "00"
#     title: Start here
#     belief: In half a minute you will have drawn digits that nobody ever wrote.
#     papers: []
#     needs: []
#     minutes: {read: 10, do: 10}
#     track: core
#     goals:
#       - find your way through the parts
#       - use the four things every chapter is made of, ask, check, claim and explore
#       - choose how to work, alone, in a class or in a workshop
#     discuss: Which result of the last year would you most like to have measured yourself?
#     when_late: Skip the notation; look it up when a letter is new.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From latents to dynamics
#
# *In half a minute you will have drawn digits that nobody ever wrote.*
#
# This is a course you run. Each chapter takes one idea of a paper, lets you build it in small cells, tests it on real data
# in under a minute of a laptop, and ends with the paper's claim beside the number you just measured.
#
# Begin with the next three cells. A small network learns from 20,000 handwritten digits for a few seconds, then invents.
# Click into a cell and press **Shift + Enter** to run it.

# %%
from tutorial_lib import ask, check, claim, explore, progress, show, start
from tutorial_lib import course_map, digits, minibatches, plot, train

lab = start("00")

# %% [markdown]
# A model with a code of eight numbers, a loss, and 1,500 small steps. You will write each of these yourself in chapter 11.

# %%
from tutorial_lib.vae import VAE, negative_elbo, reparameterise

data, noise = digits(), lab.rng("noise")
with lab.seeded("first model"):
    model = VAE(784, (256, 64), K=8)


def loss(x):
    mu, logvar = model.encode(x)
    return negative_elbo(x, model.decoder(reparameterise(mu, logvar, noise)), mu, logvar)


batches = minibatches(data.x_train.flatten(1), 64, lab.rng("batches"))
_ = train(loss, model.parameters(), batches, 1500, 2e-3, decay=True, label="learning to write")

# %% [markdown]
# Now let it invent: draw random codes, decode them.

# %%
invented = model.sample(36, lab.rng("invented")).detach().view(-1, 28, 28)
fig, (ax,) = plot.figure(width=9, height=2.8)
plot.images(ax, invented, columns=12, title="thirty-six digits that nobody wrote")
show(fig, alt="Three rows of twelve grey digits drawn by the network: most are readable, some are "
              "smeared between two digits.")

# %% [markdown]
# Some are good, some are smeared between two digits; how good is that, as a number? What the network does, why it can
# invent at all, and how to measure it: that is [chapter 11](1_latent_variables/11_what_a_vae_is.ipynb).
#
# ## The map
#
# Four parts, read from top to bottom. Filled boxes are the **spine**: in order they make a term of twelve weeks, and they need
# none of the others. White boxes go further, dashed ones branch off; an arrow or "after 12" says what a chapter leans on.
# Chapters in bold are here, 10 and 11 so far; the pale ones are on their way.

# %%
course_map()

# %% [markdown]
# | start with | if you want |
# |---|---|
# | [10 Gaussians and KL](1_latent_variables/10_gaussians_and_kl.ipynb) | the ground: densities, samples, divergences, gradients through noise. If in doubt, here |
# | [11 What a VAE is](1_latent_variables/11_what_a_vae_is.ipynb) | the first model, if a Gaussian and a KL divergence are old friends |
#
# You need Python, a first acquaintance with PyTorch (tensors, a training loop), calculus and linear algebra, and a little
# probability. No GPU.
#
# ## What a chapter is made of
#
# **ask.** Before an experiment you say what you expect. A wrong guess, once made, is remembered better than a fact that
# was read. Choose with the mouse, or with Tab and the space bar, then Commit.

# %%
ask("start.mean_of_many")

# %% [markdown]
# **explore.** Sliders over a picture; with the keyboard, Tab to a slider and use the arrow keys. Here are the averages of
# many throws of a die. When does the bell appear?

# %%
import torch

throws = torch.randint(1, 7, (1000, 200), generator=lab.rng("throws")).float()


def averages(throws_per_average=2):
    """A histogram of 1,000 averages."""
    fig, (ax,) = plot.figure(width=6.4, height=3)
    ax.hist(throws[:, :throws_per_average].mean(1), bins=21, range=(0.875, 6.125), color=plot.BLUE)
    ax.set(xlabel="average of the throws", ylabel="how often, of 1,000", ylim=(0, 450),
           title=f"averages of {throws_per_average} throws of a die")
    return fig


explore(averages, throws_per_average=(1, 50),
        alt="Histogram of a thousand averages of two throws of a die: bars that rise in a triangle to 3.5.")

# %% [markdown]
# **check.** You write, and are answered: not only *wrong*, but which mistake it looks like. Until your answer passes, the
# chapter goes on with the library's version; once it passes, the chapter runs on your code. So you can always run
# everything, and skip what you like.
#
# Try it wrong first: leave out the division, or divide by the variance. Replace the `...`, run the cell, then the check
# below it.

# %%
def standardise(x):
    """Each column shifted to mean 0 and scaled to x.std(0) = 1.  x: (N, D) -> (N, D)"""
    ...  # your code here


# %% [markdown]
# Hand it in. Until the blank is filled, the answer is that it was not started; hints fold open with a click or Enter.

# %%
standardise = check("start.standardise", standardise)

# %% [markdown]
# **claim.** What the paper says, how small we made it, what you measured, and whether it holds. Here is a classic that
# needs no paper of ours: an average of $n$ throws is off by about $\sigma/\sqrt n$, where $\sigma = 1.71$ for a die. So a
# hundred times the throws should make it ten times better.

# %%
few, many = 2, 200
off = [(throws[:, :n].mean(1) - 3.5).square().mean().sqrt().item() for n in (few, many)]
claim("start.averages", ratio=off[0] / off[1], expected=(many / few) ** 0.5)

# %% [markdown]
# Change the numbers of throws and run the cell again: claims are there to be tested. Nothing breaks when one does not hold.
# (The openers, chapters 10, 20, 30 and 40, have no paper and no claim: they lay the ground.)
#
# ## Working with it
#
# - **These notebooks are yours.** They are copies in the folder `workbook`; nothing overwrites them. When a chapter has a
#   newer edition, `make lab` says so and gives the command that puts it beside yours.
# - **Run** a cell with Shift + Enter, everything with *Run ▸ Run All Cells*; a chapter takes at most about a minute.
# - **Seeds.** `lab.rng("name")` gives each experiment its own random numbers, so running a cell twice gives the same
#   result. For another draw of everything, start Jupyter with `TUTORIAL_SEED=1`.
# - **Something fails?** *Kernel ▸ Restart Kernel and Run All Cells* brings a chapter back; `make doctor` looks at the machine.
# - **Stuck?** Open the hints, one after the other. The solution appears after a real attempt, or with `reveal=True`.
#
# | you have | do this |
# |---|---|
# | yourself and an evening | one chapter; answer every question before reading on; leave the stretch exercises for the weekend |
# | a class, one week per chapter | the spine in order; chapters as homework; each chapter's first card folds open to a question for discussion and what to skip; `make teach` writes a page for the teacher of each. `python -m tutorial_lib solutions hide` withholds solutions until `solutions show`. `progress(export="FOLDER")` writes what you did, without a name, and `class_report("FOLDER")` shows a class its commonest mistakes |
# | 60 minutes | 5: this page's first cells. 15: chapter 10, section 4 (the KL), for those who need it. 40: chapter 11, sections 1 to 4, core exercises in pairs; end at the three losses |
# | 90 minutes | the same, then chapter 11, sections 5 and 6, without the stretch exercises |
# | 180 minutes | chapter 10 without section 6 and the stretch exercise (60 minutes), a break, chapter 11 whole (100), the closing questions together |
#
# For a workshop: set up beforehand on every machine (`make lab` once, with the network); nothing is downloaded after that.
#
# ## Notation
#
# | letters | mean |
# |---|---|
# | $x$, $z$, $y$ | data, a code or latent state, a label |
# | $B$, $N$, $D$, $K$ | rows in a batch, rows in all, numbers per datum, numbers per code |
# | $p$, $q$ | the model's distribution, the one that approximates |
# | $\mu$, $\sigma$, $\log\sigma^2$ (`logvar`) | mean, standard deviation, log variance |
# | $\varepsilon$ | noise from $\mathcal N(0, I)$ |
# | `(B, K)` | the shape of a tensor: B rows of K numbers |
#
# Logarithms are natural, so information is in **nats** (1 nat = 1.44 bits). Each module of `tutorial_lib` opens with the
# glossary of its own letters.
#
# ## Your progress

# %%
progress()
