"""Part 3, the neural tangent kernel: the claims of chapter 31."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

_SETTINGS = ("40 points on a sphere in 10 dimensions and 40 digits, one hidden layer (widths 32 to 2048) and two "
             "(32 to "
             "512), three networks each")

CLAIMS = (
    Claim(
        id="ntk.recursion", paper="ntk", chapter="31",
        source="proposition 1 and theorem 1 (section 4.1): Sigma and Theta by expectations over a Gaussian pair",
        statement="The limiting kernel is given by a recursion over layers whose only ingredients are expectations of "
                  "s(z)s(z') and s'(z)s'(z') over a Gaussian pair (z, z').",
        kind="theorem checked",
        scale="s = sqrt(2) relu, for which the expectations have the closed form of Cho & Saul (2009); networks of "
              "500 units, "
              "biases counted with 0.1, 12 points",
        measures={"formula": "largest difference between the closed form and the integral over the pair, beyond "
                             "what counting allows",
                  "kernel": "largest difference between the recursion's kernel and the mean kernel of networks, in "
                            "standard "
                            "errors of that mean"},
        rule=lambda formula, kernel: min(1e-6 - formula, 5 - kernel),
        decides="closed form and integral agree to 1e-6 (slopes, which are counted, to 1e-5), and the mean kernel "
                "of forty networks with one hidden "
                "layer (for one "
                "layer the mean is the limit at any width) lies within 5 standard errors everywhere",
        counter_example={"formula": 0.1, "kernel": 60.0}, margin=1e-7),
    Claim(
        id="ntk.init", paper="ntk", chapter="31",
        source="theorem 1 (section 4.1); the exponent is ours",
        statement="At initialisation the kernel of a network converges to a deterministic limit as its layers widen.",
        kind="our analogue", scale=_SETTINGS,
        measures={"slowest": "slowest fall of |K0 - T| / |T| with width, as an exponent, of four settings",
                  "fastest": "fastest fall, as an exponent",
                  "widest": "largest |K0 - T| / |T| at width 512 of the four settings"},
        rule=lambda slowest, fastest, widest: min(-0.3 - slowest, fastest + 0.75, 0.25 - widest),
        decides="all four exponents lie between -0.3 and -0.75 (averages of random numbers have -1/2), and at width "
                "512 the "
                "error is below a quarter",
        counter_example={"slowest": 0.0, "fastest": -0.1, "widest": 0.5}, margin=0.05),
    Claim(
        id="ntk.still", paper="ntk", chapter="31",
        source="theorem 2 (section 4.2) and section 6.1, figure 1; the exponent is ours",
        statement="During training the kernel stays asymptotically constant: the wider the network, the less it moves.",
        kind="same experiment, smaller",
        scale=_SETTINGS + "; 300 steps; the paper draws widths 500 and 10,000 for four layers",
        measures={"slowest": "slowest fall of |K - K0| / |K0| with width, as an exponent, of four settings",
                  "fastest": "fastest fall, as an exponent",
                  "widest": "largest |K - K0| / |K0| at width 512"},
        rule=lambda slowest, fastest, widest: min(-0.45 - slowest, fastest + 1.25, 0.1 - widest),
        decides="all four exponents lie between -0.45 and -1.25, and at width 512 the kernel moves by less than a "
                "tenth",
        counter_example={"slowest": -0.1, "fastest": -0.3, "widest": 0.4}, margin=0.05),
    Claim(
        id="ntk.linear", paper="ntk", chapter="31",
        source="theorem 2 and section 5: in the limit f follows a linear differential equation",
        statement="A wide network's function follows a linear equation during training, so that its linearisation "
                  "predicts it.",
        kind="our analogue", scale=_SETTINGS + "; discrete steps; points that were not trained on",
        measures={"narrow": "smallest error of the prediction at width 32, in units of how far the function moved",
                  "wide": "largest error of the prediction at width 512, in the same units"},
        rule=lambda narrow, wide: min(narrow / 2 - wide, 0.15 - wide),
        decides="at width 512 the prediction is off by less than 15 % of how far the function moved, and in every "
                "setting by "
                "less than half of the smallest error at width 32",
        counter_example={"narrow": 0.3, "wide": 0.3}, margin=0.02),
    Claim(
        id="ntk.modes", paper="ntk", chapter="31",
        source="section 6.3, figure 3 (b, c): a goal that differs from f0 by half the second principal component",
        statement="A wide network converges along a kernel principal component in a straight line, at the rate of its "
                  "eigenvalue; the wider, the straighter.",
        kind="same experiment, smaller",
        scale="128 digits of 14 x 14 pixels for 512 of 28 x 28; one hidden layer, widths 64 to 4096, and two, 64 to "
              "1024, "
              "for four layers up to 10,000; the component is that of the limiting kernel itself",
        measures={"pace": "largest distance between what is left along the component and the theory, widest networks",
                  "aside": "largest movement off the line, in units of the way, widest networks",
                  "straighter": "smallest ratio of that movement at width 64 and at the widest"},
        rule=lambda pace, aside, straighter: min(0.06 - pace, 0.1 - aside, (straighter - 2) / 10),
        decides="the widest networks keep within 0.06 of the theory's decay and within a tenth of the line, and "
                "those of width 64 stray at least twice as far",
        counter_example={"pace": 0.2, "aside": 0.3, "straighter": 1.0}, margin=0.02),
    Claim(
        id="ntk.positive", paper="ntk", chapter="31",
        source="proposition 2 (section 4.2)",
        statement="On the sphere, for a non-polynomial nonlinearity and at least one hidden layer, the limiting "
                  "kernel is "
                  "positive definite.",
        kind="theorem checked",
        scale="100 points in 3 and in 10 dimensions, half of them opposite to the others; one and two hidden "
              "layers, biases "
              "counted with 0.1 (the paper's parametrisation has biases); beside it none, where it must fail",
        measures={"smallest": "smallest eigenvalue over all cases",
                  "linear": "smallest eigenvalue without a hidden layer, where the kernel is that of a linear model"},
        rule=lambda smallest, linear: min(smallest - 1e-6, 1e-9 - abs(linear)),
        decides="the smallest eigenvalue is above one millionth, a hundred million times the rounding error that is "
                "seen "
                "where there is no hidden layer",
        counter_example={"smallest": 0.0, "linear": 0.0}, margin=1e-7),
    Claim(
        id="ntk.stop", paper="ntk", chapter="31",
        source="section 5: convergence is fastest along the largest principal components, a motivation for early "
               "stopping",
        statement="Since large modes are learned first and small ones are typically noisier, stopping early helps.",
        kind="our analogue",
        scale="the paper gives the argument and no experiment: 200 threes and eights, a fifth of the labels turned "
              "over, "
              "stopped where 200 others (as noisy) say so; the limiting kernel in closed form; mean of five draws "
              "of noise",
        measures={"stopped": "share of 600 clean test digits wrong when stopped",
                  "end": "share wrong when trained to the end",
                  "clean_stopped": "share wrong when stopped, true labels",
                  "clean_end": "share wrong at the end, true labels"},
        rule=lambda stopped, end, clean_stopped, clean_end: min(0.75 * end - stopped, clean_stopped - clean_end + 0.02),
        decides="with noisy labels stopping saves a quarter of the errors or more, and with true labels it saves at "
                "most two in a hundred digits: it is the noise that is not learned",
        counter_example={"stopped": 0.2, "end": 0.2, "clean_stopped": 0.05, "clean_end": 0.05}, margin=0.01),
)

OUT_OF_REACH = (
    ("31, width 10,000 with four layers, and 10 networks of each (section 6.1).",
     "One kernel of such a network takes minutes here. Widths up to 2048 with one hidden layer and 512 with two "
     "show the "
     "same fall."),
)
