# ---
# jupyter:
#   course:
#     id: "10"
#     title: Gaussians and KL
#     belief: KL is what it costs, in nats, to believe the wrong distribution, and the direction you measure it in decides which wrong one you settle for.
#     papers: []
#     needs: []
#     minutes: {read: 30, do: 40}
#     track: core
#     goals:
#       - score points and draw samples with a Gaussian, and say how far off an average of samples is
#       - compute the KL between two Gaussians, and predict which fit each of its directions prefers
#       - get a gradient through a random draw in two ways, and say which one you can afford
#     discuss: You may fit one Gaussian to the incomes of two very different towns, in either direction of the KL. Who is served badly by each fit, and which error would you rather explain?
#     when_late: Skip the diagonal Gaussian of two measurements and the fit by draws; keep the two directions and both explorers.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 · Gaussians and KL
#
# *At the end you will believe this: KL is what it costs, in nats, to believe the wrong distribution, and the direction
# you measure it in decides which wrong one you settle for.*

# %%
import math

import torch

from tutorial_lib import ask, check, explore, plot, show, start

lab = start("10")

# %% [markdown]
# **You will be able to**
#
# - score points and draw samples with a Gaussian, and say how far off an average of samples is;
# - compute the KL between two Gaussians, and predict which fit each of its directions prefers;
# - get a gradient through a random draw in two ways, and say which one you can afford.
#
# Two questions first, on what this chapter leans on: a little probability and a little calculus.

# %%
ask("gaussians.recall_density")
ask("gaussians.recall_log_derivative")

# %% [markdown]
# ## 1 · How much ink is in a digit?
#
# Take 20,000 handwritten digits and weigh each one: add up its 784 pixels, which run from 0 (paper) to 1 (ink). That
# gives one number per image, its ink, in black pixels.

# %%
from tutorial_lib import digits

data = digits()
ink = data.x_train.flatten(1).sum(-1)                  # (20000,)
ink_mu, ink_sigma = ink.mean(), ink.std()
print(f"mean {ink_mu:.1f} pixels, standard deviation {ink_sigma:.1f} pixels, variance {ink_sigma**2:.0f} pixels squared")

fig, (ax,) = plot.figure(width=6.4, height=3.0)
_ = ax.hist(ink, bins=90, density=True, color=plot.GREY)
ax.set(xlabel="ink of an image, in black pixels", ylabel="share per pixel", title="20,000 digits, weighed")
show(fig, alt="Histogram of the ink of 20,000 digits: a single hump with its peak near 95 pixels, reaching from 20 to about "
              "250, with a longer tail to the right than to the left.")

# %% [markdown]
# One hump, two numbers to describe it: where it sits, and how wide it is. The distribution that is *made* of these two
# numbers is the **Gaussian**
#
# $$\mathcal N(x;\mu,\sigma^2) = \frac{1}{\sqrt{2\pi}\,\sigma}\;e^{-\frac12\left(\frac{x-\mu}{\sigma}\right)^2}.$$
#
# $\mu$ is the mean. $\sigma$ is the **standard deviation**, a width in the unit of $x$; its square $\sigma^2$ is the
# **variance**. The notation names the variance, `.std()` and a picture show the standard deviation, and mixing up the
# two is the commonest bug in this part of the course. Before the curve is laid over the histogram, look at its tails:

# %%
ask("gaussians.tails")

# %% [markdown]
# Lay the curve over the histogram, and count the images that are more than three standard deviations from the mean.

# %%
z = (ink - ink_mu) / ink_sigma                         # how many standard deviations from the mean
expected = len(ink) * torch.special.ndtr(torch.tensor(-3.0)).item()
seen = {"Gaussian,\neither side": expected, "digits,\nbelow -3": (z < -3).sum().item(), "digits,\nabove 3": (z > 3).sum().item()}

fig, (left, right) = plot.figure(columns=2, width=4.9, height=3.2)
x = torch.linspace(0, 260, 300)
_ = left.hist(ink, bins=90, density=True, color=plot.GREY)
density = (-0.5 * ((x - ink_mu) / ink_sigma) ** 2).exp() / (math.sqrt(2 * math.pi) * ink_sigma)
plot.lines(left, x, {"": density}, xlabel="ink, in black pixels", ylabel="share per pixel", title="same mean, same width",
           color=plot.BLUE)
plot.bars(right, seen, ylabel="images of 20,000", title="beyond 3 standard deviations", colors=[plot.BLUE, plot.GREY, plot.GREY])
show(fig, alt="Left, the histogram of ink with the fitted Gaussian curve: close, but the data lean to the left of the curve's "
              "peak and have a longer right tail. Right, bars: the Gaussian expects 27 images beyond three standard "
              "deviations on either side; the digits have 0 below and 101 above.")

# %% [markdown]
# Good in the middle, wrong in the tails: the digits are lopsided, and a Gaussian cannot be. How much does such an error
# cost? For that we need to score a distribution.

# %% [markdown]
# ## 2 · Scoring a point
#
# The score is the logarithm of the density. Logarithms turn products into sums and survive numbers like
# $10^{-300}$; with the natural logarithm the unit is the **nat** (0.69 nats are one bit).
#
# $$\log \mathcal N(x;\mu,\sigma^2) = -\tfrac12\log 2\pi - \log\sigma - \tfrac12\Big(\frac{x-\mu}{\sigma}\Big)^2$$

# %%
def log_density(x, mu, sigma):
    """log N(x; mu, sigma^2) in nats; sigma is the standard deviation."""
    sigma = torch.as_tensor(sigma)
    return -0.5 * math.log(2 * math.pi) - sigma.log() - 0.5 * ((x - mu) / sigma).square()


# %% [markdown]
# (A log density depends on the unit of $x$: in millimetres of ink it would be another number. Differences of two of them do
# not.) Turned around, $-\log\mathcal N$ is a **cost**: how surprised the Gaussian is by $x$. The middle term charges for being
# wide, the last one for draws that lie outside. Averaged over 4,000 fresh test images, the cost says how well the Gaussian
# fits. What if its width is wrong?

# %%
ask("gaussians.too_narrow")

# %% [markdown]
# The mean stays as fitted on the 20,000 images, the standard deviation is halved, kept, doubled. The cost is that of test
# images which the fit has not seen.

# %%
fresh = data.x_test.flatten(1).sum(-1)                 # (4000,)
for factor in (0.5, 1.0, 2.0):
    cost = -log_density(fresh, ink_mu, factor * ink_sigma).mean()
    print(f"{factor:3} times the fitted width: {cost:.3f} nats per image")

# %% [markdown]
# Both errors cost, and too narrow costs more: a Gaussian that is too sure of itself is surprised again and again.

# %% [markdown]
# **More dimensions.** Neural networks answer with many numbers at once. A Gaussian with a *diagonal* covariance gives each of
# $K$ coordinates its own $\mu_k$ and $\sigma_k$ and lets them be independent. Densities multiply, so logarithms add. And
# networks speak of $\log\sigma_k^2$, the **log variance**, because it may be any number, negative ones included:
#
# $$\log \mathcal N(x;\mu,\mathrm{diag}\,\sigma^2) = -\tfrac12\sum_{k=1}^{K}\Big(\log 2\pi + \log\sigma_k^2 +
# \Big(\frac{x_k-\mu_k}{\sigma_k}\Big)^2\Big).$$
#
# The function is nearly written. Fill the two blanks.

# %%
def gaussian_log_density(x, mu, logvar):
    """log N(x; mu, diag exp logvar) in nats.  x, mu, logvar: (..., K) -> (...)"""
    sigma = ...                                        # the standard deviation, from logvar = log sigma^2
    per_dimension = -0.5 * (math.log(2 * math.pi) + ... + ((x - mu) / sigma).square())
    return per_dimension.sum(-1)


# %%
gaussian_log_density = check("distributions.gaussian_log_density", gaussian_log_density)

# %% [markdown]
# In one dimension it must say what `log_density` says; the log variance is $2\log\sigma$.

# %%
by_hand = log_density(fresh, ink_mu, ink_sigma)                                          # (4000,)
one_dimension = gaussian_log_density(fresh[:, None], ink_mu[None], 2 * ink_sigma.log()[None])
assert torch.allclose(by_hand, one_dimension, atol=1e-4)
print("with K = 1 both functions agree on", len(fresh), "images")

# %% [markdown]
# ## 3 · Drawing, and averaging
#
# To draw from $\mathcal N(\mu, \mathrm{diag}\,\sigma^2)$, draw standard noise and stretch it:
#
# $$x = \mu + \sigma\,\varepsilon, \qquad \varepsilon \sim \mathcal N(0, I).$$
#
# For a second measurement beside the ink, take the six middle rows of an image and ask how widely the ink is spread from
# left to right: again a standard deviation, of the ink's column. It is small for a 1 and large for a 0.

# %%
def middle_spread(images):
    """How spread out the ink is, left to right, in rows 11 to 16, in pixels.  (N, 28, 28) -> (N,)"""
    weight = images[:, 11:17].mean(1)                                  # (N, 28) ink per column
    weight = weight / weight.sum(-1, keepdim=True)
    column = torch.arange(28.0)
    centre = (weight * column).sum(-1, keepdim=True)                   # (N, 1)
    return (weight * (column - centre).square()).sum(-1).sqrt()


# %% [markdown]
# Fit a diagonal Gaussian to the pairs (ink, spread), one mean and one standard deviation for each, and draw 3,000 new pairs.

# %%
spread = middle_spread(data.x_train)
two = torch.stack([ink, spread], -1)                                   # (20000, 2)
eps = torch.randn(3000, 2, generator=lab.rng("draws in two dimensions"))
drawn = two.mean(0) + two.std(0) * eps                                 # (3000, 2)

fig, axes = plot.figure(columns=2, width=4.6, height=3.4, sharex=True, sharey=True)
for ax, points, title in zip(axes, (two[:3000], drawn), ("3,000 digits", "3,000 draws, diagonal Gaussian")):
    ax.scatter(*points.T, s=6, alpha=0.35, linewidths=0, color=plot.BLUE)
    ax.set(xlabel="ink, in black pixels", title=title)
axes[0].set_ylabel("spread in the middle, pixels")
show(fig, alt="Two scatter plots of ink against spread. Digits: a slanted cloud, more ink goes with more spread, with a dense "
              "streak at the bottom left. Diagonal Gaussian: a round upright cloud of the same centre and widths, without slant.")

# %% [markdown]
# Same centre, same two widths, no slant: that is what *diagonal* means. Part of what you see on the left, the Gaussian
# cannot say.

# %% [markdown]
# Draws are good for **averages**. An expectation $\mathbb E_p[f(x)]$ is an integral, often one that nobody can solve. With
# $S$ draws it becomes a mean, and the spread of the values says how far off that mean typically is, its **standard error**:
#
# $$\mathbb E_p[f(x)] \approx \hat f = \frac1S\sum_{s=1}^{S} f(x_s), \qquad
# \text{off by about}\quad \frac{\mathrm{std}\big(f(x_1),\dots,f(x_S)\big)}{\sqrt S}.$$

# %%
def monte_carlo(f, samples):
    """The mean of f over samples, and its standard error.  samples: (S, ...), f: (S, ...) -> (S,); two numbers"""
    ...  # your code here: return mean, error


# %%
monte_carlo = check("distributions.monte_carlo", monte_carlo)

# %% [markdown]
# Weigh a hundred images in place of 20,000. How far off are we, and does the standard error say so?

# %%
some = data.x_train[torch.randint(len(ink), (100,), generator=lab.rng("a hundred images"))]
mean, error = monte_carlo(lambda images: images.flatten(1).sum(-1), some)
print(f"from 100 images: {mean:.1f} ± {error:.1f} pixels of ink; all 20,000: {ink_mu:.1f}")

# %% [markdown]
# An image has 784 numbers. Surely it takes more draws to average over such a space than over a line?

# %%
ask("gaussians.dimension")

# %% [markdown]
# Two functions of an image: its ink, made of all 784 numbers, and the darkness of one pixel in the middle, made of a single
# one. For each number of draws, 300 averages of each are made. Their typical error is the root of the mean squared one; the
# dashed lines are what the standard error predicts from the spread of each function.

# %%
counts, rng = [10, 30, 100, 300, 1000, 3000], lab.rng("errors of averages")
functions = {"ink (784 numbers)": ink, "one pixel (1 number)": data.x_train[:, 14, 14]}
off = {name: [] for name in functions}
for n in counts:
    drawn_images = torch.randint(len(ink), (300, n), generator=rng)   # 300 times n images
    for name, f in functions.items():
        errors = f[drawn_images].mean(-1) - f.mean()                   # (300,)
        off[name].append(errors.square().mean().sqrt().item())

# %%
fig, (ax,) = plot.figure(width=6.0, height=3.4)
plot.lines(ax, counts, off, xlabel="number of draws", ylabel="typical error, in the unit of f",
           title="300 averages of each size", marker="o", ls="")
for f in functions.values():
    ax.plot(counts, [f.std() / math.sqrt(n) for n in counts], "k--", lw=1)
ax.set(xscale="log", yscale="log")
show(fig, alt="Typical error of an average against the number of draws, both axes logarithmic. The points for the ink and for "
              "a single pixel lie on two parallel falling dashed lines, each ten times lower for a hundred times the draws.")

# %% [markdown]
# What counts is the spread of $f$, not the number of dimensions behind it (though the spread of some functions grows with
# the dimension, as section 6 will show). This is one reason why a model of images with a
# million pixels can be trained on averages over 64 of them. The price: one more digit takes a hundred times the draws.

# %% [markdown]
# ## 4 · The price of believing the wrong one
#
# Draws come from $q$, and you score them with $p$. Compared with someone who knows $q$, you pay too much, on average
#
# $$\mathrm{KL}(q\,\|\,p) = \mathbb E_{q}\big[\log q(x) - \log p(x)\big] \qquad\text{nats per draw},$$
#
# the **Kullback-Leibler divergence**. It is never negative: since $\log t \le t - 1$, we have
# $-\mathrm{KL}(q\,\|\,p) = \mathbb E_q[\log\frac pq] \le \mathbb E_q[\frac pq - 1] \le 1 - 1 = 0$ (where $q$ is zero, $p$ need not
# be, hence the second $\le$), and it is zero only where $p = q$. It is infinite if $q$ draws where $p$ says never. And it is no
# distance: exchange $q$ and $p$ and another number comes out.

# %% [markdown]
# **Between two Gaussians** it needs no draws. In one dimension the difference of the two log densities is
#
# $$\log q(x) - \log p(x) = -\tfrac12\log\sigma_q^2 - \frac{(x-\mu_q)^2}{2\sigma_q^2}
# + \tfrac12\log\sigma_p^2 + \frac{(x-\mu_p)^2}{2\sigma_p^2},$$
#
# and the average over $x\sim q$ needs two facts alone: $\mathbb E_q(x-\mu_q)^2 = \sigma_q^2$, which is what variance means,
# and $\mathbb E_q(x-\mu_p)^2 = \sigma_q^2 + (\mu_q-\mu_p)^2$. With them, and a sum over independent coordinates,
#
# $$\mathrm{KL}(q\,\|\,p) = \tfrac12\sum_{k=1}^K\Big(\frac{\sigma_{q,k}^2}{\sigma_{p,k}^2} +
# \frac{(\mu_{q,k}-\mu_{p,k})^2}{\sigma_{p,k}^2} - 1 - \log\frac{\sigma_{q,k}^2}{\sigma_{p,k}^2}\Big).$$
#
# Here is this line as a colleague wrote it.

# %%
def kl_from_the_wild(mu_q, logvar_q, mu_p, logvar_p):
    ratio = (logvar_q - logvar_p).exp()
    distance = (mu_q - mu_p).square() * (-logvar_q).exp()
    return 0.5 * (ratio + distance - 1 - (logvar_q - logvar_p)).sum(-1)


# %% [markdown]
# She was careful, and checked it in three ways on 10,000 random pairs of Gaussians.

# %%
a, b, c, d = torch.randn(4, 10_000, 2, generator=lab.rng("three checks"))      # means and log variances of 10,000 pairs
print("1. zero for equal Gaussians:  ", torch.equal(kl_from_the_wild(a, b, a, b), torch.zeros(10_000)))
print("2. never negative:            ", kl_from_the_wild(a, b, c, d).min().item() >= -1e-6)
known = 0.5 * ((a - c).square() / b.exp()).sum(-1)                             # equal widths: known in closed form
print("3. right for equal widths:    ", torch.allclose(kl_from_the_wild(a, b, c, b), known, atol=1e-4))

# %% [markdown]
# Three times yes. Now the fourth check, the one that asks the definition itself: draw from $q$, average the difference of
# the log densities, with your functions from above.

# %%
q, p = torch.tensor([[1.0, -0.5], [-1.5, 0.5]]), torch.tensor([[0.0, 0.5], [0.5, 0.0]])     # rows: mean, log variance
draws = q[0] + (0.5 * q[1]).exp() * torch.randn(20_000, 2, generator=lab.rng("fourth check"))      # (20000, 2)
mean, error = monte_carlo(lambda x: gaussian_log_density(x, *q) - gaussian_log_density(x, *p), draws)
print(f"from 20,000 draws: {mean:.3f} ± {error:.3f} nats;  the colleague's formula: {kl_from_the_wild(*q, *p):.3f} nats")

# %% [markdown]
# It is far outside of the error. Find the bug, and write the function as it should be.

# %%
def kl_gaussians(mu_q, logvar_q, mu_p, logvar_p):
    """KL(q || p) in nats between Gaussians with diagonal covariances.  All (..., K) -> (...)"""
    ...  # your code here


# %%
kl_gaussians = check("distributions.kl_gaussians", kl_gaussians)

# %% [markdown]
# Repaired, it agrees with the draws. And it is no distance: the same pair, the other way round.

# %%
print(f"KL(q || p) = {kl_gaussians(*q, *p):.3f} nats,  KL(p || q) = {kl_gaussians(*p, *q):.3f} nats")

# %% [markdown]
# **Against the standard normal**, $p = \mathcal N(0, I)$, set $\mu_p = 0$ and $\sigma_p = 1$. What is left is the price that
# chapter 11 puts on every code:
#
# $$\mathrm{KL}\big(\mathcal N(\mu,\mathrm{diag}\,\sigma^2)\,\|\,\mathcal N(0, I)\big) =
# \tfrac12\sum_{k=1}^K\big(\mu_k^2 + \sigma_k^2 - 1 - \log\sigma_k^2\big).$$

# %%
shift, width, zero = torch.linspace(-3, 3, 121)[:, None], torch.logspace(-1.5, 0.6, 120)[:, None], torch.zeros(1)
fig, (left, right) = plot.figure(columns=2, width=4.6, height=3.2, sharey=True)
plot.lines(left, shift[:, 0], {"": kl_gaussians(shift, zero, zero, zero)}, xlabel=r"mean $\mu$, with $\sigma = 1$",
           ylabel="nats", title="the price of a place")
plot.lines(right, width[:, 0], {"": kl_gaussians(zero, 2 * width.log(), zero, zero)},
           xlabel=r"standard deviation $\sigma$, with $\mu = 0$", ylabel="", title="the price of a width")
right.set(xscale="log", ylim=(0, 5))
show(fig, alt="Left, KL to the standard normal against the mean: a parabola, half a nat at 1, two nats at 2. Right, against the "
              "standard deviation on a logarithmic axis: zero at 1, rising slowly to the left, to 3 nats at 0.03, "
              "and steeply to the right, 5 nats near 3.7.")

# %% [markdown]
# One standard deviation away costs half a nat, two cost two. On the right, being sharper is the cheaper side: each further
# halving of $\sigma$ adds about 0.69 nats, one bit, for one more binary digit of precision. In section 2 it was the other way
# round, too narrow cost more. There the data drew and the Gaussian whose width we changed was the scorer; here that Gaussian
# draws, and $\mathcal N(0, 1)$ scores. Both times the same thing is expensive: *draws that land where the scorer says almost
# never*. Who draws and who scores is the whole question.

# %% [markdown]
# ## 5 · Which way round?
#
# A distribution with two humps: the middle spread of the ones and of the zeros. For $p$ we take the sum of two
# Gaussians, one fitted to each digit, weighted by how many there are:
#
# $$\log p(x) = \log\sum_j w_j\,\mathcal N(x; m_j, s_j^2).$$

# %%
humps = [spread[data.y_train == digit] for digit in (1, 0)]
parts = [(len(h) / sum(map(len, humps)), h.mean(), h.std()) for h in humps]    # weight, mean, standard deviation


def log_p(x):
    """The two humps, in nats."""
    return torch.logsumexp(torch.stack([math.log(w) + log_density(x, m, s) for w, m, s in parts]), 0)


for digit, (w, m, s) in zip((1, 0), parts):
    print(f"digit {digit}: weight {w:.2f}, mean {m:.2f}, standard deviation {s:.2f} pixels")

# %% [markdown]
# The curve $p$ over the images that it was made from:

# %%
grid = torch.linspace(-16, 24, 801)                    # four standard deviations beyond every q below
fig, (ax,) = plot.figure(width=6.4, height=3.0)
_ = ax.hist(torch.cat(humps), bins=70, density=True, color=plot.GREY)
plot.lines(ax, grid, {"p": log_p(grid).exp()}, xlabel="spread of the ink in the middle, in pixels", ylabel="share per pixel",
           title="ones and zeros", color="k")
ax.set_xlim(-1, 10)
show(fig, alt="Histogram of the middle spread of ones and zeros: a tall narrow hump near 1.2 pixels for the ones, a low broad one "
              "near 6 for the zeros, almost nothing between; the curve p follows both.")

# %% [markdown]
# Now you may keep **one** Gaussian $q$. Choose its $\mu$ and $\sigma$ so that the KL is smallest. In which direction?

# %%
ask("gaussians.seek")
ask("gaussians.cover")

# %% [markdown]
# On a line no sampling is needed, the integral is a sum over a fine grid. We try 6,000 Gaussians, all pairs of 81 means and
# 77 widths, and keep the best in each direction.
#
# $$\mathrm{KL}(a\,\|\,b) = \int a(x)\,\big(\log a(x) - \log b(x)\big)\,dx$$

# %%
def kl_on_grid(log_a, log_b):
    """KL(a || b) in nats from log densities on the grid.  (..., X) -> (...)"""
    return torch.trapezoid(log_a.exp() * (log_a - log_b), grid)


# %% [markdown]
# The log densities of all candidates are made once and kept, so that the explorers below can reuse them.

# %%
mus, sigmas = torch.meshgrid(torch.linspace(0, 8, 81), torch.linspace(0.2, 4, 77), indexing="ij")      # (81, 77)
log_qs = log_density(grid, mus[..., None], sigmas[..., None])                                          # (81, 77, 801)
qs = log_qs.exp()


def both_ways(log_p_grid):
    """For every q: KL(q || p) and KL(p || q).  (X,) -> two (81, 77)"""
    q_to_p = torch.trapezoid(qs * (log_qs - log_p_grid), grid)         # kl_on_grid(log_qs, log_p), with qs at hand
    return q_to_p, kl_on_grid(log_p_grid, log_qs)


# %% [markdown]
# The winner of each direction, with its price in both:

# %%
q_to_p, p_to_q = both_ways(log_p(grid))
best = {"KL(q || p)": q_to_p.argmin(), "KL(p || q)": p_to_q.argmin()}
print("smallest      mu   sigma   KL(q || p)   KL(p || q)")
for name, i in best.items():
    print(f"{name} {mus.flatten()[i]:6.2f} {sigmas.flatten()[i]:7.2f} {q_to_p.flatten()[i]:12.2f} {p_to_q.flatten()[i]:12.2f}")

curves = {f"q with the smallest {name}": log_qs.flatten(0, 1)[i].exp() for name, i in best.items()}
fig, (ax,) = plot.figure(width=6.8, height=3.4)
ax.fill_between(grid, log_p(grid).exp(), color="#dddddd", label="p")
plot.lines(ax, grid, curves, xlabel="spread of the ink in the middle, in pixels", ylabel="density per pixel", title="")
ax.set_xlim(-3, 11)
show(fig, alt="p with its two humps in grey. The q with the smallest KL(q || p) is a narrow Gaussian on the tall left hump, "
              "higher than p there and absent from the right one. The q with the smallest KL(p || q) is a wide low "
              "Gaussian centred in the gap between the humps, reaching over both and below zero.")

# %% [markdown]
# The picture to remember.
#
# **KL(q ‖ p) averages over $q$.** It charges $q$ for being where $p$ is not, and nothing for what it leaves out. So $q$
# picks one hump: it is *mode-seeking*. On that hump $p$ is $q$ times the hump's weight, so $\log q - \log p = -\log w$, and
# the bill is $-\log 0.53 = 0.63$ nats. The hump of the zeros would cost $-\log 0.47 = 0.76$.
#
# **KL(p ‖ q) averages over $p$.** It charges $q$ for missing what $p$ has. So $q$ reaches over both humps: it is
# *mode-covering*, and has its peak in the gap, where hardly any image is. Only $-\mathbb E_p[\log q]$ depends on $q$; setting its
# derivatives to zero gives the mean and the standard deviation of $p$. Fitting a model to data is this direction, and
# section 1 already did it.

# %% [markdown]
# Now be the optimiser. Find the best $q$ by hand, first for one bar, then for the other. Then set $\sigma$ to 1, go through the
# gap from hump to hump, and watch the left bar.

# %%
def try_q(mu=3.5, sigma=2.5):
    """One Gaussian over the two humps, with its price in both directions."""
    log_q = log_density(grid, mu, sigma)
    prices = {r"KL(q $\|$ p)": kl_on_grid(log_q, log_p(grid)), r"KL(p $\|$ q)": kl_on_grid(log_p(grid), log_q)}
    fig, (left, right) = plot.figure(columns=2, width=4.8, height=3.4, width_ratios=[3, 2])
    left.fill_between(grid, log_p(grid).exp(), color="#dddddd")
    plot.lines(left, grid, {"": log_q.exp()}, xlabel="middle spread, pixels", ylabel="density", title="p (grey) and your q")
    left.set(xlim=(-3, 11), ylim=(0, 1.0))
    right.bar([f"{name}\n{price:.2f} nats" for name, price in prices.items()], list(prices.values()),
              color=[plot.BLUE, plot.RED], width=0.6)
    right.set(ylim=(0, 3), ylabel="nats (cut off at 3)", title="the price")
    for place, least in enumerate((q_to_p.min(), p_to_q.min())):
        right.plot([place - 0.4, place + 0.4], [least, least], "k--", lw=1.2)
    return fig


explore(try_q, mu=(0.0, 8.0, 0.1), sigma=(0.2, 4.0, 0.1),
        alt="Left, the two humps of p in grey and one wide Gaussian q over both. Right, two bars with the price of q in each "
            "direction, and dashed lines at the smallest prices: KL(q || p) is 1.54 nats, above its best of 0.63; KL(p || q) "
            "is 0.61, at its best.")

# %% [markdown]
# From hump to hump the left bar first rises, then falls: two valleys with a ridge between, and whoever only walks downhill
# stays on the side where they began. The right bar has one valley.

# %% [markdown]
# Do the two directions always part? Bring the humps together, or make one of them small.

# %%
def gap(distance=4.8, share_of_ones=0.53):
    """The best q in both directions when the second hump stands `distance` pixels from the first."""
    (_, m1, s1), (_, _, s0) = parts
    weights = math.log(share_of_ones), math.log(1 - share_of_ones)
    log_two = torch.logaddexp(weights[0] + log_density(grid, m1, s1), weights[1] + log_density(grid, m1 + distance, s0))
    fig, (ax,) = plot.figure(width=7.4, height=3.4)
    ax.fill_between(grid, log_two.exp(), color="#dddddd", label="p")
    for table, name, color in zip(both_ways(log_two), (r"KL(q $\|$ p)", r"KL(p $\|$ q)"), (plot.BLUE, plot.RED)):
        i = table.argmin()
        mu, sigma = mus.flatten()[i].item(), sigmas.flatten()[i].item()
        ax.plot(grid, log_density(grid, mu, sigma).exp(), color=color,
                label=f"smallest {name}: {table.min():.2f} nats\n$\\mu$ = {mu:.1f}, $\\sigma$ = {sigma:.2f}")
    ax.set(xlim=(-3, 11), ylim=(0, 1.0), xlabel="pixels", ylabel="density", title="the best q in each direction")
    ax.legend(loc="upper right")
    return fig


explore(gap, distance=(0.0, 6.0, 0.1), share_of_ones=(0.05, 0.95, 0.01),
        alt="Two humps 4.8 pixels apart in grey; the q with the smallest KL(q || p) sits on the left hump, the q with the "
            "smallest KL(p || q) spans both.")

# %% [markdown]
# Close together, the two fits nearly agree, and there is little to choose. As the gap opens they part, first gradually; a little
# above 4 pixels the blue curve jumps, from one step to the next, onto the narrow hump. From there on the weights decide: give
# the ones less than about half, and it moves to the zeros.

# %% [markdown]
# ## 6 · A gradient through a draw
#
# With more than a few dimensions there is no grid. One has draws from $q$ and wants to move $q$ so that an expectation grows
# or shrinks: a derivative of $\mathbb E_{q}[f(x)]$ with respect to the parameters of the distribution *that is drawn from*. There
# are two ways, here for the mean $\mu$ of $q = \mathcal N(\mu,\sigma^2)$.
#
# **The score function.** Differentiate the density under the integral, and use $\partial q = q\,\partial\log q$ (the second
# recall question):
#
# $$\frac{\partial}{\partial\mu}\mathbb E_q[f(x)] = \int f(x)\,\frac{\partial q(x)}{\partial\mu}\,dx =
# \mathbb E_q\Big[f(x)\,\frac{\partial\log q(x)}{\partial\mu}\Big] = \mathbb E_\varepsilon\Big[f(\mu+\sigma\varepsilon)\,\frac{\varepsilon}{\sigma}\Big].$$

# %%
def score_gradient(f, mu, sigma, eps):
    """One estimate of d/dmu E[f(x)] for each draw of the noise, from values of f.  eps: (S,) -> (S,)"""
    return f(mu + sigma * eps) * eps / sigma


# %% [markdown]
# **The path.** Write the draw as $x = \mu + \sigma\varepsilon$. Now $\varepsilon$ knows nothing of $\mu$, so the derivative
# may go inside, along the path from $\mu$ to $x$ to $f$. This is the *reparameterised* gradient:
#
# $$\frac{\partial}{\partial\mu}\mathbb E_q[f(x)] = \mathbb E_\varepsilon\Big[\frac{\partial}{\partial\mu} f(\mu+\sigma\varepsilon)\Big]
# = \mathbb E_\varepsilon\big[f'(\mu+\sigma\varepsilon)\big].$$

# %%
def pathwise_gradient(f, mu, sigma, eps):
    """The same, from the derivative of f.  eps: (S,) -> (S,)"""
    x = (mu + sigma * eps).requires_grad_()
    return torch.autograd.grad(f(x).sum(), x)[0]


# %% [markdown]
# A case where the answer is known: $f(x) = x^2$ has $\mathbb E_q[f] = \mu^2 + \sigma^2$ and the derivative $2\mu$. Both ways are
# right on average. The question is how many draws it takes to notice.

# %%
ask("gaussians.noisier")

# %% [markdown]
# A hundred thousand draws, the same noise for both, at two widths of $q$. The variance of one draw is what decides: $S$ draws
# divide it by $S$.

# %%
eps, one = torch.randn(100_000, generator=lab.rng("two gradients")), torch.tensor(1.0)
print("sigma   way                mean ± standard error   variance of one draw   (right: 2)")
for sigma in (1.0, 0.1):
    for way in (score_gradient, pathwise_gradient):
        mean, error = monte_carlo(lambda e: way(torch.square, one, sigma, e), eps)
        variance = (error * math.sqrt(len(eps))).item() ** 2
        print(f"{sigma:5}   {way.__name__:18} {mean:6.3f} ± {error:.4f} {variance:24.2f}")

# %% [markdown]
# The derivative of $f$ tells each draw which way is up. The score function has to find that out by comparing values at
# random places, and divides by $\sigma$ as it does so. Worse, it feels what should not matter. Add 100 to $f$, and the
# gradient is what it was:

# %%
for f, name in ((torch.square, "x^2"), (lambda x: 100 + x.square(), "100 + x^2")):
    mean, error = monte_carlo(lambda e: score_gradient(f, one, 1.0, e), eps)
    print(f"score function, f = {name:10} {mean:6.3f} ± {error:.4f}")

# %% [markdown]
# **Stretch.** When $f$ has no derivative (it counts, it rounds, it is a game that is won or lost), the path is closed and the
# score function is what remains. Write a steadier one, from values of $f$ alone: unbiased for every draw and every $f$, and clearly less noisy
# on $100 + x^2$. It is judged by these two properties, so there is more than one right answer.

# %%
def steadier_gradient(f, mu, sigma, eps):
    """Estimates of d/dmu E[f(x)] from values of f alone, one for each draw, unbiased.  eps: (S,) -> (S,)"""
    ...  # your code here: what may you take off f without changing the average?


# %%
steadier_gradient = check("gaussians.steadier_gradient", steadier_gradient)

# %% [markdown]
# Now all three side by side, over the width of $q$ and over the number of dimensions. In $K$ dimensions take
# $f(x) = \sum_k x_k^2$ and look at the gradient for the first mean alone, still 2: the other coordinates only add to the value
# of $f$.

# %%
def spread_of(way, sigma, K):
    """The standard deviation of one estimate of the first mean's gradient, f = sum of squares in K dimensions."""
    eps = torch.randn(4000, K, generator=lab.rng("spreads"))
    rest = (1.0 + sigma * eps[:, 1:]).square().sum(-1)                 # (4000,) what the other coordinates add
    return way(lambda x: x.square() + rest, one, sigma, eps[:, 0]).std().item()


ways = {"score function": score_gradient, "steadier": steadier_gradient, "pathwise": pathwise_gradient}
widths, sizes = [0.03, 0.1, 0.3, 1.0], [1, 4, 16, 64, 256]

fig, (left, right) = plot.figure(columns=2, width=4.7, height=3.5, sharey=True)
plot.lines(left, widths, {name: [spread_of(way, s, 1) for s in widths] for name, way in ways.items()}, marker="o",
           xlabel=r"standard deviation $\sigma$ of q", ylabel="std of one estimate", title="one dimension")
plot.lines(right, sizes, {name: [spread_of(way, 0.5, k) for k in sizes] for name, way in ways.items()}, marker="o",
           xlabel="dimensions K", ylabel="", title=r"$\sigma = 0.5$")
for ax in (left, right):
    ax.set(xscale="log", yscale="log")
    ax.axhline(2, color="k", ls="--", lw=1)
_ = right.get_legend().remove(), right.annotate("the gradient itself", (270, 2.3), ha="right", fontsize=10)
show(fig, alt="Standard deviation of one gradient estimate, logarithmic axes, dashed line at the gradient itself, 2. Left, "
              "against sigma: the pathwise one falls with sigma, the score function grows as sigma shrinks, the steadier "
              "one stays near 3. Right, against the number of dimensions: pathwise stays at 1, the steadier one grows to about "
              "30, the score function to several hundred.")

# %% [markdown]
# Narrow clouds and many dimensions are what an encoder has, so a variational autoencoder takes the path. In chapter 11 the
# line $z = \mu + \sigma\varepsilon$ returns for that reason.
#
# A last picture puts the chapter together: the fit of section 5 without a grid. Each step draws sixteen points from $q$,
# averages $\log q - \log p$ over them, and goes downhill along the path.

# %%
def fit_by_draws(first_mu, steps=400, draws=16):
    """Minimise KL(q || p) by gradients through draws; returns mu and sigma after each step.  -> (steps, 2)"""
    mu, log_sigma = (torch.tensor(v, requires_grad=True) for v in (first_mu, math.log(2.0)))
    optimiser, rng, path = torch.optim.SGD([mu, log_sigma], lr=0.05), lab.rng("fit by draws"), []
    for _ in range(steps):
        sigma = log_sigma.exp()
        path.append((mu.item(), sigma.item()))
        x = mu + sigma * torch.randn(draws, generator=rng)             # (16,)
        loss = (log_density(x, mu, sigma) - log_p(x)).mean()           # KL(q || p), estimated
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return torch.tensor(path)


# %% [markdown]
# Two starts, left and right of the middle, over a map of the prices that we know from the grid:

# %%
paths = {first: fit_by_draws(first) for first in (2.0, 4.5)}
fig, (ax,) = plot.figure(width=6.6, height=4.0)
_ = ax.contourf(mus, sigmas, q_to_p, levels=[0.6, 0.7, 0.8, 1, 1.25, 1.5, 2, 3, 5, 100], cmap="Greys", norm="log", alpha=0.7)
for (first, path), color in zip(paths.items(), (plot.BLUE, plot.RED)):
    ax.plot(*path.T, color=color, lw=1.5, label=f"from {first}: {path[-100:, 0].mean():.2f}, {path[-100:, 1].mean():.2f}")
    ax.plot(*path[0], "o", color=color, ms=8)
ax.set(xlabel=r"$\mu$, pixels", ylabel=r"$\sigma$, pixels", title=r"KL(q $\|$ p), darker is dearer")
ax.legend(title=r"mean of the last 100: $\mu$, $\sigma$")
show(fig, alt="Map of KL(q || p) over mu and sigma with two pale valleys, one at mu 1.2 and sigma 0.45, one at mu 6 and sigma "
              "1.2, and a darker ridge between. Two noisy paths of gradient steps: one starts at mu 2 and ends in the left "
              "valley, the other starts at 4.5 and ends in the right one.")

# %% [markdown]
# Two starts, two answers, 0.63 and 0.75 nats. Draws from $q$ never show it the hump it has left, so nothing tells it to go
# back. (Try the score function in its place: on a line it does nearly as well. Its noise comes with dimensions.)

# %% [markdown]
# ## 7 · Where this breaks
#
# **A small standard error is no proof.** For any $q$, the average of $p(x)/q(x)$ over draws of $q$ is 1, because $p$
# integrates to 1. Take the $q$ that sits on the ones:

# %%
mu, sigma = mus.flatten()[best["KL(q || p)"]], sigmas.flatten()[best["KL(q || p)"]]
draws = mu + sigma * torch.randn(10_000, generator=lab.rng("a confident average"))
mean, error = monte_carlo(lambda x: (log_p(x) - log_density(x, mu, sigma)).exp(), draws)
print(f"from 10,000 draws: {mean:.3f} ± {error:.3f};  right: 1")

# %% [markdown]
# It is off by hundreds of standard errors. The other half of $p$ was never drawn, and the error is computed from what was drawn.
# Chapter 13 meets this again.

# %% [markdown]
# **The Gaussian itself.** It cannot lean, and it gives ink below zero a chance. Another family with two numbers, the gamma
# distribution, leans and stays above zero. And a diagonal Gaussian ignores the slant of section 3; one with a full
# covariance does not. What do these buy, in nats per test image?

# %%
from scipy.stats import gamma

shape, _, scale = gamma.fit(ink.numpy(), floc=0)
pairs = torch.stack([fresh, middle_spread(data.x_test)], -1)                   # (4000, 2)
diagonal = gaussian_log_density(pairs, two.mean(0), two.var(0).log()).mean()
full = torch.distributions.MultivariateNormal(two.mean(0), two.T.cov()).log_prob(pairs).mean()
print(f"ink:            Gaussian {-one_dimension.mean():.3f}, gamma {-gamma.logpdf(fresh.numpy(), shape, scale=scale).mean():.3f} nats")
print(f"ink and spread: diagonal {-diagonal:.3f}, full {-full:.3f} nats")

# %% [markdown]
# - The lean is worth three hundredths of a nat, the slant sixteen: a wrong tail is cheap as long as few draws land there.
#   Average costs are forgiving about rare things, and so is everything trained on them.
# - **The path needs a path.** If $f$ has steps, its derivative is 0 almost everywhere and the pathwise gradient is 0, quietly.
#   And if $f$ wiggles, the derivative is large where the values are not: for $f(x) = \sin 20x$ and $\sigma = 1$ it is the
#   noisier of the two, as the last cell shows.

# %%
# "+ 0 * x" lets autograd follow f to x; the slope that it finds there is 0
for way in (score_gradient, pathwise_gradient):
    print(f"{way.__name__:18} f = sin 20x: {way(lambda x: (20 * x).sin(), one, 1.0, eps).std():6.2f} standard deviation,",
          f"f = (x > 1): mean {way(lambda x: (x > 1).float() + 0 * x, one, 1.0, eps).mean():.3f} (right: 0.399)")

# %% [markdown]
# ## What we saw
#
# - A Gaussian scores a point in nats and draws one as $\mu + \sigma\varepsilon$, with $\sigma$ the standard deviation. An
#   average of $S$ draws is off by about std$/\sqrt S$ in any number of dimensions, provided the draws see what matters.
# - The KL between Gaussians is a line of algebra. KL(q ‖ p) seeks a hump and leaves the rest; KL(p ‖ q) covers all and fills
#   the gaps. Where $p$ has one hump, they hardly differ.
# - A gradient goes through a draw by the score function, from values alone, or along the path, from derivatives. Both are
#   unbiased; for smooth $f$, narrow clouds and many dimensions, the path needs far fewer draws.
#
# Two questions to take along.

# %%
ask("gaussians.close_direction")
ask("gaussians.close_width")

# %% [markdown]
# **References.** S. Kullback and R. A. Leibler, *On information and sufficiency* (1951): the divergence. C. M. Bishop, *Pattern
# Recognition and Machine Learning* (2006): section 1.6.1 (KL is never negative), section 10.1.2 and figure 10.3 (one Gaussian,
# two humps, both directions). D. P. Kingma and M. Welling, *Auto-Encoding Variational Bayes* (2014), arXiv:1312.6114:
# section 2.4 (the path), appendix B (the KL to the standard normal). R. J. Williams, *Simple statistical gradient-following
# algorithms for connectionist reinforcement learning* (1992): the score function and its baseline. W. Kool, H. van Hoof and
# M. Welling, *Buy 4 REINFORCE samples, get a baseline for free* (ICLR 2019 workshop), after A. Mnih and D. J. Rezende (2016),
# arXiv:1602.06725: the other draws as the baseline. S. Mohamed, M. Rosca, M. Figurnov and A. Mnih, *Monte Carlo gradient
# estimation in machine learning* (2020), arXiv:1906.10652: all of section 6, and when the path is the noisier way. Digits:
# MNIST, copyright Yann LeCun and Corinna Cortes, CC BY-SA 3.0.
#
# **Next:** [11 What a VAE is](11_what_a_vae_is.ipynb) gives every image a Gaussian of its own, and charges it the KL of
# section 4. Back to the [map](../00_start_here.ipynb).
