"""Part 3, dynamical stability: the claims of chapter 35."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

_ABSTRACT = "abstract (the full text was not at hand)"
_DIAGONAL = ("diagonal network, 100 inputs, 40 samples, 3 coefficients of 1, u = v = 1 at the beginning, five "
             "problems; one sample "
             "a step, the learning rate rising for 15,000 steps, held for 5,000, a kick, held for 5,000")

CLAIMS = (
    Claim(
        id="stability.trace", paper="dynamical-stability", chapter="35",
        source=f"{_ABSTRACT}: linear stability of SGD and the trace of the Hessian, 2/eta; the chain of four and its "
               f"proof are "
               "worked out in the chapter",
        statement="If a global minimum is linearly stable for SGD, the trace of the Hessian is at most 2 / learning "
                  "rate; for "
                  "gradient descent only the largest eigenvalue is.",
        kind="theorem checked",
        scale="300 random sets of per-sample gradients (up to 12 samples and 12 weights), stability in the mean "
              "square, one "
              "sample a step; the threshold by an n x n eigenvalue and from the second moment's map itself",
        measures={"least": "smallest ratio of the exact threshold's curvature to the trace",
                  "order": "largest violation of trace <= moment ratio <= exact <= largest squared gradient, relative",
                  "growth": "largest distance from 1 of the largest eigenvalue of the second moment's map, at the "
                            "threshold (50 sets)",
                  "equal": "largest relative distance of the exact curvature from the trace when all gradients are "
                           "equally long"},
        rule=lambda least, order, growth, equal: min(least - 1 + 1e-9, 1e-9 - order, 1e-8 - growth, 1e-9 - equal),
        decides="the exact curvature is never below the trace, the chain of four holds to 1e-9, at the threshold the "
                "second "
                "moment's map has 1 for its largest eigenvalue to 1e-8, and equal lengths make the bound exact",
        counter_example={"least": 0.3, "order": 0.5, "growth": 0.1, "equal": 0.5}, margin=1e-9),
    Claim(
        id="stability.leave", paper="dynamical-stability", chapter="35",
        source=f"{_ABSTRACT}: stable minima; that the linearisation decides for the network itself is what is tried "
               f"here",
        statement="An optimiser stays at a minimum that is stable for it and leaves one that is not.",
        kind="our analogue",
        scale="minima of a diagonal network (100 inputs, 40 samples, five problems), eight kicked copies of each, "
              "4,000 steps; "
              "left: moved by more than one and a half lengths of the kick",
        measures={"sgd_below": "share of copies that left, SGD at 0.9 times its exact threshold",
                  "sgd_above": "share that left, SGD at 1.15 times its exact threshold",
                  "gd_below": "share that left, gradient descent at 0.95 times 2 / largest eigenvalue",
                  "gd_above": "share that left, gradient descent at 1.05 times that"},
        rule=lambda sgd_below, sgd_above, gd_below, gd_above: min(0.05 - sgd_below, sgd_above - 0.95, 0.05 - gd_below,
                                                                  gd_above - 0.95),
        decides="at most one copy in twenty leaves below a threshold, at most one in twenty stays above it",
        counter_example={"sgd_below": 0.5, "sgd_above": 0.5, "gd_below": 0.5, "gd_above": 0.5}, margin=0.02),
    Claim(
        id="stability.trained", paper="dynamical-stability", chapter="35",
        source=f"{_ABSTRACT}: SGD bounds the trace, gradient descent the largest eigenvalue alone",
        statement="Where SGD arrives the trace is at most 2 / learning rate; where gradient descent arrives only the "
                  "largest "
                  "eigenvalue is.",
        kind="our analogue",
        scale=f"{_DIAGONAL}; rates 0.002 to 0.1; gradient descent 3,000 and 2,000 steps at the same rates",
        measures={"sgd_trace": "largest trace times lr / 2 where SGD arrived",
                  "gd_largest": "largest eigenvalue times lr / 2, at most, where gradient descent arrived",
                  "gd_trace": "largest trace times lr / 2 where gradient descent arrived"},
        rule=lambda sgd_trace, gd_largest, gd_trace: min(1 - sgd_trace, 1 - gd_largest, gd_trace / 5 - 1),
        decides="trace times lr / 2 stays at or below 1 for SGD in every run that arrived, the largest eigenvalue's "
                "does for "
                "gradient descent, and gradient descent's trace goes beyond five times what SGD allows itself",
        counter_example={"sgd_trace": 3.0, "gd_largest": 0.9, "gd_trace": 3.0}, margin=0.01),
    Claim(
        id="stability.norms", paper="dynamical-stability", chapter="35",
        source=f"{_ABSTRACT}: equivalence of sharpness and parameter norms for diagonal linear and two-layer ReLU "
               f"networks; the "
               "forms with the data in them are worked out in the chapter",
        statement="For diagonal linear networks and for two-layer ReLU networks the trace bounds a norm of the "
                  "parameters.",
        kind="theorem checked",
        scale="all trained networks of the chapter: diagonal ones, and ReLU ones of 100 units on 100 digits of 7 x 7 "
              "pixels",
        measures={"diagonal": "smallest ratio of the trace to 4 times the sum of |beta| with the inputs' mean squares",
                  "relu": "smallest ratio of the trace to the sum over units of 2 sqrt(outer part times inner part)",
                  "reached": "largest relative distance between that sum and the trace of the flattest form",
                  "same": "largest change of the function in that form"},
        rule=lambda diagonal, relu, reached, same: min(diagonal - 1 + 1e-9, relu - 1 + 1e-9,
                                                               1e-9 - reached, 1e-9 - same),
        decides="neither ratio is below 1, and rescaling units reaches the ReLU network's bound without changing its "
                "function",
        counter_example={"diagonal": 0.5, "relu": 0.5, "reached": 0.5, "same": 0.5}, margin=1e-9),
    Claim(
        id="stability.rate", paper="dynamical-stability", chapter="35",
        source=f"{_ABSTRACT}: SGD's stable minima generalise, the more the larger the learning rate; gradient "
               f"descent's bound is "
               "too weak",
        statement="SGD with a larger learning rate generalises better, and better than gradient descent.",
        kind="our analogue",
        scale=f"{_DIAGONAL}; gradient descent at the best of its rates, by test error; error: squared distance from "
              f"the truth",
        measures={"gd": "gradient descent's mean error at its best "
                        "rate", "small": "SGD's at 0.004", "middle": "SGD's at 0.03",
                  "large": "SGD's at 0.08 (runs that did not diverge)"},
        rule=lambda gd, small, middle, large: min(small - middle, middle - large, gd / 3 - large),
        decides="SGD's error falls from 0.004 to 0.03 to 0.08, where it is below a third of gradient descent's best",
        counter_example={"gd": 1.8, "small": 1.8, "middle": 1.8, "large": 1.8}, margin=0.05),
    Claim(
        id="stability.relu", paper="dynamical-stability", chapter="35",
        source=f"{_ABSTRACT}: two-layer ReLU networks; stability bounds the trace, and the trace a parameter norm",
        statement="In two-layer ReLU networks, too, SGD bounds the trace, and with it the path norm.",
        kind="our analogue",
        scale="100 digits of 7 x 7 pixels, odd against even, 100 units, three draws; SGD on one sample a step with "
              "rising rate "
              "(14,000 steps), kick, 6,000 more, rates 0.01 to 0.16; gradient descent 0.01 to 0.13, 2,500 steps",
        measures={"sgd_trace": "largest trace times lr / 2 where SGD arrived",
                  "gd_largest": "largest eigenvalue times lr / 2, at most, where gradient descent arrived",
                  "gd_trace": "largest trace times lr / 2 where gradient descent arrived",
                  "path": "mean path norm of SGD at 0.16 over gradient descent's smallest mean path norm"},
        rule=lambda sgd_trace, gd_largest, gd_trace, path: min(1 - sgd_trace, 1 - gd_largest, gd_trace / 2 - 1,
                                                                     0.6 - path),
        decides="SGD keeps trace times lr / 2 at or below 1, gradient descent only the largest eigenvalue's, and the "
                "path norm "
                "of SGD at 0.16 is below 0.6 times gradient descent's smallest",
        counter_example={"sgd_trace": 3.0, "gd_largest": 0.9, "gd_trace": 1.5, "path": 1.0}, margin=0.02),
    Claim(
        id="stability.relu_rate", paper="dynamical-stability", chapter="35",
        source=f"{_ABSTRACT}: SGD's stable minima of two-layer ReLU networks generalise, the more the larger the "
               f"learning rate",
        statement="Two-layer ReLU networks generalise better where SGD's learning rate was larger, and better than "
                  "those of "
                  "gradient descent.",
        kind="our analogue",
        scale="one ReLU unit as the truth, 20 inputs on the sphere, 100 samples, 100 units, three draws; the rate "
              "rises over 40,000 "
              "steps, to 0.01 to 0.3; gradient descent at the best of three rates, by test error",
        measures={"gd": "gradient descent's mean test error at its best "
                        "rate", "small": "SGD's at 0.05", "large": "SGD's at 0.3"},
        rule=lambda gd, small, large: min(small - large, 0.6 * gd - large),
        decides="SGD's test error at 0.3 is below that at 0.05, and below 0.6 times gradient descent's best",
        counter_example={"gd": 0.1, "small": 0.1, "large": 0.1}, margin=0.005),
)

OUT_OF_REACH = (
    ("35, better test errors on real data.",
     "On 80 to 200 digits of 7 x 7 pixels, odd against even, the trace and the path norm fell with the learning rate "
     "as they "
     "should, five times lower path norms at the largest rate, and the test error did not follow: over five seeds SGD "
     "had a mean "
     "squared error of 0.64 to 0.72 at 0.16 and gradient descent 0.56 to 0.64. A small path norm helps where the "
     "truth has one."),
    ("35, the generalisation bounds themselves.",
     "They hold with high probability over samples and up to constants; the chapter checks the deterministic "
     "inequalities between "
     "trace and norm, and measures test errors."),
)
