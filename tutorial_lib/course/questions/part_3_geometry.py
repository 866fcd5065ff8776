"""Part 3, representation geometry: the questions of chapter 34."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "geometry.recall_cka", "34",
        "Two representations of the same points have CKA 1. What does that say?",
        (Choice("Their kernels are the same up to a factor, once each is centred",
                "Yes. Rotating the features, scaling them all, or adding a constant to them changes nothing.",
                right=True),
         Choice("Every neuron of one has a twin in the other",
                "Kernels do not know neurons: turn the axes of one representation, and no neuron is left, but the "
                "kernel is."),
         Choice("Both have the same accuracy", "The kernel says which points are alike, not what a readout makes of "
                                               "it."))),
    Question(
        "geometry.recall_rich", "34",
        "What makes a network's training rich, rather than lazy?",
        (Choice("More data", "Data may help to tell the two apart, but scale decides which it is."),
         Choice("Small initial weights, or a small factor on the output, so that features must move to fit the data",
                "Yes: the further the weights have to go, the less the tangent at the beginning says.", right=True),
         Choice("Large initial weights, so that there are many features to choose from",
                "Large weights reach the labels by small changes, and the kernel stays where it was: lazy."))),
    Question(
        "geometry.first_guess", "34",
        "A network of tanh neurons and one of relu neurons learn the same four points to the same loss, from the "
        "same small weights. How do their hidden layers hold the points?",
        (Choice("Both alike: what is learned is set by inputs and labels",
                "One would think so. The nonlinearity turns out to matter more than anything else here."),
         Choice("Tanh: two piles, one for each label. Relu: four points far apart",
                "Yes, and that is this chapter's subject.", right=True),
         Choice("Tanh: four points far apart, since it is smooth. Relu: two piles, since it is nearly a switch",
                "It is the other way round. A switch that listens to one side only can specialise."))),
    Question(
        "geometry.one_corner", "34",
        "Each hidden neuron is on for one of the four inputs and silent for the others. How much does this "
        "representation resemble the labels (CKA)?",
        number=0.577, within=1.06,
        why="The kernel is a multiple of the identity; centred, it has eigenvalues 1, 1, 1, of which the label is "
            "one. The cosine of (1, 1, 1) and (0, 0, 1) is 1 / sqrt(3)."),
    Question(
        "geometry.where_relu", "34",
        "A relu neuron with a positive outer weight begins with two corners on its side: one of label 1 and, next "
        "to it, one of label -1. Where does the pull lead it?",
        (Choice("To the label's direction, like the tanh neuron",
                "It would if it felt all four corners. It feels two."),
         Choice("Towards the corner of label 1 until the other is off, and then straight to that corner",
                "Yes. At the end it is on for a single input, and nothing can call it back, since nothing else has "
                "a slope there.", right=True),
         Choice("Nowhere: the two corners cancel",
                "They push in different directions: towards one and away from the other."))),
    Question(
        "geometry.elu", "34",
        "An elu is smooth at 0, like a tanh, and flat on one side only, like a relu. From very small initial "
        "weights, which one does its hidden layer resemble?",
        (Choice("Tanh's: labels", "Yes: small neurons choose where to go while they are near the origin, and there "
                                  "an elu is a straight line. From larger weights it is the other way round.",
                right=True),
         Choice("Relu's: inputs", "From a scale of 1 on, yes. From very small weights the choice is made where an "
                                  "elu is still straight."),
         Choice("Something in between", "At a scale in between. At either end it is clearly one of the two."))),
    Question(
        "geometry.ccgp", "34",
        "A line is fitted to the inputs of two corners, one of either label, at delta = 0.5, and tested on the "
        "other two. How often is it right?",
        (Choice("Always", "It would be if the steps across were parallel. Here their cosine is -0.6."),
         Choice("Half of the time", "That is chance, and what one gets at delta = 1, where the steps are at right "
                                    "angles."),
         Choice("Almost never", "Yes: the step from one label to the other points the opposite way at the other two "
                                "corners, up to a small common part.", right=True))),
    Question(
        "geometry.map", "34",
        "On a map of delta (what the inputs know of the label) and scale (of the initial weights), where will tanh "
        "and relu networks differ most?",
        (Choice("Everywhere alike", "Scale 3 is lazy, and at delta = 0 a tanh network without biases cannot even "
                                    "learn."),
         Choice("Small scale, small but not vanishing delta",
                "Yes: features must move, the label's direction must exist, and it must not be the strongest pull "
                "for a relu.",
                right=True),
         Choice("Large scale, large delta", "There nothing moves, and the inputs already resemble the labels."))),
    Question(
        "geometry.digits", "34",
        "Digits, even times large against the rest, both networks at equal training loss. What do you expect?",
        (Choice("The same clear difference as with four points",
                "The sign is the same half-way, but the difference is smaller, and it fades."),
         Choice("A difference of the same sign half-way, which fades as the training loss falls",
                "Yes: to fit single images both need directions of the inputs in the end.", right=True),
         Choice("No difference at any time", "Half-way it is there, in most of what one draws."))),
    Question(
        "geometry.close_why", "34",
        "Why do relu neurons specialise for inputs, in a sentence?",
        (Choice("They have more capacity than tanh neurons", "Both networks have the same number of weights."),
         Choice("A neuron that is off for a point feels no pull from it, so each goes to the points on its own side",
                "Yes. The tanh feels all points at once, and what they have in common is the label.", right=True),
         Choice("Relus do not saturate", "They are flat on one side; that this is one side only is the point."))),
    Question(
        "geometry.close_choose", "34",
        "You train a network on one label now, and will have to learn another label of the same inputs later, from "
        "its frozen hidden layer. Which nonlinearity, for small initial weights and a task like this one?",
        (Choice("Tanh, since its representation is more disentangled",
                "For the label it was trained on. The rest of the inputs it has all but forgotten."),
         Choice("Relu, since it keeps the inputs apart", "Yes: all four points are still there. For carrying the "
                                                         "*same* label over to new inputs, tanh would be better.",
                right=True),
         Choice("It makes no difference", "At large scales perhaps. From small weights it made the largest "
                                          "difference we saw."))),
)
