"""Part 3, grokking: the questions of chapter 32."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "grok.recall_scale", "32",
        "f = alpha (g - g0). Alpha is made ten times as large, and the step is divided by alpha squared. What changes?",
        (Choice("The network learns ten times as fast",
                "The division by alpha squared takes care of that: at the beginning f moves as fast as before."),
         Choice("Weights move a tenth as far for the same change of f",
                "Yes: so the gradients hardly change, and with them the kernel. Training becomes lazy.", right=True),
         Choice("Nothing, a scale can be undone by the weights",
                "In the end it could be. But training starts where it starts, and from there the way is shorter."))),
    Question(
        "grok.recall_lazy", "32",
        "A lazy network with a fixed kernel K is trained to the end. What do its test answers depend on?",
        (Choice("On K and the training points alone",
                "Yes: it is kernel regression. If K does not suit the task, longer training will not help.",
                right=True),
         Choice("On how long it is trained after the training points fit",
                "When the error is gone, nothing moves any more: with a fixed kernel, the end is the end."),
         Choice("On the learning rate", "It sets how fast the end is reached, and not where it lies."))),
    Question(
        "grok.plateau", "32",
        "At alpha = 16 the training loss has just fallen below 0.1. The test loss began at 0.75 and will one day be "
        "small. Where is it now?",
        (Choice("Also near 0.1", "Not with these features: they fit the points and miss the rest."),
         Choice("Near what regression with the *first* kernel has, here about 0.4",
                "Yes. The kernel has moved by a few per cent, and so the network is, so far, kernel regression.",
                right=True),
         Choice("Still at 0.75",
                "A little is learned at once: how large y is on average. The shape of y is what is missing."))),
    Question(
        "grok.delay", "32",
        "Alpha goes from 0.25 to 4. Training takes longer, by some factor. And generalising?",
        (Choice("By the same factor", "Then the ratio of the two times would stay. It grows, on every set of points."),
         Choice("By a larger factor",
                "Yes. Fitting needs the function to move; generalising needs the weights to move, and at a large scale "
                "they hardly have to.", right=True),
         Choice("By a smaller one", "Laziness holds features back, and it is on them that generalising waits."))),
    Question(
        "grok.bend", "32",
        "Alpha is 1, and eps goes from 0.125 to 0.5. The first kernel then holds more of quadratic functions, so it is "
        "better aligned with the task. The delay, as a ratio of times, becomes...",
        (Choice("Shorter, as better alignment should make it",
                "In steps it does. As a ratio it grows: eps is in the output, too, and so raises the scale."),
         Choice("Longer",
                "Yes, as a ratio, although in steps it becomes shorter. Both are true, and this section is about why.",
                right=True),
         Choice("It stays", "It would at a fixed *product* of alpha and eps. Here alpha stays, so it grows."))),
    Question(
        "grok.window", "32",
        "There are 30 inputs. How many points does the first kernel need, to find y = (b.x)^2 / 2 exactly, without any "
        "feature learning? (Count the functions that it spans.)",
        number=495, within=1.1,
        why="It spans 30 linear functions and 30 x 31 / 2 = 465 products of two inputs: 495 unknowns, and y is one of "
            "these functions."),
    Question(
        "grok.digits", "32",
        "280 digits, one network, alpha = 4, two questions: is it a zero? And: how large is the square of a hidden "
        "direction of the image? Which shows a delay?",
        (Choice("Both: the images are the same, and so is the scale",
                "The scale alone makes no delay. The first kernel must also be wrong for the question."),
         Choice("The hidden direction alone",
                "Yes. Zeros look alike, the first kernel knows it, and there is nothing to wait for.", right=True),
         Choice("The zeros alone", "Zeros are what kernels of images are good at."))),
    Question(
        "grok.close_norm", "32",
        "'Grokking is weight decay at work: the norm falls until a simple solution is left.' What speaks against it "
        "here?",
        (Choice("There is no weight decay, and the norm grows",
                "Yes, and it must: the task needs a direction in the weights of size D / (alpha eps).", right=True),
         Choice("The norm does not change", "It grows, seventeenfold at alpha = 0.25 and eps = 0.25."),
         Choice("Nothing, the norm falls late in training",
                "In this model the test loss can only be small when the norm has grown."))),
    Question(
        "grok.close_three", "32",
        "A network shows no delay: test and training loss fall together. Which of these is *not* a possible reason?",
        (Choice("Its output scale is small, so features are learned at once", "It is a reason: condition three."),
         Choice("The first kernel is well aligned with the task", "It is a reason: condition one."),
         Choice("There are too few points to find the rule",
                "Right: then the test loss does not fall at all. Too *many* points would be a reason.", right=True))),
)
