# ---
# jupyter:
#   course:
#     id: "33"
#     title: Connectivity rank
#     belief: How far learning moves a kernel depends on where the initial weights point, and at the same size weights of low rank point past most tasks, so that more has to turn.
#     papers: [connectivity-rank]
#     needs: ["31"]
#     minutes: {read: 35, do: 35}
#     track: extended
#     goals:
#       - measure a matrix's effective rank, and change its rank without changing its size
#       - compute, without training, how far the kernel of a linear network will move from a given start
#       - compare wirings of a recurrent network fairly, and say which of three measures of change tell the same story
#     discuss: A brain's wiring is the result of evolution and growth before anything is learned. Would you expect it to be lazy or rich, and for which tasks?
#     when_late: Skip section 4 and the explorer of section 1; keep the two wirings, the aligned start, the network that remembers and the worm.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 33 · Connectivity rank
#
# *At the end you will believe this: how far learning moves a kernel depends on where the initial weights point, and at the same
# size weights of low rank point past most tasks, so that more has to turn.*

# %%
import math

import torch

from tutorial_lib import ask, check, claim, connectome, explore, plot, show, start

lab = start("33")

# %% [markdown]
# **You will be able to**
#
# - measure a matrix's effective rank, and change its rank without changing its size;
# - compute, without training, how far the kernel of a linear network will move from a given start;
# - compare wirings of a recurrent network fairly, and say which of three measures of change tell the same story.
#
# Two questions first, on what this chapter leans on ([30 Tangents and scale](30_tangents_and_scale.ipynb),
# [31 Neural tangent kernel](31_neural_tangent_kernel.ipynb)).

# %%
ask("connectivity.recall_alignment")
ask("connectivity.recall_rank_one")

# %% [markdown]
# ## 1 · A worm, and the same worm shuffled
#
# The nervous system of the worm *C. elegans* has been mapped, synapse by synapse. Here are 280 of its neurons: entry $W_{ij}$
# says how strongly neuron $i$ hears neuron $j$. Beside it stand the same 3,510 numbers, put into other places at random.

# %%
worm = connectome().chemical.T                         # (280, 280), row: hears, column: speaks
off = ~torch.eye(280, dtype=torch.bool)                # self-connections stay where they are


def shuffled(W, rng):
    """The same strengths between other pairs of neurons.  (280, 280) -> (280, 280)"""
    other = W.clone()
    other[off] = W[off][torch.randperm(int(off.sum()), generator=rng)]
    return other


draw = lab.rng("wirings")
wirings = {"worm": worm, "shuffled": shuffled(worm, draw), "Gaussian": torch.randn(280, 280, generator=draw)}

# %% [markdown]
# A matrix sends one direction of activity (a pattern over the neurons that speak) into another (over those that hear), with a
# strength: its **singular values** $s_1 \ge s_2 \ge \dots$. Sort them, and divide by the size
# $|W| = (\sum_{ij} W_{ij}^2)^{1/2} = (\sum_i s_i^2)^{1/2}$.

# %%
fig, axes = plot.figure(columns=3, width=3.9, height=3.6)
for ax, name in zip(axes, ("worm", "shuffled")):
    hears, speaks = wirings[name].nonzero().T
    ax.plot(speaks, hears, "k.", ms=1)
    ax.set(xlabel="speaks", ylabel="hears", title=name, xticks=[0, 140, 279], yticks=[0, 140, 279], xlim=(-1, 280), ylim=(280, -1))
    ax.grid(False)
for (name, W), color in zip(wirings.items(), (plot.RED, plot.BLUE, plot.GREY)):
    s = torch.linalg.svdvals(W)
    axes[2].plot(range(1, 281), s / s.square().sum().sqrt(), color=color, label=name)
axes[2].set(xlabel="which singular value", ylabel="$s_i\\ /\\ |W|$", title="strengths of directions", ylim=(0, None))
axes[2].legend()
show(fig, alt="Two 280 by 280 maps of connections: the worm's has stripes and blocks, the shuffled one is even dust. Right, "
              "singular values: the worm's begin high and fall fast, a Gaussian matrix's begin low and fall slowly, the "
              "shuffled worm's lie between.")

# %% [markdown]
# The worm's size sits in few directions. How many? If $r$ singular values were equal and the others 0, the answer should be $r$.
# One number that does so, and that theory will ask for, is the **effective rank**
#
# $$P(W) = \frac{\big(\sum_i s_i^2\big)^2}{\sum_i s_i^4} .$$

# %%
def participation(W):
    """Effective rank, from the singular values.  W: (n, n) -> ()"""
    ...  # your code here


# %% [markdown]
# The check tells this effective rank from five other counts that are in use.

# %%
participation = check("connectivity.participation", participation)

# %% [markdown]
# Beside it the exponential of an entropy, which counts small singular values for more:

# %%
from tutorial_lib import connectivity

for name, W in wirings.items():
    print(f"{name:>9}: effective rank {participation(W):.0f}, by entropy {connectivity.entropy_rank(W):.0f}, "
          f"rank {torch.linalg.matrix_rank(W)}")

# %% [markdown]
# The plain rank says nothing here: a trace of every direction is enough for it. By both effective ranks the worm's wiring has far
# fewer directions than its own strengths could have had. Does that matter for learning?
# Yuhan Helena Liu and others (2024) say that it does. Suppose that a network is wired like the worm, another like the shuffled
# worm, with the same strengths, and both are trained until they solve the same task equally well.

# %%
ask("connectivity.which_moves")

# %% [markdown]
# The answer stands at the end. First a clean experiment: change the rank and nothing else. Large weights make networks lazy
# (chapter 30), so whoever compares ranks must keep the *size*. Keep the $r$ largest singular values, then bring what is left to
# the size that $W$ had. (So does the authors' code.)

# %%
def low_rank(W, r):
    """The r largest singular values with their directions, at the size of W.  W: (n, n) -> (n, n)"""
    ...  # your code here


# %% [markdown]
# What happens if you forget the second half of that sentence?

# %%
low_rank = check("connectivity.low_rank", low_rank)

# %% [markdown]
# Now move the rank. The remaining directions grow, since together they have to be as large as all were.

# %%
values = {name: torch.linalg.svdvals(W) / W.norm() for name, W in wirings.items()}


def cut(wiring="Gaussian", rank=30):
    """Singular values before and after the cut, both of size one."""
    s = values[wiring]
    kept = s[:rank] / s[:rank].norm()
    fig, (ax,) = plot.figure(width=7.4, height=3.5)
    ax.stairs(kept, torch.arange(rank + 1) + 0.5, color=plot.BLUE, fill=True, alpha=0.45, label=f"rank {rank}: effective rank {1 / kept.pow(4).sum():.1f}")
    ax.plot(range(1, 281), s, "k", label=f"before: effective rank {1 / s.pow(4).sum():.0f}")
    ax.set(xlabel="which singular value", ylabel="$s_i\\ /\\ |W|$", title=f"{wiring}, cut to rank {rank} at the same size")
    ax.set(xscale="log", xlim=(0.5, 300), xticks=[1, 3, 10, 30, 100, 280], xticklabels=[1, 3, 10, 30, 100, 280], ylim=(0, None))
    ax.legend(loc="upper right")
    return fig


explore(cut, wiring=["worm", "shuffled", "Gaussian"], rank=[1, 3, 10, 30, 100, 280],
        alt="Singular values of a Gaussian matrix before and after a cut to rank 30: over a logarithmic axis a "
            "blue block up to 30 stands at nearly twice the height of the uncut matrix's black line, and nothing is left beyond it.")

# %% [markdown]
# At rank 1 the only singular value is the whole size: the network hears one pattern, very loudly. At rank 280 nothing has changed.
#
# ## 2 · A network whose kernel fits on a line
#
# The smallest network in which a kernel can move has two linear layers, $f(x) = w\cdot(Wx)$, with $d$ inputs, $m$ hidden units,
# $W$ of shape $(m, d)$ and $w$ with $m$ entries. It is linear in $x$, and not in its weights. The gradient of $f$ by $w$ is $Wx$,
# the gradient by $W$ is the matrix $w\,x^\top$, so that the tangent kernel of chapter 31 is
#
# $$K(x, x') = x\cdot A\,x', \qquad A = \underbrace{W^\top W}_{\text{what } w \text{ adds}} + \underbrace{|w|^2\, I}_{\text{what } W \text{ adds}} .$$

# %%
def task_kernel(W, w):
    """A, from which the tangent kernel is x . A x'.  W: (m, d), w: (m,) -> (d, d)"""
    from_output = ...                                  # inner products of gradients by w
    from_input = ...                                   # inner products of gradients by W
    return from_output + from_input


# %% [markdown]
# Two blanks. In the second, mind that $K$ has $x\cdot x'$ in it.

# %%
task_kernel = check("connectivity.task_kernel", task_kernel)

# %% [markdown]
# Is it the kernel that chapter 30 builds from all gradients?

# %%
from tutorial_lib import tangents

draw = lab.rng("a small network")
W = torch.randn(4, 3, generator=draw).requires_grad_()
w = torch.randn(4, generator=draw).requires_grad_()
x = torch.randn(6, 3, generator=draw)
rows = [torch.autograd.grad(w @ (W @ point), (W, w)) for point in x]
blocks = [torch.stack(p) for p in zip(*rows)]
assert torch.allclose(tangents.tangent_kernel(blocks, blocks), x @ task_kernel(W, w) @ x.T, atol=1e-5)

# %% [markdown]
# The task is linear, too: targets $y = b\cdot x$ for a vector $b$. The inputs are *white*: over the training points the average of
# $x\,x^\top$ is the identity. Then the loss is $\frac12|b - W^\top w|^2$, and the alignment of two kernels on the points is the
# alignment of their $A$. So points are no longer needed. All is in $W$, $w$ and $b$.
#
# ## 3 · Low against high rank
#
# We set $w = 0$ at the beginning, so that $f = 0$, whatever $W$ is. $W$ is Gaussian, cut to rank $r$ at the same size. Tasks are
# directions $b$ of length 1, drawn at random. We train by gradient descent with small steps until the task is learned, and ask
# how far the kernel is from where it began: 1 − alignment.

# %%
ask("connectivity.rank_one_task")

# %% [markdown]
# Twenty inputs, forty hidden units, 150 tasks for each rank; and all that at a large and at a small size of $W$:

# %%
from tutorial_lib.alignment import alignment

D, M, TASKS, RANKS = 20, 40, 150, (1, 2, 5, 10, 20)


def after_learning(W, w, b):
    """1 - alignment of the kernel, and |W change| / |W|, for each task.  W: (m, d), w: (m,), b: (TASKS, d)"""
    many, out = W.expand(len(b), -1, -1), w.expand(len(b), -1)
    W1, w1 = connectivity.descend(many, out, b, lr=0.2, goal=1e-4)
    A0, A = connectivity.task_kernel(many, out), connectivity.task_kernel(W1, w1)
    return 1 - alignment(A0, A), torch.linalg.matrix_norm(W1 - many) / W.norm()


draw = lab.rng("tasks")
tasks = torch.nn.functional.normalize(torch.randn(TASKS, D, generator=draw, dtype=torch.float64), dim=1)
gaussian = torch.randn(M, D, generator=draw, dtype=torch.float64)
gaussian /= gaussian.norm()
nothing = torch.zeros(M, dtype=torch.float64)
seen = {(size, r): after_learning(size * connectivity.low_rank(gaussian, r), nothing, tasks)
        for size in (0.01, 2.0) for r in RANKS}

# %% [markdown]
# Dots are single tasks, lines are means. A task has length 1, and $|W|$ is 2 in the left and right panels, a hundredth in the middle.

# %%
fig, axes = plot.figure(columns=3, width=3.8, height=3.6)
jitter = torch.rand(TASKS, generator=lab.rng("jitter")) * 0.5 - 0.25
for ax, size, which, color in zip(axes, (2.0, 0.01, 2.0), (0, 0, 1), (plot.BLUE, plot.BLUE, plot.RED)):
    for k, r in enumerate(RANKS):
        ax.plot(k + jitter, seen[size, r][which], ".", color=color, alpha=0.25, ms=4)
    ax.plot(range(5), [seen[size, r][which].mean() for r in RANKS], "k.-", ms=10)
    name = ("kernel: 1 − alignment", "weights: $|\\Delta W|\\ /\\ |W|$")[which]
    ax.set(xticks=range(5), xticklabels=RANKS, xlabel="rank of $W$", title=f"{name}, $|W|$ = {size:g}", ylim=(-0.03, 1.5 if which else 1))
show(fig, alt="Three panels over the rank of the start, 150 tasks each. The change of the kernel falls with rank, from about nine "
              "tenths (large start) or eight tenths (small start) at rank one to below two tenths at full rank, and the change "
              "of the weights of the large start falls with it.")

# %% [markdown]
# The higher the rank, the less the kernel turns, and the weights with it. Which part of this is a law, and which number?
#
# Take the small start first. A network that starts far smaller than its task must grow, and it grows along the task's direction
# $\hat b = b/|b|$ alone. What it started with is soon nothing beside that. In the end $A = |b|\,(\hat b\hat b^\top + I)$, *whatever
# it started from* (both layers carry the same size, $\sqrt{|b|}$; section 4 shows why).
# The alignment of that with the kernel $A_0$ at the beginning is $(\hat b\cdot A_0\hat b + \operatorname{tr}A_0)\,/\,(|A_0|\sqrt{d+3})$.
# Average over all directions of $\hat b$: the first term becomes $\operatorname{tr}A_0/d$, and
#
# $$\text{mean alignment} = \Big(1 + \frac1d\Big)\sqrt{\frac{P}{d+3}}, \qquad P = \frac{(\operatorname{tr} A_0)^2}{|A_0|^2} .$$
#
# With $w = 0$ the kernel is $A_0 = W^\top W$, whose eigenvalues are the $s_i^2$: this $P$ is the effective rank of section 1. The
# mean alignment is a rising function of the effective rank and of nothing else. The authors' Theorem 1 is about this case (small
# start, average over tasks). We train from starts of five ranks, and five more in which $w$ is as large as $W$.

# %%
draw = lab.rng("small starts")
means, errors, formulas = [], [], []
for outer in (0.0, 1.0):
    for r in RANKS:
        W = 1e-3 * connectivity.low_rank(gaussian, r)
        w = 1e-3 * outer * torch.nn.functional.normalize(torch.randn(M, generator=draw, dtype=torch.float64), dim=0)
        kept = 1 - after_learning(W, w, tasks)[0]
        formula = connectivity.expected_alignment(connectivity.task_kernel(W, w))
        means.append(kept.mean()), errors.append((kept.mean() - formula).abs() / (kept.std() / TASKS**0.5))
        formulas.append(formula)
        print(f"rank {r:2}, {'w as large as W' if outer else 'w = 0'}: mean alignment {means[-1]:.4f}, formula {formula:.4f}")
steps_up = torch.stack(means).view(2, 5).diff(dim=1)
claim("connectivity.average", off=max(errors), rise=steps_up.min())

# %% [markdown]
# With $w = 0$ alignments range from 0.22 to 0.81; for a matrix with *all* singular values equal they would reach 0.98. With $w$
# as large as $W$, its part $|w|^2I$ prefers no direction and lifts them all, and the order remains. Of all small starts, the one
# whose kernel prefers no direction changes it least, on average.

# %% [markdown]
# ## 4 · What the flow conserves
#
# And for starts that are not small? Three steps lead to a formula without training. Let $e = b - W^\top w$ be what is missing, and a
# dot the change with time, as in gradient descent with very small steps (*gradient flow*).
#
# **Something stays.** The gradients of the loss $\frac12|e|^2$ give
#
# $$\dot W = w\,e^\top, \qquad \dot w = W e .$$
#
# So $WW^\top$ changes by $\dot WW^\top + W\dot W^\top = w\,(We)^\top + (We)\,w^\top$, and $ww^\top$ by
# $\dot ww^\top + w\dot w^\top$, which is the same. Their difference $WW^\top - ww^\top$ never changes.
#
# **Only one hidden direction learns.** Now let $W$ have $r$ equal singular values $s$, so $|W|^2 = r s^2$, and $w = 0$. Then $w$
# begins to grow along $Wb$. Call that direction $u$ (a unit vector over hidden units). As long as $w = \omega u$ with a number
# $\omega$, only one row of $W$ learns, $\rho = W^\top u$, since $\dot W = \omega\,u\,e^\top$. Does $w$ stay along $u$? Take another
# hidden direction $u'$ at right angles to $u$, and its row $\rho' = W^\top u'$. At the beginning $\rho'\cdot b = u'\cdot Wb = 0$, by
# the choice of $u$, and $\rho'\cdot\rho = u'\cdot WW^\top u = 0$: with equal singular values $WW^\top u = s^2 u$. What is
# missing, $e = b - \omega\rho$, consists of $b$ and $\rho$, so $u'\cdot\dot w = \rho'\cdot e = 0$, and $\rho$, which moves
# along $e$, stays at right angles to $\rho'$. So $w$ stays along $u$, and all rows at right angles to $\rho$ stand by.
#
# **Two equations.** The network is *one* hidden neuron with a row $\rho$ ($|\rho| = s$ at the beginning) and an output weight
# $\omega$ (0 at the beginning). What stays, seen along $u$, is $|\rho|^2 - \omega^2 = s^2$. At the end nothing is missing:
# $\omega\rho = b$. Write $q = \omega^2 = |w|^2$ at the end. These are two equations for $|\rho|^2$ and $q$. (If $s$ is small beside
# the task, $|\rho| = \omega = \sqrt{|b|}$: the equal layers of section 3.)

# %%
def output_size(s2, length):
    """q at the end, from s2 = s^2 at the beginning and length = |b|.  () and () -> ()"""
    ...  # your code here


# %% [markdown]
# Eliminate $|\rho|^2$ and solve for $q$.

# %%
output_size = check("connectivity.output_size", output_size)

# %% [markdown]
# That is all of the dynamics. Where does the row begin? $\rho = W^\top u$ is along $W^\top Wb$: the part of $b$ that lies in the row
# space of $W$. Let $p$ be the cosine of the angle between $b$ and that space, the **alignment** of the start with the task (of a
# space with a vector; not that of two kernels): $p = 1$ at full rank, and $p^2 = r/d$ on average for a space in random position.
# The row moves from $s$ times a unit vector, at cosine $p$ to $b$, to $b/\omega$, so that
#
# $$|\Delta W|^2 = s^2 + \frac{|b|^2}{q} - 2\,p\,s\,\frac{|b|}{\sqrt q}.$$
#
# The kernel goes from $A_0 = s^2\,\Pi$, with $\Pi$ the projection onto the row space, to $A$, which has $s^2 + q$ in the $r - 1$
# directions that stand by, $|b|^2/q + q$ along $b$, and $q$ in the others. Here is the alignment of the two, in the open:

# %%
def kernel_kept(r, d, p, size, length):
    """Alignment of the kernel before and after, without training."""
    s2 = size**2 / r
    q = output_size(s2, length)
    both = s2**2 * (r - 1) + s2 * p**2 * length**2 / q + s2 * r * q              # <A0, A>
    after = (r - 1) * (s2 + q) ** 2 + (length**2 / q + q) ** 2 + (d - r) * q**2  # |A|^2
    return both / (s2 * r**0.5 * after**0.5)


# %% [markdown]
# Against the library (`end`), and against training, over ranks, alignments and sizes. `oriented` draws a $W$ of $r$ equal singular
# values, of that size, whose row space has alignment $p$ with $b$.

# %%
draw, worst = lab.rng("closed form"), 0.0
for r, p, size in ((1, 0.3, 1.0), (2, 0.8, 4.0), (5, 0.5, 2.0), (10, 0.9, 0.3), (20, 1.0, 1.0)):
    b = torch.randn(D, generator=draw, dtype=torch.float64)
    W = connectivity.oriented(b, M, r, p, size, draw)
    W1, w1 = connectivity.descend(W, nothing, b, lr=0.01)
    kept, moved = connectivity.end(r, D, p, size, b.norm())
    assert math.isclose(kernel_kept(r, D, p, size, b.norm()), kept, rel_tol=1e-6)
    trained = alignment(task_kernel(W, nothing), task_kernel(W1, w1)), (W1 - W).norm() / W.norm()
    worst = max(worst, abs(trained[0] - kept), abs(trained[1] - moved) / moved)
    print(f"rank {r:2}, p = {p}: alignment {kept:.4f}, trained {trained[0]:.4f};  |dW|/|W| {moved:.4f}, trained {trained[1]:.4f}")

# %% [markdown]
# (What is left is the step size: descent is not quite flow.) So the mean over tasks needs no training any more. We take 2,000 random
# directions, seven lengths of $b$ from a hundredth to a hundred times $|W|^2$, and ask of every step from one rank to a higher one
# whether kernel and weights change less.

# %%
b = torch.nn.functional.normalize(torch.randn(2000, D, generator=lab.rng("directions"), dtype=torch.float64), dim=1)
within = b.square().cumsum(1).clamp(max=1).sqrt()                                # (2000, 20): p for ranks 1 to 20
LENGTHS = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
by_rank = torch.stack([torch.stack([torch.stack(connectivity.end(r, D, within[:, r - 1], 1.0, length)).mean(1)
                                    for r in range(1, D + 1)]) for length in LENGTHS])      # (7, 20, 2)
by_rank[..., 0] = 1 - by_rank[..., 0]
claim("connectivity.every_size", worst=worst, kernel=by_rank[..., 0].diff(dim=1).max(), weights=by_rank[..., 1].diff(dim=1).max())

# %% [markdown]
# For equal singular values and $w = 0$ it holds at all seven lengths, over four powers of ten. Two limits, for random directions: if
# $|b|$ is far below $|W|^2$, $1 -$ alignment is $(1 - p^2)/r$, which is $1/r - 1/d$ on average. Far above, it is the formula of
# section 3.
#
# Mind the small print: $w = 0$. Give a large $W$ a small random $w$, and a task may be learned by turning *every* row a little,
# through that $w$, whatever the row space is. Fifty tasks, $|W| = 6$ and $|w| = 0.3$:

# %%
draw = lab.rng("a little w")
little = 0.3 * torch.nn.functional.normalize(torch.randn(M, generator=draw, dtype=torch.float64), dim=0)
for r in RANKS:
    W = 6 * connectivity.low_rank(gaussian, r).expand(50, -1, -1)
    W1, w1 = connectivity.descend(W, little.expand(50, -1), tasks[:50], lr=0.5, goal=1e-2)
    turned = 1 - alignment(connectivity.task_kernel(W, little.expand(50, -1)), connectivity.task_kernel(W1, w1)).mean()
    print(f"rank {r:2}: kernel {turned:.4f}, weights {(torch.linalg.matrix_norm(W1 - W) / 6).mean():.3f}")

# %% [markdown]
# All kernels move by less than three hundredths: this is lazy training, at any rank. The change of the weights still falls with rank,
# though hardly before full rank. That of the kernel is largest in the middle. The paper's "typically" is well chosen.
#
# ## 5 · The exception
#
# The average over tasks hides the single task. Nothing in the closed form asks for many directions; it asks for $p$.

# %%
ask("connectivity.aligned_rank_one")

# %% [markdown]
# Left and middle, the kernels $A_0$ and $A$, each at size one, over the 20 directions of the inputs. The first is the task's, the
# second the one that the first row has to turn away from. Right, what the closed form says for all alignments. Begin with *rank
# 1* and a task of 0.1, and move the alignment. Then make the task larger.

# %%
def before_and_after(r, p, length):
    """A0 and A of a start of size 1, in axes that begin with b's direction, and the two changes."""
    s2 = 1 / r
    q = connectivity.output_size(s2, length).item()
    first = torch.tensor([p, math.sqrt(max(1 - p**2, 0))] + [0] * (D - 2)).double()
    others = torch.diag(torch.tensor([0.0] + [0.0] * (r < D) + [1.0] * (r - 1) + [0.0] * D)[:D]).double()
    along = torch.zeros(D, D).double()
    along[0, 0] = length**2 / q
    return s2 * (torch.outer(first, first) + others), along + s2 * others + q * torch.eye(D).double()


ANGLES = torch.linspace(0.02, 1, 80).double()


def turn(rank=1, alignment_p=0.3, task=0.1):
    """Two kernels and the curve on which they lie."""
    p = 1.0 if rank == D else alignment_p
    fig, axes = plot.figure(columns=3, width=3.7, height=3.7)
    for ax, A, name in zip(axes, before_and_after(rank, p, task), ("before", "after")):
        ax.imshow(A / A.norm(), vmin=-1, vmax=1, cmap="RdBu_r")
        ax.set(xticks=[], yticks=[], title=f"kernel {name}")
    if rank < D:
        axes[2].plot(ANGLES, 1 - connectivity.end(rank, D, ANGLES, 1.0, task)[0], color=plot.BLUE, label=f"rank {rank}")
    full = 1 - connectivity.end(D, D, 1.0, 1.0, task)[0].item()
    axes[2].axhline(full, color="black", ls="--", lw=1.5, label="full rank")
    kept, moved = connectivity.end(rank, D, p, 1.0, task)
    axes[2].plot(p, 1 - kept, "o", color=plot.RED, ms=10, zorder=5)
    axes[2].set(xlabel="alignment $p$ with the task", ylabel="1 − alignment of kernels", ylim=(-0.03, 1.25), xlim=(-0.03, 1.06))
    axes[2].set_title(f"kernel {1 - kept:.3f}, weights {moved:.2f}")
    axes[2].legend(loc="upper right", ncols=2, fontsize=10)
    return fig


explore(turn, rank=[1, 2, 5, 10, 19, 20], alignment_p=(0.05, 1.0, 0.05), task=[0.01, 0.1, 0.3, 1.0, 10.0],
        alt="At rank one and alignment 0.3 the kernel before is a small block of four entries, the one after has nearly all "
            "in the corner of the task. Right, the change of the kernel falls from one to zero as the alignment grows, and "
            "at the right end it lies below the dashed line of full rank.")

# %% [markdown]
# Perfectly aligned, rank 1 beats full rank for small tasks: nothing has to turn. For large tasks it does not, though it points
# the right way: with $w = 0$ the kernel has no part $qI$ at the beginning, and has one at the end. But $w$ may be given its part
# from the start. What the small start ends in was proportional to $\hat b\hat b^\top + I$. What if it began there?
#
# **Transfer.** Given $b$ and $w$, choose $W$ of rank one and of the size of $w$ so that the kernel keeps its shape through training.
# This settles the rows' direction, and not how the rows share the size. Share it so that $W$ moves least, for tasks with
# $|b| > |w|^2$: the network must grow.

# %%
def lazy_start(b, w):
    """b: (d,), w: (m,) -> W: (m, d)"""
    ...  # your code here


# %% [markdown]
# It is judged by training from your start. If you are stuck: which directions does $A$ single out at the end, and what does the
# flow keep?

# %%
lazy_start = check("connectivity.lazy_start", lazy_start)

# %% [markdown]
# This is the content of the authors' Proposition 1, with both layers along the task. Beside it, at the same sizes of $W$ and $w$, a
# rank-one start in a random direction and one of full rank with equal singular values; three lengths of task.

# %%
draw = lab.rng("aligned")
found = {"aligned": [], "random": [], "full": []}
for length in (0.1, 1.0, 10.0):
    b = length * torch.nn.functional.normalize(torch.randn(D, generator=draw, dtype=torch.float64), dim=0)
    w = torch.nn.functional.normalize(torch.randn(M, generator=draw, dtype=torch.float64), dim=0)
    starts = {"aligned": lazy_start(b, w), "full": connectivity.oriented(b, M, D, 1.0, 1.0, draw),
              "random": lazy_start(torch.randn(D, generator=draw, dtype=torch.float64), w)}
    for name, W in starts.items():
        found[name].append(after_learning(W, w, b[None])[0].item())
        print(f"|b| = {length:4}, {name:>7}: 1 - alignment {found[name][-1]:.1e}")
claim("connectivity.aligned", aligned=max(found["aligned"]), full=max(found["full"]), random=max(found["random"]))

# %% [markdown]
# Zero, up to rounding, at every length. As $w$ changes, $W$ stays $w\,\hat b^\top$ all the way, so that both parts of the kernel,
# $|w|^2\,\hat b\hat b^\top$ and $|w|^2 I$, grow in proportion (or shrink, for a task below $|w|^2$). Rank is about *average*
# tasks. A low-rank start is a bet: rich if it is lost, lazy if it is won. (The small numbers of the other two are owed to
# $|w|^2I$, which all three starts share.)
#
# ## 6 · A network that remembers
#
# Recurrent networks and tasks of neuroscience are what the paper is about. Take one of them, *delayed match to sample*: a cue is
# shown, five steps of nothing, a cue again. Was it the same one? The network has $N$ neurons,
#
# $$h_t = \mathrm{relu}(V x_t + W h_{t-1}), \qquad h_{-1} = 0, \qquad f = o\cdot h_7,$$
#
# and the sign of $f$ is its answer. $W$ is the wiring; a third input is a light that is on until the answer is due.

# %%
from tutorial_lib import delayed_match

x, y = delayed_match.trials(30, lab.rng("some trials"))
fig, axes = plot.figure(columns=2, width=4.6, height=2.9, sharey=True)
for ax, answer, word in zip(axes, (1, -1), ("the same: $f > 0$", "another: $f < 0$")):
    trial = x[y == answer][0]                          # (8, 3)
    ax.set(xlabel="step", title=word)
    for k, (color, name) in enumerate(((plot.BLUE, "cue A"), (plot.RED, "cue B"), (plot.GREY, "light"))):
        ax.plot(range(8), trial[:, k], ".-", color=color, label=name)
axes[0].set_ylabel("input")
axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
show(fig, alt="Inputs of two trials over eight steps. A cue is on at step zero and a cue at step six, the same one on the "
              "left, the other one on the right; a light is on until the last step, and all lines are noisy.")

# %% [markdown]
# The gauge stays the kernel. Since many weights would be a detour, we take that of the wiring alone, as the authors' code does. By
# chapter 31's argument, the gradient of $f$ by $W$ is $\sum_t \delta_t\, h_{t-1}^\top$, where $\delta_t$ is the gradient by what
# enters the relu at step $t$. The product of two such sums is a sum over pairs of steps:
#
# $$K(x, x') = \sum_{t, t'} (\delta_t\cdot\delta'_{t'})\,(h_{t-1}\cdot h'_{t'-1}).$$

# %%
def kernel_of_wiring(V, W, o, x):
    """The tangent kernel of W in the open.  x: (B, T, 3) -> (B, B)"""
    before, h = [], torch.zeros(len(x), len(W))
    for u in x.unbind(1):                              # forwards, keeping what enters W
        before.append(h)
        h = (u @ V.T + h @ W.T).relu()
    after, delta = [], o.expand(len(x), -1)
    for h_in in [h, *reversed(before[1:])]:            # backwards, through the relu of each step
        delta = delta * (h_in > 0)
        after.insert(0, delta)
        delta = delta @ W
    return sum((a @ a2.T) * (h1 @ h2.T) for a, h1 in zip(after, before) for a2, h2 in zip(after, before))


draw = lab.rng("a wiring")
V, W, o = delayed_match.fresh(torch.randn(1, 50, 50, generator=draw) / 50**0.5, draw)
some, _ = delayed_match.trials(10, draw)
theirs = delayed_match.wiring_kernel((V, W, o), some)[0]
assert torch.allclose(kernel_of_wiring(V[0], W[0], o[0], some), theirs, rtol=1e-3, atol=1e-5)

# %% [markdown]
# What makes a comparison of wirings fair? The same size: each wiring is a Gaussian matrix of gain 1.25 (entries of standard
# deviation $1.25/\sqrt N$, as in the authors' code), cut to rank $r$ at its size. The same $V$ and $o$, the same trials in the same
# order, the same small learning rate 0.003 with momentum 0.9. And the same success: each network stops when its loss on 128 other
# trials falls below 0.05. Twelve Gaussian matrices of $N = 100$ neurons, five ranks each.

# %%
ask("connectivity.recurrent_guess")

# %% [markdown]
# Three measures of change: the kernel's, the activity's (1 − alignment of the inner products of $h_7$ over trials), and the
# wiring's own, $|\Delta W|/|W|$.

# %%
def trained(wirings, draw):
    """Train all wirings side by side; their changes, and the steps that each took.  wirings: (G, N, N)"""
    before = delayed_match.fresh(wirings, draw)
    after, steps = delayed_match.learn(before, draw)
    return delayed_match.changes(before, after, delayed_match.trials(64, draw)[0]) | {"steps": steps}


def together(runs):
    """A list of results as tensors with one row a draw."""
    return {k: torch.stack([run[k] for run in runs]) for k in runs[0]}


R_RANKS, N, draw = (1, 3, 10, 30, 100), 100, lab.rng("recurrent")
runs = together([trained(torch.stack([connectivity.low_rank(G, r) for r in R_RANKS]), draw)
                 for G in 1.25 / N**0.5 * torch.randn(12, N, N, generator=draw)])
learned = runs["steps"] <= 1000                        # (12, 5)
print("not learned within 1,000 steps, of 12:", dict(zip(R_RANKS, (~learned).sum(0).tolist())))

# %% [markdown]
# Dots are networks that learned, black lines means over them.

# %%
NAMES = {"kernel": "kernel: 1 − alignment", "activity": "activity: 1 − alignment", "weights": "weights: $|\\Delta W|\\ /\\ |W|$"}
fig, axes = plot.figure(columns=3, width=3.8, height=3.6)
mean = {}
for ax, (key, label), color in zip(axes, NAMES.items(), (plot.BLUE, plot.GREEN, plot.RED)):
    mean[key] = torch.stack([runs[key][learned[:, j], j].mean() for j in range(5)])
    for j in range(5):
        ax.plot(torch.full((12,), float(j))[learned[:, j]] + torch.linspace(-0.2, 0.2, 12)[learned[:, j]],
                runs[key][learned[:, j], j], ".", color=color, alpha=0.6, ms=7)
    ax.plot(range(5), mean[key], "k.-", ms=10)
    ax.set(xticks=range(5), xticklabels=R_RANKS, xlabel="rank of the wiring", title=label, ylim=(0, None))
show(fig, alt="Three panels over the rank of the wiring, twelve draws each. The change of the kernel falls with rank, with much "
              "overlap; the change of the activity falls steeply; the change of the weights is smaller at rank three than at "
              "full rank.")

# %% [markdown]
# Rank 1 is shown for completeness: where it does not learn (2 to 5 of the 12 over five seeds), it cannot be compared. The claims are
# decided at rank 3 against full rank.

# %%
pairs = {k: (runs[k][:, 1] > runs[k][:, 4]).double().mean() for k in ("kernel", "activity")}
claim("connectivity.recurrent", kernel=mean["kernel"][1] / mean["kernel"][4], activity=mean["activity"][1] / mean["activity"][4],
      kernel_pairs=pairs["kernel"], activity_pairs=pairs["activity"])

# %% [markdown]
# The paper's third measure is the size of the change of $W$ itself:

# %%
claim("connectivity.weights", ratio=mean["weights"][1] / mean["weights"][4])

# %% [markdown]
# Over five seeds rank 3 changes its kernel 1.4 to 1.7 times as much as full rank does (in 7 to 11 of the 12 draws), its activity
# 3.7 to 5.7 times, and its weights 0.75 to 0.81 times. The last goes the other way, and not by accident: also with a goal of
# 0.001, and with 200 neurons, wirings of rank 3 moved *less* than full ones. This does not go on down to rank 1: with 200
# neurons, wirings of rank 1, where they learned, on average moved more than full ones. In the linear network kernel and weights
# agree; here a smaller change of the weights did more to the activity. A suspicion, which we have not tested: at equal size a
# wiring of rank 3 has singular values about three times as large as the largest of a full one, so that turning them a little goes
# far. A measure of laziness is a choice, and here the choices disagree.

# %% [markdown]
# ## 7 · Back to the worm
#
# Now the two wirings of section 1, as the beginning of a network of 280 neurons that learns the same task. The map has
# strengths and no signs. We give each neuron a sign at random that holds for all it says (a neuron excites or inhibits, an
# old rule of thumb named after Henry Dale). Signs of columns do not touch singular values: the effective ranks stay. Worm,
# shuffled worm and a Gaussian matrix are brought to one size. Fourteen draws of signs, shuffle, $V$ and $o$.

# %%
def three_wirings(draw):
    """The worm, the worm shuffled, a Gaussian matrix, with signs and at one size.  -> (3, 280, 280)"""
    signs = 2.0 * torch.randint(2, (280,), generator=draw) - 1
    W = torch.stack((worm * signs, shuffled(worm, draw) * signs, torch.randn(280, 280, generator=draw)))
    return 1.25 * 280**0.5 * W / torch.linalg.matrix_norm(W)[:, None, None]


draw = lab.rng("worms")
worms = together([trained(three_wirings(draw), draw) for _ in range(14)])
ok = (worms["steps"] <= 1000).all(1)                   # draws in which all three learned
print(f"all three learned within 1,000 steps in {ok.sum()} of 14 draws")

# %% [markdown]
# Each grey line joins the three networks of one draw. Draws in which a network did not learn, or blew up, are left out of the
# picture and of the claim: there is no equal success to compare at.

# %%
fig, axes = plot.figure(columns=2, width=4.6, height=3.5)
for ax, key in zip(axes, ("kernel", "activity")):
    ax.plot(range(3), worms[key][ok].T, ".-", color=plot.GREY, lw=0.8, ms=6)
    ax.plot(range(3), worms[key][ok].mean(0), ".-", color=plot.RED, ms=14, lw=3)
    ax.set(xticks=range(3), xticklabels=("worm", "shuffled", "Gaussian"), title=NAMES[key], ylim=(0, None), xlim=(-0.3, 2.3))
show(fig, alt="Change of kernel and of activity for the worm's wiring, the shuffled one and a Gaussian one, up to fourteen draws joined by "
              "grey lines and their mean in red. The mean of the worm lies highest in both, and single draws cross.")

# %% [markdown]
# And your prediction of section 1:

# %%
kept = {k: worms[k][ok] for k in ("kernel", "activity")}
claim("connectivity.worm", kernel=kept["kernel"][:, 0].mean() / kept["kernel"][:, 1].mean(),
      activity=kept["activity"][:, 0].mean() / kept["activity"][:, 1].mean(),
      draws=(kept["kernel"][:, 0] > kept["kernel"][:, 1]).double().mean())

# %% [markdown]
# Over five seeds the worm's kernel changes 1.05 to 1.4 times as much as that of its shuffle, in 46 to 86 % of the draws, and its
# activity 1.07 to 2.4 times. (Of the seventy draws one was left out: a network blew up.) So the direction is the paper's, on
# average; on a single draw one would not bet much. The gap between effective ranks 24 and 90, of 280, is also smaller than that
# between 3 and full rank. And the shuffle takes away more than rank: the worm's hubs and blocks go, too.
#
# The worm does not know our task, and its wiring is no lazier for it than its shuffle's. Whether it is lazy for the tasks of a
# worm's life, as an aligned wiring would be, this experiment cannot say.

# %% [markdown]
# ## 8 · Where this breaks
#
# - **Averages.** Every law of sections 3 and 4 is about tasks in random directions. One task may do anything (section 5).
# - **A start from which nothing is learned.** With $w = 0$ and $p = 0$ the gradient is zero: rank may be too low to learn at all, and
#   some recurrent networks of rank 1 did not.
# - **Equal singular values, and $w = 0$.** The closed form needs both. With a small random $w$ and a large $W$ the order of the ranks
#   broke (section 4).
# - **Size and gain.** Equal $|W|$ leaves the largest singular value and the spectral radius different, and with them the
#   dynamics before learning. A reviewer of the paper asked for this control; scaling by the largest singular value instead would
#   make low-rank wirings smaller, and so lazier or richer for another reason.
# - **One task of memory, eight steps, a hundred neurons.** The paper has four tasks, 300 neurons and 10,000 steps.
# - **The worm's signs are ours.** Its wiring was not made for relu's, and the strength of a synapse is not its count of sections.

# %% [markdown]
# ## What we saw
#
# - The worm's wiring has an effective rank of about 24, the same strengths shuffled about 90; rank can be changed at fixed size.
# - In a linear network that begins with $w = 0$, kernel and weights change less the higher the rank, on average over tasks, at every
#   size that we tried; for small starts the kernel's mean is a formula in the effective rank; and a rank-one start along the task,
#   in both layers, does not change the shape of its kernel at all.
# - In a recurrent network with a task of memory, rank 3 changes activity and kernel more than full rank, on average, and the weights
#   less. The worm's wiring behaves like one of lower rank than its shuffle, on average, and in the kernel by little.
#
# Two questions to take along.

# %%
ask("connectivity.close_fair")
ask("connectivity.close_bet")

# %% [markdown]
# **References.** Y. H. Liu, A. Baratin, J. Cornford, S. Mihalas, E. Shea-Brown and G. Lajoie, *How connectivity structure shapes rich
# and lazy learning in neural circuits* (2024), arXiv:2310.08513: abstract; Theorem 1 and Proposition 1, which we know from the
# paper's public reviews and derived again here; the authors' code (BioRNN_RichLazy: tasks, ranks, gain, the three measures). O. Roy
# and M. Vetterli, *The effective rank: a measure of effective dimensionality* (2007): entropy. A. Saxe, J. McClelland and S.
# Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear neural networks* (2014), arXiv:1312.6120: linear
# networks, and what their flow conserves. S. Cook and others, *Whole-animal connectomes of both Caenorhabditis elegans sexes*
# (2019), through OpenWorm's c302: the wiring; see the data's card. The closed form of section 4, the worm as a network and the
# disagreement of the measures are ours.
#
# **Next:** [34 Representation geometry](34_representation_geometry.ipynb): what the activity looks like when it has moved.
# Back to the [map](../00_start_here.ipynb).
