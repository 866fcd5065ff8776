# ---
# jupyter:
#   course:
#     id: "36"
#     title: Intrinsic dimension
#     belief: A network of two hundred thousand weights can learn to read digits along about a thousand random directions, and that number belongs to the task and the kind of network more than to its size.
#     papers: [intrinsic-dimension]
#     needs: ["30"]
#     minutes: {read: 35, do: 40}
#     track: extended
#     goals:
#       - train a network in a random subspace, and say why its dimension counts what a task asks for
#       - read an intrinsic dimension from a noisy curve, and tell what changes it from what does not
#       - write a network into a few hundred bytes, and prove something about its error from the length of the file alone
#     discuss: A colleague reports the intrinsic dimension of fine-tuning a language model, 200. What would you want to know about her baseline, her directions and her steps before you believe that the task is easy?
#     when_late: Skip sections 6 and 8; keep the ten sums, the curve, the sizes and the file.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 36 · Intrinsic dimension
#
# *At the end you will believe this: a network of two hundred thousand weights can learn to read digits along about a thousand
# random directions, and that number belongs to the task and the kind of network more than to its size.*

# %%
import gzip
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import torch

from tutorial_lib import ask, check, claim, digits, explore, plot, show, start

lab = start("36")

# %% [markdown]
# **You will be able to**
#
# - train a network in a random subspace, and say why its dimension counts what a task asks for;
# - read an intrinsic dimension from a noisy curve, and tell what changes it from what does not;
# - write a network into a few hundred bytes, and prove something about its error from the length of the file alone.
#
# Two questions first, on random directions and on [30 Tangents and scale](30_tangents_and_scale.ipynb).

# %%
ask("intrinsic.recall_angles")
ask("intrinsic.recall_tangent")

# %% [markdown]
# ## 1 · A thousand random directions
#
# A network that reads digits has 784 inputs, two hidden layers of 200 units, and 10 outputs. Its weights and biases, all
# $D = 199{,}210$ of them, form one long vector $\theta$: a point in a space of $D$ dimensions. Training is a walk through that
# space. We now allow it only a few directions:
#
# $$\theta = \theta_0 + P z, \qquad \theta_0, P \text{ drawn at random and frozen}, \quad z \in \mathbb R^d \text{ trained, beginning at } 0 .$$
#
# Each of the $d$ columns of the $D \times d$ matrix $P$ is a random direction of length 1, and $z$ says how far to go along
# each. Chunyuan Li, Heerad Farkhoor, Rosanne Liu and Jason Yosinski (2018) train networks in this way to measure how hard a
# task is.

# %%
from tutorial_lib import flat, subspace

data = digits()
X, X_test = ((x.flatten(1) - 0.1307) / 0.3081 for x in (data.x_train, data.x_test))        # mean 0, deviation 1
Y, Y_test = data.y_train, data.y_test                  # 20,000 and 4,000
big = flat.mlp((784, 200, 200, 10))
print(f"{big.size:,} weights")

# %% [markdown]
# `big(theta, x)` is the network as a function of its weights. Everything about a subspace comes from one seed: where the
# weights begin, and which directions there are. (`hashed` draws $P$; section 3 opens it.)

# %%
def begin(net, d, seed):
    """The beginning and the subspace that belong to a seed.  -> theta0 (D,), a function z -> P z"""
    draw = torch.Generator().manual_seed(seed)
    return net.fresh(draw), subspace.hashed(net.size, d, draw)


STEPS = 400                                            # of 64 digits each, for everything in this chapter


def learn(net, d, seed, x=X, y=Y):
    """Train z by Adam, and nothing else.  -> z (d,)"""
    theta0, projection = begin(net, d, seed)
    batches = torch.Generator().manual_seed(seed + 1)
    return subspace.train(net, theta0, projection, d, x, y, batches, STEPS, subspace.rate(theta0, d), label=f"d = {d}")


# %% [markdown]
# How well can that go? Commit before you look.

# %%
ask("intrinsic.thousand")

# %% [markdown]
# Ten directions, a hundred, a thousand, and direct training ($d = D$, $P = 1$) for as many steps:

# %%
def weights(net, d, seed, z):
    """The point that z stands for.  -> theta (D,)"""
    theta0, projection = begin(net, d, seed)
    return theta0 + projection(z)


def direct(net, seed, lr, x=X, y=Y):
    """All weights trained.  -> theta (D,)"""
    draw = torch.Generator().manual_seed(seed)
    theta0 = net.fresh(draw)
    return theta0 + subspace.train(net, theta0, subspace.whole, net.size, x, y, draw, STEPS, lr, label="direct")


@torch.no_grad()
def right(net, theta, x=X_test, y=Y_test):
    """The share of digits that are read rightly."""
    return (net(theta, x).argmax(1) == y).double().mean().item()


seeds = {d: lab.rng(f"big {d}").initial_seed() for d in (10, 100, 400, 800, 1000, 1200, 2000)}
found = {d: learn(big, d, seeds[d]) for d in (10, 100, 1000)}
theta = {d: weights(big, d, seeds[d], z) for d, z in found.items()}
theta["all"] = direct(big, lab.rng("big direct").initial_seed(), 0.003)

# %% [markdown]
# The same sixteen test digits, as each of the four reads them; wrong answers in red.

# %%
fig, (ax,) = plot.figure(width=10, height=3.1)
plot.images(ax, data.x_test[:16], columns=16)
for row, (d, point) in enumerate(theta.items()):
    said = big(point, X_test[:16]).argmax(1)
    name = "all weights" if d == "all" else f"d = {d}"
    ax.text(-12, 42 + 21 * row, f"{name}  ({right(big, point):.0%})", ha="right", va="center", fontsize=13)
    for k in range(16):
        ax.text(29 * k + 14, 42 + 21 * row, str(said[k].item()), ha="center", va="center", fontsize=15,
                color="black" if said[k] == Y_test[k] else plot.RED, weight="normal" if said[k] == Y_test[k] else "bold")
ax.set(xlim=(0, 464), ylim=(118, -2))
show(fig, alt="Sixteen handwritten digits in a row, and under them four rows of answers with shares of right answers: with ten "
              "directions nearly all are wrong and red, with a hundred about half, with a thousand few, with all weights "
              "trained hardly any.")

# %% [markdown]
# A thousand directions are half a percent of those that there are, and they were drawn blindly. Yet the network reads more than
# four digits in five. Either training needs very little room, or these directions are better than they look. We begin with a
# task for which one can know.

# %% [markdown]
# ## 2 · A task with a known answer
#
# The paper's own example. Let $\theta$ be $D = 1000$ numbers. The first hundred have to sum to 1, the next hundred to 2, and so
# on to 10: ten conditions $A\theta = b$, where row $j$ of $A$ has a 1 for each number of group $j$. The loss is
# $|A\theta - b|^2$. We begin at a random $\theta_0$ and may move by $Pz$.

# %%
ask("intrinsic.ten")

# %% [markdown]
# No training is needed here: the best $z$ solves a least squares problem. What is the smallest loss in a given subspace?

# %%
def lowest(A, b, theta0, P):
    """The smallest |A (theta0 + P z) - b|^2 over all z.  A: (k, D), b: (k,), theta0: (D,), P: (D, d) -> ()"""
    ...  # your code here


# %% [markdown]
# What does the subspace have to make up for, and with what?

# %%
lowest = check("subspace.lowest", lowest)

# %% [markdown]
# One number more to predict, for $d = 9$:

# %%
ask("intrinsic.nine")

# %% [markdown]
# Two hundred random subspaces of each dimension from 1 to 12; the loss at the best point as a share of the loss at $\theta_0$:

# %%
A, b = subspace.group_sums(1000, 10)
draw = lab.rng("toy")


def left(d, kind=subspace.dense):
    """The share of the squared error that one random subspace leaves."""
    theta0 = torch.randn(1000, generator=draw, dtype=torch.float64) / 30
    P = subspace.columns(kind(1000, d, draw), d)
    return (lowest(A, b, theta0, P) / (A @ theta0 - b).square().sum()).item()


shares = {d: torch.tensor([left(d) for _ in range(200)]) for d in range(1, 13)}

# %% [markdown]
# Small dots: single subspaces. Dashed: $1 - d/10$.

# %%
fig, (ax,) = plot.figure(width=7.2, height=3.5)
for d, values in shares.items():
    ax.plot(d + 0.5 * torch.linspace(-0.5, 0.5, 200), values, ".", color=plot.CYAN, ms=2.5)
ax.plot(list(shares), [v.mean() for v in shares.values()], "o", color=plot.BLUE, label="mean of 200 subspaces")
ax.plot([0, 10, 12.5], [1, 0, 0], "k--", lw=1.3, label="$1 - d/10$")
ax.set(xlabel="dimension $d$ of the subspace", ylabel="share of the loss left", xticks=range(1, 13), ylim=(-0.03, 1.03))
ax.legend()
show(fig, alt="The share of the loss that is left over the dimension of the subspace: means of 200 subspaces fall along a "
              "straight dashed line from one to zero at d = 10 and stay at zero beyond; single subspaces scatter around it.")

# %% [markdown]
# **Why exactly ten.** A solution needs $(AP)\,z = b - A\theta_0$, ten equations for $d$ unknowns. The ten rows of $AP$ are
# random, so with $d \ge 10$ their rank is ten almost surely and a solution exists; with $d < 10$ the vectors $(AP)z$ fill only a
# $d$-dimensional part of the ten-dimensional space of sums, in which the random $b - A\theta_0$ almost surely does not lie. And
# since that part is turned at random, a vector has on average a share $1 - d/10$ of its squared length outside of it.
#
# So it does for every way of drawing directions, here four of them (section 3):

# %%
kinds = {"dense": subspace.dense, "sparse": subspace.sparse, "fastfood": subspace.fastfood, "hashed": subspace.hashed}
nine, ten = ([left(d, kind) for kind in kinds.values() for _ in range(25)] for d in (9, 10))
line = max(abs(shares[d].mean().item() - (1 - d / 10)) for d in range(1, 10))
claim("intrinsic.toy", nine=min(nine), ten=max(ten), line=line)

# %% [markdown]
# The solutions of the toy form a flat set of $s = 990$ dimensions, and $D = 10 + 990$. The paper calls $d_{\mathrm{int}} = D - s$
# the **intrinsic dimension**: not how many numbers there are, but how many conditions have to be met. Had we taken a million
# numbers, it would still be ten.
#
# The same in a plane, where one can see it: $D = 2$, a subspace of dimension 1, which is a line through $\theta_0$. The
# solutions (black) have one dimension, too: a straight line (two numbers that sum to 1), or a circle. Turn the subspace.

# %%
axis = torch.linspace(-2, 2, 81)
first, second = torch.meshgrid(axis, axis, indexing="xy")
along = torch.linspace(-3.2, 3.2, 401)
LOSSES = {"a sum of 1": lambda u, v: (u + v - 1) ** 2, "a circle": lambda u, v: (u**2 + v**2 - 1) ** 2}


def plane(solutions="a sum of 1", degrees=20):
    """A plane of two weights, cut by a line; the loss along the line."""
    loss, (u0, v0), turn = LOSSES[solutions], (-1.4, 0.6), math.radians(degrees)
    u, v = u0 + along * math.cos(turn), v0 + along * math.sin(turn)
    fig, (top, cut) = plot.figure(columns=2, width=4.4, height=3.9)
    top.contourf(axis, axis, loss(first, second).clamp(max=6), levels=12, cmap="Greys", alpha=0.75)
    if solutions == "a circle":
        top.plot((along * math.pi / 3.2).cos(), (along * math.pi / 3.2).sin(), "k", lw=2.5, label="solutions")
    else:
        top.plot(axis, 1 - axis, "k", lw=2.5, label="solutions")
    top.plot(u, v, color=plot.BLUE, lw=2.2, label="subspace")
    top.plot(u0, v0, "o", color=plot.RED, ms=9, label="$\\theta_0$")
    top.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal", xlabel="first weight", ylabel="second weight")
    top.legend(loc="lower left", fontsize=10, frameon=True, framealpha=0.95)
    cut.plot(along, loss(u, v), color=plot.BLUE)
    cut.plot(0, loss(torch.tensor(u0), torch.tensor(v0)), "o", color=plot.RED, ms=9)
    lowest_here = loss(u, v).min().item()
    cut.set(ylim=(-0.1, 4), xlabel="$z$", ylabel="loss on the line")
    cut.set_title("meets the solutions" if lowest_here < 1e-3 else f"misses them: loss {lowest_here:.2g} is left")
    return fig


explore(plane, solutions=list(LOSSES), degrees=(-90, 90, 5),
        alt="Left, a plane of two weights with a black line of solutions, cut by a blue line through a red starting point. "
            "Right, the loss along the blue line falls to zero where the two lines cross.")

# %% [markdown]
# A flat set of solutions is met from every angle but one. The circle is missed from most: for curved sets the count of dimensions
# says that a subspace *can* meet them, not that it will. (It also has to be found by training, from where it starts.) What the
# solutions of a network look like nobody knows. So the paper turns the question round: raise $d$ until solutions appear, and
# call that $d$ the intrinsic dimension.

# %% [markdown]
# ## 3 · Where do the directions come from?
#
# A dense $P$ for 199,210 weights and a thousand directions would be 800 MB, read twice at each step. One can do with less. Give
# each weight *one* coordinate, drawn at random, and a random sign: weight $i$ moves with coordinate $w_i$, forwards or
# backwards. $P$ then has one entry in each row, so that $Pz$ costs $D$ operations; its columns have no row in common, so they
# are exactly at right angles. (With all signs $+1$ this would be tying weights together, as Wenlin Chen and others did in 2015;
# the paper mentions it as a subspace of diagonals.)
#
# One thing is left to see to. A step of length 1 in $z$ should be a step of length 1 in $\theta$. So columns need length 1.

# %%
def spread(z, where, sign):
    """P z, where weight i moves with coordinate where[i].  z: (d,), where: (D,) integers, sign: (D,) 1 or -1 -> (D,)"""
    count = torch.bincount(where, minlength=len(z))    # (d,), how many weights share a coordinate
    scale = ...                                        # (d,), for columns of length 1
    return ...


# %% [markdown]
# The check compares gradients as well, since the loss reaches $z$ through $P$: $\nabla_z = P^\top \nabla_\theta$.

# %%
spread = check("subspace.spread", spread)

# %% [markdown]
# The library's `hashed` does the same with one look-up for both signs. Are they equal?

# %%
draw = lab.rng("a subspace")
library = subspace.hashed(big.size, 1000, draw)
where, sign = library.where % 1000, torch.where(library.where < 1000, 1.0, -1.0)
z = torch.randn(1000, generator=draw)
assert torch.allclose(spread(z, where, sign), library(z), atol=1e-6)
print(f"|z| = {z.norm():.3f}, |P z| = {spread(z, where, sign).norm():.3f}")

# %% [markdown]
# The paper draws $P$ in three other ways: **dense**, of Gaussians; **sparse**, with about $\sqrt D$ entries in each column (Ping
# Li and others, 2006); and **Fastfood**, random signs, a permutation and Gaussians between two Hadamard matrices, which costs
# about $D\log d$ operations (Quoc Le and others, 2013). Does it matter which? A small network, so that dense can take part, 100
# directions, two draws each; and your `spread`.

# %%
small = flat.mlp((784, 10, 10))                        # D = 7,960


def yours(D, d, draw):
    """A projection from your function: each coordinate is given to a weight, the others are drawn."""
    where = torch.cat((torch.arange(d), torch.randint(d, (D - d,), generator=draw)))[torch.randperm(D, generator=draw)]
    sign = 2.0 * torch.randint(2, (D,), generator=draw) - 1
    return lambda z: spread(z, where, sign)


for name, kind in {**kinds, "yours": yours}.items():
    begun, scores = process_time(), []
    for k in range(2):
        draw = lab.rng(f"kinds {k}")
        theta0 = small.fresh(draw)
        projection = kind(small.size, 100, draw)
        z = subspace.train(small, theta0, projection, 100, X, Y, draw, STEPS, subspace.rate(theta0, 100), label=name)
        scores.append(right(small, theta0 + projection(z)))
    milliseconds = (process_time() - begun) / 2 / STEPS * 1000
    print(f"{name:>8}: {scores[0]:.3f} and {scores[1]:.3f} right, {milliseconds:.1f} ms a step")

# %% [markdown]
# (CPU milliseconds, the network's own included.) The kinds differ by about as much as two draws of one kind do. From here on we
# use `hashed`.
#
# The learning rate needs a word. A first step of Adam moves every coordinate by the rate $\eta$, so it moves the weights by
# $\eta\sqrt d$. In trials on other seeds the best $\eta\sqrt d$ was, for most of the networks and $d$ that we tried, within
# a factor of two of a fifth of $|\theta_0|$. That is what `subspace.rate` sets; it then falls to 0 along half a cosine. Direct
# training has its own rates.

# %% [markdown]
# ## 4 · The measurement
#
# Now the curve for the network of section 1. Accuracy is compared with that of direct training, and the paper draws its bar at
# 90 % of it: $d_{\mathrm{int}90}$, here $d_{90}$ for short. (At 100 % a tenth of a percent of luck would decide, and a subspace
# sometimes even beats direct training a little, since it can learn less by heart.)

# %%
DIMS = [10, 100, 400, 800, 1000, 1200, 2000]
found |= {d: learn(big, d, seeds[d]) for d in DIMS if d not in found}
scores = {d: [right(big, weights(big, d, seeds[d], found[d]))] for d in DIMS}
for d in (800, 1000):                                  # around the crossing, a second draw
    again = lab.rng(f"big again {d}").initial_seed()
    scores[d].append(right(big, weights(big, d, again, learn(big, d, again))))
base = right(big, theta["all"])
curve = torch.tensor([sum(scores[d]) / len(scores[d]) for d in DIMS])

# %% [markdown]
# Measured curves are noisy, and may fall where they should rise. Before reading anything from one we make it rise: midway
# between the best so far and the worst still to come, so that a single lucky or unlucky point does not decide.

# %%
def rising(accuracy):
    """accuracy: (n,) -> (n,), a curve that nowhere falls"""
    best_so_far = accuracy.cummax(0).values
    worst_to_come = accuracy.flip(0).cummin(0).values.flip(0)
    return (best_so_far + worst_to_come) / 2


# %% [markdown]
# Where does a rising curve meet the bar? Between two points of the grid go along a straight line over $\log d$. A curve that
# stays below has $d_{90} = \infty$ (`math.inf`); for one that begins above, say the first $d$.

# %%
def needed(dims, accuracy, baseline):
    """d_90.  dims: list of n, ascending, accuracy: (n,) tensor, baseline: a number -> a number"""
    ...  # your code here


# %% [markdown]
# Use `rising`; the check has curves with a lucky point.

# %%
needed = check("subspace.needed", needed)

# %%
d90 = needed(DIMS, curve, base)
fig, (ax,) = plot.figure(width=7.6, height=3.7)
for d in DIMS:
    ax.plot([d] * len(scores[d]), scores[d], "o", color=plot.CYAN, ms=7)
ax.plot(DIMS, rising(curve), color=plot.BLUE, label="mean, made rising")
ax.axhline(base, color="black", lw=1.2, label=f"direct training, {base:.3f}")
ax.axhline(0.9 * base, color="black", ls="--", lw=1.2, label="90 % of it")
ax.axvline(d90, color=plot.RED, ls=":", lw=2, label=f"$d_{{90}}$ = {d90:.0f}")
ax.set(xscale="log", xlabel="random directions $d$", ylabel="share of test digits right", ylim=(0, 1.02))
ax.set(xticks=[10, 100, 200, 400, 800, 2000], xticklabels=["10", "100", "200", "400", "800", "2000"])
ax.minorticks_off()
ax.legend(loc="lower right", frameon=True, framealpha=1)
show(fig, alt="Share of right answers over the number of random directions, on a logarithmic axis: it rises from little more "
              "than guessing at 10 directions, flattens, and meets the dashed line at nine tenths of direct training somewhere "
              "around a thousand.")

# %% [markdown]
# The paper's number for this network, with three times the data and some hundred passes through it, is about 750.

# %%
claim("intrinsic.digits", d=d90)

# %% [markdown]
# ## 5 · Does it grow with the network?

# %%
ask("intrinsic.size")

# %% [markdown]
# Networks with one and two hidden layers, and one without any. Each is compared with its own direct training, at
# the learning rate, 0.003 or 0.01, that did better in trials on other seeds.

# %%
NETS = {"784-10": ((784, 10), 0.01), "784-20-10": ((784, 20, 10), 0.003),
        "784-50-10": ((784, 50, 10), 0.01),
        "784-400-400-10": ((784, 400, 400, 10), 0.003)}
nets = {name: flat.mlp(sizes) for name, (sizes, _) in NETS.items()}
grids = {name: [450, 1300] if nets[name].size < 1e5 else [700, 1500] for name in nets}
curves, bases = {}, {}
for name, net in nets.items():
    bases[name] = right(net, direct(net, lab.rng(f"{name} direct").initial_seed(), NETS[name][1]))
    draws = {d: [lab.rng(f"{name} {d} {k}").initial_seed() for k in range(2 if net.size < 4e4 else 1)] for d in grids[name]}
    curves[name] = torch.tensor([[right(net, weights(net, d, s, learn(net, d, s))) for s in draws[d]]
                                 for d in grids[name]]).mean(1)

# %% [markdown]
# With the network of section 4 that makes five:

# %%
nets["784-200-200-10"], grids["784-200-200-10"] = big, DIMS
curves["784-200-200-10"], bases["784-200-200-10"] = curve, base
dims = {name: needed(grids[name], curves[name], bases[name]) for name in nets}
for name in sorted(nets, key=lambda n: nets[n].size):
    print(f"{name:>16}: {nets[name].size:>7,} weights, direct {bases[name]:.3f}, d_90 = {dims[name]:>5.0f}, "
          f"that is {dims[name] / nets[name].size:.2%} of the weights")
hidden = [name for name in nets if name != "784-10"]
claim("intrinsic.size", weights=max(nets[n].size for n in hidden) / min(nets[n].size for n in hidden),
      dims=max(dims[n] for n in hidden) / min(dims[n] for n in hidden))

# %% [markdown]
# From the smallest to the largest network with hidden layers the weights increase thirtyfold. $d_{90}$ changes by less than a
# factor of two (over five seeds by 1.4 to 1.7; in the paper, over a range of 24, by a third). In terms of section 2: $D$ has grown by nearly half a million,
# and the number of conditions by some hundreds at most. Nearly all that was added is room for solutions. (The smaller networks
# also have lower bars to meet, so at *equal* accuracy the larger ones need fewer directions, not more.)
#
# And the model without hidden layers? It needs several hundred of its 7,850, for a bar that is lower still.
# Whatever $d_{90}$ counts for this family is not depth. It is mostly what the digits ask for, when directions are drawn blindly.

# %% [markdown]
# ## 6 · Is it lazy?
#
# One might suspect that a network confined to a few directions does no more than its tangent (chapter 30): $f_0 + J P z$, where
# $J$ holds the gradients at $\theta_0$. Then $d$ would be the number of features of a linear model. The kernel of that model is
#
# $$K_d = J P P^\top J^\top \approx \frac dD\, J J^\top = \frac dD\,K ,$$
#
# because a random subspace catches on average a share $d/D$ of any gradient's squared length. So it has the same shape as the
# kernel $K$ of the whole network, and is smaller. Check, on 20 digits and all ten outputs:

# %%
from tutorial_lib.alignment import alignment

net = nets["784-50-10"]                                # D = 39,760
theta0, projection = begin(net, 800, lab.rng("kernel").initial_seed())
J = torch.func.jacrev(lambda t: net(t, X_test[:20]))(theta0).flatten(0, 1)       # (200, D)
where, sign = projection.where % 800, torch.where(projection.where < 800, 1.0, -1.0)
JP = torch.zeros(200, 800).index_add(1, where, J * sign) * projection.scale      # (200, d)
K, K_d = J @ J.T, JP @ JP.T
print(f"size: trace K_d / trace K = {K_d.trace() / K.trace():.4f}, d / D = {800 / net.size:.4f}")
print(f"shape: alignment of K_d and K {alignment(K_d, K):.3f}")

# %% [markdown]
# To correct the same errors with a kernel that is smaller by $d/D$, the tangent model has to go farther by $\sqrt{D/d}$. For 800
# of 39,760 directions that is seven times as far, and lazy training lives from not going far. So which is it?

# %%
ask("intrinsic.lazy")

# %% [markdown]
# The network and its tangent, in the same subspaces, from the same beginning, on the same batches. (For the tangent model four
# learning rates between half and four times this one made no difference of more than a percent in trials.)

# %%
LAZY = [400, 800]
lazy = {"network": [], "tangent": [], "way": []}
for d in LAZY:
    seed = lab.rng(f"lazy {d}").initial_seed()
    theta0, projection = begin(net, d, seed)
    tangent = flat.linearised(net, theta0)
    z = learn(net, d, seed)
    flat_z = subspace.train(tangent, theta0, projection, d, X, Y, torch.Generator().manual_seed(seed + 1), STEPS,
                            subspace.rate(theta0, d), label="tangent")
    lazy["network"].append(right(net, theta0 + projection(z)))
    lazy["tangent"].append(right(tangent, theta0 + projection(flat_z)))
    lazy["way"].append((z.norm() / theta0.norm()).item())

# %% [markdown]
# How far does direct training go, in the same units?

# %%
seed = lab.rng("784-50-10 direct").initial_seed()
theta0 = net.fresh(torch.Generator().manual_seed(seed))
way = ((direct(net, seed, 0.01) - theta0).norm() / theta0.norm()).item()
fig, (ax, bx) = plot.figure(columns=2, width=4.6, height=3.4)
ax.plot(LAZY, lazy["network"], "o-", color=plot.BLUE, label="network")
ax.plot(LAZY, lazy["tangent"], "s--", color=plot.RED, label="its tangent")
ax.set(xlabel="directions $d$", ylabel="share right", title="in the same subspace")
bx.plot(LAZY, lazy["way"], "o-", color=plot.BLUE, label="in the subspace")
bx.axhline(way, color="black", ls="--", label="direct training")
bx.set(xlabel="directions $d$", ylabel="$|\\theta - \\theta_0|\\;/\\;|\\theta_0|$", title="how far it went", ylim=(0, 3))
for panel, place in ((ax, "lower right"), (bx, "upper right")):
    panel.set(xscale="log", xticks=LAZY, xticklabels=[str(d) for d in LAZY])
    panel.minorticks_off()
    panel.legend(loc=place)
show(fig, alt="Left, share of right answers over the number of directions: the network lies above its tangent at 400 and at "
              "800 directions. Right, the distance moved in units of the initial length: farther in the subspaces than "
              "in direct training.")

# %% [markdown]
# The network wins clearly: with twice as many directions its tangent is about where the network was. And the network goes
# farther than its own initial length, farther than direct training does, which is not lazy either. Confined to a few random
# directions a network cannot be lazy and good at once. What makes it work is that it bends on the way.

# %% [markdown]
# ## 7 · Filters, and shuffled pixels
#
# The paper's second network is LeNet: two layers of small filters, then three of units, 44,426 weights. Filters look at
# neighbouring pixels, the same way everywhere. As a control all images have their pixels shuffled, in one and the same order.

# %%
ask("intrinsic.filters")

# %% [markdown]
# For the fully connected network there is nothing to train. Shuffle the pixels, and shuffle the rows of the first weight matrix
# alike: all outputs are the same. And since the rows were drawn independently, the shuffled beginning is as likely as the
# other, and so are the shuffled directions. Every law about the network is the same with and without.

# %%
order = torch.randperm(784, generator=lab.rng("pixels"))
parts = big.cut(theta["all"])
moved = torch.cat([parts[0][order].flatten(), *(p.flatten() for p in parts[1:])])
assert torch.allclose(big(moved, X_test[:, order]), big(theta["all"], X_test), atol=1e-3)
print(f"shuffled images, shuffled rows: {right(big, moved, X_test[:, order]):.4f}; before: {base:.4f}")

# %% [markdown]
# LeNet has to be trained, on images and on shuffled ones.

# %%
lenet = flat.lenet()
shown = {"images": (X, X_test, [250, 500]), "shuffled": (X[:, order], X_test[:, order], [400, 1200])}
conv, conv_base, conv_z = {}, {}, {}
for name, (x, x_test, grid) in shown.items():
    conv_base[name] = right(lenet, direct(lenet, lab.rng(f"lenet {name}").initial_seed(), 0.003, x), x_test)
    for d in grid:
        seed = lab.rng(f"lenet {name} {d}").initial_seed()
        conv_z[name, d] = learn(lenet, d, seed, x)
        conv[name, d] = right(lenet, weights(lenet, d, seed, conv_z[name, d]), x_test)

# %% [markdown]
# Each is measured by its own direct training; shuffled, LeNet's bar lies lower.

# %%
conv_dims = {name: needed(grid, torch.tensor([conv[name, d] for d in grid]), conv_base[name])
             for name, (_, _, grid) in shown.items()}
fig, (ax,) = plot.figure(width=7.2, height=3.7)
ax.plot(DIMS[1:], rising(curve)[1:], color=plot.BLUE, label="784-200-200-10, shuffled or not")
for (name, (_, _, grid)), color, style in zip(shown.items(), (plot.GREEN, plot.RED), ("o-", "s--")):
    ax.plot(grid, [conv[name, d] for d in grid], style, color=color, label=f"LeNet, {name}")
    ax.axhline(0.9 * conv_base[name], color=color, ls=":", lw=1.5)
ax.axhline(0.9 * base, color=plot.BLUE, ls=":", lw=1.5)
ax.set(xscale="log", xlabel="random directions $d$", ylabel="share of test digits right", ylim=(0.45, 0.97))
ax.set(xticks=[100, 200, 400, 800, 2000], xticklabels=["100", "200", "400", "800", "2000"])
ax.minorticks_off()
ax.legend(loc="lower right")
show(fig, alt="Share of right answers over the number of directions. LeNet on images lies above the fully connected network and "
              "meets its dotted bar between 250 and 500; LeNet on shuffled images lies below both, and its own, lower bar is met "
              "only near 1200 or beyond.")

# %% [markdown]
# The dotted lines are the bars.

# %%
claim("intrinsic.filters", filters=conv_dims["images"], layers=d90, shuffled=min(conv_dims["shuffled"], 1200))

# %% [markdown]
# Here is a use for the number. Which of two models suits a task better? Accuracies say that both are good. $d_{90}$ says that
# one of them needs less to be told; and on shuffled images, where its assumption is false, much more.

# %% [markdown]
# ## 8 · True labels and false ones
#
# The paper also shuffles the *labels*. Then nothing can be learned but by heart, and it takes 190,000 directions, 3.8
# for each label. At our size: 300 digits with true labels, and with labels drawn at random. The
# accuracy is that on the 300 themselves, as nothing else can be known of random labels.

# %%
FEW = {"true": [100, 200, 400], "shuffled": [400, 800, 1600]}
draw = lab.rng("labels")
some = torch.randperm(20_000, generator=draw)[:300]
labels = {"true": Y[some], "shuffled": Y[some][torch.randperm(300, generator=draw)]}
fitted = {"true": [], "shuffled": []}
for name, y in labels.items():
    for d in FEW[name]:
        seed = lab.rng(f"labels {d}").initial_seed()
        fitted[name].append(right(net, weights(net, d, seed, learn(net, d, seed, X[some], y)), X[some], y))

# %% [markdown]
# Where do they reach 90 % of all labels?

# %%
by_heart = {name: needed(FEW[name], torch.tensor(values), 1.0) for name, values in fitted.items()}
print(f"directions for a label: true {by_heart['true'] / 300:.1f}, shuffled {by_heart['shuffled'] / 300:.1f}")
claim("intrinsic.labels", true=by_heart["true"], shuffled=by_heart["shuffled"])

# %% [markdown]
# So the number measures the task as well. The images were the same, and so was the network; only the rule behind the labels was
# gone. Directions are needed for what cannot be derived from anything else.

# %% [markdown]
# ## 9 · A network in a file
#
# Whoever has the seed can draw $\theta_0$ and $P$ again. So a file with a seed and $d$ numbers holds the whole network.

# %%
ask("intrinsic.bytes")

# %% [markdown]
# We write one, read it back, and draw the network from it; beside it all weights of direct training, and the same compressed by
# gzip.

# %%
from tutorial_lib.description import divergence, pack, unpack

plain = theta["all"].numpy().tobytes()
zipped = gzip.compress(plain, 9)
with TemporaryDirectory() as folder:
    path = Path(folder) / "network"
    path.write_bytes(pack(found[1200], seeds[1200]))
    written = path.read_bytes()
z, seed = unpack(written)
again = right(big, weights(big, len(z), seed, z))
print(f"all weights {len(plain):,} bytes, gzip {len(zipped):,}, seed and coordinates {len(written):,}; "
      f"right {base:.4f} and {again:.4f}")
claim("intrinsic.bytes", smaller=len(zipped) / len(written), kept=again / base)

# %% [markdown]
# gzip finds next to nothing to save: weights look like noise. Two things make the comparison fairer. The full network can be
# kept with fewer bits for each weight, and so can the coordinates. `pack(z, seed, bits)` rounds each number to one of
# $2^{\mathrm{bits}}$ evenly spaced levels.

# %%
def kept(net, d, seed, z, bits):
    """Bytes of the file, and the share right after rounding.  d = None: z is all weights."""
    file = pack(z, seed, bits)
    rounded, _ = unpack(file)
    return len(file), right(net, rounded if d is None else weights(net, d, seed, rounded))


BITS = [32, 8, 5, 4, 3]
lenet_seed = lab.rng("lenet images 500").initial_seed()
rows = {"all weights": [kept(big, None, 0, theta["all"], bits) for bits in BITS],
        "d = 1200": [kept(big, 1200, seeds[1200], found[1200], bits) for bits in BITS],
        "d = 400": [kept(big, 400, seeds[400], found[400], bits) for bits in BITS],
        "LeNet, d = 500": [kept(lenet, 500, lenet_seed, conv_z["images", 500], bits) for bits in BITS]}

# %% [markdown]
# Drag the bits, and compare what is stored with what is lost.

# %%
def sizes(bits=32):
    """Share right against the size of the file."""
    fig, (ax,) = plot.figure(width=7.8, height=3.9)
    k = BITS.index(bits)
    for (name, values), color in zip(rows.items(), (plot.GREY, plot.BLUE, plot.CYAN, plot.GREEN)):
        ax.plot([v[0] for v in values], [v[1] for v in values], "-", color=color, lw=1, alpha=0.6)
        ax.plot(*values[k], "o", color=color, ms=12, label=f"{name}: {values[k][0]:,} bytes, {values[k][1]:.1%}")
    ax.axhline(0.9 * base, color="black", ls="--", lw=1.2)
    ax.text(1.2e6, 0.9 * base - 0.012, "90 % of direct", ha="right", va="top", fontsize=10)
    ax.set(xscale="log", xlim=(90, 1.5e6), ylim=(0.58, 1.0), xlabel="bytes", ylabel="share of test digits right")
    ax.set_title(f"{bits} bits for each number")
    ax.legend(loc="lower right", fontsize=10)
    return fig


explore(sizes, bits=BITS,
        alt="Share of right answers over bytes, on a logarithmic axis, at 32 bits: all weights near 800,000 bytes at about 94 "
            "percent; 1200 coordinates near 5,000 bytes and LeNet's 500 near 2,000 bytes near the dashed line of nine tenths or above; "
            "400 coordinates of the fully connected network below it.")

# %% [markdown]
# Down to five bits little is lost. LeNet in 500 directions then takes 330 bytes: this paragraph is longer.
# What good is that, when the receiver has to draw 44,426 weights anyway? For one thing, a short file *proves* something.
#
# There are only $2^B$ files of $B$ bits. Each of them is a network, good or bad, and all of them exist before the data are
# seen (we fix network, $d$, bits and the learning rule beforehand; the seed is in the file). For a single network that gets a
# share $p$ of all digits wrong, the chance to see only $q < p$ wrong among $N$ independent ones is at most
# $e^{-N\,\mathrm{KL}(q, p)}$, where $\mathrm{KL}(q, p) = q\log\frac qp + (1-q)\log\frac{1-q}{1-p}$ (Chernoff). For any one of
# $2^B$ networks to do so it is at most $2^B$ times that. Set this equal to $\delta$:
#
# $$N\,\mathrm{KL}(q, p) = B\log 2 + \log\tfrac1\delta .$$
#
# With probability $1 - \delta$ over the draw of the training digits, *no* network that fits into $B$ bits is worse than the
# $p > q$ that solves this (Anselm Blumer and others, 1987; in this form John Langford, 2005).
#
# **Transfer.** Find it. There is no closed form; how you solve it is up to you. `divergence(q, p)` is KL.

# %%
def occam(q, B, N, delta):
    """The p above q at which N KL(q, p) = B log 2 + log(1 / delta).  Numbers -> a number"""
    ...  # your code here


# %% [markdown]
# It is judged by putting your $p$ into the equation.

# %%
occam = check("description.occam", occam)

# %% [markdown]
# Now the proofs. $q$ is the share of wrong answers on the 20,000 training digits; no test digit is used for the bound.

# %%
def proof(net, d, seed, z, bits):
    """Bits of the file, training error, proven bound, test error."""
    file = pack(z, seed, bits)
    point = unpack(file)[0] if d is None else weights(net, d, seed, unpack(file)[0])
    q = 1 - right(net, point, X, Y)
    return 8 * len(file), q, float(occam(q, 8 * len(file), len(X), 0.01)), 1 - right(net, point)


proofs = {"all weights, 5 bits": proof(big, None, 0, theta["all"], 5),
          "d = 1200, 5 bits": proof(big, 1200, seeds[1200], found[1200], 5),
          "LeNet, d = 500, 5 bits": proof(lenet, 500, lenet_seed, conv_z["images", 500], 5)}
for name, (B, q, p, test) in proofs.items():
    print(f"{name:>22}: {B:>9,} bits, training error {q:.3f}, proven: at most {p:.3f}, test error {test:.3f}")

# %% [markdown]
# The best network on the test is the one of which nothing can be proven: it takes more bits than there are digits to learn
# from. The smallest file, on the other hand, is a proof.

# %%
B, q, p, test = proofs["LeNet, d = 500, 5 bits"]
claim("intrinsic.proof", bound=p, error=test)

# %% [markdown]
# The paper stops at the length: it calls $d$ an upper bound on the **minimum description length** of a solution. Sanae Lotfi and
# others (2022) went this way to the end and found, with random subspaces and coarse rounding, the tightest such bounds there
# were for deep networks.
#
# All curves of this chapter once more. Choose a network, and where the bar is to lie; how much does $d$ depend on it?

# %%
every = {name: (nets[name].size, grids[name], curves[name], bases[name]) for name in nets}
for name, (_, _, grid) in shown.items():
    every[f"LeNet, {name}"] = (lenet.size, grid, torch.tensor([conv[name, d] for d in grid]), conv_base[name])


def dial(network="784-200-200-10", bar_percent=90, directions=1200):
    """One curve with its bar, and the size of the file for a number of directions."""
    size, grid, accuracy, baseline = every[network]
    d = subspace.needed(grid, accuracy, baseline, bar_percent / 100)
    fig, (ax, bx) = plot.figure(columns=2, width=5.0, height=3.7, width_ratios=[3, 2])
    for other, (_, g, a, _) in every.items():
        ax.plot(g, subspace.monotone(a), color=plot.BLUE if other == network else "#cccccc", lw=3 if other == network else 1.2,
                zorder=3 if other == network else 1)
    ax.axhline(bar_percent / 100 * baseline, color="black", ls="--", lw=1.3)
    ax.axvline(directions, color=plot.GREEN, lw=1.5)
    if math.isfinite(d):
        ax.axvline(d, color=plot.RED, ls=":", lw=2.5)
    ax.set(xscale="log", xlim=(90, 2100), ylim=(0.45, 1.0), xlabel="random directions $d$", ylabel="share right")
    ax.set(xticks=[100, 200, 400, 800, 1600], xticklabels=["100", "200", "400", "800", "1600"])
    ax.minorticks_off()
    met = f"met at d = {d:.0f}" if grid[0] < d < math.inf else "not met here" if d == math.inf else f"met below {grid[0]}"
    ax.set_title(f"{bar_percent} % of direct training: {met}")
    amounts = {"all": 4 * size, f"d = {directions}": 4 * directions + 17, "5 bits": 5 * directions / 8 + 17}
    bx.bar(list(amounts), list(amounts.values()), color=[plot.GREY, plot.GREEN, plot.CYAN], width=0.65)
    for i, v in enumerate(amounts.values()):
        bx.text(i, 1.15 * v, f"{v:,.0f}", ha="center", fontsize=11)
    bx.set(yscale="log", ylim=(10, 2e7), ylabel="bytes", title=f"{4 * size / (4 * directions + 17):.0f} times smaller")
    return fig


explore(dial, network=list(every), bar_percent=(70, 98, 1), directions=(100, 2000, 100),
        alt="Left, six curves of accuracy over the number of random directions in grey and one in blue, which meets a dashed "
            "bar at nine tenths of direct training near a thousand directions. Right, bars of bytes: all weights, 1200 "
            "coordinates, and 1200 coordinates of five bits, each much smaller than the one before.")

# %% [markdown]
# ## 10 · Where this breaks
#
# - **90 % is a choice.** Drag the bar: $d$ doubles within a few percent. The last percents take most of the directions, and the
#   number compares models and tasks only at one and the same bar.
# - **It is an upper bound.** Random directions suffice; chosen ones may need to be far fewer. Average the images over blocks of 4
#   by 4 pixels and train the 500 weights of a model without hidden layers:

# %%
blocks, blocks_test = (torch.nn.functional.avg_pool2d(x.view(-1, 1, 28, 28), 4).flatten(1) for x in (X, X_test))
coarse = flat.mlp((49, 10))
best = right(coarse, direct(coarse, lab.rng("coarse").initial_seed(), 0.1, blocks), blocks_test)
print(f"{coarse.size} weights on 7 x 7 pixels: {best:.3f}; the bar of section 4: {0.9 * base:.3f}")

# %% [markdown]
# Half as many numbers come about as far, because someone who knows images chose them. (The paper compares with small fully
# connected networks of as many weights, which do far worse: with a thousand weights there is one hidden unit.)
#
# - **A solution that exists is not yet found.** What is measured is what Adam finds in 400 steps. In a trial with one seed
#   and batches of 128, going from 300 to 600 steps raised the accuracy at $d = 750$ from 0.831 to 0.850, and direct training's
#   from 0.947 to 0.958. The bar moves with the budget, so both must have the same.
# - **The directions are blind, the beginning is not.** $\theta_0$ is drawn by a recipe that was made for training, and costs a
#   seed only because the recipe is known.
# - **Nothing gets faster.** Training still computes all gradients by $\theta$, and the network that is drawn from a small file is
#   as large as ever.
# - **Small scale.** 20,000 digits and 400 steps. The paper has CIFAR-10, ImageNet, a pole to balance ($d_{90} = 4$) and Pong from
#   pixels.

# %% [markdown]
# ## What we saw
#
# - Ten conditions are met by ten random directions, whatever the dimension of the space; nine leave a tenth of the error. Training
#   a network in a random subspace asks a task how many conditions it has.
# - For reading digits about a thousand directions give 90 % of direct training's accuracy, in networks of 16,000 weights and of
#   478,000 (over five seeds 870 to 1,010 in the paper's network). Filters need 340 to 450, shuffled pixels take that away, and
#   labels without a rule need more than twice as many as true ones.
# - A seed and some coordinates are a network, down to a few hundred bytes, and the length of the file bounds its error. It is no
#   lazy network: in the same directions its tangent does much worse.
#
# Two questions to take along.

# %%
ask("intrinsic.close_counts")
ask("intrinsic.close_linear")

# %% [markdown]
# **References.** C. Li, H. Farkhoor, R. Liu and J. Yosinski, *Measuring the Intrinsic Dimension of Objective Landscapes* (ICLR
# 2018), arXiv:1804.08838: section 2 (the definition, the toy, subspaces, 90 %), section 3 (MNIST: size, filters,
# shuffled pixels and labels, compression and description length; other tasks). We read its abstract, its authors' code and
# readers' summaries and excerpts, not the full text, and give its numbers from there. W. Chen and others, *Compressing Neural
# Networks with the Hashing Trick* (2015), arXiv:1504.04788. P. Li, T. Hastie and K. Church, *Very Sparse Random Projections*
# (2006). Q. Le, T. Sarlós and A. Smola, *Fastfood: Computing Hilbert Space Expansions in Loglinear Time* (2013). A. Blumer, A.
# Ehrenfeucht, D. Haussler and M. Warmuth, *Occam's Razor* (1987). J. Langford, *Tutorial on Practical Prediction Theory for
# Classification* (2005). S. Lotfi and others, *PAC-Bayes Compression Bounds So Tight That They Can Explain Generalization*
# (2022), arXiv:2211.13609. The straight line $1 - d/10$, the tangent in the subspace and the proofs for digits are ours.
# Digits: MNIST, see the data's card.
#
# **Next:** [37 Manifold clustering](37_manifold_clustering.ipynb), a branch; other chapters of this part ask what makes training
# rich ([31](31_neural_tangent_kernel.ipynb) says what happens when it is not). Back to the [map](../00_start_here.ipynb).
