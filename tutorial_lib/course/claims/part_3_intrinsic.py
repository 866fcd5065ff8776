"""Part 3, intrinsic dimension: the claims of chapter 36."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

_TRAINED = ("20,000 digits for 60,000, 400 steps of 64 digits for 100 epochs; hashed projections (one entry in each "
            "row) "
            "for dense, sparse and Fastfood ones")

CLAIMS = (
    Claim(
        id="intrinsic.toy", paper="intrinsic-dimension", chapter="36",
        source="section 2: the example of 1000 parameters in ten groups with prescribed sums",
        statement="1000 numbers that must meet ten sums have an intrinsic dimension of 10: solutions fill a "
                  "hyperplane of "
                  "990 dimensions, which a random subspace almost surely meets from 10 dimensions on and almost surely "
                  "misses below.",
        kind="theorem checked",
        scale="as in the paper, D = 1000 and ten groups; the best point by least squares in place of training; four "
              "kinds "
              "of projections, 25 subspaces each; the line for 200 dense ones",
        measures={"nine": "smallest share of the squared error left in 9 dimensions",
                  "ten": "largest share left in 10 dimensions",
                  "line": "largest distance of the mean share left, d = 1 to 9, from 1 - d / 10"},
        rule=lambda nine, ten, line: min(nine - 1e-10, 1e-15 - ten, 0.05 - line),
        decides="in 9 dimensions more than 1e-10 is left every time, in 10 less than 1e-15, and the mean falls along "
                "1 - d / 10 to within 0.05",
        counter_example={"nine": 1e-20, "ten": 0.1, "line": 0.3}, margin=1e-11),
    Claim(
        id="intrinsic.digits", paper="intrinsic-dimension", chapter="36",
        source="section 3, MNIST: the fully connected network on MNIST",
        statement="A network 784-200-200-10 of 199,210 weights reaches 90 % of direct training's accuracy on MNIST in "
                  "about "
                  "750 random directions.",
        kind="same experiment, smaller", scale=_TRAINED,
        measures={"d": "d_90, directions at which 90 % of the accuracy of direct training is met"},
        rule=lambda d: min(1500 - d, d - 375) / 1000,
        decides="d_90 lies between half and twice the paper's 750",
        counter_example={"d": 4000.0}, margin=0.05),
    Claim(
        id="intrinsic.size", paper="intrinsic-dimension", chapter="36",
        source="section 3, MNIST: networks of 1 to 5 hidden layers of 50 to 400 units",
        statement="The intrinsic dimension hardly changes with the size of the network: where the number of weights "
                  "changes "
                  "24-fold, d_90 changes 1.33-fold.",
        kind="same experiment, smaller",
        scale=_TRAINED + "; four networks with 1 or 2 hidden layers of 20 to 400 units, each measured by its own "
                         "baseline",
        measures={"weights": "largest number of weights over smallest",
                  "dims": "largest d_90 over smallest"},
        rule=lambda weights, dims: min((weights - 20) / 20, 2 - dims),
        decides="weights change 20-fold or more, and d_90 less than twofold",
        counter_example={"weights": 30.0, "dims": 5.5}, margin=0.1),
    Claim(
        id="intrinsic.filters", paper="intrinsic-dimension", chapter="36",
        source="section 3, MNIST: LeNet, and both networks on shuffled pixels",
        statement="A convolutional network needs fewer directions than a fully connected one, 290 for 750, and loses "
                  "its "
                  "advantage when the pixels of all images are shuffled alike (1400), which leaves the other at 750.",
        kind="same experiment, smaller",
        scale=_TRAINED + "; the paper's LeNet; shuffled pixels with their own baseline, which is lower; beyond 1200 "
                         "directions counts as 1200",
        measures={"filters": "d_90 of the convolutional network",
                  "layers": "d_90 of the fully connected network",
                  "shuffled": "d_90 of the convolutional network on shuffled pixels, at most 1200"},
        rule=lambda filters, layers, shuffled: min(0.75 - filters / layers, shuffled / filters / 2 - 1),
        decides="the convolutional network needs at most three quarters of the other's directions, and on shuffled "
                "pixels "
                "twice its own or more",
        counter_example={"filters": 900.0, "layers": 950.0, "shuffled": 950.0}, margin=0.05),
    Claim(
        id="intrinsic.labels", paper="intrinsic-dimension", chapter="36",
        source="section 3, MNIST: with shuffled labels, 190,000 directions or 3.8 for each label that is learned by "
               "heart",
        statement="To learn shuffled labels by heart takes far more directions than the true ones.",
        kind="our analogue",
        scale="300 digits for all of them, a network 784-50-10, training accuracy, 90 % of all labels",
        measures={"true": "directions at which 90 % of 300 true labels are fitted",
                  "shuffled": "directions at which 90 % of 300 shuffled labels are fitted"},
        rule=lambda true, shuffled: shuffled / true / 2 - 1,
        decides="shuffled labels take twice the directions or more",
        counter_example={"true": 500.0, "shuffled": 700.0}, margin=0.05),
    Claim(
        id="intrinsic.bytes", paper="intrinsic-dimension", chapter="36",
        source="abstract and section 3, MNIST: compression, 260-fold for the fully connected network",
        statement="Random seeds and d numbers are enough to write a network down, in some cases in a hundredth of its "
                  "size "
                  "or less.",
        kind="same experiment, smaller",
        scale=_TRAINED + "; a file written and read back, 1200 numbers of 32 bits",
        measures={"smaller": "bytes of all weights, compressed by gzip, over bytes of the file",
                  "kept": "accuracy of the network read back over that of direct training"},
        rule=lambda smaller, kept: min(smaller / 100 - 1, kept - 0.9),
        decides="the file is a hundred times smaller than the weights compressed by gzip, and the network that is "
                "read back "
                "has 90 % of the accuracy of direct training",
        counter_example={"smaller": 1.1, "kept": 1.0}, margin=0.01),
    Claim(
        id="intrinsic.proof", paper="intrinsic-dimension", chapter="36",
        source="section 3, MNIST: d as an upper bound on the minimum description length of a solution",
        statement="The construction bounds the description length of a solution from above, and so its difficulty.",
        kind="our analogue",
        scale="the paper stops at the length; we add Occam's bound on the error of anything that short (Blumer and "
              "others, "
              "1987; Langford, 2005): LeNet, 500 directions of 5 bits, 20,000 digits, delta = 0.01",
        measures={"bound": "share of all digits that the network may get wrong at most, proven from training alone",
                  "error": "share of 4,000 test digits that it gets wrong"},
        rule=lambda bound, error: min(0.5 - bound, bound - error),
        decides="the bound is below a half (guessing gets nine tenths wrong), and the test keeps it",
        counter_example={"bound": 1.0, "error": 0.06}, margin=0.01),
)

OUT_OF_REACH = (
    ("36, CIFAR-10, ImageNet and reinforcement learning (section 3).",
     "Their networks take hours here for each subspace, and only MNIST ships with the course."),
    ("36, shuffled labels of all 60,000 digits (section 3).",
     "The paper finds 190,000 directions. Learning 20,000 labels by heart takes more steps than a minute has; 300 show "
     "the direction."),
)
