"""Part 1: the questions of chapters 10 and 11."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    # ---------------------------------------------------------------- 11
    Question(
        "vae.recall_kl_zero", "11",
        "KL(q || p) between two Gaussians is zero. What do you know?",
        (Choice("They have the same mean", "That is needed, but not enough: N(0, 1) and N(0, 4) share their mean and "
                                           "differ by 0.32 or 0.81 nats, depending on the direction."),
         Choice("They are the same Gaussian", "Yes: a KL divergence is never negative, and zero only for equal "
                                              "distributions.", right=True),
         Choice("They do not overlap", "The other way round: the less q's samples look like samples of p, the larger "
                                       "the KL."))),
    Question(
        "vae.recall_samples", "11",
        "z is drawn from N(mu, sigma^2). Along which way does a gradient reach sigma?",
        (Choice("Write z = mu + sigma * eps with eps from N(0, 1), then differentiate", "Yes: once eps is drawn, z is "
                "an ordinary function of mu and sigma, and dz / dsigma = eps.", right=True),
         Choice("Call sample() of a distribution object and backpropagate", "sample() returns numbers without a "
                "history, so nothing flows back; rsample() does what the formula does."),
         Choice("It cannot: sampling is random", "The randomness is in eps, which depends on no parameter. What "
                "depends on them, the scaling and shifting, is smooth."))),
    Question(
        "vae.random_code", "11",
        "The autoencoder rebuilds unseen digits from 8 numbers. We draw 8 numbers from N(0, 1) and decode them. What "
        "comes out, mostly?",
        (Choice("Digits", "That is what one would hope, and it is not what happens: the decoder only met codes that "
                          "its encoder sent. Look at the next picture."),
         Choice("Noise like on an old television", "The last layer has learned what strokes look like, so even a "
                                                   "meaningless code gives something made of strokes."),
         Choice("Blots made of strokes, no digit in particular", "Yes: pieces of digits, faint and overlapping. The "
                "decoder was never asked about such codes.", right=True))),
    Question(
        "vae.reconstruction_only", "11",
        "We drop the KL and keep the noise: z = mu + sigma * eps, trained for the reconstruction alone. What happens "
        "to sigma?",
        (Choice("It stays near 1, where it began", "Noise of size 1 makes reconstructions worse, and nothing in the "
                                                   "loss pays for it. Whatever the loss does not pay for is removed."),
         Choice("It shrinks towards 0", "Yes: noise only hurts the reconstruction, so the encoder removes it, by "
                                        "tiny clouds and by codes far apart.", right=True),
         Choice("It grows", "Larger noise would mix up the codes of different digits, and the reconstruction pays "
                            "for that at once."))),
    Question(
        "vae.kl_only", "11",
        "Now the KL alone. You see the code of one test digit. How often can you tell which of the ten digits it was?",
        (Choice("Nearly always", "For that the codes of different digits must differ. What would make the encoder "
                                 "send different codes here?"),
         Choice("About half the time", "With both terms it is about that. The KL alone gives no reason to send "
                                       "different codes."),
         Choice("One time in ten, by guessing", "Yes: the cheapest code is the prior itself, for every image, and it "
                                                "says nothing.", right=True))),
    Question(
        "jordan.holes", "11",
        "We draw 2,000 codes of 8 numbers from N(0, I). How many of them lie in a hole of the VAE?",
        (Choice("5 %, like codes of real images: that is what the KL is for",
                "The KL pulls every single cloud towards the prior, and the reconstruction pulls back. All clouds "
                "together come close to the prior, but do not equal it."),
         Choice("Some 10 to 30 %", "Yes: fewer than the autoencoder's, and not none. All clouds together are close "
                                   "to the prior, not equal to it.", right=True),
         Choice("More than half", "The pull of the KL is not that weak: 12 to 14 nats per "
                                                          "image are paid for the deviation, and no more."))),
    Question(
        "vae.fitted_looks", "11",
        "The classifier is sure of 84 % of real test digits. We fit a Gaussian to the autoencoder's codes, draw from "
        "it, and decode. Of how many of these samples will it be sure, compared with the VAE's samples from its prior?",
        (Choice("Far fewer: the autoencoder's codes are full of holes",
                "About half of its draws do fall in holes. But the decoder makes something digit-like of many of "
                "them; the holes are in the codes, not always in the images."),
         Choice("About as many, or a few more",
                "Yes. Most of what was wrong with the autoencoder's samples was where they were drawn, and the fit "
                "mends that afterwards.", right=True),
         Choice("As many as of real digits",
                "Neither model gets there: both are sure of less than half, and real digits of 84 %."))),
    Question(
        "vae.lines", "11",
        "Decode the points halfway between the codes of two different digits. For which model is the classifier surer "
        "of what it sees?",
        (Choice("The VAE: its codes have no gaps to cross",
                "That is the usual story, and it does not show here: the autoencoder's lines are read at least as "
                "surely, on every seed that we ran."),
         Choice("The autoencoder, or no clear difference",
                "Yes, at this scale: the autoencoder's decoder bridges the gaps, and draws them a little more "
                "sharply.", right=True),
         Choice("Neither is ever sure: halfway there is no digit",
                "It is sure of nearly half of these images, and of a plain blend of pixels as often. Being sure is "
                "not being right."))),
    Question(
        "vae.recall_beta", "11",
        "You double the weight of the KL (beta = 2). What do you expect?",
        (Choice("Sharper reconstructions, more coordinates used", "The other way round: codes became more expensive, "
                                                                  "so fewer nats are spent on them."),
         Choice("Softer reconstructions, fewer nats in the code", "Yes: at a higher price the encoder says less, and "
                "some coordinates stop paying at all. Try it: `train_vae(\"beta 2\", K=8, beta=2.0)`.", right=True),
         Choice("The same model after more steps", "The weight changes which model is best, not how fast it is found.")
         )),
    Question(
        "vae.close_collapse", "11",
        "A colleague's VAE has a KL of 0.00 nats and rebuilds every image as the same grey blot. Which line do you "
        "look at first?",
        (Choice("The optimiser's learning rate", "Possible, but a loss that falls and ends at a KL of exactly zero has "
                                                 "usually found what it was asked for."),
         Choice("How the reconstruction is reduced: mean or sum over pixels", "Yes: averaged over 784 pixels while the "
                "KL is summed, the KL is 784 times too heavy, and an empty code is then the best one.", right=True),
         Choice("The size of the latent space", "A larger one costs nothing when unused, and a small one would still "
                                                "be used: two coordinates carried more than 5 nats here."))),
    Question(
        "vae.close_fitted", "11",
        "An autoencoder with a Gaussian fitted to its codes gave samples that the classifier read as surely as the "
        "VAE's. What did it not give?",
        (Choice("Digits of all classes", "It did: fitted draws cover the ten classes nearly evenly as well."),
         Choice("A prior known beforehand, and codes that lie close to it",
                "Yes: the Gaussian had to be fitted afterwards, about half of its draws fell in holes, and there is no "
                "ELBO to compare models by.", right=True),
         Choice("Sharper images than the VAE", "Its samples are a little crisper, in fact: it was trained without "
                                               "noise."))),
)
