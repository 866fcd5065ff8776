"""Part 3, dynamical stability: the questions of chapter 35."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "stability.recall_gradients", "35",
        "A network fits all its samples exactly. The weights are moved by a tiny delta. By how much does the output "
        "for "
        "sample i change?",
        (Choice("By its gradient times delta, a_i . delta",
                "Yes: close enough to the minimum a network is its tangent, and the tangent is linear in the weights.",
                right=True),
         Choice("Not at all, since the loss is at its minimum",
                "The *loss* has slope 0 there. The outputs have slopes of their own, and the loss grows with their "
                "squares."),
         Choice("By |delta|^2, since a minimum is a parabola",
                "That is how the loss grows. The outputs move in proportion to delta."))),
    Question(
        "stability.recall_step", "35",
        "Gradient descent on the parabola h w^2 / 2, with curvature h = 4. What is the largest learning rate at which "
        "w does "
        "not grow?",
        number=0.5, within=1.02,
        why="A step multiplies w by 1 - lr h, which lies between -1 and 1 for lr up to 2/h = 0.5. At exactly 0.5, w "
            "changes "
            "its sign for ever."),
    Question(
        "stability.same_minimum", "35",
        "Gradient descent has found a minimum with zero loss: every sample is fitted. We move the weights a little. At "
        "a learning rate of 0.003 gradient descent would come back. What does SGD do at the same rate, with one sample "
        "drawn at each step?",
        (Choice("It comes back: every sample's loss is at its minimum here",
                "Each is, and yet the steps can add up: what one sample's step mends, it spoils for others, and it "
                "overshoots."),
         Choice("It wanders about near by, since the gradients are noisy",
                "Noise that stays would keep it wandering. But here the noise vanishes with the loss: it shrinks to "
                "nothing, or "
                "it grows."),
         Choice("It may leave, and settle somewhere else",
                "Yes. A minimum can be stable for one optimiser and unstable for another, at the same learning rate.",
                right=True))),
    Question(
        "stability.two_samples", "35",
        "One weight, two samples with gradients 1 and 3, so squared gradients 1 and 9, seen equally often. The mean "
        "curvature is 5. "
        "Up to which learning rate does the mean of delta^2 not grow under SGD?",
        (Choice("2/5 = 0.4, as for gradient descent",
                "At 0.4 the sample with 9 multiplies delta by 1 - 3.6 = -2.6, and the mean of delta^2 by half of 6.76 "
                "and more."),
         Choice("2/8.2 = 0.244",
                "Yes: the mean of (1 - lr a^2)^2 is at most 1 for lr up to 2 (mean of a^2) / (mean of a^4) = 2 * 5 / "
                "41.", right=True),
         Choice("2/9 = 0.222, so that neither sample ever overshoots too far",
                "Below that every step shrinks delta, which is enough. A little above, the other sample makes up for "
                "it."))),
    Question(
        "stability.when_exact", "35",
        "The trace bound is necessary. When is it also sufficient, so that SGD is stable at every learning rate below "
        "2 / tr H?",
        (Choice("When all samples have gradients of the same length",
                "Yes. Then |delta|^2 falls by (2 lr - lr^2 |a|^2) (a . delta)^2 whichever sample is drawn, and |a|^2 "
                "is the trace.",
                right=True),
         Choice("When all gradients are at right angles",
                "Then each direction has one sample of its own, and the longest gradient decides: the largest "
                "|a_i|^2. That is the "
                "trace only if all are equally long."),
         Choice("When there is a single weight",
                "With one weight the exact number is (mean of a^4) / (mean of a^2), above the trace if the gradients "
                "differ."))),
    Question(
        "stability.frozen", "35",
        "Gradient descent runs with a learning rate that rises slowly, and reaches zero loss while it is still small. "
        "At the end "
        "the learning rate is one and a half times 2 / largest eigenvalue. Where do we find the weights?",
        (Choice("At a flatter minimum: it had to leave",
                "Something has to push it off. With an error of 1e-15 at every sample, nothing has, yet."),
         Choice("Still at the same, unstable minimum",
                "Yes: it stands like a pencil on its tip. Whoever measures now reports that the theorem is "
                "wrong.", right=True),
         Choice("At infinity", "It would get there only if it began to move at all."))),
    Question(
        "stability.rate", "35",
        "From the same beginning, SGD on one sample a step with ever larger final learning rates, and gradient "
        "descent at its "
        "best one. How does SGD's test error at the *smallest* rate compare with gradient descent's?",
        (Choice("It is clearly lower: noise helps at any rate",
                "At the smallest rate the trace bound is not tight, and SGD goes where gradient descent goes."),
         Choice("About the same",
                "Yes. The bound 2/lr only bites where it lies below the trace that gradient descent would have chosen.",
                right=True),
         Choice("It is clearly higher: noise does harm unless it is averaged",
                "The noise vanishes together with the loss. In single problems either may be ahead."))),
    Question(
        "stability.rescale", "35",
        "A ReLU unit computes a relu(w . x). Its w is doubled and its a halved. What happens to the function, and to "
        "the trace "
        "of the Hessian?",
        (Choice("Both "
                "stay", "The function does. But relu(w . x)^2 in the trace is multiplied by 4, and a^2 |x|^2 by 1/4."),
         Choice("The function stays, the trace changes",
                "Yes. Sharpness is a property of the weights, not of the function alone: the smallest trace over all "
                "rescalings "
                "is a property of the function, and that is where the path norm comes in.", right=True),
         Choice("Both change", "relu(2z) = 2 relu(z), and the half of a takes it back."))),
    Question(
        "stability.close_why", "35",
        "Why does SGD bound the *sum* of all curvatures, where gradient descent bounds only the largest?",
        (Choice("SGD takes more steps", "Both bounds hold however many steps are taken."),
         Choice("A step on one sample has that sample's whole curvature |a_i|^2, and their mean is the trace",
                "Yes. Gradient descent averages the samples first, which divides each direction's curvature among "
                "them. One "
                "sample's step is not divided.", right=True),
         Choice("SGD's noise is the same in all "
                "directions", "It is not: it lives in the span of the gradients, and vanishes "
                                                             "with the loss."))),
    Question(
        "stability.close_norm", "35",
        "A minimum passes the trace bound at a large learning rate. What do we know of the diagonal network's "
        "function there?",
        (Choice("That it "
                "generalises", "Only if a function of small norm does: that depends on the truth. Ours was sparse."),
         Choice("That the sum of its coefficients' sizes, each with its input's mean square, is at most 1 / (2 lr)",
                "Yes: the trace is at least 4 times that sum, and at most 2 / lr. For a sparse truth this is what one "
                "wants.",
                right=True),
         Choice("That its largest coefficient is small, and no more",
                "That is the kind of thing that gradient descent's bound says with many samples: many small ones would "
                "pass. SGD's bound holds for their sum."))),
)
