"""Part 2, local losses: the claims of chapter 25."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

CLAIMS = (
    Claim(
        id="local.exact", paper="local-losses", chapter="25",
        source="abstract: gradients from higher to lower levels are replaced by locally computable losses",
        statement="No gradient has to pass from a higher level of a hierarchy to a lower one: with local losses each "
                  "level's gradient can be computed where it is.",
        kind="theorem checked",
        scale="one to four levels of GRUs with k = 3, 81 steps; the schedule, block by block, is ours",
        measures={"forward": "largest difference between states with and without cuts",
                  "backward": "largest relative difference of the gradients, block by block and in one backward "
                              "pass, in double precision",
                  "crossing": "gradient of level 1's local loss at the weights of level 0",
                  "task": "smallest gradient of the task's loss at the weights of a level, cut"},
        rule=lambda forward, backward, crossing, task: min(-forward, 1e-12 - backward, -crossing, task - 1e-8),
        decides="forward and crossing are exactly 0, the two ways to compute the gradients agree to 1e-12, and the "
                "task reaches every level; the counter-example is a hierarchy without cuts",
        counter_example={"forward": 0.0, "backward": 1.0, "crossing": 0.02, "task": 1e-3}),
    Claim(
        id="local.memory", paper="local-losses", chapter="25",
        source="abstract: a factor exponential in the depth, in comparison to standard truncated backpropagation",
        statement="Local losses lower the memory of training, compared with backpropagation over the same length, by a "
                  "factor that is exponential in the depth of the hierarchy.",
        kind="theorem checked",
        scale="k = 3, 48 units, 32 sequences of 3^depth steps; what autograd keeps, at most, during a real training "
              "step",
        measures={"four": "how many times fewer bytes with four levels, 81 steps",
                  "base": "the b for which (b^L - 1) / ((b - 1) L) fits the savings of L = 1 to 4 levels best",
                  "off": "largest relative distance of a saving in bytes from the one counted in ticks"},
        rule=lambda four, base, off: min(four - 8, 0.3 - abs(base - 3), 0.2 - off),
        decides="four levels need at most an eighth, the base lies within 0.3 of k, and bytes lie within a fifth of "
                "the count; the counter-example is a saving of L, which grows by the same amount with each level",
        counter_example={"four": 4.0, "base": 1.89, "off": 0.6}),
    Claim(
        id="local.copying", paper="local-losses", chapter="25",
        source="abstract: without harming the learning capability of the network",
        statement="Replacing the gradients from higher to lower levels by local losses does not harm learning.",
        kind="our analogue",
        scale="copy task of 27 steps with six symbols, three levels with k = 3, 48 units; 400 steps against 600 of "
              "the whole gradient (equal CPU time), each at its best learning rate of three or more",
        measures={"whole": "share copied right with the whole gradient", "both": "whole gradient and local losses",
                  "local": "cut, with local losses", "cut": "cut, without local losses",
                  "truncated": "backward after every 9 steps"},
        rule=lambda whole, both, local, cut, truncated: min(local - whole + 0.1,
                                                            local - max(cut, truncated) - 0.25),
        decides="local losses copy at most 0.1 worse than the whole gradient, and at least 0.25 better than cuts "
                "without them and than truncation; the whole gradient with local losses is shown beside them",
        counter_example={"whole": 0.9, "both": 0.95, "local": 0.41, "cut": 0.41, "truncated": 0.42}, margin=0.1),
    Claim(
        id="local.two_levels", paper="local-losses", chapter="25",
        source="abstract: without harming the learning capability of the network",
        statement="Local losses do not harm learning with two levels, either.", kind="our analogue", tier="recorded",
        scale="copy task of 27 steps with six symbols, two levels with k = 3; 600 steps against 900 of the whole "
              "gradient",
        measures={"whole": "share copied right with the whole gradient", "local": "cut, with local losses",
                  "cut": "cut, without local losses"},
        rule=lambda whole, local, cut: min(local - whole + 0.1, local - cut - 0.2),
        decides="local losses copy at most 0.1 worse than the whole gradient, and at least 0.2 better than cuts alone",
        counter_example={"whole": 0.9, "local": 0.5, "cut": 0.5}, margin=0.1),
    Claim(
        id="local.digits", paper="local-losses", chapter="25",
        source="abstract: over a wide range of tasks",
        statement="Local losses do not harm learning to read digits pixel by pixel, either.", kind="our analogue",
        tier="recorded",
        scale="MNIST at 8 by 8, 64 steps, k = 4, three levels of 48 units, 400 steps of 32 digits",
        measures={"whole": "accuracy on 1000 digits with the whole gradient", "local": "cut, with local losses",
                  "cut": "cut, without local losses"},
        rule=lambda whole, local, cut: min(local - whole + 0.05, local - cut - 0.1),
        decides="local losses read at most 0.05 worse than the whole gradient, and at least 0.1 better than cuts alone",
        counter_example={"whole": 0.9, "local": 0.7, "cut": 0.7}, margin=0.1),
)

OUT_OF_REACH = (
    ("25, a wide range of tasks: that local losses do no harm, at the paper's sizes and on its tasks.",
     "Two tasks in seconds of training, 27 and 64 steps. Given 1200 steps in place of 400, both ways copy nearly "
     "everything (0.989 whole, 0.984 with local losses, 0.439 cut only; one seed), so what differs here is how fast "
     "they learn."),
)
