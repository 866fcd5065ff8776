# ---
# jupyter:
#   course:
#     id: "30"
#     title: Tangents and scale
#     belief: The same network can fit the same data by moving all its weights a little or its features a lot, and one number that multiplies its output decides which.
#     papers: []
#     needs: ["10"]
#     minutes: {read: 25, do: 35}
#     track: core
#     goals:
#       - replace a network by its tangent, and compute the kernel that says which answers move together
#       - predict how far weights and kernel move when the output is scaled, and set the scale for a stated distance
#       - tell lazy from rich training by what the kernel did, in size and in direction
#     discuss: A colleague shows that a kernel method, fixed before training, reaches the test error of her network. Was the network lazy? What would you ask her to measure?
#     when_late: Skip the explorer of section 3 and the digits of section 7; keep the first picture, the dial and the big explorer.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 30 · Tangents and scale
#
# *At the end you will believe this: the same network can fit the same data by moving all its weights a little or its features
# a lot, and one number that multiplies its output decides which.*

# %%
import torch

from tutorial_lib import ask, check, explore, plot, show, start

lab = start("30")

# %% [markdown]
# **You will be able to**
#
# - replace a network by its tangent, and compute the kernel that says which answers move together;
# - predict how far weights and kernel move when the output is scaled, and set the scale for a stated distance;
# - tell lazy from rich training by what the kernel did, in size and in direction.
#
# Two questions first, on sums of random numbers ([10 Gaussians and KL](../1_latent_variables/10_gaussians_and_kl.ipynb)) and on
# gradients.

# %%
ask("tangents.recall_root")
ask("tangents.recall_gradient")

# %% [markdown]
# ## 1 · Do the kinks move?
#
# A network with one input and one hidden layer, small enough to see all of it:
#
# $$g(w, x) = \frac1{\sqrt m}\sum_{j=1}^{m} a_j\,\mathrm{relu}(v_j x + b_j), \qquad w = (a, v, b),\quad \mathrm{relu}(z) = \max(z, 0).$$
#
# Each of its $m$ neurons is flat on one side of the place where $v_j x + b_j = 0$ and slopes on the other. So $g$ consists of
# straight pieces, and **neuron $j$ is a kink at $x = -b_j/v_j$**. We begin with a hundred kinks strewn evenly over the line;
# the outer weights $a_j$ and the slopes $v_j$ are 1 or $-1$ by the toss of a coin.

# %%
from tutorial_lib import tangents

w0 = tangents.fresh(100, lab.rng("kinks"))             # (a, v, b), each (100,)


def network(w, x):
    """g at the points x.  w: (a, v, b), each (m,), x: (N,) -> (N,)"""
    a, v, b = w
    return (x[:, None] * v + b).relu() @ a / len(a) ** 0.5


# %% [markdown]
# The data are 21 points on a zigzag with three corners. Everything is trained: $a$, $v$ and $b$.

# %%
corners = torch.tensor([-0.5, 0.1, 0.5], dtype=torch.float64)
x = torch.linspace(-1, 1, 21, dtype=torch.float64)                               # (N,)
line = torch.linspace(-1.02, 1.02, 511, dtype=torch.float64)                     # for drawing
y = 2 * (x + 1) - 5 * (x + 0.5).relu() + 6.5 * (x - 0.1).relu() - 4.7 * (x - 0.5).relu()
assert torch.equal(network(w0, x), tangents.network(w0, x)), "the library's network is this one"

# %% [markdown]
# There is one dial, and it touches neither the network nor the data. What is compared with $y$ is
# $f = \alpha\,\big(g(w, x) - g(w_0, x)\big)$: what the network has learned since the beginning, times a **scale** $\alpha$.

# %%
ask("tangents.do_they_move")

# %% [markdown]
# One line trains the network at six scales, by gradient descent with small steps; section 5 takes it apart. Here are two of the
# six, after the same time:

# %%
SCALES = [10 ** (k / 2) for k in range(-1, 5)]         # 0.32, 1, 3.2, 10, 32, 100
TIMES = [0.0] + [10 ** (k / 4) for k in range(-4, 13)]                           # 0, then 0.1 to 1000
paths = tangents.flow(w0, x, y, SCALES, TIMES, reach=1.5)                        # (18, 6, 100) each
learned = tangents.network(paths, line) - network(w0, line)                      # (18, 6, 511)


# %% [markdown]
# (Grey ticks: the kinks at the beginning. Blue ticks: the kinks after training.)

# %%
def draw_fit(top, low, i, k, tangent=None):
    """Scale number i at time number k: the function above, the kinks below."""
    if tangent is not None:
        top.plot(line, tangent[k], color=plot.RED, ls="--", lw=1.6, label="tangent model")
    top.plot(line, SCALES[i] * learned[k, i], color=plot.BLUE, label="network", zorder=3)
    top.plot(x, y, "k.", ms=7, label="data", zorder=4)
    top.set(ylim=(-1.25, 1.5), ylabel="$f$")
    for row, color, kinks in ((0, plot.GREY, tangents.kinks(w0)), (1, plot.BLUE, tangents.kinks(paths)[k, i])):
        low.eventplot(kinks, lineoffsets=row, linelengths=0.8, linewidths=1.2, colors=color)
    low.set(xlim=(-1.05, 1.05), ylim=(-0.6, 1.6), yticks=[0, 1], yticklabels=["before", "now"], xlabel="$x$")


fig, axes = plot.figure(columns=2, rows=2, width=4.9, height=1.9, height_ratios=[3, 1], sharex=True)
for column, i in enumerate((0, 4)):
    draw_fit(axes[column], axes[2 + column], i, -1)
    axes[column].set_title(f"scale {SCALES[i]:.2g}")
axes[0].legend(loc="upper right", ncols=2)
show(fig, alt="Left, scale 0.32: a zigzag with three sharp corners through the points; below, the hundred blue ticks "
              "stand in a "
              "few tight clusters at the corners and the ends. Right, scale 32: a slightly jagged curve through the same "
              "points; the blue "
              "ticks stand where the grey ones stood.")

# %% [markdown]
# The same hundred neurons, the same points, two ways to fit them. On the left the network has *built* the zigzag: nearly all
# kinks have travelled to its three corners or out to the ends. On the right hardly any has moved visibly, and the points are
# fitted all the same, by a curve that is a little ragged. The left one is called **rich** training, or feature learning; the
# right one **lazy**.
#
# The rest of this chapter is about three questions. How can a network learn without anything moving (sections 2 to 4)? Why does
# a factor on the output decide (section 5)? And how can one tell when there are no kinks to look at (section 7)?

# %% [markdown]
# ## 2 · A network and its tangent
#
# For a small change of the weights, any differentiable function is nearly its first-order expansion:
#
# $$g(w, x) \approx g(w_0, x) + J(x)\,(w - w_0), \qquad J(x) = \frac{\partial g(w_0, x)}{\partial w}.$$
#
# The right-hand side is the **tangent model**. It is linear in the weights; $J(x)$, the gradient of the answer at $x$ by all
# $P$ weights, is its list of features, and it is fixed by where we begin. For $N$ points we stack the gradients to an $(N, P)$
# matrix $J$. PyTorch finds it for any network; here it comes as three blocks, one each for $a$, $v$ and $b$:

# %%
from torch.func import jacrev

blocks, blocks_line = jacrev(network)(w0, x), jacrev(network)(w0, line)          # three blocks each: (21, 100), (511, 100)
J, J_line = torch.cat(blocks, 1), torch.cat(blocks_line, 1)                      # (21, 300), (511, 300)
assert torch.allclose(J, tangents.jacobian(w0, x)), "the same by hand"

# %% [markdown]
# Is it a good approximation? Take a step in a random direction, halve it again and again, and average over fifty directions.

# %%
from torch.func import vmap


def g(w):
    """The network at the data, as a function of one long vector of weights.  (300,) -> (21,)"""
    return network(w.view(3, -1), x)


start_at = torch.cat(w0)                               # (300,)
directions = torch.randn(50, 300, generator=lab.rng("directions"), dtype=torch.float64)
for length in (0.2, 0.1, 0.05, 0.025):
    change = vmap(g)(start_at + length * directions) - g(start_at)               # (50, 21)
    missed = change - length * directions @ J.T
    print(f"step of {length:5} a weight: g moves by {change.norm(dim=1).mean():.3f}, "
          f"and the tangent misses {(missed.norm(dim=1) / change.norm(dim=1)).mean():.0%} of it")

# %% [markdown]
# The shorter the step, the smaller the *share* that the tangent misses. Hold on to that sentence; section 5 needs it. For a
# smooth network the share would halve with the step. Here it falls by about 1.4, the root of 2, because a relu bends suddenly:
# what the tangent misses comes from the few kinks that pass a data point, their number halves with the step, and independent
# errors add up like roots.
#
# Mind what is linear here.

# %%
ask("tangents.shape")

# %% [markdown]
# ## 3 · Which answers move together
#
# Training moves weights to change answers at the data. Let $y_i$ be the target at the point $x_i$, and the loss
# $\mathcal L = \frac1{2N}\sum_i (f_i - y_i)^2$ with, for the moment, $f = g - g_0$, where $g_0$ is $g$ at $w_0$. A small step
# of gradient descent with learning rate $\eta$ is
#
# $$\Delta w = -\eta\,\frac{\partial\mathcal L}{\partial w} = -\frac\eta N\sum_i J(x_i)^\top\,(f_i - y_i).$$
#
# To first order the answer at any point $x$, in the data or not, then moves by
#
# $$\Delta f(x) = J(x)\,\Delta w = -\frac\eta N\sum_i \underbrace{J(x)\,J(x_i)^\top}_{K(x,\,x_i)}\,(f_i - y_i).$$
#
# The weights have dropped out. All that counts is $K$, the inner products of gradients: the **tangent kernel**, or empirical
# neural tangent kernel, of the network at its present weights. It says by how much the answer at $x$ moves when the one at
# $x_i$ is corrected.

# %%
ask("tangents.push")

# %% [markdown]
# Real networks have many weight tensors, and the gradient comes in blocks: $(N, \dots)$ for each of them. The inner product
# runs over all weights of all blocks.

# %%
def tangent_kernel(left, right):
    """Inner products of gradients.  left: a list of blocks (N, ...), right: the same for other points, (M, ...) -> (N, M)"""
    ...  # your code here


# %%
tangent_kernel = check("tangents.tangent_kernel", tangent_kernel)

# %% [markdown]
# For our network:

# %%
K0 = tangent_kernel(blocks, blocks)                    # (21, 21), data and data
K0_line = tangent_kernel(blocks_line, blocks)          # (511, 21), anywhere and data
share = sum(b.square().sum() for b in blocks[1:]) / K0.trace()
print(f"K is {tuple(K0.shape)}, symmetric: {torch.allclose(K0, K0.T)}; the inner weights v and b make {share:.0%} of its trace")

# %% [markdown]
# Push the answer at one point and watch the others. The dashed curve is $K(x, x_i)$ at the beginning, the solid one after
# training at the scale you choose, each divided by its value at the point itself.

# %%
trained = tangents.jacobian([p[-1] for p in paths], line)                        # (6, 511, 300): the gradients after training
trained = trained @ tangents.jacobian([p[-1] for p in paths], x).mT              # (6, 511, 21): and the kernels


def push(point=14, log10_scale=-0.5):
    """A row of the kernel, before and after training."""
    i = round(2 * log10_scale) + 1                     # the place in SCALES
    at = (line - x[point]).abs().argmin()
    fig, (ax,) = plot.figure(width=8, height=3.2)
    for K, style, color, name in ((K0_line, "--", plot.GREY, "before training"), (trained[i], "-", plot.BLUE, "after")):
        ax.plot(line, K[:, point] / K[at, point], ls=style, color=color, label=name)
    ax.axvline(x[point], color="k", lw=1, ls=":")
    ax.vlines(corners, -0.1, -0.04, color=plot.RED, lw=3, label="corners")
    ax.set(xlabel="$x$", ylabel="moves along by", ylim=(-0.1, 1.65), title=f"pushed at $x$ = {x[point]:.1f}, scale {SCALES[i]:.3g}")
    ax.legend(loc="upper left", ncols=3)
    return fig


explore(push, point=(0, 20), log10_scale=(-0.5, 2.0, 0.5),
        alt="Two curves over x for a push at 0.4. The one before training falls off to the left in "
            "small steps and stays near 1 to the right. The "
            "one after rich training changes only at the corners: it is straight between them.")

# %% [markdown]
# Before training a push spreads widely, in many small steps. It fades towards the far side of 0, where other neurons are on; it
# need not fade outwards, since gradients are longer there. After rich training the kernel is made of the data's own pieces:
# straight between corners, with its turns and jumps at them. At large scales both curves are the same.

# %% [markdown]
# ## 4 · Straight to the end
#
# Make the steps small and many. With $t = \eta \times$ steps, gradient descent becomes **gradient flow**,
# $\dot w = -\partial\mathcal L/\partial w$, and the sums above become a differential equation for the answers themselves,
# written for all $N$ data points at once:
#
# $$\dot f = -\frac1N\,K\,(f - y) \qquad\text{(gradient flow in function space).}$$
#
# For a network $K$ changes while the weights do. For its tangent model $K$ is fixed, and the equation is solved mode by mode:
# let $K$ have eigenvalues $\lambda_k$ and eigenvectors $u_k$. Along $u_k$ the error shrinks by the factor $e^{-\lambda_k t/N}$.
# Large eigenvalues are learned first; and steps longer than $2N/\lambda_1$ would overshoot along the largest and explode. (At
# weights that fit, $J^\top J/N$ is the matrix of second derivatives of the loss, and its nonzero eigenvalues are these
# $\lambda_k/N$. Chapter 35 lives on that.)
#
# Where does it end? When the data are fitted. All pushes were multiples of columns of the kernel, so the answer is a sum of
# those, $f(x) = \sum_i K(x, x_i)\,c_i$, and it has to be $y$ at the data. That is **kernel regression**. Write it.

# %%
def kernel_regression(K_test, K_train, y):
    """Where the tangent model ends.  K_test: (M, N), other points and data, K_train: (N, N), y: (N,) -> (M,)"""
    ...  # your code here


# %%
kernel_regression = check("tangents.kernel_regression", kernel_regression)

# %% [markdown]
# `tangents.tangent_flow` has the whole way there, and the end is the same:

# %%
tangent = tangents.tangent_flow(K0_line, K0, y, TIMES)                           # (18, 511)
end = kernel_regression(K0_line, K0, y)                                          # (511,)
assert torch.allclose(tangents.tangent_flow(K0_line, K0, y, [1e12])[0], end, atol=1e-6)
for k in (5, 9, 13, 17):
    off = tangents.tangent_flow(K0, K0, y, TIMES)[k] - y                         # (21,)
    print(f"t = {TIMES[k]:6.4g}: tangent model off the data by {off.square().mean().sqrt():.3f}")
print(f"eigenvalues of K / N: {', '.join(f'{v:.2g}' for v in torch.linalg.eigvalsh(K0 / 21).flip(0)[[0, 1, 2, 3, 10, 20]])} "
      "(number 1, 2, 3, 4, 11, 21)")

# %% [markdown]
# The eigenvalues span three powers of ten and more, which is why the last bits of error take so long. Nothing of this needed a
# network any more: a kernel, the targets, and a formula. If training is lazy, that is *all* that training does.

# %% [markdown]
# ## 5 · The dial
#
# Why does the scale decide? Take $f = \alpha\,(g - g_0)$. Subtracting $g_0$ makes $f$ begin at 0 at every scale, so the targets
# are equally far at the start. The gradient of the loss by $w$ now holds one factor $\alpha$, and the answers move by another,
# so that $f$ would be learned $\alpha^2$ times as fast. Divide the learning rate by $\alpha^2$, and the equation of section 4
# is back, with the same $K$ and the same pace:
#
# $$\dot w = -\frac1{\alpha^2}\,\frac{\partial\mathcal L}{\partial w}, \qquad \dot f = \alpha J\dot w = -\frac1N\,J J^\top (f - y) .$$
#
# As long as the weights stay near $w_0$, then, *every scale learns the same function at the same time*. What differs is how far
# the weights have to go for it.

# %%
ask("tangents.ten_times")

# %% [markdown]
# To change $f$ by 1, $g$ must change by $1/\alpha$ and so the weights move in proportion to $1/\alpha$. By section 2, the share
# that the tangent misses falls with the distance. A large scale means a short way, along which the tangent stays good and $K$
# stays what it was: **lazy**. A small scale sends the weights far out, where the tangent is no guide any more. Lénaïc Chizat,
# Edouard Oyallon and Francis Bach (2019) pointed out that this is all there is to it, for any differentiable model: laziness is
# a matter of scale, and width is one way to come by it.
#
# One step of training with the dial. Fill the two blanks.

# %%
def scaled_step(g, w, g0, y, alpha, lr):
    """One step down the mean of (f - y)^2 / 2, f = alpha (g - g0).  g: (P,) -> (N,), w: (P,), g0, y: (N,) -> (P,)"""
    w = w.detach().requires_grad_()
    f = ...                                            # what is compared with y
    (slope,) = torch.autograd.grad((f - y).square().mean() / 2, w)
    return w.detach() - ... * slope                    # so that every scale learns at the same pace


# %%
scaled_step = check("tangents.scaled_step", scaled_step)

# %% [markdown]
# This is all of training. A hundred such steps beside `tangents.flow`, which trains all six scales in one tensor and chooses
# its own steps:

# %%
w = start_at
for _ in range(100):
    w = scaled_step(g, w, g(start_at), y, alpha=10.0, lr=0.1)
there = torch.cat(tangents.flow(w0, x, y, [10.0], [10.0], reach=0.2), -1)[0, 0]  # time 10 = 100 steps of 0.1
assert (w - there).norm() < 0.03 * (w - start_at).norm(), "both roads lead to the same weights"
print(f"after time 10 the weights have moved by {(w - start_at).norm():.3f} either way")

# %% [markdown]
# Now measure. How far did the weights travel at each scale, and how far did the kernel move from what it was, in units of its
# own size, $\lVert K - K_0\rVert/\lVert K_0\rVert$?

# %%
from tutorial_lib.alignment import moved

travelled = (torch.cat([p[-1] for p in paths], -1) - start_at).norm(dim=-1)                              # (6,)
J_end = tangents.jacobian([p[-1] for p in paths], x)                                                     # (6, 21, 300)
kernel_moved = moved(K0.expand(6, -1, -1), J_end @ J_end.mT)                                             # (6,)

fig, (ax,) = plot.figure(width=6.4, height=3.6)
ax.plot(SCALES, travelled, "o-", color=plot.BLUE, label="weights: $\\Vert w - w_0\\Vert$")
ax.plot(SCALES, kernel_moved, "s-", color=plot.RED, label="kernel: $\\Vert K - K_0\\Vert / \\Vert K_0\\Vert$")
ax.plot(SCALES, travelled[-1] * SCALES[-1] / torch.tensor(SCALES), "k:", lw=1, label="proportional to $1/\\alpha$")
ax.set(xscale="log", yscale="log", xlabel="scale $\\alpha$", ylabel="moved", title="after time 1000")
ax.legend()
show(fig, alt="Distance moved against scale, both logarithmic. The weights' distance lies near a straight dotted line, above it at "
              "the smallest scales, falling as one over "
              "the scale, from about 20 to 0.05. The kernel's falls steeply from about 4 at scale 0.3 to below a tenth at "
              "scale 3 and "
              "more slowly to about a hundredth at 100.")

# %%
slope = torch.log(travelled[-1] / travelled[-3]) / torch.log(torch.tensor(SCALES[-1] / SCALES[-3]))
print(f"weights, from scale 10 to 100: proportional to alpha^{slope:.2f};  kernel moved: "
      + ", ".join(f"{v:.2g}" for v in kernel_moved))

# %% [markdown]
# Over five seeds the weights' exponent between scale 10 and 100 is $-1.00$ to $-1.02$. At scale 0.32 they go further than the
# dotted line says, by 38 to 53 %: there the tangent no longer tells the way. The kernel moves by 3.5 to 4.1 times its own size
# at scale 0.32, and by less than a hundredth at scale 100. At large scales it falls more slowly than $1/\alpha$ (exponents
# $-0.46$ to $-0.78$): the kinks that pass data points again.
#
# **Transfer.** Turn it around. You are given the gradients $J$ at the start and want weights that move by a certain distance,
# no more and no less, until the data are fitted. Which scale? (Assume the tangent model. Gradient descent from $w_0$ only moves
# along rows of $J$.)

# %%
def scale_for(J, y, distance):
    """The scale at which the tangent model's weights move by `distance` until they fit.  J: (N, P), y: (N,) -> a number"""
    ...  # your code here


# %% [markdown]
# It is judged by the distance that your scale leads to, to 1 %.

# %%
scale_for = check("tangents.scale_for", scale_for)

# %%
print(f"for a distance of 0.2 the tangent says alpha = {scale_for(J, y, 0.2):.1f}; "
      f"at alpha = {SCALES[4]:.1f} the weights had moved {travelled[4]:.3f} "
      f"by t = 1000, and the tangent says {0.2 * scale_for(J, y, 0.2) / SCALES[4]:.3f} for t without end")

# %% [markdown]
# ## 6 · The picture to remember
#
# Everything is in place: the network, its tangent model as a dashed line, the ticks, scale and time. Start at a large scale and
# move time: the blue line follows the dashed one, and no tick moves. Then lower the scale.

# %%
def do_the_kinks_move(log10_scale=-0.5, log10_time=3.0):
    """Network, tangent model and kinks, at a scale and a time."""
    i, k = round(2 * log10_scale) + 1, round(4 * log10_time) + 5                 # the places in SCALES and TIMES
    fig, (top, low) = plot.figure(rows=2, width=8.4, height=2.1, height_ratios=[3.4, 1], sharex=True)
    draw_fit(top, low, i, k, tangent)
    now = tangents.jacobian([p[k, i] for p in paths], x)
    at_corner = ((tangents.kinks(paths)[k, i][:, None] - corners).abs().amin(1) < 0.06).double().mean()         # of 100
    top.set_title(f"scale {SCALES[i]:.3g}, time {TIMES[k]:.4g}:   kernel moved {moved(K0, now @ now.T):.2g},   "
                  f"{at_corner:.0%} of the kinks at corners")
    top.legend(loc="upper right", ncols=3)
    return fig


explore(do_the_kinks_move, log10_scale=(-0.5, 2.0, 0.5), log10_time=(-1.0, 3.0, 0.25),
        alt="Scale 0.32 at time 1000. A blue zigzag with sharp corners through all points; a dashed red staircase, the "
            "tangent model, "
            "near the same points. Below, the kinks now stand in tight clusters at the three corners and the ends, where "
            "before they "
            "were strewn over the line.")

# %% [markdown]
# Four things to look for.
#
# - At scale 100 the network *is* its tangent model: a staircase, since a kink that moves is to first order a step. At lower
#   scales the steps become ramps, and then disappear.
# - The dashed line is the same at every scale, as section 5 said. Only the network changes.
# - Rich training begins like lazy training: at scale 0.32 the two lines agree up to about time 10. Then the kinks gather, *long
#   before* the points are fitted. The corners are drawn last, by weights that have meanwhile grown.
# - Between the two, around scale 3, some kinks go and many stay. There is no wall.
#
# Which function is better? On this zigzag the rich one, which is the zigzag. Francis Williams and others (2019) studied this
# very network: lazily trained, and wide, it joins the points by a smooth curve (a cubic spline, for kinks spread evenly);
# richly trained, by straight pieces with few knots. For a target that is smooth, the lazy answer may well be the better one.

# %% [markdown]
# ## 7 · A gauge for networks without ticks
#
# Most networks have no kinks to look at. But all have a kernel, and **how far the kernel has moved** is the gauge of this part
# of the course. It has two readings. Distance, as above, counts growth. **Alignment** is the cosine of the angle between two
# kernels and does not:
#
# $$A(K, L) = \frac{\langle K, L\rangle}{\lVert K\rVert\,\lVert L\rVert}, \qquad \langle K, L\rangle = \sum_{ij} K_{ij} L_{ij}, \quad \lVert K\rVert = \sqrt{\langle K, K\rangle}.$$
#
# It is 1 for kernels that differ by a factor alone.

# %%
ask("tangents.grown")

# %% [markdown]
# Compare the kernel with the targets' own, $L = y y^\top$, and alignment says how much the network's idea of "alike" agrees
# with the task's. One thing disturbs: a constant added to all features makes any two points alike, and that is no news. So each
# kernel is **centred** first, as if the mean over the points had been taken off its features. In terms of the kernel: take off
# the mean of each row and of each column, and add the mean of all entries. Centred alignment is called **CKA**.

# %%
def alignment(K, L):
    """The cosine of the angle between two kernels.  (N, N), (N, N) -> a number"""
    return (K * L).sum() / (K.norm() * L.norm())


def cka(K, L):
    """Alignment of the kernels after centring.  (N, N), (N, N) -> a number"""
    ...  # your code here


# %%
cka = check("alignment.cka", cka)

# %% [markdown]
# Now a task with real inputs. A hundred handwritten threes and eights, 14 by 14 pixels, labels 1 and $-1$; a network of the
# same kind with 50 neurons and 9,850 weights, trained by *your* step.

# %%
from tutorial_lib import digits


def threes_and_eights(images, labels, n):
    """The first n of them, brought to one mean and one length.  -> (n, 196), (n,)"""
    which = ((labels == 3) | (labels == 8)).nonzero()[:n, 0]
    small = torch.nn.functional.avg_pool2d(images[which], 2).flatten(1)
    small = small - small.mean(1, keepdim=True)
    return 14 * small / small.norm(dim=1, keepdim=True), (labels[which] == 3) * 2.0 - 1


data = digits()
X, labels = threes_and_eights(data.x_train, data.y_train, 100)
X_test, labels_test = threes_and_eights(data.x_test, data.y_test, 600)

# %% [markdown]
# Inputs enter divided by the root of their number, neurons by the root of theirs, so that everything begins at a size of about
# 1.

# %%
def classify(w, X):
    """relu(X V / sqrt(196)) a / sqrt(50), from one long vector.  w: (9850,), X: (N, 196) -> (N,)"""
    V, a = w[:-50].view(196, 50), w[-50:]
    return (X @ V / 14).relu() @ a / 50**0.5


v0 = torch.randn(197 * 50, generator=lab.rng("fifty neurons"))
L = labels[:, None] * labels                           # (100, 100), the labels' own kernel
ask("tangents.which_turn")

# %% [markdown]
# 400 steps at each of six scales, and the kernel before and after:

# %%
def kernel_at(w):
    """The tangent kernel on the training digits.  -> (100, 100)"""
    return tangent_kernel([jacrev(classify)(w, X)], [jacrev(classify)(w, X)])


G, G_test, before = classify(v0, X), classify(v0, X_test), kernel_at(v0)
after, right = {}, {}
for alpha in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0):
    v = v0
    for _ in range(400):
        v = scaled_step(lambda w: classify(w, X), v, G, labels, alpha, 0.3)
    after[alpha] = kernel_at(v)
    right[alpha] = ((classify(v, X_test) - G_test) * labels_test > 0).float().mean().item()

# %% [markdown]
# Three gauges for each scale: how far the kernel moved, how much it turned towards the labels (CKA with $yy^\top$), and what it
# is good for, the share of 600 other digits that the network gets right.

# %%
print(f"before training: CKA with the labels {cka(before, L):.2f}")
for alpha, K in after.items():
    print(f"scale {alpha:4}: kernel moved {moved(before, K):5.2f}, CKA with the labels {cka(K, L):.2f}, "
          f"right {right[alpha]:.1%}")

# %% [markdown]
# And the kernels themselves, threes first, then eights. Each is drawn in units of its own largest entry.

# %%
order = labels.argsort(descending=True)
fig, axes = plot.figure(columns=3, width=3.3, height=3.3)
for ax, K, title in zip(axes, (before, after[30.0], after[0.1]), ("before", "after, scale 30 (lazy)", "after, scale 0.1 (rich)")):
    ax.imshow(K[order][:, order] / K.max(), vmin=0, vmax=1, cmap="gray_r")
    ax.set(title=title, xticks=[], yticks=[])
    ax.grid(False)
show(fig, alt="Three kernels of a hundred digits as grey squares, threes before eights. Before training and after lazy "
              "training they "
              "look the same, faintly mottled. After rich training two dark blocks stand on the diagonal: threes resemble "
              "threes and eights resemble eights.")

# %% [markdown]
# The lazy network's kernel cannot be told from the one at the beginning. The rich one has turned: two digits are alike now if
# they have the same label. (Over five seeds CKA with the labels rises from about 0.4 to between 0.61 and 0.70 at scale 0.1, and
# moves by 0.01 or less at scale 30.)
#
# Is that why it gets more digits right? Careful: a kernel that has grown also trains faster, and after 400 steps the lazy
# network is not done. Where *its* training would end, you can compute without training.

# %%
across = tangent_kernel([jacrev(classify)(v0, X_test)], [jacrev(classify)(v0, X)])                       # (600, 100)
lazy_end = (kernel_regression(across, before, labels) * labels_test > 0).float().mean().item()
print(f"right: lazy after 400 steps {right[30.0]:.1%}, lazy at the end {lazy_end:.1%}, rich after 400 steps {right[0.1]:.1%}")

# %% [markdown]
# Over five seeds: lazy after 400 steps 91.3 to 93.3 %, at the end 92.3 to 94.3 %, rich 93.8 to 95.3 %. Of 2.3 points on average
# that seemed to be due to features, 1.4 were a matter of pace. (In four of the five seeds the lazy network gains by going on. In
# the first, the one you run unless you changed the seed, it loses a point.) In each of them rich stays ahead, but in two by a
# single digit of the 600. Threes and eights are a task for which the features at the beginning are nearly good enough. Chapter 32 has one for which they are not, and there
# everything depends on when the kernel begins to turn.
#
# And a surprise from section 6, which a gauge should be able to report:

# %%
for i in (0, 2, 4):
    K = J_end[i] @ J_end[i].T
    print(f"zigzag, scale {SCALES[i]:.2g}: kernel moved {moved(K0, K):.2f}, CKA with the beginning {cka(K, K0):.3f}, "
          f"with the targets {cka(K, y[:, None] * y):.3f} (before: {cka(K0, y[:, None] * y):.3f})")

# %% [markdown]
# On the zigzag most kinks moved, the kernel grew to several times its size, and its direction hardly changed; its alignment
# with the targets stays near 0.1. The features that were found (bends at the right places) serve this zigzag and any other with
# the same corners, and a cosine between $N \times N$ matrices hardly sees that. So read both gauges, and look at predictions
# too.

# %% [markdown]
# ## 8 · Where this breaks
#
# - **Two ends and a middle.** "Lazy" and "rich" are limits. Real training lies between, and may begin lazily and become rich
#   (chapter 32).
# - **The dial has other names.** Multiply the initial weights, widen the network under the factor $1/\sqrt m$ (chapter 31),
#   choose their rank (chapter 33): all of these move the same gauge. What counts is how far $g$ must change, compared with the
#   distance over which its gradient does.
# - **Without subtracting $g_0$** a large scale also multiplies what the untrained network says, and training has to unlearn
#   that first.
# - **Steps.** A finite learning rate can leave the lazy regime by itself: where the largest eigenvalue exceeds $2N/\eta$, no
#   small-step theory applies (chapter 35).
# - **A small scale is slow to begin**, and a kernel that has grown fivefold wants steps a fifth as long.
# - **A cosine is one number.** It can miss what a network learned, as on the zigzag.

# %% [markdown]
# ## What we saw
#
# - A network near its beginning is its tangent model, whose training is known in closed form: errors shrink along the modes of
#   the tangent kernel, the inner products of gradients, and end in kernel regression.
# - Multiplied by $\alpha$, the output needs weights that move in proportion to $1/\alpha$. Large scales leave the kernel where
#   it was (lazy); small ones move it by more than its own size, and the kinks gather at the corners (rich).
# - How far the kernel has moved is a gauge for any network. Distance counts growth, alignment and CKA count direction, and it
#   takes both.
#
# Two questions to take along.

# %%
ask("tangents.close_lazy")
ask("tangents.close_dial")

# %% [markdown]
# **References.** L. Chizat, E. Oyallon and F. Bach, *On Lazy Training in Differentiable Programming* (2019), arXiv:1812.07956:
# the scale $\alpha$, and laziness as a matter of scale rather than width. A. Jacot, F. Gabriel and C. Hongler, *Neural Tangent
# Kernel* (2018), arXiv:1806.07572: the kernel and training in function space (section 4). F. Williams, M. Trager, D. Panozzo,
# C. Silva, D. Zorin and J. Bruna, *Gradient Dynamics of Shallow Univariate ReLU Networks* (2019), arXiv:1906.07842: cubic
# splines and linear splines. M. Geiger, S. Spigler, A. Jacot and M. Wyart, *Disentangling feature and lazy training in deep
# neural networks* (2019), arXiv:1906.08034: the same dial in deep networks. N. Cristianini, J. Shawe-Taylor, A. Elisseeff and
# J. Kandola, *On kernel-target alignment* (2001). C. Cortes, M. Mohri and A. Rostamizadeh (2012), arXiv:1203.0550, and S.
# Kornblith, M. Norouzi, H. Lee and G. Hinton (2019), arXiv:1905.00414: centred alignment, CKA. The zigzag and its numbers are
# ours. Digits: MNIST, see the data's card.
#
# **Next:** [31 Neural tangent kernel](31_neural_tangent_kernel.ipynb) makes the network wide and finds the kernel that it
# begins with, and keeps, in closed form. Back to the [map](../00_start_here.ipynb).
