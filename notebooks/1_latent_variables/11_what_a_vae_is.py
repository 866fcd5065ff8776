# ---
# jupyter:
#   course:
#     id: "11"
#     title: What a VAE is
#     belief: An autoencoder learns to rebuild; noise and a price on its code make it a model that one can draw from.
#     papers: [jordan-vae]
#     needs: ["10"]
#     minutes: {read: 35, do: 45}
#     track: core
#     goals:
#       - write the loss of a variational autoencoder, reconstruction and KL in the same unit
#       - say what each of its two terms does alone, and recognise both failures from a plot
#       - draw new images from the prior and measure whether they look like data
#     discuss: The KL term makes every reconstruction worse. What exactly is bought with that, and when would you not buy it?
#     when_late: Skip the latent grid and section 7; keep the three losses and the number.
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 · What a VAE is
#
# *At the end you will believe this: an autoencoder learns to rebuild; noise and a price on its code make it a model
# that one can draw from.*

# %%
import torch
from torch import nn
from torch.nn import functional as F

from tutorial_lib import ask, check, claim, explore, plot, show, start

lab = start("11")

# %% [markdown]
# **You will be able to**
#
# - write the loss of a variational autoencoder, reconstruction and KL in the same unit;
# - say what each of its two terms does alone, and recognise both failures from a plot;
# - draw new images from the prior and measure whether they look like data.
#
# Two questions first, on what this chapter leans on ([10 Gaussians and KL](10_gaussians_and_kl.ipynb)).

# %%
ask("vae.recall_kl_zero")
ask("vae.recall_samples")

# %% [markdown]
# ## 1 · A network that remembers
#
# The data are 20,000 handwritten digits, 28 × 28 pixels from 0 (paper) to 1 (ink). As vectors they have
# $D = 784$ numbers.

# %%
from tutorial_lib import digits

data = digits()
x_train, x_test = data.x_train.flatten(1), data.x_test.flatten(1)  # (20000, 784), (4000, 784)
x_train.shape, x_test.shape

# %% [markdown]
# An **autoencoder** squeezes each image through a code $z$ of $K$ numbers and rebuilds it. With $K = 8$ that is a
# hundredfold squeeze. Here is one, trained for 2,500 steps of 64 images.

# %%
from tutorial_lib import minibatches, train
from tutorial_lib.nets import predict
from tutorial_lib.vae import Autoencoder

STEPS, BATCH, LR, HIDDEN = 2500, 64, 2e-3, (256, 64)


def batches(name):
    """Random batches of training digits, seeded by the experiment's name."""
    return minibatches(x_train, BATCH, lab.rng(name))


# %% [markdown]
# `Autoencoder` is two small networks, 784 → 256 → 64 → 8 and back. What it pays for is the difference between pixels and
# rebuilt pixels, and `train` lowers that.

# %%
with lab.seeded("autoencoder, K = 8"):
    ae8 = Autoencoder(784, HIDDEN, K=8)


def nats(x, logits):
    """What the rebuilt pixels cost; section 2 is about this line."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1).mean()


_ = train(lambda x: nats(x, ae8.decoder(ae8.code(x))), ae8.parameters(), batches("K = 8"), STEPS, LR, decay=True,
          label="autoencoder, K = 8")

# %% [markdown]
# How well does it do on digits it was not trained on?

# %%
rebuilt = predict(lambda x: ae8.decode(ae8.code(x)), x_test[:10])
fig, axes = plot.figure(rows=2, width=9, height=1.05)
plot.images(axes[0], data.x_test[:10], columns=10, title="ten test digits")
plot.images(axes[1], rebuilt.view(-1, 28, 28), columns=10, title="rebuilt from a code of 8 numbers")
show(fig, alt="Ten handwritten test digits above, and below each the autoencoder's version: softer, mostly the same digit; a 5 "
              "has turned towards an 8, and the fours towards nines.")

# %% [markdown]
# It has never seen these ten, and it rebuilds most of them. So it knows what digits look like. If it knows that, it
# should be able to **invent** one: pick any code, decode it.

# %%
ask("vae.random_code")

# %%
z = torch.randn(30, 8, generator=lab.rng("random codes"))
fig, (ax,) = plot.figure(width=9, height=1.9)
plot.images(ax, ae8.decode(z).detach().view(-1, 28, 28), columns=15, title="decoded from 30 random codes, z ~ N(0, I)")
show(fig, alt="Thirty images decoded from random codes by the autoencoder: mostly blots and strokes that are no digit.")

# %% [markdown]
# That is the puzzle of this chapter. The network can rebuild but not invent: training asked it about the codes that its
# own encoder sends, and about no others. To see where those lie we build a smaller one, by hand.
#
# ## 2 · The loop by hand, once
#
# What does a rebuilt image cost? The decoder gives one logit $\ell_d$ per pixel, and $p_d = \mathrm{sigmoid}(\ell_d)$ is its
# probability of ink: the decoder describes a *distribution* over images, $p(x\mid z)$, a coin for each pixel (a Bernoulli
# distribution). Independent pixels multiply their probabilities, so their logarithms add:
#
# $$-\log p(x\mid z) = -\sum_{d=1}^{D} \big[x_d \log p_d + (1 - x_d)\log(1 - p_d)\big] \qquad \text{in nats per image.}$$
#
# For black and white pixels that is exact. Ours have 16 greys, for which it is a cross-entropy, no density; it cannot fall
# below what the greys themselves cost, 43 nats per image here.
#
# The function is nearly written. Two blanks are left: how `reduction` must be set, and which axis is added up.

# %%
def reconstruction_nats(x, logits):
    """-log p(x|z) of each image, in nats.  x, logits: (B, D) -> (B,)"""
    per_pixel = F.binary_cross_entropy_with_logits(logits, x, reduction=...)
    return per_pixel.sum(...)


# %% [markdown]
# Hand it in. The verdict says what is wrong, if something is; hints fold open.

# %%
reconstruction_nats = check("vae.reconstruction_nats", reconstruction_nats)

# %% [markdown]
# Now the whole thing in the open: two networks, an optimiser, a loop. A code of **two** numbers is too few for good
# pictures and just right for looking.

# %%
with lab.seeded("autoencoder, K = 2"):
    encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 2))
    decoder = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 784))

parameters = [*encoder.parameters(), *decoder.parameters()]
optimiser = torch.optim.Adam(parameters, lr=LR, fused=True)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 1500)

# %% [markdown]
# And the loop: draw a batch, encode, decode, price, step downhill. For a first look 1,500 steps are enough.

# %%
stream, costs = batches("K = 2"), []
for step in range(1500):
    x = next(stream)                                   # (64, 784)
    z = encoder(x)                                     # (64, 2)
    loss = reconstruction_nats(x, decoder(z)).mean()   # average over the images
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    schedule.step()
    costs.append(loss.item())
print(f"first batch {costs[0]:.0f} nats per image, last hundred batches {sum(costs[-100:]) / 100:.0f}")

# %% [markdown]
# `tutorial_lib.vae.Autoencoder` is the same network and `train` the same loop, with a progress bar. From here on we
# use those; the next cell shows that nothing else happens in them.

# %%
with lab.seeded("autoencoder, K = 2"):
    ae2 = Autoencoder(784, HIDDEN, K=2)
short = train(lambda x: reconstruction_nats(x, ae2.decoder(ae2.code(x))).mean(), ae2.parameters(),
              batches("K = 2"), 3, LR)
print("by hand:   ", [f"{c:.3f}" for c in costs[:3]])
print("by library:", [f"{c:.3f}" for c in short.tolist()])
assert torch.allclose(short, torch.tensor(costs[:3]), rtol=1e-3)
ae2.encoder.load_state_dict(encoder.state_dict())      # go on with the one trained by hand
_ = ae2.decoder.load_state_dict(decoder.state_dict())

# %% [markdown]
# Where are the codes? Each test image is now a point in the plane, drawn as its digit.

# %%
codes = predict(ae2.code, x_test)                      # (4000, 2)
fig, (left, right) = plot.figure(columns=2, width=4.8, height=4.6)
for ax, title, reach in ((left, "1,500 test digits as codes", None), (right, "the same, the middle of it", 4)):
    plot.classes(ax, codes[:1500], data.y_test[:1500], xlabel="$z_1$", ylabel="$z_2$", title=title)
    plot.circle(ax, 2.0)
    if reach:
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
show(fig, alt="Left, codes of test digits in the plane: the ones fill a large area of their own, up to 25 away, other digits "
              "lie in streaks around a crowded middle. A dashed circle of radius two covers a small part. Right, the middle "
              "enlarged: several digits crowd and overlap inside the circle, others hardly reach it.")

# %% [markdown]
# The dashed circle holds 86 % of the codes that $\mathcal N(0, I)$ would draw. The encoder never heard of that circle. It put
# its codes where rebuilding was cheapest, at a scale and in a place of its own: some digits overlap inside the circle, others
# live far outside of it. With eight numbers it is the same, only harder to draw:

# %%
codes = predict(ae8.code, x_test)                      # (4000, 8)
print("mean of each of 8 coordinates:      ", [f"{m:5.1f}" for m in codes.mean(0)])
print("standard deviation of each of them: ", [f"{s:5.1f}" for s in codes.std(0)])

# %% [markdown]
# A draw from $\mathcal N(0, I)$ has mean 0 and standard deviation 1 in each. The random codes of section 1 were in the wrong
# place. Two ways out: find out where the codes are, afterwards; or say beforehand where they have to be.

# %% [markdown]
# ## 3 · Two changes
#
# **First: the encoder answers with a cloud instead of a point.** For each image it gives a mean $\mu$ and a log variance
# $\log\sigma^2$ for every coordinate, and the decoder has to work from a random draw out of that cloud,
#
# $$q(z \mid x) = \mathcal N\big(\mu,\ \mathrm{diag}\,\sigma^2\big), \qquad
# z = \mu + \sigma\,\varepsilon,\quad \varepsilon\sim\mathcal N(0, I).$$
#
# Written like this, $z$ is an ordinary function of $\mu$ and $\sigma$ once $\varepsilon$ is drawn, so gradients pass
# (Kingma and Welling call it the reparameterisation trick). A cloud must decode to the right digit wherever it is hit, so
# whatever lies close together has to look alike. Mind the scale: $\sigma$ is the standard deviation, and the network gives
# `logvar` $= \log\sigma^2$.

# %%
def reparameterise(mu, logvar, rng):
    """A draw from N(mu, diag exp logvar) that gradients can pass.  mu, logvar: (B, K) -> (B, K)"""
    ...  # your code here: draw the noise with torch.randn(..., generator=rng)


# %% [markdown]
# The check draws 40,000 samples and looks at their moments, their independence and their gradients.

# %%
reparameterise = check("vae.reparameterise", reparameterise)

# %% [markdown]
# **Second: every cloud has a price**, its divergence from one cloud that is the same for all, the **prior**
# $p(z) = \mathcal N(0, I)$:
#
# $$\mathrm{KL}\big(q(z\mid x)\,\|\,p(z)\big) = \tfrac12 \sum_{k=1}^{K}\big(\mu_k^2 + \sigma_k^2 - 1 - \log\sigma_k^2\big)
# \qquad\text{in nats per image.}$$
#
# Far from the centre is expensive, and so is being sharper or broader than the prior. Chapter 10 derived this line;
# write it for a whole batch.

# %%
def kl_standard_normal(mu, logvar):
    """KL(N(mu, diag exp logvar) || N(0, I)) in nats for each row.  mu, logvar: (B, K) -> (B,)"""
    ...  # your code here


# %% [markdown]
# Inputs at the prior would not do as a test: at $\mu = 0$, $\log\sigma^2 = 0$ many wrong formulas give 0 as well. The check
# looks elsewhere, and at the gradients.

# %%
kl_standard_normal = check("vae.kl_standard_normal", kl_standard_normal)

# %% [markdown]
# Price and reconstruction are in the same unit, so they can be added. Their negative sum is the **evidence lower
# bound**, the ELBO (why it bounds anything is chapter 12):
#
# $$\mathcal L(x) = \underbrace{\mathbb E_{q(z|x)}\big[\log p(x\mid z)\big]}_{\text{reconstruction}} -
# \beta\,\underbrace{\mathrm{KL}\big(q(z\mid x)\,\|\,p(z)\big)}_{\text{price of the code}}, \qquad \beta = 1.$$
#
# Training makes $-\mathcal L$ small, averaged over images; the expectation is estimated with one draw of $z$ per image and
# step. The weight $\beta$ is 1 in the bound; other values trade one term for the other, and section 4 uses the extremes.
#
# Here is that loss as it is often found in the wild. It runs, it falls, and the model it trains answers every image
# with the same grey blot.

# %%
def loss_from_the_wild(x, logits, mu, logvar, beta=1.0):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x)
    kl = kl_standard_normal(mu, logvar).mean()
    return reconstruction + beta * kl


mu, logvar, logits = torch.zeros(64, 8), torch.zeros(64, 8) - 2, torch.zeros(64, 784)
parts = loss_from_the_wild(x_train[:64], logits, mu, logvar, 0.0), kl_standard_normal(mu, logvar).mean()
print(f"reconstruction {parts[0]:.2f}   KL {parts[1]:.2f}")

# %% [markdown]
# The decoder above knows nothing at all (every logit is 0), and still its reconstruction is the *smaller* of the two
# numbers. Find the bug, and write the loss as it should be.

# %%
def negative_elbo(x, logits, mu, logvar, beta=1.0):
    """-L in nats per image, averaged over the batch.  x, logits: (B, D), mu, logvar: (B, K) -> ()"""
    ...  # your code here


# %% [markdown]
# It is tried on several small batches, one of them with logits as large as a decoder gives that is very sure.

# %%
negative_elbo = check("vae.negative_elbo", negative_elbo)

# %% [markdown]
# What did the bug do? Here is the model it trains, against yours, after the same 250 steps.

# %%
from tutorial_lib.vae import VAE


def nats_after_training(loss, steps=250):
    """KL in nats per test image of a small VAE trained with `loss`."""
    with lab.seeded("the bug"):
        model = VAE(784, HIDDEN, K=2)
    noise = lab.rng("noise of the bug")

    def objective(x):
        mu, logvar = model.encode(x)
        return loss(x, model.decoder(reparameterise(mu, logvar, noise)), mu, logvar, 1.0)

    _ = train(objective, model.parameters(), batches("the bug"), steps, LR, label="250 steps")
    return kl_standard_normal(*predict(lambda x: torch.cat(model.encode(x), -1), x_test).chunk(2, -1)).mean().item()


print(f"KL with the loss from the wild: {nats_after_training(loss_from_the_wild):.4f} nats per image")
print(f"KL with the loss as it should be: {nats_after_training(negative_elbo):.2f} nats per image")

# %% [markdown]
# A code of zero nats says nothing. Many lines of code average where they should sum, and this is what comes of it.
#
# ## 4 · Either term alone, and both
#
# The blog post that this chapter follows draws one figure that many people remember: codes trained for the
# reconstruction alone, for the KL alone, and for both. We train all three, on your functions, with the same network, the
# same start and the same batches. The first differs from the autoencoder of section 2 by its noise; the second never
# reaches the decoder, and 300 steps are enough for it to be done, as the numbers will show.

# %%
ask("vae.reconstruction_only")
ask("vae.kl_only")

# %%
def train_vae(name, K, reconstruct=1.0, beta=1.0, steps=STEPS):
    """A VAE whose two terms are weighted; `reconstruct` = 0 leaves the KL alone."""
    with lab.seeded(f"vae, K = {K}"):
        model = VAE(784, HIDDEN, K)
    noise = lab.rng(f"noise of {name}")

    def loss(x):
        mu, logvar = model.encode(x)                                # (B, K)
        logits = model.decoder(reparameterise(mu, logvar, noise))   # (B, 784)
        if reconstruct == 0:
            return kl_standard_normal(mu, logvar).mean()
        return negative_elbo(x, logits, mu, logvar, beta)

    _ = train(loss, model.parameters(), batches(f"K = {K}"), steps, LR, decay=True, label=name)
    return model


# %% [markdown]
# Three trainings, some ten seconds.

# %%
three = {
    "reconstruction only": train_vae("reconstruction only", K=2, beta=0.0),
    "KL only": train_vae("KL only", K=2, reconstruct=0.0, steps=300),
    "both": train_vae("both", K=2),
}

# %% [markdown]
# Each digit in the plots stands at the mean of a test image's cloud. The ellipses are the clouds of twenty of them, drawn at
# two standard deviations; the dashed circle is the prior, likewise. Mind the axes.

# %%
def draw_codes(ax, model, title):
    """Means of all test digits, clouds of twenty."""
    mu, logvar = predict(lambda x: torch.cat(model.encode(x), -1), x_test).chunk(2, -1)
    plot.classes(ax, mu[:1500], data.y_test[:1500], xlabel="$z_1$", ylabel="$z_2$", title=title)
    plot.clouds(ax, mu[:20], (0.5 * logvar[:20]).exp())
    plot.circle(ax, 2.0)
    reach = max(3.0, 1.1 * mu.abs().max().item())
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


fig, axes = plot.figure(columns=3, width=4.2, height=4.2)
for ax, (name, model) in zip(axes, three.items()):
    draw_codes(ax, model, name)
show(fig, alt="Three panels of codes, each with the prior as a dashed circle of radius two. Reconstruction only: streaks that "
              "reach ten times as far, clouds too small to see. KL only: all codes in one point at the centre, every cloud on "
              "the dashed circle. Both: digits around the circle's area, small clouds, a crowded middle.")

# %% [markdown]
# Now in numbers. The last column asks what a code still says about the image: how often do the five nearest training codes
# vote for the right label?

# %%
from tutorial_lib.manifold import neighbour_accuracy
from tutorial_lib.vae import elbo_parts


def summary(model, name):
    """Mean sigma, spread of the means, KL, reconstruction, and what the code says about the label."""
    with torch.no_grad():
        mu, logvar = model.encode(x_test)
        parts = elbo_parts(model, x_test, lab.rng(f"summary of {name}"))
        near = neighbour_accuracy(model.code(x_train), data.y_train, mu[:1000], data.y_test[:1000])
    return {"sigma": (0.5 * logvar).exp().mean().item(), "spread": mu.std(0).mean().item(), "kl": parts.kl.mean().item(),
            "reconstruction": -parts.reconstruction.mean().item(), "accuracy": near}


found = {name: summary(model, name) for name, model in three.items()}
print(f"{'':20} {'mean sigma':>10} {'spread':>8} {'KL':>8} {'reconstr.':>10} {'label from 5 nearest codes':>27}")
for name, f in found.items():
    print(f"{name:20} {f['sigma']:10.3f} {f['spread']:8.2f} {f['kl']:8.2f} {f['reconstruction']:10.1f} {f['accuracy']:27.2f}")

# %% [markdown]
# What the post says of each term alone, beside these numbers:

# %%
alone, both = found["reconstruction only"], found["both"]
claim("jordan.kl_only", kl=found["KL only"]["kl"], accuracy=found["KL only"]["accuracy"])
claim("jordan.reconstruction_only", accuracy=alone["accuracy"], spread_ratio=alone["spread"] / both["spread"],
      sigma_ratio=alone["sigma"] / both["sigma"])

# %% [markdown]
# Reconstruction alone has a way around the noise: move the codes far apart and make the clouds tiny, so that the noise
# no longer matters. Clouds that small are points, and we are back at the autoencoder. The KL alone asks that every image send
# the same cloud, and no decoder that came after it could tell which image it was (this one was never trained: the 544 nats
# are those of its first step).
#
# Together they trade. How close does the trade bring all clouds, taken together, to the prior?

# %%
with torch.no_grad():
    mu, logvar = three["both"].encode(x_test)
    z_test = reparameterise(mu, logvar, lab.rng("all clouds"))                   # one draw from each cloud
claim("jordan.both", variance=z_test.var(0).max(), reconstruction_gap=both["reconstruction"] - alone["reconstruction"])

# %% [markdown]
# ## 5 · The map
#
# With two coordinates one can decode a whole grid of codes and look at everything the model can say. The grid has to be even
# in *probability*, not in $z$: for a probability $u$, `norm.ppf(u)` is the $z$ with $P(Z < z) = u$ under $\mathcal N(0, 1)$.
# So the steps are small in the middle and wide at the edges.
#
# **Stretch.** Write the grid. (Skip it and the library's is used.)

# %%
from scipy.stats import norm


def latent_grid(n, low):
    """Codes evenly spaced in probability, from low to 1 - low.  -> (n, n, 2), float32

    Entry [i, j] is (z_1, z_2): z_1 grows to the right with j, z_2 upwards, so row 0 holds the largest z_2.
    """
    ...  # your code here


# %% [markdown]
# Every entry is compared, so a map that is upside down or transposed is told so.

# %%
latent_grid = check("vae.latent_grid", latent_grid)

# %% [markdown]
# The same 256 codes, decoded by two of the models:

# %%
grid = latent_grid(16, 0.02).view(-1, 2)
fig, axes = plot.figure(columns=2, width=4.8, height=4.9)
for ax, name in zip(axes, ("reconstruction only", "both")):
    plot.images(ax, predict(three[name].decode, grid).view(-1, 28, 28), columns=16, title=f"decoded grid: {name}")
show(fig, alt="Two sheets of 16 by 16 decoded codes. Reconstruction only: few digits, large areas of one kind and smeared "
              "shapes between. Both: seven of the ten digits, each turning smoothly into its neighbours.")

# %% [markdown]
# The right sheet is our figure 4 of Kingma and Welling. What the left one lacks is not sharpness but digits: the prior covers
# only the middle of its codes, so count the classes on either side. Walk through it yourself. Where are you when the digit is
# blurred?

# %%
kept = {name: predict(lambda x: model.code(x), x_test[:1200]) for name, model in three.items()}


def walk(z1=0.0, z2=0.0, model="both"):
    """The decoded image at (z1, z2), beside the codes of test digits."""
    fig, (left, right) = plot.figure(columns=2, width=4.6, height=4.2)
    plot.classes(left, kept[model], data.y_test[:1200], xlabel="$z_1$", ylabel="$z_2$", title="you are at the cross")
    plot.cross(left, z1, z2)
    left.set(xlim=(-3.5, 3.5), ylim=(-3.5, 3.5))
    plot.images(right, predict(three[model].decode, torch.tensor([[z1, z2]])).view(1, 28, 28), columns=1,
                title=f"decoded from ({z1:.1f}, {z2:.1f})")
    return fig


explore(walk, z1=(-3.0, 3.0, 0.1), z2=(-3.0, 3.0, 0.1), model=list(three),
        alt="Left, the codes of test digits for the model trained with both terms, a cross at the centre; right, the image "
            "decoded at the cross.")

# %% [markdown]
# In the crowded middle the codes of several digits lie on top of each other, and the decoder answers with their average.
#
# ## 6 · The number
#
# Now back to the puzzle, with codes of eight numbers, where both models rebuild well. The same network, the same steps and
# batches as the autoencoder of section 1; only the loss is new.

# %%
vae8 = train_vae("VAE, K = 8", K=8)
fig, axes = plot.figure(rows=2, width=9, height=1.35)
for ax, (name, model) in zip(axes, {"autoencoder": ae8, "variational autoencoder": vae8}.items()):
    plot.images(ax, predict(model.decode, torch.randn(30, 8, generator=lab.rng("random codes"))).view(-1, 28, 28),
                columns=15, title=f"{name}: decoded from the same 30 draws of N(0, I)")
show(fig, alt="Thirty decoded random codes of the autoencoder, mostly faint blots; below, for the same codes, thirty images "
              "by the variational autoencoder, most of them readable digits, some smeared.")

# %% [markdown]
# What is the number? The post says that reconstruction alone leaves *regions that hold no data*. That can be measured where
# it is said, among the codes:
#
# 1. For each code of a test image, take the distance to the nearest code of a training image. 95 % of these distances lie
#    below some value $r$.
# 2. A new draw lies **in a hole** if its own distance to the nearest training code is larger than $r$.
#
# Codes of real images lie in a hole 5 % of the time, by construction.
#
# To be fair to the autoencoder, it gets two more chances. Draws from a Gaussian **fitted to its own codes**, mean and full
# covariance. And, because the VAE's codes are draws from clouds, which fill small gaps by themselves: the fitted Gaussian with
# **noise added to the autoencoder's codes**, as wide, relative to their spread, as the VAE's clouds are.

# %%
ask("jordan.holes")

# %%
from tutorial_lib.manifold import gaussian_like, nearest_distance, share_beyond


def in_holes(draws, known, fresh):
    """The share of draws further from all known codes than 95 % of fresh codes are."""
    return share_beyond(nearest_distance(draws, known), nearest_distance(fresh, known))


def codes_for(model, noise=0.0):
    """Codes of training and of 2,000 test images: draws from the VAE's clouds, or points with noise on them."""
    rng, found = lab.rng("codes"), []
    for x in (x_train, x_test[:2000]):
        with torch.no_grad():
            code = reparameterise(*model.encode(x), rng) if model is vae8 else model.code(x)
        found.append(code + noise * code.std(0) * torch.randn(code.shape, generator=rng))
    return found


# %% [markdown]
# Then the draws: from the prior, and from a Gaussian fitted to the codes.

# %%
def fitted_to(known):
    """2,000 draws from the Gaussian fitted to some codes."""
    return gaussian_like(known, 2000, lab.rng("fitted"))


with torch.no_grad():
    width = (0.5 * vae8.encode(x_test)[1]).exp().mean().item()         # of a VAE cloud; its codes spread about 1
prior = torch.randn(2000, 8, generator=lab.rng("draws from the prior"))
points, noisy, clouds = codes_for(ae8), codes_for(ae8, noise=width), codes_for(vae8)
holes = {"AE,\nN(0, I)": in_holes(prior, *points), "AE,\nfitted": in_holes(fitted_to(points[0]), *points),
         "AE + noise,\nfitted": in_holes(fitted_to(noisy[0]), *noisy), "VAE,\nN(0, I)": in_holes(prior, *clouds),
         "VAE,\nfitted": in_holes(fitted_to(clouds[0]), *clouds)}

# %% [markdown]
# Five kinds of draws, and the line at which real images lie:

# %%
fig, (ax,) = plot.figure(width=7.4, height=3.4)
plot.bars(ax, holes, ylabel="share of draws in a hole", title="new codes far from every code of an image",
          colors=[plot.RED, plot.YELLOW, plot.GREEN, plot.BLUE, plot.CYAN])
ax.axhline(0.05, color="k", ls="--", lw=1, label="codes of real images")
ax.set_ylim(0, 1.3 * max(holes.values()))
ax.legend(loc="upper right")
show(fig, alt="Bars: the share of draws in a hole. Autoencoder with N(0, I), with a fitted Gaussian, with noise and a fitted "
              "Gaussian: between about 0.4 and 0.7. Variational autoencoder with N(0, I) about 0.2, with a fitted Gaussian a "
              "little more. A dashed line marks 0.05 for real images.")

# %% [markdown]
# The claim, against the autoencoder at its best of the three:

# %%
share = list(holes.values())
claim("jordan.holes", vae=share[3], ae_prior=share[0], ae_fitted=share[1], ae_noisy=share[2])

# %% [markdown]
# The ruler matters: on noisy codes the autoencoder has fewer holes than on points. It still has one and a half times to twice
# as many as the VAE, and fitting a Gaussian to the VAE's codes gains nothing.
#
# And the images? A small classifier reads them. Three numbers: how often it is **sure** (one class above 0.9), how many of
# the ten **classes** turn up (exp of the entropy of the mean class probabilities), and how **far** the samples are from test
# digits in the eyes of the classifier. For the last one, fit a Gaussian to its 128 hidden features of either set, and take the
# squared Fréchet distance $\|m_1 - m_2\|^2 + \mathrm{tr}\big(C_1 + C_2 - 2(C_1C_2)^{1/2}\big)$ of the two; the well-known FID is
# the same with a large classifier. It is 0 for equal sets.

# %%
ask("vae.fitted_looks")

# %%
from tutorial_lib.manifold import class_perplexity, frechet_distance
from tutorial_lib.nets import accuracy, mlp

with lab.seeded("reader"):
    reader = mlp([784, 128, 10])
_ = train(lambda i: F.cross_entropy(reader(x_train[i]), data.y_train[i]), reader.parameters(),
          minibatches(torch.arange(len(x_train)), 128, lab.rng("reader")), 1500, 2e-3, decay=True, label="classifier")
print(f"it reads test digits with accuracy {accuracy(predict(reader, x_test), data.y_test):.3f}")


# %% [markdown]
# And what it reads in each kind of sample:

# %%
def read(images):
    """How often the classifier is sure, how many classes it sees, how far its features are from test digits'."""
    p = predict(reader, images).softmax(-1)
    far = frechet_distance(predict(reader[:2], images), predict(reader[:2], x_test[2000:]))
    return (p.amax(-1) > 0.9).float().mean().item(), class_perplexity(p), far


looks = {"AE, N(0, I)": read(predict(ae8.decode, prior)), "AE, fitted": read(predict(ae8.decode, fitted_to(points[0]))),
         "VAE, N(0, I)": read(predict(vae8.decode, prior)), "VAE, fitted": read(predict(vae8.decode, fitted_to(clouds[0]))),
         "real test digits": read(x_test[:2000])}
print(f"{'':22}{'sure':>6}{'classes':>9}{'far':>8}")
for name, (sure, classes, far) in looks.items():
    print(f"{name:22}{sure:6.2f}{classes:9.2f}{far:8.1f}")

# %% [markdown]
# The post says that such samples are like the data. Against the autoencoder, from the same draws:

# %%
claim("jordan.sampling", vae_sure=looks["VAE, N(0, I)"][0], ae_sure=looks["AE, N(0, I)"][0],
      vae_classes=looks["VAE, N(0, I)"][1], ae_classes=looks["AE, N(0, I)"][1],
      fitted_sure=looks["AE, fitted"][0], real_sure=looks["real test digits"][0])

# %% [markdown]
# Read the other rows too. Samples of the VAE are far better than those of the autoencoder from the same prior, and far from as
# good as real digits. And the *fitted* rows show what the prior alone explains: with a Gaussian fitted afterwards, autoencoder and
# VAE are read alike.

# %% [markdown]
# ## 7 · What a coordinate means
#
# **Stretch.** Change one coordinate of a code and leave the others: what does it control? The next explorer runs on
# your function.

# %%
def traverse(z, k, values):
    """Copies of the code z, (K,), whose k-th coordinate takes each of `values`, (S,) in turn.  -> (S, K)"""
    ...  # your code here


# %% [markdown]
# The original code must stay as it is: a function that changes its input is a trap for whoever calls it next.

# %%
traverse = check("vae.traverse", traverse)

# %% [markdown]
# Choose a digit and a coordinate. The title says how many nats the coordinate carries, averaged over the test digits.

# %%
first = {int(d): int((data.y_test == d).nonzero()[0]) for d in range(10)}       # one test image of each digit
mu, logvar = predict(lambda x: torch.cat(vae8.encode(x), -1), x_test).chunk(2, -1)                # (4000, 8) each
spent = torch.stack([kl_standard_normal(mu[:, k : k + 1], logvar[:, k : k + 1]).mean() for k in range(8)])  # nats


def one_coordinate(digit=3, coordinate=1):
    """Eleven images along one coordinate of the code of a test digit."""
    z, values = mu[first[digit]], torch.linspace(-3, 3, 11)
    fig, (ax,) = plot.figure(width=9.5, height=1.6)
    plot.images(ax, predict(vae8.decode, traverse(z, coordinate - 1, values)).view(-1, 28, 28), columns=11,
                title=f"$z_{coordinate}$ from -3 to 3, where the prior has 99.7 % of its draws; "
                      f"it carries {spent[coordinate - 1]:.2f} nats per image")
    return fig


explore(one_coordinate, digit=(0, 9), coordinate=(1, 8),
        alt="Eleven images decoded along one coordinate of the code of a handwritten 3, the other coordinates kept.")

# %% [markdown]
# Look for a coordinate with few nats: moving along it changes little. The KL is a price, and a coordinate that does
# not earn its price is left at the prior. How many are used?

# %%
print(f"{int((spent > 0.1).sum())} of 8 coordinates carry more than 0.1 nats per image: {sorted(round(s, 2) for s in spent.tolist())}")

# %%
ask("vae.recall_beta")

# %% [markdown]
# ## 8 · Where the usual story is wrong, at this scale
#
# **"An autoencoder's samples look bad because of its holes."** Mostly they look bad because $\mathcal N(0, I)$ is not where its
# codes are. Give it a Gaussian fitted to its codes, and the classifier finds its samples as good as the VAE's, although about
# half of them come from holes: the decoder bridges many holes on its own. What the VAE adds is a prior that is known *before*
# training, codes that come close to it, and a bound to compare models by.
#
# **"Straight lines between codes leave the digits in an autoencoder and stay on them in a VAE."** We shall take
# 600 pairs of test digits and look along each line.

# %%
ask("vae.lines")

# %%
from tutorial_lib.vae import interpolate

pairs = torch.randint(0, len(x_test), (2, 600), generator=lab.rng("pairs"))
a, b = pairs[:, data.y_test[pairs[0]] != data.y_test[pairs[1]]]
sure_on_line = {}
for name, model in {"autoencoder": ae8, "VAE": vae8}.items():
    with torch.no_grad():
        line = interpolate(model.code(x_test[a]), model.code(x_test[b]), 11)[1:-1]       # (9, pairs, 8)
    sure_on_line[name] = read(predict(model.decode, line.flatten(0, 1)))[0]
sure_on_line["blend of pixels"] = read(interpolate(x_test[a], x_test[b], 11)[1:-1].flatten(0, 1))[0]
print({name: round(share, 3) for name, share in sure_on_line.items()}, "of the images between two digits are read surely")

# %% [markdown]
# One of these lines, seen:

# %%
fig, axes = plot.figure(rows=3, width=9, height=0.95)
i, j = x_test[a[:1]], x_test[b[:1]]
for ax, (name, model) in zip(axes, {"autoencoder": ae8, "VAE": vae8, "blend of pixels": None}.items()):
    with torch.no_grad():
        ends = (i, j) if model is None else (model.code(i), model.code(j))
        strip = interpolate(*ends, 11).squeeze(1)
        strip = strip if model is None else model.decode(strip)
    plot.images(ax, strip.view(-1, 28, 28), columns=11, title=f"{name}, one pair")
show(fig, alt="Three strips of eleven images between the same two test digits: autoencoder and VAE both bend one digit into "
              "the other through similar shapes; the blend of pixels shows both digits on top of each other.")

# %% [markdown]
# The autoencoder's lines are read at least as surely as the VAE's (in five of five seeds). By eye both differ clearly from the
# blend of pixels, of which the classifier is as sure. A measure that cannot tell a blend of two digits from a digit should not
# be leaned on too hard.
#
# **"Samples far from every training image are bad samples."** By distance in pixels the autoencoder's faint blots are
# *nearer* to the training digits than the VAE's samples, since a faint image is near everything:

# %%
near = {name: nearest_distance(predict(m.decode, prior[:1000]), x_train).median().item() for name, m in
        {"autoencoder": ae8, "VAE": vae8}.items()}
print({name: round(distance, 2) for name, distance in near.items()}, "median distance to the nearest training image")

# %% [markdown]
# ## 9 · Where this breaks
#
# - **Blur.** The decoder answers with a mean, and means of sharp images are soft. A longer code helps (compare the
#   reconstructions with two and with eight numbers); drawing pixels from $p(x\mid z)$ would give grain in place of blur.
# - **The prior is still missed.** Between a sixth and a third of the VAE's draws land in holes of its own (0.16 to 0.28 over five seeds): all
#   clouds together are not quite $\mathcal N(0, I)$. With two coordinates their variance is well above 1, as the claim above shows.
# - **A wrong sampler can look better.** With $\sigma^2$ in place of $\sigma$ as the scale of the noise, the reported ELBO of a model
#   with eight numbers rises by 9 nats (measured beforehand, three seeds), because the KL then prices other clouds than the ones
#   that are drawn. The model is no better. Test the sampler, not the loss.
# - **Unused coordinates.** A strong decoder, a large $\beta$ or a wrong average leaves coordinates, or all of them, at the
#   prior. Chapter 13 measures what is lost.
# - **The post** trains on 60,000 digits with longer runs and shows pictures; it reports no number for its claims. The
#   numbers here are ours, on 20,000 digits of 16 grey levels. It also calls the factor of the noise a variance in places;
#   it is the standard deviation.
#
# ## What we saw
#
# - The loss of a VAE is a cross-entropy summed over pixels plus a KL summed over code coordinates, both in nats per
#   image. Averaging one of them changes the model.
# - Reconstruction alone spreads the codes and shrinks the clouds to points; the KL alone makes all clouds the same; both
#   bring the codes close to the prior, where two numbers keep about half of the labels apart.
# - Draws from the VAE's prior land in fewer holes than an autoencoder's at its best, and show nearly all ten classes;
#   in the eyes of a small classifier, an autoencoder with a fitted Gaussian keeps up.
#
# Two questions to take along.

# %%
ask("vae.close_collapse")
ask("vae.close_fitted")

# %% [markdown]
# **References.** J. Jordan, *Variational autoencoders* (2018): sections "Visualization of latent space" and "Variational
# autoencoders as a generative model". D. P. Kingma and M. Welling, *Auto-Encoding Variational Bayes* (2014),
# arXiv:1312.6114: equations 3 and 10, section 2.4 (the trick), appendix B (the KL), appendix C.1 (the Bernoulli decoder),
# figure 4 (the map). Digits: MNIST, copyright Yann LeCun and Corinna Cortes, CC BY-SA 3.0.
#
# **Next:** [12 Why the ELBO works](12_why_the_elbo_works.ipynb) shows what the sum of the two terms is a bound on.
# Back to the [map](../00_start_here.ipynb).
