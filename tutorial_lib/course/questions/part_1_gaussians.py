"""Part 1: the questions of the opener, chapter 10."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "gaussians.recall_density", "10",
        "A continuous quantity has density 2.5 at some point. Is that possible?",
        (Choice("No: no probability exceeds 1",
                "A density is no probability. It becomes one when it is multiplied by a length: 2.5 times an "
                "interval of 0.1 is 0.25."),
         Choice("Yes: a density is probability per unit of length",
                "Yes: squeeze all probability into an interval of 0.4 and its density is 2.5. Log densities above 0 "
                "are nothing to worry about.", right=True),
         Choice("Only if the quantity is discrete",
                "A discrete quantity has probabilities, which do not exceed 1. Densities belong to continuous ones."))),
    Question(
        "gaussians.recall_log_derivative", "10",
        "g is a positive function of t. Which of these is its derivative dg/dt?",
        (Choice("d(log g)/dt",
                "That is the relative change, (dg/dt) / g. It still has to be multiplied by g."),
         Choice("g times d(log g)/dt",
                "Yes: d(log g)/dt = (dg/dt) / g by the chain rule, multiplied by g. Section 6 is built on this "
                "line.", right=True),
         Choice("d(log g)/dt divided by g",
                "The chain rule has g in the denominator already: d(log g)/dt = (dg/dt) / g. To undo it, multiply."))),
    Question(
        "gaussians.tails", "10",
        "A Gaussian with the mean and width of the histogram expects 27 of 20,000 images more than three standard "
        "deviations above the mean, and 27 below. What do the digits do?",
        (Choice("About 27 on either side",
                "Close to the centre the two agree well; three standard deviations out they do not. Look at the "
                "tails of the histogram again."),
         Choice("More above, none or nearly none below",
                "Yes: 101 above and 0 below. Three deviations below the mean is 0.04 black pixels; no digit is that "
                "thin, while a thick pen can go far to the right.", right=True),
         Choice("Fewer on both sides: handwriting is no noise",
                "Below there are fewer, since no digit has so little ink. Above, thick pens make more of them than "
                "expected."))),
    Question(
        "gaussians.too_narrow", "10",
        "Which mistake costs more nats per image: a width twice too large, or half as large as it should be?",
        (Choice("Twice too large",
                "It pays log 2 for the width and gets part of that back, since everything is now close to the "
                "centre: about 0.35 nats. The other one is dearer."),
         Choice("Half as large",
                "Yes: it saves log 2 for the width, and then pays four times as much for every distance: about 0.7 "
                "nats in all, against 0.35 for the other.", right=True),
         Choice("The same: both are off by a factor of two",
                "The two terms do not mirror each other: the cost of a width grows with its logarithm, the cost of a "
                "distance with its square."))),
    Question(
        "gaussians.dimension", "10",
        "You average a function of images with 784 numbers, and one of a single number. The values have the same "
        "spread. Which average needs more draws for an error of 1 %?",
        (Choice("The one over images, 784 times as many",
                "That is how it is with a grid. With draws, only the values enter the average, and one value is one "
                "number."),
         Choice("The one over images, 28 times as many (the root)",
                "The root belongs to the number of draws. The dimension does not enter: an average sees only the "
                "values of f."),
         Choice("Neither: they need the same",
                "Yes: the error is the spread of the values over the root of their number. Where the values come "
                "from does not matter.", right=True))),
    Question(
        "gaussians.seek", "10",
        "q is the Gaussian with the smallest KL(q || p): the average runs over q's own draws. Where does it sit?",
        (Choice("Over both humps, wide",
                "Then many of its draws land in the gap, where p says almost never, and each of them is charged."),
         Choice("On one of the humps",
                "Yes: there all of its draws are scored well by p. It pays 0.63 nats for the hump it leaves out, and "
                "nothing more.", right=True),
         Choice("In the gap, narrow",
                "Every draw would land where p is smallest. Of all places this is the dearest."))),
    Question(
        "gaussians.cover", "10",
        "And with the smallest KL(p || q), where the average runs over the draws of p, the images?",
        (Choice("Over both humps, wide",
                "Yes: every image must get a fair density, those of both humps. It takes the mean and the standard "
                "deviation of p.", right=True),
         Choice("On the larger hump",
                "Then q's density at the other hump is close to nothing, and nearly half of the images are charged "
                "for it: 27 nats on average."),
         Choice("On either hump, depending on where one starts",
                "That is what the other direction does. This one has a single best answer."))),
    Question(
        "gaussians.noisier", "10",
        "f(x) = x^2, mu = 1, sigma = 0.1. How many times more draws does the score function need than the path, for "
        "the same standard error?",
        (Choice("About as many: both are unbiased",
                "Unbiased says where the estimates are centred, not how widely they scatter."),
         Choice("About 10 times",
                "A factor of ten is 1 / sigma. The number of draws goes with the variance, and f itself, about 1, "
                "adds its share."),
         Choice("About 3,000 times",
                "Yes: the path has variance 4 sigma^2 = 0.04, the score function about 1.2 / "
                "sigma^2 = 114.", right=True))),
    Question(
        "gaussians.close_direction", "10",
        "A model of faces was trained with some divergence. Its samples are flawless, and no sample ever wears "
        "glasses, though one face in ten does. Which direction does this look like?",
        (Choice("KL(model || data): it seeks",
                "Yes: the model is charged for what it draws, not for what it leaves out. Leaving out a tenth costs "
                "0.11 nats.", right=True),
         Choice("KL(data || model): it covers",
                "In that direction every face with glasses is scored by the model, and a density close to nothing "
                "there would be dear."),
         Choice("Neither: it needs more data",
                "More data would show it more glasses, and the same divergence would go on ignoring them."))),
    Question(
        "gaussians.close_width", "10",
        "An encoder answers logvar = -4. What is the standard deviation of its cloud?",
        number=0.135, within=1.05,
        why="sigma = exp(logvar / 2) = exp(-2). If you said 0.018, you gave the variance, exp(-4)."),
)
