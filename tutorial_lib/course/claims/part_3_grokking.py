"""Part 3, grokking: the claims of chapter 32."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

_MODEL = "40 inputs for the paper's 100, 280 points for its 450, infinitely many units for its 500"

CLAIMS = (
    Claim(
        id="grok.exact", paper="grokking", chapter="32",
        source="abstract: sufficient statistics for the test loss of such a network",
        statement="Test loss and kernel of the two-layer network depend on the weights through two statistics alone.",
        kind="theorem checked",
        scale="the paper's own model with 200 units, 40 inputs, 280 points; that the two statistics also carry their "
              "own training is our remark",
        measures={"units": "largest difference, after training, between the moments of all units and the moments "
                           "trained alone",
                  "sampled": "distance between the closed form of the test loss and its mean over 20,000 fresh inputs, "
                             "in standard errors"},
        rule=lambda units, sampled: min(1e-9 - units, (5 - sampled) / 5),
        decides="the moments agree to 1e-9 after 1,200 steps, and the sampled loss lies within 5 standard errors",
        counter_example={"units": 0.1, "sampled": 40.0}, margin=1e-10),
    Claim(
        id="grok.figure1", paper="grokking", chapter="32",
        source="figure 1 (b, c): 100 inputs, 550 points, 500 units, alpha = 1, eps = 0.02, no regularisation",
        statement="Plain gradient descent fits long before it generalises, while the weights grow and the kernel "
                  "aligns with the task.",
        kind="same experiment, smaller",
        scale="the same sizes, followed through the moments; 4,000 steps, each as long as 25 of the paper's 100,000",
        measures={"train": "steps until the training loss is below 0.1",
                  "test": "steps until the test loss is below 0.1",
                  "grown": "mean square of the weights at the end, beside the beginning",
                  "aligned": "alignment of the kernel with the task at the end, beside the beginning"},
        rule=lambda train, test, grown, aligned: min(test / train / 2 - 1, grown - 1.5, aligned - 1),
        decides="the test loss takes at least twice as long, the mean square weight grows by half or more, and the "
                "alignment rises",
        counter_example={"train": 100.0, "test": 110.0, "grown": 1.0, "aligned": 0.9}, margin=0.05),
    Claim(
        id="grok.plateau", paper="grokking", chapter="32",
        source="abstract and figure 1 (b): early training against regression with the initial kernel",
        statement="Grokking networks first fit the solution of regression with their initial features.",
        kind="same experiment, smaller", scale=_MODEL + "; eps = 0.25, alpha 0.25 to 16",
        measures={"away": "distance of the test loss from that of regression with the first kernel, when the training "
                          "loss passes 0.1, largest of alpha 1 to 16",
                  "lazy": "at that moment, mean square difference between network and tangent model, alpha = 16",
                  "rich": "the same at alpha = 0.25"},
        rule=lambda away, lazy, rich: min(0.15 - away, (0.05 - lazy), rich / 3 - lazy),
        decides="test losses at that moment are within 0.15 of the kernel's (they begin at 0.75), and the largest "
                "scale is within 0.05 of its tangent model, a third of the smallest scale's distance or less",
        counter_example={"away": 0.4, "lazy": 0.2, "rich": 0.2}, margin=0.02),
    Claim(
        id="grok.delay", paper="grokking", chapter="32",
        source="abstract; the authors' code: a sweep over alpha at eps = 0.25",
        statement="Increasing the scale of the output makes training lazier and the delay longer.",
        kind="same experiment, smaller", scale=_MODEL + "; the same points for all alpha",
        measures={"low": "time of the test loss over time of the training loss (both to below 0.1), alpha = 0.25",
                  "high": "the same at alpha = 4 (at least: where it is not reached, the end of training counts)",
                  "smallest": "smallest factor between neighbours, alpha doubling from 0.25 to 4"},
        rule=lambda low, high, smallest: min(high / low - 1.5, smallest - 0.97),
        decides="the delay, as a ratio, is at least 1.5 times as long at alpha = 4, and no doubling shortens it (3 % "
                "for the spacing of the looks)",
        counter_example={"low": 3.0, "high": 3.0, "smallest": 0.9}, margin=0.05),
    Claim(
        id="grok.norm", paper="grokking", chapter="32",
        source="figure 1 (c) and its caption: weight norm and kernel alignment rise",
        statement="The norm of the weights increases during grokking, which explanations by a falling norm cannot "
                  "have, and the kernel aligns with the target.",
        kind="same experiment, smaller", scale=_MODEL + "; alpha 0.25 to 4, alignment on 400 fresh points",
        measures={"grown": "growth of the mean square weight, in units of 1 / (alpha eps): smallest over the scales",
                  "most": "the largest",
                  "aligned": "alignment with the target at the end beside the beginning, smallest over the scales"},
        rule=lambda grown, most, aligned: min(grown - 0.8, 1.2 - most, aligned - 1.2),
        decides="the growth is what a network that has learned must show, 1 / (alpha eps), within a fifth, and the "
                "alignment rises by a fifth or more",
        counter_example={"grown": -0.1, "most": 0.0, "aligned": 1.0}, margin=0.05),
    Claim(
        id="grok.phase", paper="grokking", chapter="32",
        source="abstract; the phase diagram of the authors' code, which counts steps between the two crossings of 0.1, "
               "at a step of fixed size in units of N / alpha^2",
        statement="Grokking is greater for lazier networks (large alpha) and for kernels that are less aligned "
                  "(small eps).",
        kind="same experiment, smaller", scale=_MODEL + "; 4 scales by 3 curvatures for 14 by 14; time for steps",
        measures={"scale": "smallest factor of the time between the crossings when alpha doubles, over all eps",
                  "bend": "largest factor of that time when eps doubles, over all alpha"},
        rule=lambda scale, bend: min(scale - 1, 1 - bend),
        decides="doubling alpha lengthens the time at every eps, and doubling eps shortens it at every alpha",
        counter_example={"scale": 0.9, "bend": 1.2}, margin=0.05),
    Claim(
        id="grok.product", paper="", chapter="32",
        source="ours, from the equations of the paper's model (no statement of the paper)",
        statement="On mirrored points alpha and eps shape the curves through their product alone; eps at a fixed "
                  "product sets the clock.",
        kind="our analogue", scale=_MODEL,
        measures={"mirrored": "difference of the functions of two networks with equal product, clocks set equal, on "
                              "mirrored points (where it should be exact)",
                  "along": "largest factor between delays (as ratios) at one product, over all products",
                  "across": "smallest factor by which quadrupling eps at fixed alpha lengthens the delay"},
        rule=lambda mirrored, along, across: min(1e-9 - mirrored, 1.25 - along, across - 1.1),
        decides="exact on mirrored points; on others the ratios at one product agree within a quarter, while at fixed "
                "alpha a four times larger eps makes the ratio larger",
        counter_example={"mirrored": 0.1, "along": 2.0, "across": 1.0}, margin=1e-10),
    Claim(
        id="grok.turn", paper="grokking", chapter="32",
        source="abstract, condition 1; the turned weights are ours",
        statement="Delayed generalisation arises when the top eigenvectors of the initial kernel and the labels are "
                  "misaligned.",
        kind="our analogue",
        scale="the initial weights have 21 times the variance along one direction, which is turned towards b or away; "
              "scale, curvature, norm and spectrum of the weights stay the same",
        measures={"facing": "delay (ratio of times) when the direction is that of b",
                  "across": "delay when it is at a right angle",
                  "kernel_facing": "test loss of regression with the first kernel, direction of b",
                  "kernel_across": "the same at a right angle"},
        rule=lambda facing, across, kernel_facing, kernel_across: min(across / facing - 1.5, 0.1 - kernel_facing,
                                                                     kernel_across - 0.2),
        decides="turning the features away lengthens the delay 1.5 times or more, and takes the first kernel from "
                "below 0.1 to above 0.2",
        counter_example={"facing": 3.0, "across": 3.0, "kernel_facing": 0.4, "kernel_across": 0.4}, margin=0.05),
    Claim(
        id="grok.window", paper="grokking", chapter="32",
        source="abstract, condition 2; the upper limit D (D + 3) / 2 is ours",
        statement="Enough data that the network can generalise at last, but not so much that training and test loss "
                  "fall together.",
        kind="our analogue", scale="30 inputs, alpha = 1, eps = 0.5, 45 to 700 points",
        measures={"few": "test loss at the end, 45 points",
                  "fitted": "training loss there",
                  "middle": "longest delay (ratio) of the numbers of points at which the test loss passes 0.1",
                  "many": "delay with 700 points",
                  "enough": "test loss of regression with the first kernel, with D (D + 3) / 2 = 495 points"},
        rule=lambda few, fitted, middle, many, enough: min(few - 0.1, 0.01 - fitted, middle / many - 2, 1e-6 - enough),
        decides="45 points are fitted and never generalise, in between the delay is at least twice that of 700 points, "
                "and with 495 the first kernel knows the target",
        counter_example={"few": 0.01, "fitted": 0.0, "middle": 2.0, "many": 2.0, "enough": 0.3}, margin=1e-7),
    Claim(
        id="grok.digits", paper="grokking", chapter="32",
        source="abstract: the transition from lazy to rich can control grokking on MNIST; the authors' code",
        statement="The passage from lazy to rich can control the delay on images, too.",
        kind="our analogue",
        scale="MNIST digits in their 40 first principal components, whitened, 280 for the paper's 1,000; the quadratic "
              "network with one output for its deep relu network with weights 150 times as large, AdamW and weight "
              "decay",
        measures={"low": "delay (each loss nine tenths of its way down) for a hidden direction, alpha = 0.25",
                  "high": "the same at alpha = 4 (at least, as above)",
                  "labels": "largest delay for the ten questions 'is it a k?', alpha = 4"},
        rule=lambda low, high, labels: min(high / low - 1.5, low / 1.5 - labels),
        decides="for the hidden direction the delay is 1.5 times as long at alpha = 4 or more; for real labels it is "
                "shorter by a third or more than the shortest of those",
        counter_example={"low": 3.0, "high": 3.0, "labels": 5.0}, margin=0.05),
)

OUT_OF_REACH = (
    ("32, MNIST as in the paper's code: a deep relu network, weights 150 times as large, AdamW, 250,000 steps.",
     "An hour and more here. Two designs of ours with relu networks and plain gradient descent (200 digits, alpha 0.1 "
     "to 10; 500 and 600 digits each beside a digit that counts for nothing, three times as bright, one and two hidden "
     "layers, alpha 0.05 to 10; one draw each) showed no delay at any scale: test accuracy stopped rising where "
     "training accuracy did. Richer networks ended higher (0.79 against 0.75; 0.64 against 0.57)."),
    ("32, one-layer transformers and modular arithmetic.",
     "Tens of thousands of steps of larger networks; the model here is the one for which everything is exact."),
    ("32, the dynamical mean field theory of the paper.",
     "A theory for large D and P; here the finite model is followed exactly instead."),
)
