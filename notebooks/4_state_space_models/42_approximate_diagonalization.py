# ---
# jupyter:
#   course:
#     id: "42"
#     title: Approximate diagonalization
#     belief: Nearly the same system for every input you try can still be a wrong system for some input, and diagonalising a slightly wrong matrix is better than leaving a part of the right one out.
#     papers: [ptd]
#     needs: ["41"]
#     minutes: {read: 40, do: 45}
#     track: extended
#     goals:
#       - say why LegS has eigenvectors on paper and none in a computer, and measure it
#       - find the waves at which a diagonal stand-in fails, and at which step they exist in a sampled input
#       - perturb, then diagonalise, and choose the size of the perturbation from a bound and from the digits at hand
#     discuss: Your supplier offers a part that agrees with the old one in every test you ran. Which tests would you have to run before you believed that it agrees in all of them?
#     when_late: Skip the pseudospectrum and section 7; keep the running mean, the closed form, the bound and the trade.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 42 · Approximate diagonalization
#
# *At the end you will believe this: nearly the same system for every input you try can still be a wrong system for some input,
# and diagonalising a slightly wrong matrix is better than leaving a part of the right one out.*

# %%
import math

import numpy as np
import torch

from tutorial_lib import ask, check, claim, digits, explore, hippo, minibatches, plot, series, show, ssm, start, train

lab = start("42")

# %% [markdown]
# **You will be able to**
#
# - say why LegS has eigenvectors on paper and none in a computer, and measure it;
# - find the waves at which a diagonal stand-in fails, and at which step they exist in a sampled input;
# - perturb, then diagonalise, and choose the size of the perturbation from a bound and from the digits at hand.
#
# From [41 Memory from polynomials](41_memory_from_polynomials.ipynb) we take LegS: $\dot x = Ax + Bu$ with $N$ numbers in the
# state, which are the past in Legendre polynomials of $e^{-s}$, time in units of the timescale. Two questions first.

# %%
ask("diagonalize.recall_mean")
ask("diagonalize.recall_diagonal")

# %% [markdown]
# ## 1 · A running mean that does not average
#
# LegS has a full matrix: $N^2$ multiplications a step. In 2022 a diagonal stand-in was published, **S4D-LegS**: take $A$,
# leave one simple part of it out, halve $B$, and what remains can be diagonalised at no loss. It is used widely, since for
# large $N$ it does what LegS does. The very first number of the state is easy to judge: $\dot x_0 = -x_0 + u$, a running
# mean. We show it a wave.

# %%
ask("diagonalize.mean")

# %% [markdown]
# A wave is $e^{i\omega t}$, of **frequency** $\omega$ in radians per timescale. On the left, its size in $x_0$, by frequency.
# On the right, what both systems make of a wave at $\omega = 81$ when they have read it for eight timescales.

# %%
from tutorial_lib import diagonalize

full, stand_in = hippo.legs(16), diagonalize.s4d(16)   # A, B of LegS; S, B / 2
omega_spike = diagonalize.spike(16)
omega = torch.cat((torch.logspace(-1, 2.5, 1500, dtype=torch.float64), hippo.s4d_legs(16)[0].imag)).sort().values
means = {name: diagonalize.response(*system, omega)[:, 0].abs() for name, system in (("LegS", full), ("S4D-LegS", stand_in))}
clock = torch.arange(0, 8, 1 / 512, dtype=torch.float64)
wave = (omega_spike * clock).cos()
read = {name: ssm.states(wave, *ssm.zero_order_hold(*system, 1 / 512))[:, 0] for name, system in (("LegS", full), ("S4D-LegS", stand_in))}

# %% [markdown]
# The same two colours in both:

# %%
fig, (left, right) = plot.figure(columns=2, width=4.9, height=3.4)
right.plot(clock[-256:], wave[-256:], color=plot.GREY, lw=1, label="input")
for (name, size), color in zip(means.items(), (plot.BLUE, plot.RED)):
    left.plot(omega, size, color=color, label=name)
    right.plot(clock[-256:], read[name][-256:], color=color)
left.axvline(omega_spike, color="k", ls=":", lw=1)
left.set(xscale="log", yscale="log", ylim=(2e-3, 2), xlabel=r"frequency $\omega$, radians per timescale", ylabel="size of the wave in $x_0$",
         title="a running mean, by frequency")
left.legend(loc="lower left")
right.set(xlabel="time, in timescales", ylabel="$u$ and $x_0$", title=rf"at $\omega$ = {omega_spike:.0f}", ylim=(-1.1, 1.1))
show(fig, alt="Left, the size of a wave in the running mean against its frequency, both axes logarithmic: LegS falls smoothly like one over the "
              "frequency; S4D-LegS follows it at first and then rises in a comb of spikes to about two thirds, the last at 81. Right, at that "
              "frequency, LegS is a flat line and S4D-LegS swings with two thirds of the input's height.")

# %% [markdown]
# At low frequencies the two agree. Then the stand-in ripples, beyond $\omega = N$ the ripples are spikes, and the last lets
# two thirds of a fast wave into the "mean". Why not diagonalise LegS itself, then?
#
# ## 2 · Eigenvectors that exist on paper
#
# The matrix of LegS is triangular with $-1, -2, \dots, -N$ on its diagonal: $N$ different eigenvalues, so there is a basis of
# eigenvectors, columns of a matrix $V$ with $A = V\,\mathrm{diag}(-1,\dots,-N)\,V^{-1}$. Chapter 41 even tells us which. The
# kernels of LegS are $e^{-s}L_n(e^{-s})$, and a mode that forgets at the rate $k+1$ is a power: $e^{-(k+1)s} = e^{-s}z^k$
# with $z = e^{-s}$. To diagonalise LegS is to write Legendre's polynomials in powers of $z$. Here is row $n = 15$ of that:

# %%
n = 15
row = [(-1) ** (n - k) * math.comb(n, k) * math.comb(n + k, k) for k in range(n + 1)]
print("P_15(2z - 1) in powers of z:", *row)

# %% [markdown]
# A polynomial that stays between $-1$ and $1$, from coefficients of ten thousand million that cancel. How much a change of
# coordinates can lose is its **condition** $\kappa(V) = \|V\|\,\|V^{-1}\|$, with columns of length 1: of 16 digits,
# $\log_{10}\kappa$ are at stake. (The norm of a matrix is, here and below, the most by which it lengthens a vector.)

# %%
ask("diagonalize.digits")

# %% [markdown]
# Three numbers for each $N$: $\kappa$ from the exact eigenvectors; what a solver in double precision believes; and $\kappa$
# after a random matrix $E$ of norm 0.1 was added to $A$ (the middle of five draws).

# %%
def random_part(N, size, rng, draws):
    """Several random E of one norm."""
    return [diagonalize.perturbation(N, size, rng) for _ in range(draws)]


rng, grid_N = lab.rng("condition"), (4, 8, 12, 16, 20, 24, 32, 40, 48, 64)
kappa = {"exact": [], "as a solver finds it": [], "after a perturbation of 0.1": []}
for N in grid_N:
    A = hippo.legs(N)[0]
    kappa["exact"].append(diagonalize.condition(*diagonalize.legs_eigenvectors(N)))
    kappa["as a solver finds it"].append(diagonalize.condition(torch.linalg.eig(A)[1]))
    after = [diagonalize.condition(torch.linalg.eig(A + E)[1]) for E in random_part(N, 0.1, rng, 5)]
    kappa["after a perturbation of 0.1"].append(sorted(after)[2])

# %% [markdown]
# The dashed line is where double precision ends:

# %%
fig, (ax,) = plot.figure(width=7.2, height=3.5)
for (name, values), color, mark in zip(kappa.items(), (plot.BLUE, plot.GREY, plot.GREEN), "o^s"):
    ax.plot(grid_N, values, color=color, marker=mark, label=name)
ax.axhline(2**52, color="k", ls="--", lw=1)
ax.set(yscale="log", xlabel="numbers in the state, $N$", ylabel=r"condition $\kappa$ of the eigenvectors", title="diagonalising LegS")
ax.legend()
show(fig, alt="The condition of the eigenvectors against N, logarithmic. The exact one is a straight line up to ten to the 47 at 64; the solver's "
              "follows it to about ten to the 17 and stays there; after a perturbation it climbs slowly to some hundred thousand.")

# %% [markdown]
# The exact line is straight: the problem gets worse exponentially, by a factor near $3 + 2\sqrt2 = 5.83$ for each number. The
# solver's line bends since its answers are noise from there on. One number that shows it, the matrix put together again:

# %%
def rebuilt(A):
    """Relative error of V diag(modes) V^-1 against A, in double precision."""
    modes, V = torch.linalg.eig(A)
    return ((V @ torch.diag(modes) @ torch.linalg.inv(V) - A).norm() / A.norm()).item()


A32 = hippo.legs(32)[0]
exact = torch.tensor([kappa["exact"][grid_N.index(N)] for N in (8, 16, 24, 32, 40, 48, 64)], dtype=torch.float64)
steps = torch.tensor([8.0, 8, 8, 8, 8, 16])
claim("ptd.ill_posed", factor=((exact[1:] / exact[:-1]) ** (1 / steps)).min(), lost=rebuilt(A32),
      perturbed=rebuilt(A32 + random_part(32, 0.1, lab.rng("rebuilt"), 1)[0]))

# %% [markdown]
# A *tiny* change of the matrix makes it possible to diagonalise. Keep that in mind. S4D's way out is another one, and a large
# change: it needs its own look.
#
# ## 3 · What S4D leaves out, exactly
#
# A constant wave in, a constant wave out: put $x(t) = x\,e^{i\omega t}$ and $u(t) = e^{i\omega t}$ into $\dot x = Ax + Bu$.
# What is left is algebra,
#
# $$i\omega\,x = A x + B \quad\Longrightarrow\quad x(\omega) = (i\omega - A)^{-1}B,$$
#
# and an output $y = Cx$ is $G(i\omega) = C(i\omega - A)^{-1}B$, the **transfer function**. Two blanks:

# %%
def response(A, B, omega):
    """The state that a wave of size 1 drives, (i omega - A)^-1 B.  A: (N, N), B: (N,), omega: (W,) -> (W, N)"""
    A = A.to(torch.complex128)
    shifted = ... * omega[:, None, None] * torch.eye(len(B)) - A                         # (W, N, N)
    return torch.linalg.solve(shifted, ...)[..., 0]


# %% [markdown]
# The check asks at three frequencies, and of two systems.

# %%
response = check("diagonalize.response", response)

# %% [markdown]
# Now LegS. Its matrix is a **normal** part (eigenvectors perpendicular, $\kappa = 1$) less one product of two vectors:
#
# $$A = S - \tfrac12 B B^\top, \qquad S + S^\top = -I .$$
#
# S4D-LegS keeps $S$, and $\tfrac12 B$. Write $x$ for LegS's state, $z = \tfrac12(i\omega - S)^{-1}B$ for that of S4D. From
# $(i\omega - S)x + \tfrac12 B\,(B^\top x) = B$,
#
# $$x = (2 - B^\top x)\; z .$$
#
# $B^\top x$ is one number. So at each frequency the two states point in the **same direction** and differ by one factor.
# Which? The kernels of LegS are polynomials, their waves a product of fractions, and the sum telescopes (try $N = 1$ and
# $2$):
#
# $$B^\top x = 1 - \Pi, \qquad \Pi(i\omega) = \prod_{k=0}^{N-1}\frac{i\omega - k}{i\omega + k + 1}, \qquad |\Pi| = \frac{\omega}{\sqrt{\omega^2 + N^2}},
# \qquad\text{so}\qquad z = \frac{x}{1 + \Pi}.$$

# %%
def product(N, omega):
    """Pi at each frequency.  omega: (W,) -> (W,)"""
    k = torch.arange(N)
    return ((1j * omega[:, None] - k) / (1j * omega[:, None] + k + 1)).prod(1)


Pi = product(16, omega)
x, z = response(*full, omega), response(*stand_in, omega)                                # (W, 16)
assert torch.allclose(z, x / (1 + Pi)[:, None])
assert torch.allclose(Pi, diagonalize.product(16, omega))
assert torch.allclose(Pi.abs(), omega / (omega**2 + 16**2).sqrt())

# %% [markdown]
# S4D-LegS is LegS behind a filter $1/(1+\Pi)$. The whole matter is now one curve in the plane: where is $\Pi$, and how close
# does it come to $-1$?

# %%
spiral = diagonalize.product(16, torch.logspace(-1.5, 3, 6000, dtype=torch.float64))
fig, (left, right) = plot.figure(columns=2, width=4.9, height=4.2)
left.plot(spiral.real, spiral.imag, color=plot.BLUE, lw=1.5)
left.plot(-1, 0, "x", color=plot.RED, ms=11, mew=3)
left.annotate("$-1$", (-1, 0), (-1.2, 0.1), fontsize=13)
left.set(aspect="equal", xlim=(-1.3, 1.15), ylim=(-1.15, 1.15), xlabel=r"real part of $\Pi$", ylabel="imaginary part", title=r"$\Pi(i\omega)$ from $\omega = 0$ outwards, $N = 16$")
right.plot(omega, diagonalize.amplification(16, omega), color=plot.RED)
right.axvline(16, color="k", ls=":", lw=1)
right.text(14.5, 25, "$N$", ha="right")
right.set(xscale="log", yscale="log", xlabel=r"frequency $\omega$", ylabel=r"S4D over LegS, $1/|1+\Pi|$", title="the filter")
show(fig, alt="Left, a spiral that starts at the origin and winds outwards to the unit circle, passing ever closer to minus one, which is marked. Right, "
              "the filter's gain against frequency: one at first, and from N on a comb of growing spikes, the last near 50.")

# %% [markdown]
# At a frequency far below $N$, $\Pi$ is near 0, of size $\omega/N$: **double $N$ and the error halves**, for any slow input.
# The spiral passes $-1$ once in each round, one round for each pair of modes. Below $N$ it does so at a distance, which makes
# the ripples; beyond $N$ it nears the circle, which makes the spikes. For $N = 16$ these are two, and the filter is highest at
# the last. It stands at the largest imaginary part of S4D's modes, near $N^2/\pi$; the size of $\Pi$ there leaves $1 - |\Pi|
# \approx \tfrac12(N/\omega)^2$.

# %%
ask("diagonalize.larger")

# %% [markdown]
# Find the height. This search was found in the wild; for $N = 64$ it reports a harmless factor. Find the bug.

# %%
def highest_from_the_wild(N):
    """The largest factor between S4D and LegS at any frequency."""
    return diagonalize.amplification(N, torch.logspace(-2, 2, 400, dtype=torch.float64)).max().item()


print(f"in the wild, N = 64: {highest_from_the_wild(64):.1f}")

# %% [markdown]
# Yours:

# %%
from tutorial_lib.diagonalize import amplification     # amplification(N, omega): (...) -> (...)


def highest(N):
    """The largest factor between S4D and LegS at any frequency, 1 / |1 + Pi|.  -> a number, to 1 %"""
    ...  # your code here


# %% [markdown]
# Where does a search have to look, and how finely?

# %%
highest = check("diagonalize.highest", highest)

# %% [markdown]
# With it, the claim in three readings: at a fixed frequency; in the running mean at the spike; and for the worst readout of
# length 1, whose error is the length of $z - x$.

# %%
NS = (16, 32, 64, 128)
slow, running, worst = [], [], []
for N in NS:
    at = torch.cat((torch.ones(1, dtype=torch.float64), hippo.s4d_legs(N)[0].imag))      # the last is the spike
    apart = response(*diagonalize.s4d(N), at) - response(*hippo.legs(N), at)             # (1 + N/2, N)
    slow.append(apart[0].norm().item()), running.append(apart[-1, 0].abs().item()), worst.append(apart.norm(dim=1).max().item())
    print(f"N = {N:3}: at 1 {slow[-1]:.4f}, running mean at {at[-1]:6.0f}: {running[-1]:.3f}, worst readout {worst[-1]:5.1f}, "
          f"factor {highest(N):5.0f}")

# %% [markdown]
# The first column halves with each row, the second stays, the third doubles, the last grows fourfold.

# %%
closed = (z - x / (1 + Pi)[:, None]).norm(dim=1) / z.norm(dim=1)
rate = math.log(slow[-1] / slow[0]) / math.log(NS[-1] / NS[0])
claim("ptd.weak", closed=closed.max(), slope=rate, mean=min(running), growth=worst[-1] / worst[0])

# %% [markdown]
# That is the difference between two kinds of convergence. **Weak**, or pointwise: for each input there is an $N$ from which
# on all is well. **Uniform**: there is an $N$ that serves all inputs. S4D-LegS has the first and not the second: enlarge the
# state, and the wave that breaks it becomes faster, not weaker. Move the frequency and the size, and see both systems answer.

# %%
READOUTS = {"running mean": 0.0, "input half a timescale ago": 0.5, "input a tenth ago": 0.1}


def compare(numbers=16, place=1.0, readout=0.0):
    """Both systems at a frequency, as a share of the spike's."""
    at = torch.tensor([place * diagonalize.spike(numbers)], dtype=torch.float64)
    C = hippo.legendre(numbers, torch.tensor(math.exp(-readout))) if readout else torch.eye(numbers, dtype=torch.float64)[0]
    around = torch.cat((torch.logspace(-1, 4, 500, dtype=torch.float64), hippo.s4d_legs(numbers)[0].imag)).sort().values
    fig, (left, right) = plot.figure(columns=2, width=4.9, height=3.3)
    left.plot(around, diagonalize.amplification(numbers, around), color=plot.GREY)
    left.axvline(at.item(), color=plot.RED, lw=1.2)
    left.set(xscale="log", yscale="log", ylim=(0.3, 1e4), xlabel=r"frequency $\omega$", ylabel="S4D over LegS")
    phase = torch.linspace(0, 4 * math.pi, 300)
    for (A, B), color, name in ((hippo.legs(numbers), plot.BLUE, "LegS"), (diagonalize.s4d(numbers), plot.RED, "S4D-LegS")):
        y = (diagonalize.response(A, B, at)[0] @ C.to(torch.complex128)).item()
        right.plot(phase / at.item(), abs(y) * (phase + math.atan2(y.imag, y.real)).cos(), color=color, label=f"{name}, size {abs(y):.3f}")
    right.set(xlabel="time, in timescales", ylabel="output", title=rf"$\omega$ = {at.item():.3g}: factor {diagonalize.amplification(numbers, at).item():.3g}")
    right.margins(y=0.35)
    right.legend(loc="upper right")
    return fig


explore(compare, numbers=[16, 8, 32, 64, 128], place=(0.01, 1.2, 0.01), readout=READOUTS,
        alt="Left, the factor between S4D and LegS by frequency for 16 numbers with a line at the last spike; right, the two outputs there: LegS "
            "nearly zero, S4D two thirds of the input.")

# %% [markdown]
# ## 4 · Perturb, then diagonalise
#
# Section 2 held the way out: a small random change of $A$ made its eigenvectors usable. So leave nothing out, and change a little
# instead. Take a matrix $E$ with norm $\|E\| = \varepsilon$, and
#
# $$A + E = V\,\mathrm{diag}(\lambda_1,\dots,\lambda_N)\,V^{-1}, \qquad x = Vh, \qquad \dot h = \mathrm{diag}(\lambda)\,h + V^{-1}B\,u, \qquad y = CV\,h .$$
#
# The paper calls it **perturb-then-diagonalise**, PTD. The eigenvectors are found to rounding error for a matrix that is
# $\varepsilon$ away from the one we wanted, which is what numerical analysts call backward stable.

# %%
def perturb_then_diagonalize(A, B, E):
    """A + E in the coordinates in which it is diagonal.  -> modes (N,), V^-1 B (N,), V (N, N), all complex"""
    ...  # your code here


# %% [markdown]
# Eigenvectors may come in any order and length; the check looks at what does not depend on that.

# %%
perturb_then_diagonalize = check("diagonalize.perturb_then_diagonalize", perturb_then_diagonalize)

# %% [markdown]
# How far off is it, at the worst frequency? Three lines answer it for every $E$. First, LegS loses: $A + A^\top = -(I +
# BB^\top)$, so for any vector $v$, $\mathrm{Re}\,v^*Av \le -\tfrac12\|v\|^2$, and $\|(i\omega - A)v\| \ge \tfrac12\|v\|$.
# Second, $E$ can take $\varepsilon$ of that away, no more: $\|(i\omega - A - E)v\| \ge (\tfrac12 - \varepsilon)\|v\|$. Third,
# the difference of two inverses:
#
# $$x_E - x = (i\omega - A - E)^{-1}\,E\,(i\omega - A)^{-1}B, \qquad\text{so}\qquad
# |G_E(i\omega) - G(i\omega)| \le \frac{2}{1 - 2\varepsilon}\cdot\varepsilon\cdot 2 = \frac{4\,\varepsilon}{1-2\varepsilon}$$
#
# with $\|B\| = \|C\| = 1$ and $\varepsilon < \tfrac12$. Neither $\omega$ nor $N$ is left in it. (The paper's theorem
# has $(2\ln N + 4)\,\varepsilon$ to first order; the short version above is ours.) The second line says, too, that $A + E$ stays
# stable. Tried:

# %%
SIZES = (1e-4, 1e-3, 1e-2, 1e-1)
waves = torch.cat((torch.zeros(1, dtype=torch.float64), torch.logspace(-1, 3.5, 20, dtype=torch.float64)))


def largest_change(N, E):
    """Of all waves, and for the worst B and C of length 1: the norm of the difference of two inverses."""
    A, B = hippo.legs(N)
    modes, _, V = perturb_then_diagonalize(A, B, E)
    s = 1j * waves[:, None, None]
    after, before = (V / (s - modes)) @ torch.linalg.inv(V), torch.linalg.inv(s * torch.eye(N) - A)      # (W, N, N)
    return torch.linalg.matrix_norm(after - before, 2).max().item()


rng, largest = lab.rng("linear"), {}
for N in (8, 16, 32, 64):
    for draw, direction in enumerate(random_part(N, 1.0, rng, 3)):
        for size in SIZES:
            largest[N, size, draw] = largest_change(N, size * direction)

# %% [markdown]
# Three random directions for each $N$, each at four lengths. Beside them S4D-LegS, which has no $\varepsilon$ to turn down,
# with LegS's own $B$ brought to length 1.

# %%
fig, (ax,) = plot.figure(width=7, height=3.7)
for N, color, mark in zip((8, 16, 32, 64), (plot.CYAN, plot.BLUE, plot.GREEN, plot.PURPLE), "osv^"):
    ax.plot(SIZES, [max(largest[N, size, d] for d in range(3)) for size in SIZES], color=color, marker=mark, label=f"PTD, $N = {N}$")
ax.plot(SIZES, [diagonalize.bound(size) for size in SIZES], "k--", lw=1, label=r"bound, $4\varepsilon/(1-2\varepsilon)$")
ax.axhline(worst[-1] / NS[-1], color=plot.RED, lw=1.5, ls=":", label="S4D-LegS, any $N$")     # the norm of B is N
ax.set(xscale="log", yscale="log", ylim=(1e-5, 2), xlabel=r"norm of the perturbation, $\varepsilon$", ylabel="largest error at any frequency",
       title="for the worst input vector and readout")
ax.legend(loc="upper left", fontsize=9)
show(fig, alt="Largest error over all frequencies against the norm of the perturbation, both axes logarithmic: straight lines of slope one for four sizes of "
              "the state, all below a dashed bound; a horizontal dotted line for S4D at about 0.6 lies far above most of them.")

# %% [markdown]
# Straight lines of slope 1 at every $N$; over five seeds the worst of them uses 0.21 to 0.30 of the bound.

# %%
slopes = [math.log10(largest[N, 1e-1, d] / largest[N, 1e-4, d]) / 3 for N in (8, 16, 32, 64) for d in range(3)]
claim("ptd.linear", slope=max(slopes, key=lambda slope: abs(slope - 1)), ours=max(e / diagonalize.bound(k[1]) for k, e in largest.items()),
      theirs=max(e / ((2 * math.log(k[0]) + 4) * k[1]) for k, e in largest.items()))

# %% [markdown]
# **Transfer.** Turn the bound round: no wave may change by more than `error` (for unit $B$ and $C$). How large may $E$ be?

# %%
def size_for(error):
    """The largest norm of E with 4 eps / (1 - 2 eps) <= error.  -> a number"""
    ...  # your code here


# %% [markdown]
# Algebra or search, as you like; it is judged to 1 %.

# %%
size_for = check("diagonalize.size_for", size_for)

# %% [markdown]
# ## 5 · The price
#
# Then why not $\varepsilon = 10^{-12}$? Look at where the eigenvalues go. Those of LegS are $-1, \dots, -N$. The coloured
# bands show $1/\|(\lambda - A)^{-1}\|$ for points $\lambda$ of the plane: where it is below $\varepsilon$, some $E$ with a norm
# below $\varepsilon$, complex numbers allowed, puts an eigenvalue exactly there. That region is the **pseudospectrum**. For a
# normal matrix it would be discs of radius $\varepsilon$ around the eigenvalues.

# %%
A24 = hippo.legs(24)[0]
re, im = torch.linspace(-30, 2, 48, dtype=torch.float64), torch.linspace(-30, 30, 49, dtype=torch.float64)
bands = -diagonalize.resolvent(A24, torch.complex(re[None, :], im[:, None])).log10().clamp(max=13)   # (49, 48): log of the eps needed
fig, (ax,) = plot.figure(width=7, height=4.6)
filled = ax.contourf(re, im, bands, levels=[-12, -10, -8, -6, -4, -2, -1, 0], cmap="Blues_r", extend="both")
for size, color, mark in ((0.1, plot.RED, "o"), (1e-4, plot.YELLOW, "^")):
    cloud = torch.cat([torch.linalg.eigvals(A24 + E) for E in random_part(24, size, lab.rng(f"cloud {size}"), 6)])
    ax.plot(cloud.real, cloud.imag, mark, color=color, ms=5, mew=0, label=rf"$A + E$, $\varepsilon$ = {size:g}, six draws")
ax.plot(A24.diag(), 0 * A24.diag(), "k.", ms=7, label="$A$")
ax.set(xlim=(-30, 2), ylim=(-30, 30), xlabel="real part", ylabel="imaginary part", title="where eigenvalues of LegS can be put, $N = 24$")
ax.legend(loc="lower left", frameon=True)
fig.colorbar(filled, label=r"log$_{10}$ of the norm it takes")
show(fig, alt="The left half plane in bands of blue by how small a perturbation puts an eigenvalue there, darkest around the middle of the real axis, "
              "where less than a millionth of a millionth is enough. Black dots are the eigenvalues of LegS; red dots of a perturbation of 0.1 lie on a wide arc far from "
              "them, yellow ones of 0.0001 on a narrower arc inside.")

# %% [markdown]
# A perturbation of 0.1 throws eigenvalues by ten and more, and yet no state that a wave drives changes by more than a few
# hundredths: for a matrix so far from normal, eigenvalues say little about what it does. The smaller $\varepsilon$, the
# closer the arcs move to the crowded middle, and the more parallel eigenvectors become. Their condition enters whatever is
# computed with rounded numbers: modes, $V^{-1}B$ and $CV$, as a model keeps them.

# %%
ask("diagonalize.small")

# %% [markdown]
# Nine norms, five draws each, $N = 64$: the condition, and the error of the states when the diagonal system is kept in double
# precision and in single precision. (Now with LegS's own $B$, whose states are at most 1 long.)

# %%
def price(N, size, rng, at, draws=5):
    """Condition, error in double, error in single precision: middle of several draws.  -> (3,)"""
    A, B = hippo.legs(N)
    x, rows = diagonalize.response(A, B, at), []
    for E in random_part(N, size, rng, draws):
        modes, b, V = diagonalize.perturb_then_diagonalize(A, B, E)
        errors = [(diagonalize.through_modes(modes, b, V, at, kind) - x).norm(dim=1).max() for kind in (torch.complex128, torch.complex64)]
        rows.append(torch.stack([torch.tensor(diagonalize.condition(V), dtype=torch.float64), *errors]))
    return torch.stack(rows).median(0).values


norms = torch.tensor([1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 2e-1, 3e-1], dtype=torch.float64)
at64 = torch.cat((torch.logspace(-2, 4, 60, dtype=torch.float64), hippo.s4d_legs(64)[0].imag))
rng = lab.rng("price")
paid = torch.stack([price(64, float(size), rng, at64) for size in norms])               # (9, 3)

# %% [markdown]
# Two panels, one scale of $\varepsilon$:

# %%
fig, (left, right) = plot.figure(columns=2, width=4.9, height=3.4)
left.plot(norms, paid[:, 0], color=plot.BLUE, marker="o")
left.set(xscale="log", yscale="log", xlabel=r"norm of the perturbation, $\varepsilon$", ylabel=r"condition $\kappa$", title="eigenvectors, $N = 64$")
right.plot(norms, paid[:, 1], color=plot.GREY, marker="s", label="double precision")
right.plot(norms, paid[:, 2], color=plot.RED, marker="o", label="single precision")
right.set(xscale="log", yscale="log", xlabel=r"norm of the perturbation, $\varepsilon$", ylabel="largest error of the state", title="distance to LegS")
right.legend()
show(fig, alt="Left, the condition falls like one over the norm of the perturbation, from near ten to the 9 to ten to the 5. Right, the largest error: in double "
              "precision it rises in proportion to the norm; in single precision it is V-shaped, lowest near a hundredth, and large at both ends.")

# %% [markdown]
# The condition goes roughly like one over the norm: its slope is $-0.88$ to $-1.01$ over five seeds. So one error grows with
# $\varepsilon$ and the other falls, and their sum is smallest near the place where they meet.

# %%
slope = np.polyfit(norms.log(), paid[:, 0].log(), 1)[0]
claim("ptd.price", slope=round(float(slope), 6), best=norms[paid[:, 2].argmin()],
      small=paid[0, 2] / paid[:, 2].min(), large=paid[-1, 2] / paid[:, 2].min())

# %% [markdown]
# Over five seeds the best norm was 0.01 or 0.03; at 0.3 the error was 11 to 14 times as large as there, at 0.00001 more than
# 500 times.
#
# S4D-LegS sits on the same scale, at its far end: its matrix is $A + E$ with $E = \tfrac12BB^\top$, of norm $N^2/2$ (2,048 for
# $N = 64$, four fifths of the norm of $A$), and its condition is 1; the halved $B$ makes up for some of it. The best-conditioned
# choice, and the largest perturbation. Between the ends is a choice: make it.

# %%
from functools import cache


@cache
def choice(numbers, exponent):
    """One PTD system: frequencies, errors by frequency in both precisions, S4D's error, condition, modes."""
    A, B = hippo.legs(numbers)
    at = torch.cat((torch.logspace(-1, 3.3, 150, dtype=torch.float64), hippo.s4d_legs(numbers)[0].imag)).sort().values
    x = diagonalize.response(A, B, at)
    E = diagonalize.perturbation(numbers, 10.0**exponent, lab.rng("trade"))
    modes, b, V = diagonalize.perturb_then_diagonalize(A, B, E)
    errors = [(diagonalize.through_modes(modes, b, V, at, kind) - x).norm(dim=1) for kind in (torch.complex128, torch.complex64)]
    apart = x.norm(dim=1) * (1 / (1 + diagonalize.product(numbers, at)) - 1).abs()
    return at, errors, apart, diagonalize.condition(V), modes


def trade(exponent=-1.0, numbers=32, precision="single"):
    """Modes of a perturbed LegS, and its error by frequency beside that of S4D."""
    at, errors, apart, condition, modes = choice(numbers, round(exponent, 2))
    fig, (left, right) = plot.figure(columns=2, width=4.9, height=3.5)
    left.plot(modes.real, modes.imag, "o", color=plot.BLUE, ms=5)
    left.plot(-torch.arange(1, numbers + 1), torch.zeros(numbers), "k.", ms=4)
    left.set(xlabel="real part", ylabel="imaginary part", title=rf"modes, condition {condition:.0e}")
    right.plot(at, apart, color=plot.RED, lw=1.2, label="S4D-LegS")
    right.plot(at, errors[precision == "single"], color=plot.BLUE, label=f"PTD, at most {errors[precision == 'single'].max():.1g}")
    right.set(xscale="log", yscale="log", ylim=(1e-7, 1e3), xlabel=r"frequency $\omega$", ylabel="error of the state",
              title=rf"$\varepsilon$ = {10**exponent:.1g}, {precision} precision")
    right.legend(loc="lower left")
    return fig


explore(trade, exponent=(-6.0, -0.5, 0.5), numbers=[16, 32, 64], precision=["single", "double"],
        alt="Left, the modes of LegS with 32 numbers after a perturbation of norm 0.1, on an arc around the real axis. Right, the error of the "
            "state by frequency: for the perturbed system a few hundredths at most, for S4D a rising line that ends in spikes of 20.")

# %% [markdown]
# The slider is $\log_{10}\varepsilon$. Go down in single precision until the blue line rises again; switch to double and go
# on. Then change $N$: does the best $\varepsilon$ move?
#
# ## 6 · Waves of steps
#
# Inputs come in steps of $\Delta$. Is there a wave at $\omega = 1303$, where the spike of $N = 64$ stands? In a step it turns
# by $\omega\Delta$ radians, and samples tell only turns below $\pi$ apart: faster waves look like slower ones, **folded**
# back into 0 to $\pi$. With a zero-order hold the system's own modes are folded in the same way. The bilinear rule moves
# frequencies instead, and folds none: $\theta = 2\arctan(\omega\Delta/2)$.

# %%
def angle(omega, dt, rule):
    """Radians a step of the wave at which a system in steps of dt answers as the equation does at omega.

    rule: "zoh" (folded into 0 to pi) or "bilinear" -> a number
    """
    ...  # your code here


# %% [markdown]
# Try `1303.3, 0.01` by hand first: how many whole turns is it?

# %%
angle = check("diagonalize.angle", angle)

# %% [markdown]
# For the spike of $N = 64$: the wave of steps at which it sits, and its size in the running mean of S4D, for five steps.

# %%
top = diagonalize.spike(64)
for dt in (1 / 2048, 1 / 1024, 1 / 512, 1 / 100, 1 / 32):
    sizes = []
    for rule, steps_of in (("zoh", ssm.zero_order_hold), ("bilinear", ssm.bilinear)):
        Abar, Bbar = (v.to(torch.complex128) for v in steps_of(*diagonalize.s4d(64), dt))
        turn = torch.polar(torch.tensor(1.0, dtype=torch.float64), torch.tensor(angle(top, dt, rule), dtype=torch.float64))
        sizes.append(f"{rule} at {angle(top, dt, rule):.3f}: {torch.linalg.solve(turn * torch.eye(64, dtype=torch.float64) - Abar, Bbar)[0].abs():.2f}")
    print(f"dt = 1/{1 / dt:4.0f}, omega dt = {top * dt:5.2f}:  " + ",  ".join(sizes))

# %% [markdown]
# The frequency exists as itself while $\Delta \le \pi/1303 = 1/415$ of a timescale. With a zero-order hold the spike shrinks as
# steps grow, because the input stands still while the mode goes round, and beyond $1/415$ it is folded onto a slower wave. What
# is left at $1/100$, 0.04, is about twice what LegS itself makes of a wave as slow as that (0.02). The bilinear rule keeps
# the spike, ever closer to $\pi$. There it even grows: `ssm.bilinear` takes the input at the end of a step, where the rule has
# the mean of both ends, and without that mean a wave comes out $1/\cos(\theta/2)$ times as large, 20 times at $\Delta = 1/32$.
# Steps between $1/1000$ and $1/10$ are where models of this kind begin.
#
# Now a record: carbon dioxide in the air at Mauna Loa, weekly since 1958, read with a timescale of 32 weeks and $N = 16$,
# whose spike at 81 becomes a wave of two and a half weeks. To the measurements we add such a wave of 1 ppm, a third of the
# size of the yearly wave, as a faulty pump might.

# %%
co2 = series()["co2"]
ppm = co2.values.double()
seen = ~ppm.isnan()
weeks = torch.arange(len(ppm), dtype=torch.float64)
ppm = torch.from_numpy(np.interp(weeks, weeks[seen], ppm[seen]))                         # 59 gaps, filled in straight
faulty = ppm + (angle(omega_spike, 1 / 32, "zoh") * weeks).cos()
A, B = full
E = diagonalize.perturbation(16, 0.01, lab.rng("air"))
smooth = {}
for name, system in (("LegS", full), ("S4D-LegS", stand_in), ("PTD", (A + E, B))):
    smooth[name] = ssm.states(faulty - ppm[0], *ssm.zero_order_hold(*system, 1 / 32))[:, 0] + ppm[0]

# %% [markdown]
# Six years of it. All three are meant to be the same running mean:

# %%
fig, axes = plot.figure(columns=3, width=3.5, height=3.1, sharex=True, sharey=True)
part = slice(1600, 1912)
for ax, (name, mean), color in zip(axes, smooth.items(), (plot.BLUE, plot.RED, plot.GREEN)):
    ax.plot(co2.t[part], faulty[part], color=plot.GREY, lw=0.5)
    ax.plot(co2.t[part], mean[part], color=color, lw=1.6)
    ax.set(xlabel="year", title=name)
axes[0].set_ylabel("carbon dioxide, ppm")
show(fig, alt="Three panels of the weekly carbon dioxide record with an added ripple in grey. The running means of LegS and of PTD are the same smooth wavy "
              "line that climbs; that of S4D-LegS is a thick band, since it follows the ripple.")

# %% [markdown]
# The middle one has not averaged the ripple. (PTD here has $\varepsilon = 0.01$. At a slow rise, as at all waves slow enough,
# S4D-LegS is the better stand-in: at frequency 0 it is exact, while PTD is off by a share of the rise, 1 ppm of 40 or so with
# $\varepsilon = 0.1$.) In numbers, over all readouts rather than one: $N = 64$, a step of $1/1024$, smooth random inputs,
# eight random readouts, and a wave of a tenth of the input's size at the spike. Beside it white noise of the same size, which
# has only a little at that frequency.

# %%
from tutorial_lib import memory

rng, dt = lab.rng("noise"), 1 / 1024
inputs = memory.band_limited(4, 4096, 1024, rng)
ripple = 0.1 * 2**0.5 * (angle(top, dt, "zoh") * torch.arange(4096)).cos()
hiss = 0.1 * torch.randn(4, 4096, generator=rng, dtype=torch.float64)
C = torch.randn(64, 8, generator=rng, dtype=torch.float64)
A64, B64 = hippo.legs(64)
compared = {"LegS": (A64, B64), "S4D-LegS": diagonalize.s4d(64), "PTD": (A64 + random_part(64, 0.1, rng, 1)[0], B64)}
outputs = {name: [ssm.states(u, *ssm.zero_order_hold(*system, dt))[:, 1024:] @ C for u in (inputs, inputs + ripple, inputs + hiss)]
           for name, system in compared.items()}
wanted = outputs["LegS"][0]
off = {name: [((y - wanted).norm() / wanted.norm()).item() for y in ys] for name, ys in outputs.items()}
for name, (clean, wave, white) in off.items():
    print(f"{name:9} off by {clean:.3f} on the clean input, {wave:.3f} with the wave, {white:.3f} with white noise")

# %% [markdown]
# The distance is to LegS on the clean input, as a share of its output.

# %%
claim("ptd.noise", s4d=off["S4D-LegS"][1], ptd=off["PTD"][1], legs=off["LegS"][1], clean=off["S4D-LegS"][0], white=off["S4D-LegS"][2])

# %% [markdown]
# Over five seeds S4D-LegS is off by 0.02 to 0.05 on the clean input, by 3.2 to 4.4 with the wave, and by 0.09 to 0.13 with
# white noise; PTD by 0.01 to 0.02 with the wave.
#
# ## 7 · After training
#
# All this was said of systems as they begin. Models train their modes and readouts; does the spike survive? The paper tested
# images of CIFAR pixel by pixel. Ours are the digits, 14 by 14 pixels as sequences of 196 numbers. The model is a small
# stack: a line from one number to 16 channels; twice a layer of 16 diagonal systems with a bend and a mix of channels; the
# mean over time; ten classes. `diagonal_stack` holds it.
#
# Two stacks, which begin from the same random readouts of LegS, $N = 16$, 32 steps in a timescale: one keeps them through
# S4D-LegS, one through PTD. Both train with the same optimiser, data and number of steps; modes and $\Delta$ move at a
# thirtieth of the learning rate of the rest, which is customary (S4 trains them at 0.001). Then each reads test digits with a
# faint wave on them.

# %%
ask("diagonalize.train")

# %% [markdown]
# The wave has size 0.1 on pixels from 0 to 1, at the frequency of the spike or, as a control, at four fifths of it.

# %%
from torch.nn import functional as F

from tutorial_lib.diagonal_stack import Stack, legs_start

data, PIXELS = digits(), 196
x_train, x_test = (F.avg_pool2d(images[:, None], 2).flatten(1) - 0.13 for images in (data.x_train, data.x_test))
place = torch.arange(PIXELS)
ripples = {"clean": 0 * place, "a wave at the spike": 0.1 * (angle(omega_spike, 1 / 32, "zoh") * place).cos(),
           "a wave elsewhere": 0.1 * (0.8 * angle(omega_spike, 1 / 32, "zoh") * place).cos()}


def begin(size, seed="stack"):
    """A stack that starts from S4D-LegS (size 0), or from LegS perturbed by `size`."""
    rng, systems_at_start = lab.rng(f"{seed} readouts"), []
    for _ in range(2):
        readouts = torch.randn(16, 16, generator=rng, dtype=torch.float64)
        E = diagonalize.perturbation(16, size, rng)
        systems_at_start.append(legs_start(readouts, E if size else None))
    with lab.seeded(seed):
        return Stack(systems_at_start, torch.full((16,), 1 / 32))


# %% [markdown]
# A short run here, the longer one where evidence is recorded. The learning rate, 0.03, was for both the best of 0.01, 0.03
# and 0.1 (one seed, 400 steps).

# %%
def trained(size, lr, steps):
    """Train a stack on clean digits."""
    stack, batches = begin(size), minibatches(torch.arange(len(x_train)), 50, lab.rng("batches"))
    train(lambda i: F.cross_entropy(stack(x_train[i]), data.y_train[i]), stack.parameters(), batches, steps, lr=lr, decay=True,
          label="S4D-LegS" if not size else "PTD")
    return stack


def right(stack, ripple):
    """Share of 2,000 test digits that are read rightly with a wave on them."""
    with torch.no_grad():
        return (stack(x_test[:2000] + ripple).argmax(1) == data.y_test[:2000]).float().mean().item()


STEPS = 600 if lab.full else 250
stacks = {"S4D-LegS": trained(0, 0.03, STEPS), "PTD": trained(0.1, 0.03, STEPS)}
scores = {name: {what: right(stack, ripple) for what, ripple in ripples.items()} for name, stack in stacks.items()}

# %% [markdown]
# Digits read rightly:

# %%
fig, (ax,) = plot.figure(width=7, height=3.3)
for shift, (name, score), color in zip((-0.2, 0.2), scores.items(), (plot.RED, plot.GREEN)):
    bars = ax.bar([i + shift for i in range(3)], score.values(), width=0.38, color=color, label=name)
    ax.bar_label(bars, fmt="%.2f", padding=2)
ax.axhline(0.1, color="k", ls=":", lw=1)
ax.set(xticks=range(3), xticklabels=ripples, ylim=(0, 1.1), ylabel="share read rightly", title=f"after {STEPS} steps on clean digits")
ax.grid(False, axis="x")
ax.legend(ncols=2)
show(fig, alt="Bars of the share of digits read rightly by two stacks. Clean, both read many digits; with a faint wave at the spike S4D-LegS falls far, the perturbed one "
              "does not move; with a wave elsewhere both keep nearly all.")

# %%
claim("ptd.digits", s4d_clean=scores["S4D-LegS"]["clean"], s4d_wave=scores["S4D-LegS"]["a wave at the spike"],
      s4d_elsewhere=scores["S4D-LegS"]["a wave elsewhere"], ptd_clean=scores["PTD"]["clean"], ptd_wave=scores["PTD"]["a wave at the spike"])

# %% [markdown]
# After 600 steps, over five seeds, S4D-LegS reads 0.80 to 0.88 of the clean digits, 0.20 to 0.52 of those with the wave at
# the spike, and 0.71 to 0.87 of those with a wave elsewhere. PTD reads 0.59 to 0.77 and, with the wave at the spike, 0.54 to
# 0.77.
#
# Two things that this does not say. **On clean digits S4D-LegS is the better one here**, in every seed, by 0.07 to 0.22: PTD
# learns more slowly at an equal number of steps. The paper's tables have it the other way round, with an optimised $E$, other
# tasks and long training. And the spike stays only because modes move slowly. With modes and $\Delta$ at the full rate, 400
# steps and three seeds, S4D-LegS lost 0.43, 0.02 and 0.05 to the same wave: in the latter two the weak spot had moved, and a
# search over thirteen frequencies found one that cost 0.08 and 0.3.
#
# ## 8 · Where this breaks
#
# - **A worst case.** The wave was made to hit the spike. White noise of the same size does S4D-LegS far less harm, and models
#   with S4D-LegS work well on many tasks. The question is what an input may contain, and a machine with a pump or a mains
#   supply may well contain one frequency.
# - **The beginning, mostly.** Bounds and spikes are about matrices before training. After it nothing is promised: modes and
#   readouts have moved.
# - **Our $E$ is random.** The paper finds $E$ by gradient descent on $\kappa(V) + \gamma\|E\|$, and reports its best
#   accuracies for $\|E\|$ between a hundredth of $\|A\|$ and $\|A\|$ itself, which is 26 to 2,600 for $N = 64$. Our three
#   lines end at $\varepsilon = \tfrac12$; a random $E$ of norm 10 made LegS unstable in five draws of five, and what an
#   optimised one of norm 26 does we have not seen.
# - **A few real modes and a large readout.** PTD has a handful of real modes besides its pairs, and $V^{-1}B$ and $CV$ are
#   large where $\kappa$ is: training takes its steps in coordinates that amplify.
# - **Only LegS.** The bound used LegS's own loss, $A + A^\top = -(I + BB^\top)$. For another matrix one would have to look
#   for such a line again.
# - **The benchmark.** On the Long Range Arena, S5-PTD averages 87.6 %, and that is not something to be checked in a minute.
#
# ## What we saw
#
# - LegS has eigenvectors, and beyond 20 numbers or so a computer does not find them: their condition grows by a factor of 5.8
#   with each number.
# - S4D-LegS is LegS behind a filter, $1/(1 + \Pi)$: better for each given wave as $N$ grows, and ever worse for the wave that
#   it likes least. In steps that wave exists as itself where $\Delta \le \pi/\omega$, folded beyond, and always under the
#   bilinear rule.
# - A small perturbation before diagonalising costs an error of at most $4\varepsilon/(1 - 2\varepsilon)$ at every
#   frequency, for $B$ and $C$ of length 1.
#   The bound says how large it may be, the digits at hand how small.
#
# Two questions to take along.

# %%
ask("diagonalize.close_uniform")
ask("diagonalize.close_step")

# %% [markdown]
# **References.** A. Yu, A. Nigmetov, D. Morozov, M. W. Mahoney and N. B. Erichson, *Robustifying State-space Models for Long
# Sequences via Approximate Diagonalization* (2023, ICLR 2024), arXiv:2310.01698: the abstract read in full; lemma 1, theorems
# 1 to 5, the optimised perturbation and the ablation by way of public reviews that quote them, so that numbers of theorems
# are second-hand. A. Gu, A. Gupta, K. Goel and C. Ré, *On the Parameterization and Initialization of Diagonal State Space
# Models* (2022), arXiv:2206.11893: S4D-LegS and its convergence. A. Gu, K. Goel and C. Ré, *Efficiently Modeling Long
# Sequences with Structured State Spaces* (2022), arXiv:2111.00396, lemma 3.2: the eigenvectors of LegS and their growth. L.
# N. Trefethen and M. Embree, *Spectra and Pseudospectra* (2005). Carbon dioxide and digits: see the data's cards. The closed
# form with $\Pi$, the bound in three lines, the single-precision trade and the experiment with the air are ours.
#
# **Next:** [43 One framework](43_one_framework.ipynb) puts attention, state spaces and recurrent networks into one form. Back to the
# [map](../00_start_here.ipynb).
