# ---
# jupyter:
#   course:
#     id: "32"
#     title: Grokking
#     belief: A network that begins lazily fits its points with the features it was born with, and generalises when, much later, it has moved enough to have better ones.
#     papers: [grokking]
#     needs: ["31"]
#     minutes: {read: 45, do: 35}
#     track: core
#     goals:
#       - compute the test loss and the kernel of a small network exactly, from two statistics of its weights
#       - lengthen and shorten the delay between fitting and generalising with one number, and say why it works
#       - name three conditions for a delay, and show what happens when each of them fails
#     discuss: A test loss has stood still for a week. Which measurements would tell you whether waiting is worth it?
#     when_late: Skip section 3 and the twin in section 6; keep the plateau, the dial, the turned features and the number of points.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 32 · Grokking
#
# *At the end you will believe this: a network that begins lazily fits its points with the features it was born with, and
# generalises when, much later, it has moved enough to have better ones.*

# %%
import math

import torch

from tutorial_lib import ask, check, claim, explore, grokking, plot, show, start

lab = start("32")

# %% [markdown]
# **You will be able to**
#
# - compute the test loss and the kernel of a small network exactly, from two statistics of its weights;
# - lengthen and shorten the delay between fitting and generalising with one number, and say why it works;
# - name three conditions for a delay, and show what happens when each of them fails.
#
# Two questions first, on what this chapter leans on ([30 Tangents and scale](30_tangents_and_scale.ipynb) and
# [31 Neural tangent kernel](31_neural_tangent_kernel.ipynb)).

# %%
ask("grok.recall_scale")
ask("grok.recall_lazy")

# %% [markdown]
# ## 1 · Fitted first, understood later
#
# Points $x$ with $D = 40$ coordinates, each drawn from a Gaussian of variance $1/D$; a hidden direction $b$ of length
# $\sqrt D$; targets $y = (b\cdot x)^2/2$. A network of $N = 200$ units with weights $w_i$ (drawn from a standard Gaussian)
# learns from 280 of them:
#
# $$f(x) = \alpha\,\big(g(x) - g_0(x)\big), \qquad g(x) = \frac1N\sum_i \varphi(w_i\cdot x), \qquad \varphi(z) = z + \tfrac{\varepsilon}2 z^2 .$$
#
# $g_0$ is $g$ before training, so that $f$ begins at 0; $\alpha$ is the scale of the output, as in chapter 30; $\varepsilon$ is
# the curvature of the nonlinearity. Plain gradient descent on all points at once: no mini-batches, no weight decay, nothing
# else. This is the model of Tanishq Kumar, Blake Bordelon, Samuel Gershman and Cengiz Pehlevan (2024).
#
# The gradient of unit $i$ by $w_i$ is $(1 + \varepsilon\,w_i\cdot x)\,x$, times $\alpha/N$. With the loss
# $\frac1{2P}\sum(f - y)^2$ over $P$ points and steps of $\eta N/\alpha^2$ (the paper's choice, up to the number $\eta$), a step is

# %%
def step(W, x, error, alpha, eps, lr):
    """W: (N, D), x: (P, D), error = f - y: (P,) -> W after the step"""
    slopes = 1 + eps * x @ W.T                         # (P, N)
    return W - lr / (alpha * len(x)) * (error[:, None] * slopes).T @ x


# %% [markdown]
# We train it with $\alpha = 4$ and look at the mean square error on its 280 points, and on 20,000 fresh ones.

# %%
D, P, EPS = 40, 280, 0.25
draw = lab.rng("a task")
x, y, b = grokking.draw_task(D, P, draw)               # (280, 40), (280,), (40,)
x_fresh, y_fresh, _ = grokking.draw_task(D, 20_000, draw)
y_fresh = grokking.target(x_fresh, b)
W0 = torch.randn(200, D, generator=draw, dtype=torch.float64)
lr = grokking.pace(x, 4.0, EPS).item()                 # a third of what would explode, about
LOOKS = grokking.stages(1200, per_decade=12)           # numbers of steps at which we look

W, g0, curves = W0, grokking.network(W0, x, EPS), []
for t in range(1201):
    error = 4.0 * (grokking.network(W, x, EPS) - g0) - y
    if t in LOOKS:
        f_fresh = 4.0 * (grokking.network(W, x_fresh, EPS) - grokking.network(W0, x_fresh, EPS))
        curves.append((error.square().mean(), (f_fresh - y_fresh).square().mean()))
    W = step(W, x, error, 4.0, EPS, lr) if t < 1200 else W
curves = torch.tensor(curves)                          # (looks, 2)

# %% [markdown]
# The axis of steps is logarithmic: equal distances are equal factors.

# %%
fig, (ax,) = plot.figure(width=7.4, height=3.4)
plot.lines(ax, LOOKS, {"training points": curves[:, 0], "fresh points": curves[:, 1]}, xlabel="step", ylabel="mean square error")
ax.set(xscale="symlog", xlim=(0, 1200), ylim=(0, 1.0))
ax.set(xticks=[0, 1, 10, 100, 1000], xticklabels=["0", "1", "10", "100", "1,000"])
show(fig, alt="Errors over steps on a logarithmic axis. The training error falls below 0.1 within about a hundred "
              "steps. The error on fresh points first stays up, is near half of its beginning when the training "
              "error has come down to 0.1, and keeps falling slowly long after that.")

# %% [markdown]
# The training points are fitted within a hundred steps or so, and with little left to fit many would stop. In seven draws of
# task and weights the training error was below 0.1 after 61 to 71 steps; the error on fresh points then was still 45 to 67 % of
# what it was at the start. Those who go on are rewarded: at step 1,200 it was 7 to 17 %. Alethea Power and others, who saw a late
# fall of this kind first (2022), in small transformers that learn arithmetic, called it *grokking*. Explanations that need weight
# decay or the noise of mini-batches are out of court here: there is none of either. What else is there?
#
# ## 2 · Two moments say everything
#
# Square out $\varphi$. The mean over units turns into two moments of the weights:
#
# $$g(x) = u\cdot x + \tfrac\varepsilon2\,x^\top M x, \qquad u = \frac1N\sum_i w_i, \qquad M = \frac1N\sum_i w_i w_i^\top .$$
#
# So $f$ is a linear plus a quadratic form, $f(x) = a\cdot x + x^\top Q x$, with
#
# $$a = \alpha\,(u - u_0), \qquad Q = \tfrac{\alpha\varepsilon}2\,(M - M_0) ,$$
#
# where $u_0, M_0$ are the moments before training. The target is a quadratic form as well, $\tfrac12 bb^\top$. The difference of
# the two, $a\cdot x + x^\top B x$ with $B = Q - \tfrac12 bb^\top$, has a mean square over *all* inputs that can be worked out:
# for Gaussians, means of products of four coordinates are sums over pairings. Three parts remain:
#
# $$\mathbb E\,(f - y)^2 = \underbrace{\frac{|a|^2}D}_{\text{linear}} + \underbrace{\Big(\frac{\mathrm{tr}\,B}D\Big)^2}_{\text{mean}} + \underbrace{\frac{2\,|B|^2}{D^2}}_{\text{shape}},$$
#
# with $|B|^2$ the sum of the squares of all entries. *Linear*: a slope where there should be none. *Mean*: $f$ too large or too
# small on average. *Shape*: the wrong quadratic form. (The paper tracks the same three.) Before training they are $0, \frac14, \frac12$.

# %%
def loss_parts(a, Q, b):
    """a: (D,), Q: (D, D), symmetric, b: (D,) -> (3,), the parts linear, mean, shape"""
    ...  # your code here


# %% [markdown]
# A test loss without test points: sampling error cannot hide a mistake here.

# %%
loss_parts = check("grok.loss_parts", loss_parts)

# %% [markdown]
# More comes for free. A gradient step takes every unit through the *same* map,
#
# $$w_i \;\leftarrow\; A\,w_i - v, \qquad v = \frac{\eta}{\alpha P}\sum_\mu e_\mu x_\mu, \qquad A = 1 - \frac{\eta\,\varepsilon}{\alpha P}\sum_\mu e_\mu\,x_\mu x_\mu^\top ,$$
#
# with the errors $e_\mu = f(x_\mu) - y_\mu$ at the training points $\mu = 1, \dots, P$. So the moments need no units, either:
# $u \leftarrow Au - v$ and $M \leftarrow AMA - Au\,v^\top - v\,(Au)^\top + vv^\top$. (That training closes on the moments is our
# remark; the paper goes to large $D$ with a theory of means.) In the open:

# %%
def follow_moments(u, M, x, y, alpha, eps, lr, steps):
    """Training without units.  u: (D,), M: (D, D) -> the same after the steps"""
    g0 = grokking.output(u, M, x, eps)
    for _ in range(steps):
        error = alpha * (grokking.output(u, M, x, eps) - g0) - y
        v = lr / (alpha * len(x)) * error @ x          # (D,)
        A = torch.eye(len(u), dtype=x.dtype) - lr * eps / (alpha * len(x)) * x.T @ (error[:, None] * x)
        M = A @ M @ A - torch.outer(A @ u, v) - torch.outer(v, A @ u) + torch.outer(v, v)
        u = A @ u - v
    return u, M


# %% [markdown]
# Is it the same training? We compare with the 200 units above; with the library's version, which follows several networks at
# once; and the closed form of the loss with the 20,000 fresh points.

# %%
u0, M0 = grokking.moments(W0)
u, M = follow_moments(u0, M0, x, y, 4.0, EPS, lr, 1200)
(us, Ms), _ = grokking.follow((u0, M0), x, y, 4.0, EPS, lr, [1200])
assert torch.allclose(us[0], u) and torch.allclose(Ms[0], M)
a, Q = grokking.form((u, M), (u0, M0), 4.0, EPS)
wrong = (x_fresh @ a + (x_fresh @ Q * x_fresh).sum(1) - y_fresh).square()         # (20000,)
claim("grok.exact", units=max((v - w).abs().max() for v, w in zip((u, M), grokking.moments(W))),
      sampled=(wrong.mean() - loss_parts(a, Q, b).sum()).abs() / (wrong.std() / 20_000**0.5))

# %% [markdown]
# From here on we may take *infinitely many* units: they begin with $u_0 = 0$ and $M_0 = 1$, and cost no more than one.

# %% [markdown]
# ## 3 · The paper's first figure
#
# Now its size is within reach: $D = 100$, $P = 550$, $N = 500$ units, $\alpha = 1$, $\varepsilon = 0.02$. The paper makes 100,000
# steps; we make 4,000, each as long as 25 of them. The 500 units are drawn, squared into moments, and
# forgotten.
#
# Beside the errors we watch two gauges: the *mean square of the weights*, $\mathrm{tr}\,M/D$; and the *alignment* of the tangent
# kernel with the task, the cosine between the centred kernel and $yy^\top$ (chapter 30), on 400 fresh points. The kernel, too,
# needs only the moments. The gradients at $x$ and $z$ have the inner product

# %% [markdown]
# $$K(x, z) = \frac1N\sum_i (1 + \varepsilon\,w_i\cdot x)(1 + \varepsilon\,w_i\cdot z)\; x\cdot z$$
#
# (times $\alpha^2/N$, which the size of the steps takes away again). Two blanks: what are the means over the units?

# %%
def kernel(u, M, x, z, eps):
    """x: (P, D), z: (R, D) -> (P, R)"""
    first = ...                                        # the mean over units of eps (w.x + w.z), from u
    second = ...                                       # the mean over units of eps^2 (w.x)(w.z), from M
    return x @ z.T * (1 + first + second)


# %% [markdown]
# For $u = 0$ and $M = 1$ it is $x\cdot z + \varepsilon^2(x\cdot z)^2$: linear functions, and a little of the quadratic ones.

# %%
kernel = check("grok.kernel", kernel)

# %% [markdown]
# Drawn, squared, trained; and the gauges, at every fourth look.

# %%
from tutorial_lib.alignment import cka, gram, moved


def aligned(u, M, b, eps, points):
    """Alignment of the kernel with the task on some points, centred."""
    return cka(kernel(u, M, points, points, eps), gram(grokking.target(points, b)))


draw = lab.rng("the paper's sizes")
x_paper, y_paper, b_paper = grokking.draw_task(100, 550, draw)
born = grokking.moments(torch.randn(500, 100, generator=draw, dtype=torch.float64))
points = torch.randn(400, 100, generator=draw, dtype=torch.float64) / 10
steps_paper = grokking.stages(4000)
(us, Ms), train_paper = grokking.follow(born, x_paper, y_paper, 1.0, 0.02, 50.0, steps_paper)
test_paper = grokking.mean_loss(*grokking.form((us, Ms), born, 1.0, 0.02), b_paper)
norms = Ms.diagonal(dim1=1, dim2=2).mean(1)
marks = range(0, len(steps_paper), 4)
alignments = [aligned(us[k], Ms[k], b_paper, 0.02, points) for k in marks]

# %% [markdown]
# The dashed line is the test loss of regression with the kernel that the network was born with, as in the paper.

# %%
born_loss = grokking.mean_loss(*grokking.lazy(*born, x_paper, y_paper, 0.02), b_paper)
fig, (left, mid, right) = plot.figure(columns=3, width=3.9, height=3.5)
plot.lines(left, steps_paper, {"training": train_paper, "test": test_paper}, xlabel="step", ylabel="mean square error")
left.axhline(born_loss, color="k", ls="--", lw=1.5, label="regression, first kernel")
left.set(ylim=(0, 1.4)), left.legend(loc="upper right", fontsize=10)
mid.plot(steps_paper, norms, color=plot.PURPLE)
mid.set(xlabel="step", ylim=(0, None), title="mean square weight")
right.plot([steps_paper[k] for k in marks], alignments, color=plot.GREEN)
right.set(xlabel="step", ylim=(0, None), title="alignment of the kernel")
for ax in (left, mid, right):
    ax.set(xscale="symlog", xlim=(0, 4000), xticks=[0, 1, 10, 100, 1000], xticklabels=["0", "1", "10", "100", "1,000"])
show(fig, alt="Three panels over steps. The training error stands near 0.5 for a hundred steps and is below 0.1 after about "
              "three hundred; the test error rises above its start, falls through the dashed line of the first kernel in "
              "the same period, and is below 0.1 only near the end. The mean square weight rises from 1 to about fifty, "
              "most of it between steps 100 and 1,000; the alignment by a fifth or so, from step 200 to the end.")

# %% [markdown]
# When is a loss low? Times are needed again and again, so here is the tool. Below 0.1, in the authors' code.

# %%
def crossing(t, losses, level):
    """The first of the times t at which the loss is below level.  t: (T,), losses: (T,) -> (), a tensor of one number"""
    ...  # your code here


# %% [markdown]
# Some losses never get there. Think of what to say then.

# %%
crossing = check("grok.crossing", crossing)

# %% [markdown]
# The paper's statement beside ours:

# %%
when = torch.tensor(steps_paper, dtype=torch.float64)
claim("grok.figure1", train=crossing(when, train_paper, 0.1), test=min(float(crossing(when, test_paper, 0.1)), 4000.0),
      grown=norms[-1] / norms[0], aligned=alignments[-1] / alignments[0])

# %% [markdown]
# Everything in the paper's picture is there: fitted early, understood later, and meanwhile the mean square weight has grown
# about fiftyfold and the kernel has turned towards the task (by a fifth or so: at $\varepsilon = 0.02$ linear functions fill
# most of it, whatever the weights do). What is cause, and what goes along?
#
# ## 4 · What the plateau is
#
# Here is the proposal. Scaled outputs make networks lazy (chapter 30): at first the kernel stands still, and the network is on
# its way to kernel regression. If the first kernel suits the task badly, that is a function which fits and does not generalise.
# But as long as a little error is left, the weights go on moving, and slowly the kernel turns. Grokking is the transition from
# lazy to rich.
#
# It can be tested. While a network is lazy it must be where its tangent model is, and the tangent model can be followed exactly
# (chapter 31): it is a sum of kernel functions, $\sum_\mu c_\mu K(\cdot, x_\mu)$, again a linear plus a quadratic form, so its
# test loss and its distance from the network are closed forms, too. Six scales, the same 280 points, $\varepsilon = 0.25$ (the
# value of the paper's sweep):

# %%
from tutorial_lib import ntk

ALPHAS = [0.25, 0.5, 1.0, 2.0, 4.0, 16.0]
scales = torch.tensor(ALPHAS, dtype=torch.float64)
rates = grokking.pace(x, scales, EPS)                  # (6,), the length of a step for each
LOOK = grokking.stages(3000)
BORN = grokking.wide(D)
now, train = grokking.follow(BORN, x.expand(6, -1, -1), y.expand(6, -1), scales, EPS, rates, LOOK)
forms = grokking.form(now, BORN, scales, EPS)          # (looks, 6, D), (looks, 6, D, D)
parts = grokking.loss_parts(*forms, b)                 # (looks, 6, 3)
test = parts.sum(-1)
time = torch.tensor(LOOK, dtype=torch.float64)[:, None] * rates                  # (looks, 6)

# %% [markdown]
# Time is steps times their length, so that all scales begin at the same speed. The tangent models, and their limit:

# %%
K0, nothing = kernel(*BORN, x, x, EPS), torch.zeros(P, dtype=torch.float64)
kernel_loss = grokking.mean_loss(*grokking.lazy(*BORN, x, y, EPS), b)
tangent = []
for k in range(6):
    c = ntk.linear_training(torch.eye(P, dtype=torch.float64), K0, nothing, nothing, y, rates[k].item(), LOOK)      # (looks, P)
    tangent.append(grokking.in_kernel(c, *BORN, x, EPS))
tangent = [torch.stack(v, 1) for v in zip(*tangent)]   # (looks, 6, D), (looks, 6, D, D)
tangent_test = grokking.mean_loss(*tangent, b)
apart = grokking.mean_loss(forms[0] - tangent[0], forms[1] - tangent[1], 0 * b)   # mean square over all inputs

# %%
ask("grok.plateau")

# %% [markdown]
# Three of the six, each beside its tangent model:

# %%
fig, axes = plot.figure(columns=3, width=3.9, height=3.5, sharey=True)
for ax, k in zip(axes, (0, 2, 5)):
    ax.plot(time[1:, k], train[1:, k], color=plot.BLUE, label="training")
    ax.plot(time[1:, k], test[1:, k], color=plot.RED, label="test")
    ax.plot(time[1:, k], tangent_test[1:, k], color=plot.YELLOW, lw=2, ls="--", label="test, tangent model")
    ax.axhline(kernel_loss, color="k", ls=":", lw=1.5, label="its end: first kernel")
    ax.set(xscale="log", xlabel="time", ylim=(0, 1.35), title=rf"$\alpha$ = {ALPHAS[k]:g}")
axes[0].set_ylabel("mean square error"), axes[0].legend(fontsize=9, loc="upper right")
show(fig, alt="Three panels over logarithmic time. At the smallest scale the test error leaves the tangent model's curve "
              "early and falls soon after the training error. At scale 1 it leaves later. At scale 16 it stays close to the "
              "tangent model until the training error is nearly gone, then sinks slowly "
              "below the dotted level of the first kernel.")

# %% [markdown]
# When the training loss passes 0.1: how far is the test loss from that of the first kernel, and the network from its tangent?

# %%
fitted = [int((train[:, k] < 0.1).int().argmax()) for k in range(6)]
claim("grok.plateau", away=max((test[fitted[k], k] - kernel_loss).abs() for k in range(2, 6)),
      lazy=apart[fitted[5], 5], rich=apart[fitted[0], 0])
for k in range(6):
    there = kernel(now[0][fitted[k], k], now[1][fitted[k], k], x, x, EPS)
    print(f"alpha {ALPHAS[k]:5g}: kernel moved by {moved(K0, there):6.1%}, test loss {test[fitted[k], k]:.2f} (kernel {kernel_loss:.2f})")

# %% [markdown]
# The larger the scale, the less the kernel has moved when the points are fitted, and the closer the network to its tangent. There
# the plateau is kernel regression. A test loss near the kernel's would prove little by itself: at $\alpha = 0.25$ it passes the same
# value at that moment, with a kernel that has changed by about its own size. It is the distance to the tangent that tells.

# %% [markdown]
# ## 5 · The dial
#
# If that is so, the scale is a dial for the delay.

# %%
ask("grok.delay")

# %% [markdown]
# All six scales, with your `crossing`:

# %%
both = {name: torch.tensor([float(crossing(time[:, k], losses[:, k], 0.1)) for k in range(6)])
        for name, losses in (("train", train), ("test", test))}
delay = both["test"] / both["train"]
for k in range(6):
    print(f"alpha {ALPHAS[k]:5g}: fitted at {both['train'][k]:6.0f}, generalises at {both['test'][k]:7.0f}, {delay[k]:.1f} times as late")

# %% [markdown]
# *inf*: not within these 3,000 steps. For the claim we count the end of training there, which is too kind to a large scale.

# %%
at_least = torch.minimum(both["test"], time[-1].float()) / both["train"]
claim("grok.delay", low=delay[0], high=at_least[4], smallest=(at_least[1:5] / at_least[:4]).min())

# %% [markdown]
# And the gauges. A network that has learned the task has $Q = \frac12 bb^\top$, so $M = 1 + bb^\top/(\alpha\varepsilon)$ and the
# mean square weight is $1 + 1/(\alpha\varepsilon)$: it *must* have grown, by 16 at $\alpha = 0.25$, by 1 at $\alpha = 4$.
# A large scale asks little of the weights; that is why so little moves, and why so little has to.

# %%
points = torch.randn(400, D, generator=lab.rng("gauges"), dtype=torch.float64) / D**0.5
before = aligned(*BORN, b, EPS, points)
after = torch.stack([aligned(now[0][-1, k], now[1][-1, k], b, EPS, points) for k in range(5)])
growth = (now[1][-1, :5].diagonal(dim1=1, dim2=2).mean(1) - 1) * scales[:5] * EPS
print("alignment before", f"{before:.3f}", "and at the end", ", ".join(f"{v:.3f} (alpha {s:g})" for v, s in zip(after, ALPHAS)))
claim("grok.norm", grown=growth.min(), most=growth.max(), aligned=(after / before).min())

# %% [markdown]
# Choose a scale and move through time. Left, the curves; right, what the network says about its points (blue) and about fresh
# ones (red), beside the truth. Watch the red cloud at a large scale while the blue points lie down on the diagonal.

# %%
some = x_fresh[:280]
truth = {"blue": y, "red": grokking.target(some, b)}


def through_time(alpha=2.0, log10_time=2.7):
    """Curves with a cursor, and answers beside the truth."""
    k = ALPHAS.index(alpha)
    n = int((time[:, k] - 10**log10_time).abs().argmin())
    fig, (left, right) = plot.figure(columns=2, width=5.0, height=3.8)
    fig.set_layout_engine(None)                        # fixed places: twice as fast as fitted ones
    fig.subplots_adjust(left=0.06, right=0.99, bottom=0.15, top=0.9)
    left.plot(time[1:, k], train[1:, k], color=plot.BLUE, label="training")
    left.plot(time[1:, k], test[1:, k], color=plot.RED, label="test")
    left.axhline(kernel_loss, color="k", ls=":", lw=1.5, label="first kernel")
    left.axvline(time[n, k], color=plot.GREY, lw=1.5)
    left.set(xscale="log", xlim=(1, 3e4), ylim=(0, 1.3), xlabel="time", ylabel="mean square error")
    left.set(xticks=[1, 10, 100, 1000, 10000], xticklabels=["1", "10", "100", "1,000", "10,000"], yticks=[0, 0.5, 1])
    left.minorticks_off(), left.set_title(f"scale {alpha:g}, time {time[n, k]:.0f}"), left.legend(loc="upper right", fontsize=10)
    for pts, c, color, name in ((some, truth["red"], plot.RED, "fresh"), (x, y, plot.BLUE, "training")):
        right.scatter(c, pts @ forms[0][n, k] + (pts @ forms[1][n, k] * pts).sum(1), s=9, color=color, alpha=0.6, label=name)
    right.plot([0, 5], [0, 5], "k", lw=1), right.legend(loc="upper left", fontsize=10)
    there = moved(K0[:100, :100], kernel(now[0][n, k], now[1][n, k], x[:100], x[:100], EPS))      # 100 points will do
    right.set(xlim=(-0.2, 5), ylim=(-2, 5), xticks=[0, 2, 4], yticks=[-2, 0, 2, 4], xlabel="truth y", ylabel="answer f")
    right.set(title=f"kernel moved by {there:.0%}")
    return fig


explore(through_time, alpha=ALPHAS, log10_time=(0.0, 4.3, 0.1),
        alt="Left, training and test error over time with a cursor. Right, answers over truth: at this moment of training "
            "at scale 2 the blue training points lie nearer to the diagonal than the red fresh points, which form a wide "
            "cloud.")

# %% [markdown]
# Where does the waiting come from? The error that is left after fitting is what turns the kernel, and it gets smaller all the
# time. With $\alpha = 16$ it is nearly used up before the weights have turned: a network that is lazy enough never groks.

# %% [markdown]
# ## 6 · Which alignment?
#
# The paper names a second dial. The first kernel is $x\cdot z + \varepsilon^2 (x\cdot z)^2$, and the task is quadratic; so a
# larger $\varepsilon$ means a kernel better aligned with the task, and the delay should become shorter.

# %%
ask("grok.bend")

# %% [markdown]
# Four scales by three curvatures, on the same points, until all have generalised:

# %%
GRID_A, GRID_E = [0.25, 0.5, 1.0, 2.0], [0.125, 0.25, 0.5]
pairs = torch.tensor([(s, e) for s in GRID_A for e in GRID_E], dtype=torch.float64)
rate = grokking.pace(x, pairs[:, 0], pairs[:, 1], share=0.5)
look = grokking.stages(2500, per_decade=80)
moved_on, fit = grokking.follow(BORN, x.expand(12, -1, -1), y.expand(12, -1), pairs[:, 0], pairs[:, 1], rate, look)
loss = grokking.mean_loss(*grokking.form(moved_on, BORN, pairs[:, 0], pairs[:, 1]), b)
clock = torch.tensor(look, dtype=torch.float64)[:, None] * rate
cross = [torch.tensor([float(crossing(clock[:, k], v[:, k], 0.1)) for k in range(12)]).view(4, 3) for v in (fit, loss)]
between, ratio = cross[1] - cross[0], cross[1] / cross[0]

# %% [markdown]
# Two ways of stating a delay: how much time passes between the crossings, and how many times as late the second one is.

# %%
fig, axes = plot.figure(columns=2, width=5.0, height=3.6)
for ax, values, title, form_ in zip(axes, (between, ratio), ("time between the crossings", "ratio of the times"), ("{:,.0f}", "{:.1f}")):
    ax.imshow(values.log(), cmap="Blues", origin="lower", aspect="auto", vmax=values.log().max() + 1)
    for i in range(4):
        for j in range(3):
            ax.text(j, i, form_.format(values[i, j].item()), ha="center", va="center", fontsize=13)
    ax.set(xticks=range(3), xticklabels=GRID_E, yticks=range(4), yticklabels=GRID_A, title=title)
    ax.set(xlabel=r"$\varepsilon$ (more aligned $\rightarrow$)", ylabel=r"$\alpha$ (lazier $\rightarrow$)"), ax.grid(False)
show(fig, alt="Two tables over curvature and scale. Left, the time between the two crossings: it grows upwards, with the "
              "scale, and shrinks to the right, with the curvature. Right, the ratio of the two times: it grows upwards and "
              "to the right, and is about equal along diagonals on which the product of scale and curvature is the same.")

# %% [markdown]
# Two tables of one experiment, and they disagree. Going right (more aligned), the *time between* becomes shorter; this is what
# the authors' code for their phase diagram counts, and the claim holds. But the *ratio* becomes larger. One can even read off
# why: along diagonals, where $\alpha\varepsilon$ is the same, the ratio hardly changes.

# %%
claim("grok.phase", scale=(between[1:] / between[:-1]).min(), bend=(between[:, 1:] / between[:, :-1]).max())

# %% [markdown]
# The equations say it as well. Suppose that with every point $x$ there is its mirror image $-x$, so that the linear part has
# nothing to do: $v = 0$, $u = 0$. What is left is $f = \frac{\alpha\varepsilon}2 x^\top(M - M_0)x$ and
# $A = 1 - \frac{\eta\varepsilon}{\alpha P}\sum_\mu e_\mu x_\mu x_\mu^\top$.
#
# **Transfer.** A network has $\alpha, \varepsilon$ and steps $\eta$. Which $\alpha'$ and $\eta'$ make one of curvature
# $\varepsilon'$ compute the same, step by step?

# %%
def twin(alpha, eps, lr, new_eps):
    """-> alpha and lr of a network with curvature new_eps"""
    ...  # your code here


# %% [markdown]
# It is judged by training your twin.

# %%
twin = check("grok.twin", twin)

# %% [markdown]
# On mirrored points the twin should be exact. On our own points, which have no mirror images, the table above must do.

# %%
xx, yy = torch.cat((x, -x)), torch.cat((y, y))
one, _ = grokking.follow(BORN, xx, yy, 1.0, 0.25, 2.0, [50, 500])
scale, length = twin(1.0, 0.25, 2.0, 0.5)
two, _ = grokking.follow(BORN, xx, yy, scale, 0.5, length, [50, 500])
mirrored = (grokking.form(one, BORN, 1.0, 0.25)[1] - grokking.form(two, BORN, scale, 0.5)[1]).abs().max()
diagonals = [torch.stack([ratio[i, 2 - i + d] for i in range(4) if 0 <= 2 - i + d < 3]) for d in range(0, 4)]
claim("grok.product", mirrored=mirrored, along=max((d.max() / d.min()) for d in diagonals), across=(ratio[:, 2] / ratio[:, 0]).min())

# %% [markdown]
# So $\varepsilon$ turns two dials at once. The product $\alpha\varepsilon$ says how lazy the network is, and with it the *shape*
# of the curves; $\varepsilon^2$, the share of quadratic functions in the first kernel, is the *clock*. A small share slows down
# fitting and generalising alike. A first experiment for this chapter had changed $\varepsilon$ at fixed $\alpha$, looked at the
# ratio, and found the paper's direction reversed in five of five pairs: it had measured the product.

# %% [markdown]
# ## 7 · Turn the features
#
# Is there then nothing in misalignment but a slow clock? Let us turn *it* and nothing else. Weights are drawn with 21 times the
# variance along one direction $s$: $M_0 = 1 + 20\,ss^\top$. And $s$ is at an angle to $b$. Scale, curvature, norm and spectrum of the
# weights stay the same; only what the first features look at turns.

# %%
ANGLES = [0, 30, 60, 75, 90]
draw = lab.rng("sideways")
ahead = b / b.norm()
aside = torch.randn(D, generator=draw, dtype=torch.float64)
aside = aside - (aside @ ahead) * ahead
angle = torch.tensor(ANGLES, dtype=torch.float64)[:, None] * math.pi / 180
s = angle.cos() * ahead + angle.sin() * aside / aside.norm()                     # (5, D)
turned = torch.zeros(5, D, dtype=torch.float64), torch.eye(D, dtype=torch.float64) + 20 * s[:, :, None] * s[:, None, :]
look7, rate7 = grokking.stages(2500, per_decade=80), grokking.pace(x, 2.0, EPS).item()
now7, fit7 = grokking.follow(turned, x.expand(5, -1, -1), y.expand(5, -1), 2.0, EPS, rate7, look7)
loss7 = grokking.mean_loss(*grokking.form(now7, turned, 2.0, EPS), b)
clock7 = rate7 * torch.tensor(look7, dtype=torch.float64)
first = torch.stack([grokking.mean_loss(*grokking.lazy(turned[0][k], turned[1][k], x, y, EPS), b) for k in range(5)])
late = torch.stack([crossing(clock7, loss7[:, k], 0.1) / crossing(clock7, fit7[:, k], 0.1) for k in range(5)])

# %% [markdown]
# Left, three of the five angles; right, the delay, and how good the first kernel is, for all.

# %%
fig, (left, right) = plot.figure(columns=2, width=5.0, height=3.5)
for k, color in ((0, plot.GREEN), (2, plot.YELLOW), (4, plot.PURPLE)):
    left.plot(clock7[1:], loss7[1:, k], color=color, label=f"{ANGLES[k]} degrees")
    left.plot(clock7[1:], fit7[1:, k], color=color, ls="--", lw=1.3)
left.plot([], [], "k--", lw=1.3, label="training"), left.legend(fontsize=10, loc="upper right")
left.set(xscale="log", xlabel="time", ylabel="mean square error", ylim=(0, 1.25), title="test (full) and training (dashed)")
right.plot(ANGLES, late, "o-", color=plot.RED, label="delay (ratio of times)")
right.plot(ANGLES, 10 * first, "s--", color="k", label="test loss of the first kernel, x 10")
right.set(xlabel="angle between features and task, degrees", ylim=(0, None), xticks=ANGLES), right.legend(fontsize=10)
show(fig, alt="Left, test and training errors over time for three angles: when the first features face the task the two "
              "fall close to each other, at 90 degrees the test error stays up long after the training error has fallen. "
              "Right, delay and test loss of the first kernel rise with the angle, the delay up to 75 degrees.")

# %% [markdown]
# Facing the task, the test loss follows in about twice the time (1.8 to 2.3 times over five seeds); at a right angle it takes
# 5.4 to 6.8 times as long. The first kernel's own test loss, which one can compute before training, says it in advance.

# %%
claim("grok.turn", facing=late[0], across=min(late[4], clock7[-1] / crossing(clock7, fit7[:, 4], 0.1)),
      kernel_facing=first[0], kernel_across=first[4])

# %% [markdown]
# ## 8 · How many points
#
# The paper's second condition: enough points that the network can generalise at all, not so many that test and training loss
# fall together. How many is too many can be counted here.

# %%
ask("grok.window")

# %% [markdown]
# With $D = 30$, from 45 to 700 points, at three scales:

# %%
COUNTS, SCALES = [45, 60, 90, 130, 180, 240, 320, 420, 495, 700], [0.5, 1.0, 2.0]
x30, y30, b30 = grokking.draw_task(30, 700, lab.rng("many points"))
look8, window = grokking.stages(1500), {}
for n in COUNTS:                                       # the first n of the same 700 points
    rate8 = grokking.pace(x30[:n], torch.tensor(SCALES), 0.5, share=0.6).double()
    now8, fit8 = grokking.follow(grokking.wide(30), x30[:n].expand(3, -1, -1), y30[:n].expand(3, -1), torch.tensor(SCALES), 0.5,
                                 rate8, look8)
    loss8 = grokking.mean_loss(*grokking.form(now8, grokking.wide(30), torch.tensor(SCALES), 0.5), b30)
    window[n] = (torch.tensor(look8, dtype=torch.float64)[:, None] * rate8, fit8, loss8,
                 grokking.mean_loss(*grokking.lazy(*grokking.wide(30), x30[:n], y30[:n], 0.5), b30))
late8 = torch.tensor([[float(crossing(w[0][:, k], w[2][:, k], 0.1)) / float(crossing(w[0][:, k], w[1][:, k], 0.1))
                       for k in range(3)] for w in window.values()])             # (10, 3)

# %% [markdown]
# Choose a number of points and a scale.

# %%
def by_points(points=180, alpha=1.0):
    """Curves for one number of points, and the delay over all of them."""
    k, (t, fit, loss, fixed) = SCALES.index(alpha), window[points]
    fig, (left, right) = plot.figure(columns=2, width=5.0, height=3.6)
    fig.set_layout_engine(None)
    fig.subplots_adjust(left=0.06, right=0.99, bottom=0.16, top=0.9)
    left.plot(t[1:, k], fit[1:, k], color=plot.BLUE, label="training")
    left.plot(t[1:, k], loss[1:, k], color=plot.RED, label="test")
    left.axhline(fixed, color="k", ls=":", lw=1.5, label="first kernel")
    left.set(xscale="log", xlim=(1, 2e4), ylim=(0, 1.5), xlabel="time", ylabel="mean square error", title=f"{points} points")
    left.set(xticks=[1, 10, 100, 1000, 10000], xticklabels=["1", "10", "100", "1,000", "10,000"], yticks=[0, 0.5, 1, 1.5])
    left.minorticks_off(), left.legend(loc="upper right", fontsize=10)
    ok = late8[:, k].isfinite()
    right.plot(torch.tensor(COUNTS)[ok], late8[ok, k], "o-", color=plot.RED)
    never = torch.tensor(COUNTS)[~ok]
    right.plot(never, torch.full((len(never),), 25.0), "x", color=plot.GREY, ms=9, label="not in this time")
    right.axvline(grokking.features(30), color="k", ls=":", lw=1.5, label="495 points")
    right.axvline(points, color=plot.BLUE, lw=6, alpha=0.2)
    right.set(xscale="log", yscale="log", ylim=(1, 32), xlabel="training points", title=f"delay at scale {alpha:g}")
    right.set(xticks=[45, 90, 180, 320, 700], xticklabels=["45", "90", "180", "320", "700"])
    right.set(yticks=[1, 2, 5, 10, 20], yticklabels=["1", "2", "5", "10", "20"])
    right.minorticks_off(), right.legend(loc="lower left", fontsize=10)
    return fig


explore(by_points, points=COUNTS, alpha=SCALES,
        alt="Left, training and test error over time with 180 points: the test error falls much later than the training "
            "error. Right, the delay over the number of points: crosses for the smallest numbers, where the test error "
            "does not become small, then a delay that falls from above three to between one and two near 495 and beyond.")

# %% [markdown]
# Too few: the points are fitted, the test loss never gets low. Too many: the fixed kernel finds the rule itself, exactly from
# 495 points on, and there is little to wait for. Grokking lives between.

# %%
ok = late8[:, 1].isfinite()
claim("grok.window", few=window[45][2][-1, 1], fitted=window[45][1][-1, 1], middle=late8[ok, 1].max(), many=late8[-1, 1],
      enough=window[495][3])

# %% [markdown]
# ## 9 · Digits
#
# Real images next: MNIST digits, 14 by 14 pixels, turned into their 40 first principal components and brought to the variance
# $1/D$ each. To the same network we put two kinds of question. One is like the task so far: half the square of a hidden
# direction of the image. The others are what one asks of digits: *is it a 0?*, *is it a 1?*, and so on (target 2 for yes, 0 for no).

# %%
ask("grok.digits")

# %%
from tutorial_lib import digits

data = digits()
small, small_test = (torch.nn.functional.avg_pool2d(v, 2).flatten(1).double() for v in (data.x_train, data.x_test))
middle = small.mean(0)
spread, axes_ = torch.linalg.eigh((small - middle).T @ (small - middle) / len(small))
whiten = axes_[:, -D:] / (D * spread[-D:]).sqrt()      # (196, 40)
chosen = torch.randperm(len(small), generator=lab.rng("digits"))[:P]
z, z_test = (small[chosen] - middle) @ whiten, (small_test - middle) @ whiten     # (280, 40), (4000, 40)
_, _, hidden = grokking.draw_task(D, 1, lab.rng("hidden direction"))
asked = [grokking.target(z, hidden)] * 3 + [2.0 * (data.y_train[chosen] == k).double() for k in range(10)]
truth9 = [grokking.target(z_test, hidden)] * 3 + [2.0 * (data.y_test == k).double() for k in range(10)]
scales9 = torch.tensor([0.25, 1.0, 4.0] + [4.0] * 10, dtype=torch.float64)

# %% [markdown]
# Thirteen networks, one after the other in the same few lines: three scales for the hidden direction, then ten digits at
# $\alpha = 4$. The test loss is a mean over 4,000 test images now; real images are not Gaussian, and no closed form is had.

# %%
look9, rate9 = grokking.stages(2000), grokking.pace(z, scales9, EPS, share=0.45)
now9, fit9 = grokking.follow(BORN, z.expand(13, -1, -1), torch.stack(asked), scales9, EPS, rate9, look9)
linear, quadratic = grokking.form(now9, BORN, scales9, EPS)
pairs9 = (z_test[:, :, None] * z_test[:, None, :]).flatten(1)                    # (4000, 1600)
answers = linear @ z_test.T + quadratic.flatten(2) @ pairs9.T                    # (looks, 13, 4000)
loss9 = (answers - torch.stack(truth9)).square().mean(-1)                        # (looks, 13)
clock9 = torch.tensor(look9, dtype=torch.float64)[:, None] * rate9

# %% [markdown]
# What a test loss can reach differs between questions now. So *low* is: nine tenths of the way down. Down to 0 for training
# losses, and for the hidden direction, which the network can learn perfectly; for the labels, which it cannot, down to the
# smallest test loss that it reaches.

# %%
def nine_tenths(t, losses, floor):
    """When a loss has gone nine tenths of its way down; where it never does, the end of training."""
    return min(float(crossing(t, losses, (0.1 * losses[0] + 0.9 * floor).item())), t[-1].item())


late9 = [nine_tenths(clock9[:, k], loss9[:, k], 0.0 if k < 3 else loss9[:, k].min()) / nine_tenths(clock9[:, k], fit9[:, k], 0.0)
         for k in range(13)]
K9 = kernel(*BORN, z, z, EPS)
face = [float(cka(K9, gram(v))) for v in asked[2:]]

# %% [markdown]
# Errors as shares of their beginning; right, each question's delay beside how well the first kernel is aligned with it.

# %%
fig, axes = plot.figure(columns=3, width=3.9, height=3.5)
for ax, k, title in ((axes[0], 2, r"hidden direction, $\alpha$ = 4"), (axes[1], 3, r"is it a 0?  $\alpha$ = 4")):
    ax.plot(clock9[1:, k], fit9[1:, k] / fit9[0, k], color=plot.BLUE, label="training")
    ax.plot(clock9[1:, k], loss9[1:, k] / loss9[0, k], color=plot.RED, label="test")
    ax.set(xscale="log", xlabel="time", ylim=(0, 1.5), title=title), ax.legend(loc="upper right", fontsize=10)
axes[0].set_ylabel("error, beginning = 1")
axes[2].scatter(face[:1], late9[2:3], color=plot.PURPLE, s=60, label="hidden direction")
axes[2].scatter(face[1:], late9[3:], color=plot.GREEN, s=40, label="is it a k?")
axes[2].set(xlabel="first kernel's alignment with the question", ylabel="delay", yscale="log", ylim=(0.05, 60))
axes[2].set(yticks=[0.1, 1, 10], yticklabels=["0.1", "1", "10"]), axes[2].legend(loc="upper right", fontsize=10)
show(fig, alt="Left, for the hidden direction the test error falls long after the training error. Middle, for the question "
              "whether it is a zero both fall together from the start, the test error ending at a part of its beginning. Right, the delay "
              "over the alignment of the first kernel: large for the hidden direction, about one or less for most of the ten "
              "digits, among which it rises with the alignment.")

# %%
claim("grok.digits", low=late9[0], high=late9[2], labels=max(late9[3:]))

# %% [markdown]
# The same images, the same network, the same scale: the question decides. For the hidden direction the dial works on real data
# as it did on Gaussians. For the labels there is little to lengthen: images of one digit are alike, the first kernel knows it, and for
# most digits the test loss has gone its way before the training loss has (the longest of the ten delays was 1.1 to 1.6 over
# five seeds, that of the hidden direction 2.6 to 4.5 at the smallest scale and 9 to 17 at the largest). Among the ten digits the
# alignment does not order the delays (in the draw we looked at they rise with it): one number is a coarse gauge, and labels that
# the network cannot learn perfectly are measured down to another floor.
#
# The paper does show a delay on MNIST labels, controlled by the output scale: with a deep relu network whose weights begin 150
# times as large as usual, with AdamW and weight decay, over 250,000 steps. That is beyond a minute. With relu networks of usual
# weights and plain gradient descent we found none, at any scale, on plain digits and on digits beside a brighter one that
# counts for nothing (one draw each; the numbers are in the list of claims).

# %% [markdown]
# ## 10 · Where this breaks
#
# - **One model.** That test loss, kernel and training are exact depends on a quadratic nonlinearity and fixed output weights.
#   The paper's theory is for this model as well; transformers and modular arithmetic are experiments there.
# - **A delay is not defined by nature.** Ratio or difference, 0.1 or nine tenths of the way: in section 6 the choice turned
#   a conclusion around. Say which.
# - **Accuracy exaggerates.** With labels that are right or wrong, a smooth fall of the loss looks like a leap. The authors warn
#   of this and look at losses; so did we.
# - **Not every delay is this one.** Weight decay, noise and special optimisers make delays of their own, and the paper does
#   not say otherwise. What it shows is that none of them is *needed*.
# - **The kernel may move first.** On image tasks others found it moving well before the test accuracy (Xingyu Zheng and others,
#   2024). That lazy becomes rich explains why generalising can come late, not why it comes when it does.

# %% [markdown]
# ## What we saw
#
# - Two moments of the weights carry test loss, kernel and training of the network, exactly; its plateau is regression with the
#   kernel it was born with.
# - The scale of the output is a dial: the larger, the lazier, the longer the wait, as a ratio and in steps, while the weights
#   grow by just what the task needs, and the kernel turns to the task.
# - Three conditions, each of which ends the delay when it fails: features that do not face the task (turn them), a number of
#   points in a window (from too few to $D(D+3)/2$), a lazy beginning (lower the scale).
#
# Two questions to take along.

# %%
ask("grok.close_norm")
ask("grok.close_three")

# %% [markdown]
# **References.** T. Kumar, B. Bordelon, S. J. Gershman and C. Pehlevan, *Grokking as the Transition from Lazy to Rich Training
# Dynamics* (2024), arXiv:2310.06110: the abstract (the three conditions) and the caption of Figure 1, which places the polynomial
# regression in section 5. We read these, an overview, and the code of the experiments (a copy is in the repository
# giovana-morais/amlds_final_project), from which sizes, steps and the way of counting are taken; not the full text. A. Power
# and others, *Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets* (2022), arXiv:2201.02177. L.
# Chizat, E. Oyallon and F. Bach, *On Lazy Training in Differentiable Programming* (2019), arXiv:1812.07956: the output scale. X.
# Zheng, K. Daruwalla, A. Benjamin and D. Klindt, *Delays in Generalization Match Delayed Changes in Representational Geometry*
# (2024). That training closes on the moments, the twin, the turned features and the limit $D(D+3)/2$ are ours. Digits: MNIST,
# see the data's card.
#
# **Next:** [33 Connectivity rank](33_connectivity_rank.ipynb): a network is lazy or rich, too, by how its first weights are
# made. Back to the [map](../00_start_here.ipynb).
