# ---
# jupyter:
#   course:
#     id: "34"
#     title: Representation geometry
#     belief: From the same inputs and labels, tanh neurons build a picture of the labels and relu neurons keep one of the inputs, because a relu listens only to the side on which it is on.
#     papers: [representation-geometry]
#     needs: ["30"]
#     minutes: {read: 40, do: 45}
#     track: extended
#     goals:
#       - say in closed form how much a representation of four points resembles their inputs and their labels
#       - predict from the pull on a single neuron which inputs it will answer to, for any nonlinearity
#       - tell when the nonlinearity decides about a representation, and when task or scale do
#     discuss: Recordings from an animal's brain show that its neurons keep much of the stimulus, although the task needs one bit of it. What would this chapter have you ask about the neurons, and what about the animal's training?
#     when_late: Skip sections 5 and 6 and the digits; keep the first picture, the pull, the two explorers and the map of exceptions.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 34 · Representation geometry
#
# *At the end you will believe this: from the same inputs and labels, tanh neurons build a picture of the labels and relu neurons
# keep one of the inputs, because a relu listens only to the side on which it is on.*

# %%
import torch

from tutorial_lib import ask, check, claim, explore, plot, show, start

lab = start("34")

# %% [markdown]
# **You will be able to**
#
# - say in closed form how much a representation of four points resembles their inputs and their labels;
# - predict from the pull on a single neuron which inputs it will answer to, for any nonlinearity;
# - tell when the nonlinearity decides about a representation, and when task or scale do.
#
# Two questions first, on what this chapter leans on ([30 Tangents and scale](30_tangents_and_scale.ipynb)).

# %%
ask("geometry.recall_cka")
ask("geometry.recall_rich")

# %% [markdown]
# ## 1 · Four points, two networks
#
# Four points are the corners of a square, with signs $s_1$ and $s_2$ for coordinates. The label $y = s_1 s_2$ is the exclusive
# or: 1 where the signs agree. No line separates the two labels. So we help a little and lift the corners of label 1 by $\delta$
# into a third dimension, and lower the others:
#
# $$x = (s_1,\; s_2,\; \delta\,s_1 s_2), \qquad y = s_1 s_2 .$$
#
# At $\delta = 0$ this is the plain exclusive or; at $\delta = 1$ the corners form a regular tetrahedron, all equally far from
# one another, and labels are as good as arbitrary. (The authors of this chapter's paper, Matteo Alleman, Jack Lindsey and
# Stefano Fusi, call such inputs unstructured.) Fill the two blanks.

# %%
def square(delta):
    """Corners in the order (1, 1), (1, -1), (-1, 1), (-1, -1).  -> inputs (4, 3), labels (4, 1), float64"""
    s1, s2 = torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1]], dtype=torch.float64)
    X = torch.stack((s1, s2, ...), 1)                  # the third coordinate
    Y = ...                                            # a column
    return X, Y


# %% [markdown]
# The label first, then the lift.

# %%
square = check("geometry.square", square)

# %% [markdown]
# The network has one hidden layer of $m = 100$ neurons with a nonlinearity $\varphi$, and no biases for now:
#
# $$f(x) = \frac1m\sum_{j=1}^m A_j\,\varphi(W_j\cdot x), \qquad \text{loss} = \text{mean over points of }\log\big(1 + e^{-y f(x)}\big).$$
#
# All weights begin as Gaussians with a small standard deviation, the **scale**, and both layers are trained, until the loss is
# 0.01. In the open, with PyTorch's gradients:

# %%
def train_openly(W, A, X, Y, phi, steps, lr=0.5):
    """Plain gradient descent, with rates multiplied by m.  W: (m, 3), A: (1, m) -> the same after training"""
    m = len(W)
    for _ in range(steps):
        W, A = W.detach().requires_grad_(), A.detach().requires_grad_()
        f = phi(X @ W.T) @ A.T / m                     # (4, 1)
        loss = torch.nn.functional.softplus(-Y * f).mean()
        slopes = torch.autograd.grad(loss, (W, A))
        W, A = W - lr * m * slopes[0], A - lr * m * slopes[1]
    return W.detach(), A.detach()


# %% [markdown]
# `shallow.train` does this for many networks at once, with gradients by hand and a step that shortens when the loss gets steep.
# On a stretch where the step is the same, so is the result:

# %%
from tutorial_lib import geometry, shallow

X, Y = square(0.5)
w0 = shallow.fresh(1, 3, 100, 1, scale=0.1, rng=lab.rng("first"))
for name, phi in shallow.PHI.items():
    one = train_openly(w0[0][0], w0[1][0], X, Y, phi[0], steps=20)
    many, _, _ = shallow.train(w0, X, Y, phi, steps=20, longest=0.5)
    assert torch.allclose(one[0], many[0][0]) and torch.allclose(one[1], many[1][0]), name

# %% [markdown]
# Train one network of $\varphi = \tanh$ and one of relu's, at $\delta = 0.5$. Both get everything right. Then ask each how far
# apart it holds the four points: the distances between their 100-dimensional hidden activities.

# %%
ask("geometry.first_guess")

# %% [markdown]
# A hundred dimensions with four points in them have only three that matter. `geometry.embed` finds coordinates with exactly
# those distances (classical multidimensional scaling) and turns them so that they resemble the inputs.

# %%
from tutorial_lib.alignment import cka, gram

VIEW = torch.tensor([[0.95, -0.12], [0.45, 0.32], [0.0, 0.9]], dtype=torch.float64)                       # a slanted look
SIGNS = ["+ +", "+ \u2212", "\u2212 +", "\u2212 \u2212"]


def draw_four(ax, K, title):
    """The four points whose kernel is K, seen in three dimensions; lines join every two."""
    P = geometry.embed(K / K.diagonal().sum(), geometry.square(1.0)[0]) @ VIEW
    for i in range(4):
        for j in range(i):
            ax.plot(*P[[i, j]].T, color=plot.GREY, lw=1.2, ls="-" if Y[i] == Y[j] else ":", zorder=1)
    for i, name in enumerate(SIGNS):
        color = plot.BLUE if Y[i] > 0 else plot.RED
        ax.plot(*P[i], "o", ms=13, color=color, alpha=0.75)
        side = {"xytext": (11, -4), "ha": "left"} if name[0] == "+" else {"xytext": (-11, -4), "ha": "right"}
        ax.annotate(name, P[i].tolist(), textcoords="offset points", color=color, fontsize=13, **side)
    ax.set(xlim=(-0.85, 0.85), ylim=(-0.75, 0.75), xticks=[], yticks=[], title=title)
    ax.grid(False)


# %% [markdown]
# Blue: label 1. Red: label $-1$. Solid lines join points of one label, dotted ones points of different labels.

# %%
fig, axes = plot.figure(columns=3, width=3.7, height=3.4)
draw_four(axes[0], gram(X), "inputs, $\\delta = 0.5$")
for ax, name in zip(axes[1:], ("tanh", "relu")):
    w, _, _ = shallow.train(w0, X, Y, shallow.PHI[name])
    draw_four(ax, gram(shallow.hidden(w, X, shallow.PHI[name]))[0], f"hidden layer, {name}")
show(fig, alt="Three drawings of four labelled points joined by lines. The inputs are a square bent a little out of its plane. "
              "In the tanh network two points lie on top of each other above, two below, one pile for each label. In the relu "
              "network the four points form a tetrahedron, all far apart.")

# %% [markdown]
# The same inputs, labels and initial weights. The tanh network has put points of one label on top of each other and forgotten
# what told them apart. The relu network holds all four as far apart as four points can be. One of the two could no longer say
# which input it saw; the other has hardly made the label easier to see than anything else.

# %% [markdown]
# ## 2 · Exactly how alike
#
# Chapter 30's CKA is the gauge: the cosine between two centred kernels. Everything here has closed forms. The centred kernel of
# the inputs has three eigenvectors, $s_1$, $s_2$ and $s_1 s_2$, and these kernels share them; only the eigenvalues differ (up
# to a common factor, which a cosine does not see):
#
# | kernel of | along $s_1$ | along $s_2$ | along $y = s_1s_2$ |
# |---|---|---|---|
# | inputs | 1 | 1 | $\delta^2$ |
# | labels | 0 | 0 | 1 |
# | neurons that are each on for a single corner | 1 | 1 | 1 |
#
# A cosine of such kernels is a cosine of rows of this table. Inputs and labels: $\delta^2/\sqrt{2 + \delta^4}$, so $\delta$
# is a dial for how much the inputs already know. One-corner neurons and labels: $1/\sqrt3 = 0.577$. One-corner neurons and
# inputs: $(2 + \delta^2)/\sqrt{3\,(2 + \delta^4)}$.

# %%
ask("geometry.one_corner")

# %% [markdown]
# Ten networks each along the dial (the paper draws over 20). The dashed lines are the table's; nothing is fitted.

# %%
DELTAS = [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0]


def along(deltas, nets, name, scale, rng, **options):
    """Hidden activities of trained networks, `nets` for each delta.  -> (deltas, nets, 4, 100), loss (deltas, nets)"""
    X = torch.stack([square(d)[0] for d in deltas]).repeat_interleave(nets, 0)                           # (S, 4, 3)
    w = shallow.fresh(len(X), 3, 100, 1, scale, rng)
    w, loss, _ = shallow.train(w, X, Y, shallow.PHI[name], **options)
    return shallow.hidden(w, X, shallow.PHI[name]).view(len(deltas), nets, 4, -1), loss.view(len(deltas), nets)


def resembles(H, deltas):
    """CKA with the labels and with the inputs.  H: (deltas, nets, 4, m) -> (deltas, nets) each"""
    X = torch.stack([square(d)[0] for d in deltas])[:, None].expand(*H.shape[:3], 3)
    return cka(gram(H), gram(Y).expand(*H.shape[:2], 4, 4)), cka(gram(H), gram(X))


sweep = {name: resembles(along(DELTAS, 10, name, 0.1, lab.rng("sweep"))[0], DELTAS) for name in ("tanh", "relu")}

# %% [markdown]
# Dots: means of ten networks, with their standard deviations (mostly too small to see).

# %%
fig, axes = plot.figure(columns=2, width=5.0, height=3.5, sharey=True)
exact = torch.tensor([geometry.square_cka(d) for d in DELTAS])                   # (7, 3)
for k, (ax, other) in enumerate(zip(axes, ("labels", "inputs"))):
    for name, color in (("tanh", plot.RED), ("relu", plot.BLUE)):
        values = sweep[name][k]
        ax.errorbar(DELTAS, values.mean(1), values.std(1), color=color, marker="o", capsize=3, label=name)
    ax.plot(DELTAS, exact[:, 1 + k], "k--", lw=1.2, label="one corner a neuron", zorder=5)
    ax.plot(DELTAS, exact[:, 0] if k else torch.ones(7), "k:", lw=1.6, label="labels alone", zorder=5)
    ax.set(xlabel="$\\delta$", title=f"resembles the {other}", ylim=(-0.04, 1.09))
axes[0].set_ylabel("CKA of the hidden layer")
axes[0].legend(loc="lower left", fontsize=11)
show(fig, alt="Two panels over delta. Left, CKA with the labels: tanh at 1 everywhere; relu on the dashed line at 0.58 up to "
              "delta 0.55, then rising towards 0.9 at 1. Right, CKA with the inputs: tanh on the dotted line that rises from 0 to "
              "0.58; relu on the dashed line near 0.85 and 0.9.")

# %% [markdown]
# Tanh networks sit on the line of a representation that holds nothing but labels. Relu networks sit on the line of one-corner
# neurons, within a thousandth up to $\delta = 0.4$, and leave it from about 0.6 on. That is the paper's claim in its sharpest
# form.

# %%
gaps = sweep["tanh"][0].mean(1) - sweep["relu"][0].mean(1), sweep["relu"][1].mean(1) - sweep["tanh"][1].mean(1)
claim("geometry.sweep", target_gap=gaps[0].min(), input_gap=gaps[1].min())
off = (torch.stack([v.mean(1) for v in sweep["relu"]], 1) - exact[:, 1:])[:3].abs()                      # delta up to 0.4
claim("geometry.corner", target_off=off[:, 0].max(), input_off=off[:, 1].max())

# %% [markdown]
# ## 3 · The pull on a neuron
#
# Why? At the beginning all weights are small, so $f$ is near 0 everywhere, and every point's error is the same: the loss falls
# at the rate $y/2$ when $f$ rises. A neuron with outer weight 1 then sees none of the others, and each point pulls its inner
# weights by the label, times the slope of $\varphi$ there, times the point itself:
#
# $$\text{pull}(W_j) = \frac1{2N}\sum_i y_i\;\varphi'(W_j\cdot x_i)\;x_i \qquad\text{($N$ points)}.$$
#
# (An outer weight of $-1$ turns it over.) This is the whole reduced model: a neuron is three numbers, and the pull is a vector
# field on them. The paper draws it in its Figure 1 (C and D). In our code `phi[0](z)` is $\varphi$ and `phi[1](z, phi[0](z))` its
# slope, which for some $\varphi$ is easiest from the value.

# %%
def pull(W, X, y, phi):
    """The pull on each of m neurons.  W: (m, p), X: (N, p), y: (N,) -> (m, p)"""
    ...  # your code here


# %% [markdown]
# No loop over points is needed, nor over neurons.

# %%
pull = check("shallow.pull", pull)

# %% [markdown]
# Near the origin a tanh is a straight line of slope 1, and the pull is the same for every neuron: $\frac1{2N}\sum_i y_i x_i$.

# %%
print("tanh, three small neurons:", pull(0.01 * w0[0][0][:3], X, Y[:, 0], shallow.PHI["tanh"]).numpy().round(3).tolist())
print("relu, three small neurons:", pull(0.01 * w0[0][0][:3], X, Y[:, 0], shallow.PHI["relu"]).numpy().round(3).tolist())

# %% [markdown]
# For tanh the first two coordinates cancel and what remains is $(0, 0, \delta/2)$: *the direction that tells the labels apart*,
# for all neurons alike. A relu's slope is 0 where it is off. It feels only the corners on its own side, and how many those are
# depends on where it began. So every relu neuron goes its own way.

# %%
ask("geometry.where_relu")

# %% [markdown]
# The plane to draw it in: upwards, the axis *between* the labels; to the side, the axis *within* label 1, from one of its
# corners to the other. (Neurons whose outer weight ends negative see the labels turned over; for them we take the axes of
# label $-1$.) Arrows are the pull. Lines are 100 neurons of one trained network, from small circles to dots.

# %%
def plane(W, A):
    """Each neuron in the plane of its own label: within it, and between the labels.  (1, m, 3), (1, 1, m) -> (m, 2)"""
    W, sign = W[0], A[0, 0].sign()                     # (m, 3), (m,)
    return torch.stack(((W[..., 0] + sign * W[..., 1]) / 2**0.5, sign * W[..., 2]), -1)


def draw_pull(ax, X, phi, reach):
    """Arrows of the pull in the plane of label 1."""
    side = torch.linspace(-reach, reach, 13, dtype=torch.float64)
    within, between = torch.meshgrid(side, side, indexing="xy")
    P = pull(torch.stack((within / 2**0.5, within / 2**0.5, between), -1).view(-1, 3), X, Y[:, 0], phi).view(13, 13, 3)
    ax.quiver(within, between, (P[..., 0] + P[..., 1]) / 2**0.5, P[..., 2], color="#BBBBBB", pivot="mid", zorder=0)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="within a label", aspect="equal")


# %% [markdown]
# At $\delta = 1$, for the paper's unstructured inputs, and from a scale of 0.3 so that the beginnings can be seen:

# %%
X1 = square(1.0)[0]
begin = shallow.fresh(1, 3, 100, 1, 0.3, lab.rng("trails"))
fig, axes = plot.figure(columns=2, width=4.6, height=4.4)
for ax, name in zip(axes, ("tanh", "relu")):
    trail = [begin]
    for _ in range(20):
        trail.append(shallow.train(trail[-1], X1, Y, shallow.PHI[name], steps=4)[0])
    way = torch.stack([plane(W, trail[-1][1]) for W, _ in trail])                # (21, 100, 2)
    draw_pull(ax, X1, shallow.PHI[name], reach=2.6)
    ax.plot(way[..., 0], way[..., 1], color=plot.RED if name == "tanh" else plot.BLUE, lw=0.8, alpha=0.6)
    ax.plot(*way[0].T, "o", ms=3, mfc="none", color="k", lw=0), ax.plot(*way[-1].T, "k.", ms=5)
    ax.set_title(f"{name}, 80 steps")
axes[0].set_ylabel("between the labels")
show(fig, alt="Two planes with grey arrows and a hundred paths each. Tanh: the arrows near the centre point straight up, and all "
              "paths rise in one bundle. Relu: the arrows fan out from below, and the paths end along three rays, to the upper "
              "left, straight up, and to the upper right, the most of them along the two outer ones.")

# %% [markdown]
# On the left all neurons rise in one bundle, the *label's*. On the right they fan out into three rays. The two outer ones are
# the two corners of the label: such a neuron answers to one input and to nothing else. On the middle one are neurons that were
# on for both corners when training began, and stayed so. (Paths that begin by going down belong to neurons whose outer weight
# had the other sign at first.)
#
# Two numbers per neuron say it without a plane: for how many of the four inputs it is on, and which share of its variance over
# the inputs lies along the labels (in the paper's word, *inherits* the label). For a neuron that is on for a single corner, the
# share is $1/3$.

# %%
ends, tuned = {}, {}
for delta in (0.5, 1.0):
    for name in ("tanh", "relu"):
        ends[name, delta] = H = along([delta], 10, name, 0.1, lab.rng("specialise"))[0][0]               # (10, 4, 100)
        on = (H > 1e-9).sum(1)                         # (10, 100): for how many inputs
        tuned[name, delta] = shallow.label_share(H, Y)[on > 0].mean()
        single = (on == 1).sum() / (on > 0).sum()
        print(f"{name}, delta {delta}: on for one input {single:4.0%} of the neurons, label's share {tuned[name, delta]:.2f}")
        tuned[name, delta, "single"] = single
claim("geometry.specialise", tanh_share=min(tuned["tanh", 0.5], tuned["tanh", 1.0]), relu_share=max(tuned["relu", 0.5], tuned["relu", 1.0]),
      relu_single=min(tuned["relu", 0.5, "single"], tuned["relu", 1.0, "single"]))

# %% [markdown]
# At $\delta = 0.5$ some five of six relu neurons end on a single input (0.83 to 0.87 of them over the seeds that we looked at),
# at $\delta = 1$ about seven of ten (0.69 to 0.73). Of the others more than nine in ten are on for both corners of one label:
# the middle ray.
#
# ## 4 · Watch them specialise
#
# Step by step: left the plane, with 100 neurons where they are; right what each answers to the four inputs, a row for a neuron
# (in units of its strongest answer; neurons sorted by where they will end). Begin at step 0, where the two nonlinearities look
# alike but for the sign, and go on. Then change $\delta$.

# %%
LOOKS = [0, 5, 10, 20, 30, 40, 60, 80, 120, 200]
films = {}
for delta in (0.25, 0.5, 1.0):
    for name in ("tanh", "relu"):
        w, shots = shallow.fresh(1, 3, 100, 1, 0.3, lab.rng("film")), []
        for before, now in zip([0, *LOOKS], LOOKS):
            w, loss, _ = shallow.train(w, square(delta)[0], Y, shallow.PHI[name], steps=now - before)
            H = shallow.hidden(w, square(delta)[0], shallow.PHI[name])[0].T      # (100, 4)
            shots.append((w[0], H / H.abs().amax(1, keepdim=True).clamp(min=1e-9), loss.item()))
        films[name, delta] = [(plane(W, w[1]), *rest) for W, *rest in shots]


# %% [markdown]
# Red cells: the neuron's answer is negative, which only a tanh can give.

# %%
def specialise(nonlinearity="relu", delta=0.5, look=9):
    """The neurons of one network after some steps: where they are and what they answer to."""
    P, answers, loss = films[nonlinearity, delta][look]
    last = films[nonlinearity, delta][-1][1]
    order = (last.argmax(1) * 10 - last.gt(0.3).sum(1)).argsort(stable=True)
    fig, (left, right) = plot.figure(columns=2, width=4.4, height=4.2, width_ratios=[1.5, 1])
    reach = max(1.0, 1.1 * P.abs().max().item())
    draw_pull(left, square(delta)[0], shallow.PHI[nonlinearity], reach)
    left.plot(*P.T, "o", ms=5, color=plot.RED if nonlinearity == "tanh" else plot.BLUE, alpha=0.6)
    left.set(ylabel="between the labels", title=f"{nonlinearity}, step {LOOKS[look]}, loss {loss:.2f}")
    right.imshow(answers[order], aspect="auto", cmap="RdBu", vmin=-1, vmax=1, interpolation="nearest")
    right.set(xticks=range(4), xticklabels=SIGNS, yticks=[], ylabel="neuron", xlabel="input", title="what it answers to")
    right.grid(False)
    return fig


explore(specialise, nonlinearity=["relu", "tanh"], delta=[0.25, 0.5, 1.0], look=(0, 9),
        alt="Left, a hundred relu neurons in the plane after the last step, nearly all on two slanted rays. Right, a table of "
            "neurons by inputs, in which most rows have one dark cell: four blocks, one for each input.")

# %% [markdown]
# In relu networks every input ends with neurons of its own, four blocks in the table. In tanh networks all rows look alike, up
# to a sign. Nothing has forced the relu neurons apart: each went to a corner that was on its side at the start.

# %% [markdown]
# ## 5 · One corner or two?
#
# At $\delta = 1$ the middle ray carries some of the relu neurons, at $\delta = 0.5$ hardly any of the activity. The pull tells
# where the change comes. Call the corners $x_1 = (1, 1, \delta)$ and $x_4 = (-1, -1, \delta)$ for label 1, and
# $x_2 = (1, -1, -\delta)$, $x_3 = (-1, 1, -\delta)$ for label $-1$. A relu neuron along $x_1$ is on for $x_1$ alone (as long as
# $\delta < \sqrt2$), and pulled by $x_1$, further along itself. One along $(0, 0, 1)$ is on for $x_1$ and $x_4$, and is pulled
# by their sum, again along itself. Both directions are steady: a neuron that is near one of them turns towards it and stays.
#
# What differs is how fast it grows. Say that the neuron has length $r$ along such a direction and outer weight $A$, and call $g$
# the length of the pull. Outer weight $A$ multiplies the pull, and the outer weight itself is driven by the neuron's activity,
# which is in proportion to $r$, with the same factor:
#
# $$\dot r = g A, \qquad \dot A = g\,r, \qquad\text{so}\qquad r + A \;\propto\; e^{g t} .$$
#
# Growth is *exponential*, and its rate is $g$, the length of a sum of corners over $2N = 8$:
#
# $$\text{one corner: } |x_1| = \sqrt{2 + \delta^2}, \qquad \text{two: } |x_1 + x_4| = 2\delta, \qquad \text{equal at } \delta^2 = \tfrac23,\; \delta = 0.816 .$$
#
# Below, neurons with one corner outgrow those with two, and fit the data before the others count. From scale $s$ the winner needs
# a factor of about $1/s$ to get to size 1, and by then the loser is at about the fraction $s^{\,1 - g_2/g_1}$ of it, where $g_1$ is
# the winner's rate and $g_2$ the loser's. From a small $s$ the race is long and the winner takes all.
#
# A *leaky* relu, with slope $\ell$ on its off side, feels the other corners as well, times $\ell$:
#
# $$\text{one: } x_1 + \ell\,(x_4 - x_2 - x_3), \qquad \text{two: } x_1 + x_4 - \ell\,(x_2 + x_3) .$$
#
# **Transfer.** At which $\delta$ are the two equally long?

# %%
def switch_point(leak):
    """The delta of the tie, for a leak between 0 and 1 -> a number"""
    ...  # your code here


# %% [markdown]
# It is judged by the ratio of the two pulls at your $\delta$.

# %%
switch_point = check("shallow.switch_point", switch_point)

# %% [markdown]
# A relu ($\ell = 0$) switches at 0.816, a linear neuron ($\ell = 1$) at 0: one formula for a family of nonlinearities, made
# before any training. Now the race, from a start as small as double precision pleases ($10^{-30}$), at $\delta$ from 0.8 to
# 1.25 times the tie. Measured is the share of the output that neurons of the second kind carry.

# %%
LEAKS, TIMES_TIE = [0.0, 0.1, 0.2, 0.4], [0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.25]


def share_of_pairs(leak, scale, rng, nets=8):
    """The share of the output from neurons that are on for both corners of a label and no other.  -> (9,)"""
    X = torch.stack([square(t * switch_point(leak))[0] for t in TIMES_TIE]).repeat_interleave(nets, 0)
    w, _, _ = shallow.train(shallow.fresh(len(X), 3, 100, 1, scale, rng), X, Y, shallow.leaky(leak), until=0.3)
    H = shallow.hidden(w, X, shallow.leaky(leak))      # (S, 4, 100)
    pair = ((H > 0) == (Y > 0)).all(1) | ((H > 0) == (Y < 0)).all(1)
    carries = w[1][:, 0].abs() * H.abs().amax(1)       # (S, 100)
    return ((carries * pair).sum(1) / carries.sum(1)).view(len(TIMES_TIE), nets).mean(1)


races = {leak: share_of_pairs(leak, 1e-30, lab.rng(f"race {leak}")) for leak in LEAKS}
late = share_of_pairs(0.0, 0.1, lab.rng("short race"))

# %% [markdown]
# If the formula is right, all curves cross over at 1.

# %%
fig, (ax,) = plot.figure(width=6.6, height=3.5)
for (leak, shares), color in zip(races.items(), (plot.BLUE, plot.CYAN, plot.GREEN, plot.YELLOW)):
    ax.plot(TIMES_TIE, shares, "o-", color=color, label=f"leak {leak}: tie at {float(switch_point(leak)):.2f}")
ax.plot(TIMES_TIE, late, "s--", color=plot.GREY, label="leak 0 from scale 0.1")
ax.axvline(1, color="k", ls=":", lw=1)
ax.set(xlabel="$\\delta$, in units of the predicted tie", ylabel="carried by pairs")
ax.legend(loc="center left", fontsize=10, bbox_to_anchor=(1.0, 0.5))
show(fig, alt="Share of the output carried by neurons of two corners, over delta in units of the predicted tie. Four curves for "
              "leaks from 0 to 0.4 stay near 0 below 1 and rise towards 1 above it, more gently for larger leaks. A dashed "
              "grey curve from a larger beginning rises slowly all along.")

# %% [markdown]
# At 0.85 and 1.15 times the tie, over all four leaks:

# %%
claim("geometry.switch", below=max(r[1] for r in races.values()), above=min(r[7] for r in races.values()))

# %% [markdown]
# The formula knows where. How sharp the switch is depends on how long the race is. At 0.85 times the tie of a relu
# $1 - g_2/g_1$ is 0.12: from $s = 10^{-30}$ the loser ends at $10^{-3.6}$ of the winner, from scale 0.1 (grey) at 0.76 of it,
# which is no race. That is why relu networks at $\delta = 1$, beyond the tie, still have most of their neurons at single corners.

# %% [markdown]
# ## 6 · The origin or the ends?
#
# Tanh and relu differ in two ways. At the origin, a tanh is smooth and a relu has its kink. Far out, a tanh is flat on *both*
# sides and a relu on one. Which of the two makes the geometry? Two more nonlinearities tell them apart:
#
# | | flat on both sides | flat on one side |
# |---|---|---|
# | smooth at 0 | tanh | elu ($e^z - 1$ below 0, $z$ above) |
# | kink at 0 | clipped relu (between 0 and 1) | relu |

# %%
ask("geometry.elu")

# %% [markdown]
# All four at $\delta = 0.4$, over scales, eight networks each:

# %%
SCALES = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
four = {}
for name in shallow.PHI:
    runs = [along([0.4], 8, name, s, lab.rng(f"ends {s}"), steps=2500) for s in SCALES]
    four[name] = torch.stack([resembles(H, [0.4])[0][0] for H, _ in runs])       # (scales, 8)
    print(f"{name}: {sum((loss > 0.02).sum().item() for _, loss in runs)} of {8 * len(SCALES)} networks above a loss of 0.02")

# %% [markdown]
# Solid lines: smooth at 0. Dashed lines: a kink there.

# %%
fig, (ax,) = plot.figure(width=6.6, height=3.5)
LOOK = {"tanh": (plot.RED, "o-"), "elu": (plot.YELLOW, "^-"), "clipped relu": (plot.PURPLE, "s--"), "relu": (plot.BLUE, "o--")}
for name, (color, style) in LOOK.items():
    ax.errorbar(SCALES, four[name].mean(1), four[name].std(1), color=color, fmt=style, capsize=3, label=name)
ax.set(xscale="log", xticks=SCALES, xticklabels=[f"{s:g}" for s in SCALES], xlabel="scale of the initial weights")
ax.set(ylabel="CKA with the labels", ylim=(0, 1.06), title="$\\delta = 0.4$")
ax.minorticks_off()
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
show(fig, alt="CKA with the labels over the scale of initial weights for four nonlinearities. Tanh is at 1 up to scale 0.3, near "
              "0.97 at 1 and lower at 3. Elu is at 1 up to 0.1 and then falls to a half. Relu is at 0.58 throughout and lower at 3. "
              "Clipped relu is between, near 0.7, and falls from scale 0.3 on.")

# %%
at = {s: i for i, s in enumerate(SCALES)}
claim("geometry.ends", tanh_large=four["tanh"][at[1.0]].mean(), elu_large=four["elu"][at[1.0]].mean(),
      elu_small=four["elu"][at[0.03]].mean(), relu_small=four["relu"][at[0.03]].mean())

# %% [markdown]
# Both, at different scales. From a small start, neurons make their choice near the origin, and what is smooth there (tanh, elu)
# takes the labels' direction whatever it does far out. From a start near 1, neurons feel the ends at once: then elu, flat on one
# side, behaves like a relu, and only what is flat on both sides follows the labels. The paper's abstract explains by the second,
# the *asymmetric* ends; a summary of the full text names the behaviour at the origin as well. At which scales its experiments
# begin we have not read, so that we do not say which of the two counts there. (A clipped relu at scale 1 or 3 has many
# neurons on its flat sides, where nothing pulls, and is lazy before its time.)

# %% [markdown]
# ## 7 · A family of tasks
#
# Four points are few. The paper modulates tasks in general: $N$ points, $k$ labels, inputs of any alignment with them. Take
# $k$ labels that are balanced and at right angles, and give the inputs the variance $a$ along each label, and $b$ along each of
# the $N - 1 - k$ other directions (the mean has been taken off, hence the 1). The kernels have these eigenvalues, and CKA is
#
# $$c = \frac{a\,k}{\sqrt{k}\,\sqrt{a^2 k + b^2\,(N - 1 - k)}} .$$
#
# You want a stated $c$, and a stated total variance $a k + b\,(N - 1 - k)$. Which $a$ and $b$?

# %%
def variances(k, rest, c, size):
    """a and b for inputs of CKA c with k labels, with a k + b rest = size; rest = N - 1 - k -> two numbers"""
    ...  # your code here


# %%
variances = check("geometry.variances", variances)

# %% [markdown]
# At $a = b$ inputs are unstructured again; this is the largest $c$ that we use, $\sqrt{k/(N-1)}$, and the paper's, too. Sixteen
# points, numbered in binary; the label is their last bit, or there are four labels, one for each bit
# (`geometry.walsh_labels`); five alignments from nearly none to unstructured.

# %%
def task(k, share, N=16):
    """Inputs and labels with the given share of the largest c^2.  -> (16, 15), (16, k)"""
    Y = geometry.walsh_labels(N, k)
    a, b = variances(k, N - 1 - k, (share * k / (N - 1)) ** 0.5, 3.0)
    others = torch.linalg.qr(torch.cat((torch.ones_like(Y[:, :1]), Y), 1), mode="complete").Q[:, k + 1:] * N**0.5
    return torch.cat((Y * a**0.5, others * b**0.5), 1), Y


assert torch.allclose(task(4, 0.5)[0], geometry.aligned_inputs(task(4, 0.5)[1], (0.5 * 4 / 15) ** 0.5))
SHARES = [0.05, 0.25, 0.5, 0.75, 1.0]

# %% [markdown]
# Five networks each, of 128 neurons (the width in the authors' code), to a loss of 0.02:

# %%
def family(k, name, scale, nets=5):
    """CKA with labels, with inputs, and effective dimension of trained networks.  -> (3, shares, nets)"""
    Y = task(k, 0.5)[1]
    X = torch.stack([task(k, s)[0] for s in SHARES]).repeat_interleave(nets, 0)                          # (S, 16, 15)
    w = shallow.fresh(len(X), 15, 128, k, scale, lab.rng(f"family {k} {scale}"))
    w, _, _ = shallow.train(w, X, Y, shallow.PHI[name], until=0.02, steps=2000)
    K = gram(shallow.hidden(w, X, shallow.PHI[name]))
    return torch.stack((cka(K, gram(Y).expand_as(K)), cka(K, gram(X)), geometry.participation(K))).view(3, len(SHARES), nets)


found = {(k, scale, name): family(k, name, scale) for k in (1, 4) for scale in (0.1, 1.0) for name in ("tanh", "relu")}

# %% [markdown]
# One picture for all: to the right, how much the hidden layer resembles the inputs, upwards, how much the labels. A dot is a
# network; dots grow with the alignment that inputs and labels had from the start.

# %%
fig, axes = plot.figure(columns=2, width=4.4, height=4.0, sharey=True)
for ax, k in zip(axes, (1, 4)):
    for scale, marker in ((0.1, "o"), (1.0, "^")):
        for name, color in (("tanh", plot.RED), ("relu", plot.BLUE)):
            values = found[k, scale, name]
            size = torch.tensor(SHARES)[:, None].expand(5, 5) * 70 + 14
            ax.scatter(values[1], values[0], s=size, color=color, marker=marker, alpha=0.6, lw=0, label=f"{name}, scale {scale:g}")
    ax.set(xlabel="CKA with the inputs", xlim=(0, 0.95), ylim=(0.6, 1.02), title=f"{k} label{'s' * (k > 1)}")
axes[0].set_ylabel("CKA with the labels")
axes[1].legend(loc="lower left", fontsize=10, markerscale=0.8)
show(fig, alt="Two scatter plots of networks, CKA with labels against CKA with inputs, for one and for four labels. Red tanh "
              "networks lie above and to the left of blue relu networks; larger dots, of more aligned tasks, lie higher.")

# %% [markdown]
# The smallest differences over all twenty settings, means of five networks:

# %%
target_gap = min((found[k, s, "tanh"][0].mean(1) - found[k, s, "relu"][0].mean(1)).min() for k in (1, 4) for s in (0.1, 1.0))
input_gap = min((found[k, s, "relu"][1].mean(1) - found[k, s, "tanh"][1].mean(1)).min() for k in (1, 4) for s in (0.1, 1.0))
claim("geometry.family", target_gap=target_gap, input_gap=input_gap)

# %% [markdown]
# ## 8 · What is it good for?
#
# A representation of labels has few dimensions and is *disentangled*, as the abstract says: the same step leads from one label
# to the other, wherever one starts. Three measures of the paper:
#
# - **effective dimension** (participation ratio), $(\sum\lambda)^2/\sum\lambda^2$ over the eigenvalues of the centred kernel;
# - **parallelism**: pair each point of label $-1$ with one of label 1, and take the cosine between the steps that lead across,
#   for the pairing that makes them most parallel;
# - **cross-condition generalisation**: fit a line between the labels on some of the points, test it on points that it has
#   never seen.
#
# Write the second for four points, two of either label.

# %%
def parallelism(H, y):
    """The larger of two cosines, one for each pairing.  H: (4, m), y: (4,), two of them 1 and two -1 -> a number"""
    ...  # your code here


# %%
parallelism = check("geometry.parallelism", parallelism)

# %% [markdown]
# For inputs the steps are $x_1 - x_2 = (0, 2, 2\delta)$ and $x_4 - x_3 = (0, -2, 2\delta)$, so their parallelism is
# $(\delta^2 - 1)/(\delta^2 + 1)$: at small $\delta$ they point against each other.

# %%
ask("geometry.ccgp")

# %% [markdown]
# The third is `geometry.cross_condition`: noise of 0.3 times the points' own spread, the best line for the points kept, and the
# share of right answers on the two left out, over all choices of the two. (No draws are needed: the share is a Gaussian
# integral.)

# %%
y4 = Y[:, 0]
assert abs(parallelism(X, y4) - (0.5**2 - 1) / (0.5**2 + 1)) < 1e-6
good = {"inputs": (parallelism(X, y4), geometry.cross_condition(X, y4), geometry.participation(gram(X)))}
for name in ("tanh", "relu"):
    H = ends[name, 0.5]                                # (10, 4, 100), from section 3
    good[name] = (torch.stack([torch.as_tensor(parallelism(h, y4)) for h in H]).mean(), geometry.cross_condition(H, y4).mean(),
                  geometry.participation(gram(H)).mean())
for name, (parallel, across, dimension) in good.items():
    print(f"{name:7} parallelism {parallel:5.2f}   right on points left out {across:4.0%}   effective dimension {dimension:.2f}")
claim("geometry.disentangled", tanh_parallel=good["tanh"][0], relu_parallel=good["relu"][0], tanh_across=good["tanh"][1],
      relu_across=good["relu"][1], tanh_dimension=good["tanh"][2], relu_dimension=good["relu"][2])

# %% [markdown]
# On the raw inputs a line fitted to two corners is *wrong* on the other two, nearly always. Relu networks bring that to chance:
# their four points are at right angles, and what was learned from two says nothing of the others. Tanh networks carry it over
# in full. There is a price. Ask the tanh network for $s_1$ instead, a question that it was not trained on:

# %%
s1 = X[:, 0]
for name in ("tanh", "relu"):
    H = ends[name, 0.5] / ends[name, 0.5].square().sum((1, 2), keepdim=True).sqrt()
    gap = (H[:, s1 > 0].mean(1) - H[:, s1 < 0].mean(1)).norm(dim=1)              # (10,)
    print(f"{name}: s1 moves the hidden layer by {gap.mean():.3f} of its size, the label by "
          f"{(H[:, y4 > 0].mean(1) - H[:, y4 < 0].mean(1)).norm(dim=1).mean():.3f}")

# %% [markdown]
# It has all but forgotten. Which of the two is better depends on what comes after.

# %% [markdown]
# ## 9 · When it does not hold
#
# A claim of this kind has limits, and the pull says where they are. Train both over a map of $\delta$ and scale, once without
# biases and once with (a constant input of 1 with weights of its own).

# %%
ask("geometry.map")

# %% [markdown]
# Four networks for each of 45 places on the map, four nonlinearities, with and without biases: 1,440 networks, a few seconds.

# %%
GRID, SIZES = [0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 1.2], [0.03, 0.1, 0.3, 1.0, 3.0]


def over_map(phi, bias, nets=4, m=64):
    """CKA with labels, inputs and own beginning, the loss, (4, 9, 5), means; and a kernel of each (9, 5, 4, 4)."""
    X = torch.stack([torch.cat((square(d)[0], torch.full((4, 1), bias, dtype=torch.float64)), 1) for d in GRID])
    X = X.repeat_interleave(len(SIZES) * nets, 0)      # (180, 4, 4)
    draws = [shallow.fresh(nets, 4, m, 1, s, lab.rng(f"map {s}")) for s in SIZES] * len(GRID)
    begin = tuple(torch.cat(parts) for parts in zip(*draws))
    w, loss, _ = shallow.train(begin, X, Y, phi, steps=2000)
    K0, K = gram(shallow.hidden(begin, X, phi)), gram(shallow.hidden(w, X, phi))
    gauges = torch.stack((cka(K, gram(Y).expand_as(K)), cka(K, gram(X)), cka(K, K0), loss)).view(4, len(GRID), len(SIZES), nets)
    return gauges.mean(-1), K.view(len(GRID), len(SIZES), nets, 4, 4)[:, :, 0]


maps = {(name, bias): over_map(phi, bias) for name, phi in shallow.PHI.items() for bias in (0.0, 1.0)}

# %% [markdown]
# The difference in CKA with the labels, tanh minus relu: red where the paper's claim holds, blue where it is the other way
# round. Each number is a mean of four networks: cells of 0.02 or less, of either sign, are too small to tell and may change sign
# with the seed.

# %%
fig, axes = plot.figure(columns=2, width=5.0, height=4.4, sharey=True)
for ax, bias in zip(axes, (0.0, 1.0)):
    gap = maps["tanh", bias][0][0] - maps["relu", bias][0][0]                    # (9, 5)
    picture = ax.imshow(gap, cmap="RdBu_r", vmin=-0.6, vmax=0.6, aspect="auto", origin="lower")
    for i in range(len(GRID)):
        for j in range(len(SIZES)):
            ax.text(j, i, f"{gap[i, j]:+.2f}", ha="center", va="center", fontsize=10, color="w" if abs(gap[i, j]) > 0.38 else "k")
    ax.set(xticks=range(5), xticklabels=[f"{s:g}" for s in SIZES], yticks=range(9), yticklabels=[f"{d:g}" for d in GRID])
    ax.set(xlabel="scale of the initial weights", title="with biases" if bias else "without biases")
    ax.grid(False)
axes[0].set_ylabel("$\\delta$")
fig.colorbar(picture, ax=axes, label="CKA with the labels, tanh minus relu")
show(fig, alt="Two maps of delta against scale with numbers in the cells. Without biases the bottom row, delta 0, is blue; nearly "
              "all else is red, most at delta 0.1 to 0.55 and small scales, pale at the top and at scale 3. With biases the red region "
              "is smaller: it needs a middling delta and a small scale, and is pale at the top, at the bottom and to the right.")

# %% [markdown]
# Four exceptions, and the reason for each.
#
# - **$\delta = 0$, inputs that know nothing of the label.** The pull on a tanh near the origin vanishes. Without biases a tanh
#   network is odd, $f(-x) = -f(x)$, while the label is the same at $x$ and $-x$: it cannot learn it at all. With biases it
#   learns, but corner by corner like a relu, and the relu is slightly ahead. With biases and a scale of 0.3 or more this reaches
#   up to $\delta = 0.1$.
# - **Large $\delta$, inputs that make it easy.** Beyond the tie of section 5 relu neurons take both corners, too; biases bring
#   the tie down. The difference shrinks to nothing.
# - **Large scale.** The lazy regime: nothing moves, and both keep what their random beginning made of the inputs.
# - **Labels that a line can tell anyhow**, such as $s_1$. Look:

# %%
axis = {}
for name in ("tanh", "relu"):
    Xa = torch.stack([square(d)[0] for d in (0.0, 0.5)]).repeat_interleave(8, 0)
    w, _, _ = shallow.train(shallow.fresh(16, 3, 100, 1, 0.1, lab.rng("axis")), Xa, X[:, :1], shallow.PHI[name])
    K = gram(shallow.hidden(w, Xa, shallow.PHI[name]))
    axis[name] = cka(K, gram(X[:, :1]).expand_as(K)).view(2, 8).mean(1)
    print(f"{name}, label s1: CKA with the label {axis[name][0]:.2f} at delta 0, {axis[name][1]:.2f} at delta 0.5")

# %% [markdown]
# The rule of the tie again: both corners of $s_1 = 1$ pull with $|x_1 + x_2| = 2$, one with $\sqrt{2 + \delta^2} < 2$.
#
# Now everything together. The bars show three gauges: likeness to the labels, to the inputs, and to the *network's own
# beginning*, which is how far its kernel has moved.

# %%
def four_points(nonlinearity="relu", delta=0.4, scale=0.1, biases=False):
    """The hidden layer's four points, and what they resemble."""
    (labels, inputs, start_, loss), K = maps[nonlinearity, float(biases)]
    i, j = GRID.index(delta), SIZES.index(scale)
    fig, (left, right) = plot.figure(columns=2, width=4.3, height=3.7)
    draw_four(left, K[i, j], f"{nonlinearity}, $\\delta$ = {delta:g}, scale {scale:g}")
    values = {"labels": labels[i, j].item(), "inputs": inputs[i, j].item(), "its beginning": start_[i, j].item()}
    plot.bars(right, values, ylabel="CKA of the hidden layer", colors=[plot.PURPLE, plot.GREEN, plot.GREY])
    right.set(ylim=(0, 1.15), title=f"loss {loss[i, j]:.2f}" + (", not learned" if loss[i, j] > 0.3 else ""))
    return fig


explore(four_points, nonlinearity=list(shallow.PHI), delta=GRID, scale=SIZES, biases=False,
        alt="Left, four points of a relu network as a tetrahedron. Right, three bars: CKA with the labels a little below 0.6, with "
            "the inputs near 0.9, with its own beginning higher than with the labels.")

# %% [markdown]
# Try tanh and raise the scale: the two piles come apart until at 3 there are four points again. Try relu and raise $\delta$: the
# tetrahedron folds up beyond 0.8. And mind the third bar. A relu network at small scale is *not* lazy: its weights have grown
# many times over, and every neuron has turned to its corner. But its kernel resembles its beginning far more than the tanh
# network's does. It has learned, and what it learned is to keep the inputs apart.

# %% [markdown]
# ## 10 · Digits
#
# Real images, and a label like the exclusive or: even digits below 5 and odd ones from 5 on against the rest (parity times
# magnitude; both labels appear in the authors' code). A thousand images, 14 by 14 pixels, in their first fifty principal
# components. Points are now the ten digits: CKA is taken between the *means* of the hidden activities over unseen images of
# each digit.

# %%
from tutorial_lib import digits

data = digits()


def pixels(images):
    """14 by 14 pixels, brought to one mean and one length.  -> (n, 196)"""
    small = torch.nn.functional.avg_pool2d(images, 2).flatten(1)
    small = small - small.mean(1, keepdim=True)
    return small / small.norm(dim=1, keepdim=True)


def parity_by_magnitude(y):
    """1 for 1, 3, 6 and 8, else -1: 1 for even times 1 for 5 or more, each -1 otherwise."""
    return (1.0 - 2 * (y % 2)) * (2.0 * (y >= 5) - 1)


train_x, test_x = pixels(data.x_train[:1000]), pixels(data.x_test)
centre = train_x.mean(0)
axes50 = torch.linalg.svd(train_x - centre, full_matrices=False).Vh[:50].T       # (196, 50)
unit = 2 / (train_x - centre).square().sum(1).mean().sqrt()
D, D_test = (train_x - centre) @ axes50 * unit, (test_x - centre) @ axes50 * unit                        # (1000, 50), (4000, 50)
L, ten = parity_by_magnitude(data.y_train[:1000])[:, None], parity_by_magnitude(torch.arange(10))

# %%
ask("geometry.digits")

# %% [markdown]
# To be fair, the two are compared at *equal loss* on the training images (a tanh network takes more steps to get there), on the
# way from 0.5 down to 0.1.

# %%
MILESTONES = [0.5, 0.4, 0.3, 0.2, 0.1]


def digit_means(H):
    """Mean activity for each digit of the test set.  (S, 4000, m) -> (S, 10, m)"""
    return torch.stack([H[:, data.y_test == d].mean(1) for d in range(10)], 1)


def on_digits(name, nets=3):
    """CKA with labels and with inputs, share right on the test set, steps, at each milestone.  -> (4, 5, nets)"""
    w, rows, took = tuple(p.float() for p in shallow.fresh(nets, 50, 100, 1, 0.3, lab.rng("digits"))), [], 0
    for goal in MILESTONES:
        w, _, steps = shallow.train(w, D, L, shallow.PHI[name], until=goal, steps=1500, reach=4, longest=4)
        took = took + steps.float()
        K = gram(digit_means(shallow.hidden(w, D_test, shallow.PHI[name])))      # (nets, 10, 10)
        K_in = gram(digit_means(D_test[None])).expand_as(K)
        right = (shallow.output(w, D_test, shallow.PHI[name])[..., 0] * parity_by_magnitude(data.y_test) > 0).float().mean(1)
        rows.append(torch.stack((cka(K, gram(ten).float().expand_as(K)), cka(K, K_in), right, took)))
    return torch.stack(rows, 1)                        # (4, 5, nets)


seen = {name: on_digits(name) for name in ("tanh", "relu")}

# %% [markdown]
# Training goes from left to right; means of three networks with their standard deviations.

# %%
fig, axes = plot.figure(columns=2, width=4.8, height=3.5)
for k, (ax, other) in enumerate(zip(axes, ("labels", "inputs"))):
    for name, color in (("tanh", plot.RED), ("relu", plot.BLUE)):
        ax.errorbar(MILESTONES, seen[name][k].mean(1), seen[name][k].std(1), marker="o", capsize=3, color=color, label=name)
    ax.set(xlabel="loss on the training images", title=f"resembles the {other}", xlim=(0.53, 0.07), ylim=(0.3, 1.0))
axes[0].set_ylabel("CKA of ten digits' means")
axes[1].legend(loc="lower right")
show(fig, alt="Two panels over the training loss, falling to the right. CKA with the labels: tanh above relu at losses of 0.5 to "
              "0.3, and the two come together towards 0.1. CKA with the inputs: relu above tanh at first, and the two meet.")

# %%
mean = {name: values.mean(-1) for name, values in seen.items()}                  # (4, 5) each
for name, (_, _, right, steps) in mean.items():
    print(f"{name}: right on unseen digits at loss 0.3: {right[2]:.1%}, at loss 0.1: {right[4]:.1%}; steps: {steps[2]:.0f}, {steps[4]:.0f}")
claim("geometry.digits", target_gap=mean["tanh"][0][2] - mean["relu"][0][2], input_gap=mean["relu"][1][2] - mean["tanh"][1][2],
      late_gap=mean["tanh"][0][4] - mean["relu"][0][4])

# %% [markdown]
# Half-way the difference is there, with the paper's sign: 0.11 to 0.13 in CKA with the labels over the seeds that we looked at.
# At a loss of 0.1 at most 0.03 is left: by then a network has to tell apart single images, and needs directions of the inputs
# for that, whatever its nonlinearity. (The explanation of section 3 is about the beginning, when all errors are alike.) And the
# relu networks, which resemble the labels less, get two to three more unseen digits in a hundred right: likeness to the labels
# is not accuracy.

# %% [markdown]
# ## 11 · Where this breaks
#
# - **Small start, few points, no noise.** That made closed forms possible. The paper trains with noisy inputs, from ordinary
#   initial weights, on up to 32 clusters, and finds the same in deeper networks and convolutional ones; we did not go there.
# - **The exceptions of section 9**: inputs that know nothing of the label, tasks that are easy, lazy training.
# - **The pull is the beginning.** It says which direction a neuron takes while $f$ is near 0. On digits, what happens later
#   blurs it.
# - **Two nonlinearities are not all.** Origin and ends can be chosen separately, and at different scales one or the other counts.
# - **CKA is one number.** It does not see that a relu network's four blocks are four *neurons' groups*; the table of section 4
#   did.

# %% [markdown]
# ## What we saw
#
# - Of four points everything has a closed form: a hidden layer of labels alone has CKA 1 with them, one of neurons that answer to
#   one corner each $1/\sqrt3$, and trained tanh and relu networks sit on these two lines.
# - Near the origin a tanh feels all points, whose pulls add up to the label's direction; a relu feels those on its own side,
#   and specialises. For leaky ones the pull gives the $\delta$ at which they change over.
# - It needs inputs that know something of the label but not everything, and a small start. Then tanh networks have fewer
#   dimensions, parallel steps, and carry over to points left out; relu networks can still say which input they saw.
#
# Two questions to take along.

# %%
ask("geometry.close_why")
ask("geometry.close_choose")

# %% [markdown]
# **References.** M. Alleman, J. W. Lindsey and S. Fusi, *Task structure and nonlinearity jointly determine learned
# representational geometry* (2024), arXiv:2401.13558: abstract (the claim, the family of tasks, specialisation, disentangled
# representations), Figure 1 (unstructured inputs; measures; the gradient of a neuron between and within classes). We read the
# abstract, the caption of Figure 1 and summaries, not the full text; the families of tasks are those of the authors' code,
# github.com/Kelarion/repler, `src/experiments.py` (EpsilonSeparableXOR, RandomOrthogonal, RandomKernelClassification). S. Bernardi
# and others, *The geometry of abstraction in the hippocampus and prefrontal cortex* (2020): parallelism and cross-condition
# generalisation. H. Maennel, O. Bousquet and S. Gelly, *Gradient descent quantizes ReLU network features* (2018),
# arXiv:1803.08367: from a small start relu neurons align with few directions first. S. Kornblith and others (2019),
# arXiv:1905.00414: CKA. The closed forms for four points, the tie, our runs of four nonlinearities over scales and of the digits are ours.
# Digits: MNIST, see the data's card.
#
# **Next:** [35 Dynamical stability](35_dynamical_stability.ipynb). A branch, [37 Manifold clustering](37_manifold_clustering.ipynb),
# wants representations in which classes are apart and tidy, and asks for it in the loss. Back to the [map](../00_start_here.ipynb).
