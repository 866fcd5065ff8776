"""Part 3, connectivity and rank: the claims of chapter 33."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

_SIDE_BY_SIDE = ("delayed match to sample over 8 steps, one logistic answer at the last; 100 neurons for 300, "
                 "twelve Gaussian matrices of gain 1.25 cut to ranks 1 to 100 at the same size, learning rate 0.003 "
                 "with momentum 0.9 "
                 "as in the authors' code, stopped at a loss of 0.05 for 10,000 steps")

CLAIMS = (
    Claim(
        id="connectivity.average", paper="connectivity-rank", chapter="33",
        source="theorem 1 (two linear layers, small start, average over tasks), as the paper's public reviews describe "
               "it; the formula is derived in the chapter",
        statement="Averaged over tasks, a network that starts small keeps its kernel the better, the higher the "
                  "effective rank of its initial weights.",
        kind="theorem checked",
        scale="20 inputs, 40 hidden units, 150 tasks; ranks 1 to 20, with w = 0 and with w as large as W",
        measures={"off": "largest distance between the mean alignment of 150 trained networks and the formula, in "
                         "standard errors",
                  "rise": "smallest increase of the mean alignment from a rank to the next higher one"},
        rule=lambda off, rise: min(5 - off, rise),
        decides="every mean lies within 5 standard errors of the formula, and every step to a higher rank raises it",
        counter_example={"off": 50.0, "rise": -0.1}, margin=0.0005),
    Claim(
        id="connectivity.every_size", paper="connectivity-rank", chapter="33",
        source="abstract: high-rank initialisations typically yield smaller network changes; the closed form is ours",
        statement="High rank of the initial weights yields smaller changes of the network than low rank.",
        kind="our analogue",
        scale="two linear layers, equal singular values, w = 0, exact at any size: |b| from 0.01 to 100 times |W|^2, "
              "ranks 1 to 20, mean over 2,000 directions of the task",
        measures={"worst": "largest difference between closed form and training: alignment, and relative for the "
                           "weights",
                  "kernel": "largest change of the mean of 1 - alignment from a rank to the next higher one (negative: "
                            "all fall)",
                  "weights": "the same for |W change| / |W|"},
        rule=lambda worst, kernel, weights: min(0.02 - worst, -kernel, -weights),
        decides="training ends within 0.02 of the closed form, and with every step to a higher rank both means fall",
        counter_example={"worst": 0.2, "kernel": 0.05, "weights": 0.05}, margin=0.001),
    Claim(
        id="connectivity.aligned", paper="connectivity-rank", chapter="33",
        source="proposition 1 (a rank-one start along the task), as the paper's public reviews describe it; both "
               "layers along the task is our reading",
        statement="A start of low rank that is aligned with the task can be lazier than any other.",
        kind="theorem checked", scale="20 inputs, 40 hidden units, |w| = |W| = 1, tasks of length 0.1, 1 and 10",
        measures={"aligned": "largest 1 - alignment, rank one along the task", "full": "largest, full rank, equal "
                                                                                       "singular values",
                  "random": "largest, rank one in a random direction"},
        rule=lambda aligned, full, random: min(1e-9 - aligned, full - 1e-3, random - full),
        decides="the aligned start keeps its kernel to a billionth, full rank does not to a thousandth, and rank "
                "one in "
                "a random direction is worse than full rank",
        counter_example={"aligned": 0.04, "full": 0.02, "random": 0.04}, margin=1e-9),
    Claim(
        id="connectivity.recurrent", paper="connectivity-rank", chapter="33",
        source="abstract; the authors' code measures kernel and activity in this way for this task",
        statement="In recurrent networks low-rank initial wiring leads to larger changes of tangent kernel and "
                  "activity than high rank.",
        kind="same experiment, smaller", scale=_SIDE_BY_SIDE,
        measures={"kernel": "mean of 1 - alignment at rank 3, over that at full rank",
                  "activity": "the same for the activity at the last step",
                  "kernel_pairs": "share of the twelve draws in which rank 3 changes its kernel more",
                  "activity_pairs": "the same for the activity"},
        rule=lambda kernel, activity, kernel_pairs, activity_pairs: min(kernel - 1.25, activity - 2),
        decides="on average rank 3 changes its kernel by at least a quarter more, and its activity at least twice as "
                "much",
        counter_example={"kernel": 0.9, "activity": 0.9, "kernel_pairs": 0.4, "activity_pairs": 0.4}, margin=0.3),
    Claim(
        id="connectivity.weights", paper="connectivity-rank", chapter="33",
        source="the authors' code: the norm of the change of the recurrent weights is its first measure of laziness",
        statement="In recurrent networks low-rank initial wiring leads to larger changes of the weights than high "
                  "rank.",
        kind="contradicted here", scale=_SIDE_BY_SIDE + "; so, too, rank 3 "
              "with 200 neurons and with a loss of 0.001 (rank 1 moves more than full rank with 200 neurons)",
        measures={"ratio": "mean of |W change| / |W| at rank 3, over that at full rank"},
        rule=lambda ratio: ratio - 1,
        decides="on average the wiring of rank 3 changes more than that of full rank",
        counter_example={"ratio": 0.2}, margin=0.5),
    Claim(
        id="connectivity.worm", paper="connectivity-rank", chapter="33",
        source="abstract: the finding is confirmed with experimentally driven connectivity (other circuits than ours)",
        statement="Wiring measured in a nervous system, being of low effective rank, learns more richly than wiring of "
                  "the same strengths without its structure.",
        kind="our analogue",
        scale="C. elegans, 280 neurons, chemical synapses, signs by neuron at random; against the same strengths at "
              "other places; delayed match to sample, fourteen draws",
        measures={"kernel": "mean of 1 - alignment of the kernel, worm over shuffled worm",
                  "activity": "the same for the activity",
                  "draws": "share of draws in which the worm's kernel changes more"},
        rule=lambda kernel, activity, draws: min(kernel, activity) - 1,
        decides="on average over the draws in which all learned, kernel and activity of the worm change more",
        counter_example={"kernel": 0.5, "activity": 0.5, "draws": 0.3}, margin=0.2),
)

OUT_OF_REACH = (
    ("33, the size of the paper's networks: 300 neurons, 10,000 steps, four tasks, and wirings of mammals.",
     "The differences of kernel and activity show with 100 neurons and one task of memory. That rank 3 changes the "
     "weights more than full rank does not show here at either size or goal that was tried, and we cannot say at which "
     "it would."),
)
