"""Part 3, representation geometry: the claims of chapter 34."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

_CODE = "the task as in the authors' code, github.com/Kelarion/repler, src/experiments.py"
_FOUR = "four points without noise, 100 neurons without biases, scale 0.1, to a loss of 0.01; ten networks each"

CLAIMS = (
    Claim(
        id="geometry.sweep", paper="representation-geometry", chapter="34",
        source=f"abstract; {_CODE}: EpsilonSeparableXOR",
        statement="Tanh networks reflect the structure of the labels, relu networks retain more of the structure of "
                  "the inputs, over tasks of varied alignment.",
        kind="same experiment, smaller",
        scale=_FOUR + "; seven values of delta from 0.1 to 1; delta = 0 is an exception, shown in the chapter",
        measures={"target_gap": "smallest difference in CKA with the labels over delta, tanh minus relu",
                  "input_gap": "smallest difference in CKA with the inputs over delta, relu minus tanh"},
        rule=lambda target_gap, input_gap: min(target_gap - 0.05, input_gap - 0.05),
        decides="for every delta tanh networks resemble the labels more, and relu networks the inputs, by 0.05 or more",
        counter_example={"target_gap": 0.0, "input_gap": 0.0}, margin=0.02),
    Claim(
        id="geometry.corner", paper="representation-geometry", chapter="34",
        source="abstract: neurons with relu specialise for different regions of the inputs; the closed form is ours",
        statement="Relu neurons specialise for different regions of the inputs.",
        kind="our analogue", scale=_FOUR + "; delta 0.1, 0.25 and 0.4",
        measures={"target_off": "largest distance from the closed form, CKA with the labels",
                  "input_off": "largest distance from the closed form, CKA with the inputs"},
        rule=lambda target_off, input_off: 0.02 - max(target_off, input_off),
        decides="mean CKA of ten networks lies within 0.02 of the closed form for neurons that answer to a single "
                "input each, 1 / sqrt(3) with the labels and (2 + delta^2) / sqrt(3 (2 + delta^4)) with the inputs",
        counter_example={"target_off": 0.42, "input_off": 0.8}, margin=0.005),
    Claim(
        id="geometry.specialise", paper="representation-geometry", chapter="34",
        source="abstract and figure 1 (C, D): unstructured inputs, weights between and within classes",
        statement="Tanh neurons inherit the structure of the labels, relu neurons specialise for different regions "
                  "of the inputs.",
        kind="same experiment, smaller", scale=_FOUR + "; delta 0.5, and delta 1, where inputs are unstructured",
        measures={"tanh_share": "mean share of a tanh neuron's variance along the labels, the smaller of two",
                  "relu_share": "the same for relu, the larger of two (1/3 for a neuron on for one input)",
                  "relu_single": "share of relu neurons that are on for exactly one input, the smaller of two"},
        rule=lambda tanh_share, relu_share, relu_single: min(tanh_share - 0.9, 0.67 - relu_share, relu_single - 0.5),
        decides="nine tenths or more of the variance of tanh neurons tells labels, less than two thirds for relu, "
                "and most relu neurons are on for exactly one input",
        counter_example={"tanh_share": 0.33, "relu_share": 0.33, "relu_single": 0.2}, margin=0.02),
    Claim(
        id="geometry.switch", paper="representation-geometry", chapter="34",
        source="abstract: the asymmetry of relu leads neurons to specialise; the tie of two pulls is ours",
        statement="How neurons specialise follows from their learning dynamics, by the asymmetry of the nonlinearity.",
        kind="our analogue", scale="four points, leaks 0, 0.1, 0.2 and 0.4, eight networks each, from weights of 1e-30",
        measures={"below": "largest share of the output that two-corner neurons carry at 0.85 times the predicted "
                           "delta",
                  "above": "smallest share that they carry at 1.15 times the predicted delta"},
        rule=lambda below, above: min(0.5 - below, above - 0.5),
        decides="for every leak, two-corner neurons carry less than half at 0.85 and more than half at 1.15 times "
                "the delta at which both pulls are equally long, delta^2 = 2 (1 - leak) / (3 + 5 leak)",
        counter_example={"below": 0.6, "above": 0.6}, margin=0.02),
    Claim(
        id="geometry.ends", paper="representation-geometry", chapter="34",
        source="abstract: the difference arises from the asymmetric asymptotic behaviour of relu",
        statement="The difference between tanh and relu arises from the asymmetric ends of relu.",
        kind="our analogue",
        scale="delta 0.4, eight networks each; elu is smooth at 0 like tanh and flat on one side like relu",
        measures={"tanh_large": "CKA with the labels from scale 1, tanh",
                  "elu_large": "CKA with the labels from scale 1, elu",
                  "elu_small": "CKA with the labels from scale 0.03, elu",
                  "relu_small": "CKA with the labels from scale 0.03, relu"},
        rule=lambda tanh_large, elu_large, elu_small, relu_small: min(
            tanh_large - elu_large, elu_small - relu_small) - 0.15,
        decides="from scale 1 tanh is above elu (the ends decide), and from scale 0.03 elu is above relu (the "
                "origin decides, of which the abstract does not speak), by 0.15 or more",
        counter_example={"tanh_large": 0.9, "elu_large": 0.9, "elu_small": 0.6, "relu_small": 0.6}, margin=0.03),
    Claim(
        id="geometry.family", paper="representation-geometry", chapter="34",
        source=f"abstract: a broad class of parameterised tasks; {_CODE}: RandomKernelClassification",
        statement="The difference is found over tasks in which the alignment of inputs and labels and the number of "
                  "labels are varied.",
        kind="same experiment, smaller",
        scale="16 points (the code has up to 32) without noise, 1 and 4 labels, 5 alignments, scales 0.1 and 1, 128 "
              "neurons, five networks each, to a loss of 0.02",
        measures={"target_gap": "smallest difference in CKA with the labels over 20 settings, tanh minus relu",
                  "input_gap": "smallest difference in CKA with the inputs over 20 settings, relu minus tanh"},
        rule=lambda target_gap, input_gap: min(target_gap - 0.02, input_gap - 0.02),
        decides="in all 20 settings tanh networks resemble the labels more, and relu networks the inputs, by 0.02 "
                "or more",
        counter_example={"target_gap": 0.0, "input_gap": 0.0}, margin=0.01),
    Claim(
        id="geometry.disentangled", paper="representation-geometry", chapter="34",
        source="abstract, last but one sentence; figure 1 (B) shows the measures for unstructured inputs",
        statement="When the labels are low-dimensional, tanh networks generate representations that are more "
                  "disentangled.",
        kind="same experiment, smaller",
        scale=_FOUR + "; delta 0.5; cross-condition generalisation with the best line for Gaussian noise in the "
                      "hidden layer in place of a support vector machine",
        measures={"tanh_parallel": "parallelism, tanh", "relu_parallel": "parallelism, relu",
                  "tanh_across": "share of right answers on points left out, tanh",
                  "relu_across": "share of right answers on points left out, relu",
                  "tanh_dimension": "effective dimension, tanh", "relu_dimension": "effective dimension, relu"},
        rule=lambda tanh_parallel, relu_parallel, tanh_across, relu_across, tanh_dimension, relu_dimension: min(
            tanh_parallel - relu_parallel - 0.2, tanh_across - relu_across - 0.1,
            relu_dimension - tanh_dimension - 0.5),
        decides="parallelism is larger by 0.2, the share right on points left out by 0.1, the dimension smaller by 0.5",
        counter_example={"tanh_parallel": 0.0, "relu_parallel": 0.0, "tanh_across": 0.5, "relu_across": 0.5,
                         "tanh_dimension": 3.0, "relu_dimension": 3.0}, margin=0.05),
    Claim(
        id="geometry.digits", paper="representation-geometry", chapter="34",
        source="abstract; parity and magnitude of digits as in the authors' code (parity_magnitude), there with "
               "other networks",
        statement="Tanh networks reflect the labels and relu networks the inputs on real images, too.",
        kind="our analogue",
        scale="1000 digits, parity times magnitude, fifty principal components, 100 neurons, scale 0.3, three "
              "networks each, compared at equal training loss; CKA of the ten digits' mean activities on 4000 "
              "unseen images",
        measures={"target_gap": "difference in CKA with the labels at loss 0.3, tanh minus relu",
                  "input_gap": "difference in CKA with the inputs at loss 0.3, relu minus tanh",
                  "late_gap": "difference in CKA with the labels at loss 0.1, for comparison alone"},
        rule=lambda target_gap, input_gap, late_gap: min(target_gap - 0.02, input_gap - 0.02),
        decides="at a training loss of 0.3 both differences are 0.02 or more; what is left of the first at a loss "
                "of 0.1 is shown and does not decide",
        counter_example={"target_gap": 0.0, "input_gap": 0.0, "late_gap": 0.0}, margin=0.01),
)

OUT_OF_REACH = (
    ("34, deeper and convolutional networks, noisy inputs, 32 clusters (the paper's later experiments).",
     "One hidden layer, points without noise and up to 16 of them keep the closed forms and the minute. Only the "
     "abstract, figure 1's caption and the authors' code were at hand, so that their numbers are not compared with "
     "ours."),
)
