"""Part 4, approximate diagonalisation: the claims of chapter 42."""

from __future__ import annotations

import math

from tutorial_lib.kit.claim import Claim

CLAIMS = (
    Claim(
        id="ptd.ill_posed", paper="ptd", chapter="42",
        source="abstract and section 4, on diagonalising HiPPO-LegS; the eigenvectors themselves: Gu, Goel & Re "
               "(2022), lemma 3.2",
        statement="Diagonalising HiPPO-LegS is an ill-posed problem: the condition of its eigenvectors grows "
                  "exponentially with "
                  "the size of the state.",
        kind="theorem checked", scale="exact eigenvectors for N = 8 to 64; a solver in double precision at N = 32",
        measures={"factor": "smallest growth of the condition for each number that is added, N = 8 to 64",
                  "lost": "relative error of V diag(modes) V^-1 against A at N = 32",
                  "perturbed": "the same for A + E, the norm of E being 0.1"},
        rule=lambda factor, lost, perturbed: min(factor - 5, math.log10(lost) + 2, -6 - math.log10(perturbed)),
        decides="the condition grows at least fivefold for each number; unperturbed, the matrix rebuilt is off by "
                "more than a "
                "hundredth, perturbed by less than a millionth",
        counter_example={"factor": 1.0, "lost": 1e-14, "perturbed": 1e-14}, margin=0.1),
    Claim(
        id="ptd.weak", paper="ptd", chapter="42",
        source="section 3: lemma 1 (the difference in closed form), theorem 1 (a given smooth input, order 1/n), "
               "theorem 2 (not "
               "uniformly)",
        statement="S4D-LegS converges to LegS for any given smooth input, at the rate 1/N, but not uniformly over "
                  "inputs: spikes "
                  "of its transfer function do not go away.",
        kind="theorem checked", scale="N = 16 to 128, waves in place of inputs, the worst readout of length 1",
        measures={"closed": "largest relative difference between S4D's state by a solve and by the closed form",
                  "slope": "slope of the error at omega = 1 against N, both logarithmic",
                  "mean": "smallest of the errors of the running mean at the spike",
                  "growth": "largest error over all frequencies at N = 128 over that at N = 16"},
        rule=lambda closed, slope, mean, growth: min(1e-8 - closed, 0.1 - abs(slope + 1), mean - 0.5, growth - 4),
        decides="the closed form holds to 1e-8, the error at a fixed frequency falls like 1/N, that of the running "
                "mean at the "
                "spike stays above one half, and the largest error grows at least fourfold as N grows eightfold",
        counter_example={"closed": 1e-12, "slope": -1.0, "mean": 0.01, "growth": 0.125}, margin=1e-8),
    Claim(
        id="ptd.linear", paper="ptd", chapter="42",
        source="section 4, theorem 3: |G_Pert - G_DPLR| at most (2 ln n + 4) eps to first order, B and C of length 1",
        statement="Perturbed and then diagonalised, LegS changes at no frequency by more than a multiple of the "
                  "perturbation's "
                  "norm: the convergence is uniform, and linear.",
        kind="theorem checked", scale="random E in place of optimised ones; N = 8 to 64, norms of 0.0001 to 0.1, "
                                      "three draws each",
        measures={"slope": "slope of the largest error against the norm of E that lies furthest from 1, both "
                           "logarithmic",
                  "ours": "largest share of the bound 4 eps / (1 - 2 eps) that is used",
                  "theirs": "largest share of (2 ln N + 4) eps that is used"},
        rule=lambda slope, ours, theirs: min(0.06 - abs(slope - 1), 1 - ours, 1 - theirs),
        decides="the error is linear in the norm (slope within 0.06 of 1) and below both bounds, at all frequencies "
                "tried",
        counter_example={"slope": 0.0, "ours": 50.0, "theirs": 20.0}, margin=0.03),
    Claim(
        id="ptd.price", paper="ptd", chapter="42",
        source="section 4 (theorem 5: the condition of the eigenvectors grows linearly in one over the norm of E) "
               "and section 5.3 "
               "(the ablation of the perturbation's size)",
        statement="The size of the perturbation is a trade: a smaller one is closer to LegS, and its eigenvectors "
                  "are worse "
                  "conditioned, by about one over the norm; the best size lies in between.",
        kind="our analogue",
        scale="random E in place of optimised ones, N = 64, five draws for each of nine norms; error of the states "
              "in single "
              "precision in place of a trained accuracy",
        measures={"slope": "slope of the condition (middle of five draws) against the norm, both logarithmic",
                  "best": "norm with the smallest error in single precision",
                  "small": "error at a norm of 0.00001 over the smallest error",
                  "large": "error at a norm of 0.3 over the smallest error"},
        rule=lambda slope, best, small, large: min(0.25 - abs(slope + 1), best - 1e-3, 0.2 - best, small - 10,
                                                   large - 3),
        decides="the slope lies within 0.25 of -1; the best norm lies between 0.001 and 0.2; at both ends the error "
                "is larger, "
                "tenfold and threefold",
        counter_example={"slope": 0.0, "best": 1e-5, "small": 1.0, "large": 1e4}, margin=0.05),
    Claim(
        id="ptd.noise", paper="ptd", chapter="42",
        source="abstract and section 3.4: resilience to inputs perturbed by a Fourier mode",
        statement="A Fourier mode added to the input breaks S4D-LegS and hardly touches the perturbed system.",
        kind="our analogue",
        scale="fixed systems, N = 64, smooth random inputs of 4,096 steps, a wave of a tenth of their size at the "
              "spike with "
              "dt = 1/1024; eight random readouts",
        measures={"s4d": "relative distance of S4D's output to that of LegS on the clean input",
                  "ptd": "the same for the perturbed system, the norm of E being 0.1",
                  "legs": "the same for LegS itself, which reads the wave too",
                  "clean": "S4D's distance without any noise",
                  "white": "S4D's distance with white noise of the same size"},
        rule=lambda s4d, ptd, legs, clean, white: min(s4d - 1, 0.1 - ptd, 0.1 - legs, 0.3 - clean, s4d / 5 - white),
        decides="with the wave S4D is off by more than its whole output and the perturbed system by less than a "
                "tenth; clean, S4D "
                "is within 0.3, and white noise does at most a fifth of the wave's harm",
        counter_example={"s4d": 0.02, "ptd": 0.02, "legs": 0.01, "clean": 0.02, "white": 0.02}, margin=0.05),
    Claim(
        id="ptd.digits", paper="ptd", chapter="42",
        source="section 5.2: images read pixel by pixel, with Fourier modes at the spikes of S4D on the test images",
        statement="After training on clean images, a faint Fourier mode at the spikes of S4D ruins what the S4D "
                  "model reads, and "
                  "the perturbed model keeps its accuracy.",
        kind="same experiment, smaller", tier="recorded",
        scale="digits of 196 pixels for CIFAR, two layers of 16 channels with N = 16, 600 steps of 50 images, one "
              "common step "
              "size of the systems at the start, random E; a wave of 0.1 on pixels from 0 to 1",
        measures={"s4d_clean": "share of 2,000 test digits that S4D-LegS reads rightly",
                  "s4d_wave": "the same with the wave at the spike", "s4d_elsewhere": "with a wave of four fifths "
                                                                                      "of its frequency",
                  "ptd_clean": "the share that PTD reads rightly", "ptd_wave": "the same with the wave at the spike"},
        rule=lambda s4d_clean, s4d_wave, s4d_elsewhere, ptd_clean, ptd_wave: min(
            s4d_clean - s4d_wave - 0.2, 0.05 - (ptd_clean - ptd_wave), ptd_wave - s4d_wave,
            0.1 - (s4d_clean - s4d_elsewhere)),
        decides="S4D loses at least 0.2 to the wave at the spike and less than 0.1 to the one elsewhere; PTD loses "
                "less than 0.05 and "
                "reads more than S4D with the wave on",
        counter_example={"s4d_clean": 0.8, "s4d_wave": 0.78, "s4d_elsewhere": 0.79, "ptd_clean": 0.7,
                         "ptd_wave": 0.69}, margin=0.05),
)

OUT_OF_REACH = (
    ("42, long sequences: S5-PTD averages 87.6 % on the Long Range Arena.",
     "No such benchmark in a minute of a laptop. What is shown here is what the paper derives the gain from: how "
     "the systems "
     "answer to waves, at the start and after a short training on small digits."),
    ("42, accuracy: S4-PTD is more accurate than S4D on the Long Range Arena, on clean inputs.",
     "Not seen at this size: on clean digits of 196 pixels, after 600 steps, S4D-LegS reads 0.80 to 0.88 and a "
     "stack that "
     "begins from a randomly perturbed LegS 0.59 to 0.77 (five seeds), which learns more slowly."),
    ("42, the optimised perturbation: E is found by minimising the condition of the eigenvectors plus a multiple of "
     "its norm.",
     "We draw E at random and scale it. The bound of the chapter holds for every E below 1/2; the condition of an "
     "optimised E "
     "is better than that of a random one, by how much we did not measure."),
)
