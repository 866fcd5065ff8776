"""Part 3, the neural tangent kernel: the questions of chapter 31."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "ntk.recall_kernel", "31",
        "K(x, x') is a network's tangent kernel. What does a large value say?",
        (Choice("That the outputs at x and x' are alike",
                "Outputs may be alike by accident. The kernel is made of gradients: it says which outputs *move* "
                "together."),
         Choice("That correcting the answer at x moves the one at x', too",
                "Yes: by the learning rate, times the inner product of the two gradients, times the error.",
                right=True),
         Choice("That x and x' are close together",
                "Often they are. But a trained kernel can hold apart what is close, and join what is far (chapter "
                "30)."))),
    Question(
        "ntk.recall_lazy", "31",
        "If the kernel does not move during training, what is the network's function at the end?",
        (Choice("Kernel regression with the kernel at the beginning",
                "Yes: of what was missing at the beginning, y - f0, added to what the network said then. No weights "
                "are needed to say so.",
                right=True),
         Choice("The function at the beginning", "The weights move little, and the function moves as far as it must."),
         Choice("The best function that the architecture can express",
                "Only the best among those that are within reach of the tangent: linear in the weights."))),
    Question(
        "ntk.ten_networks", "31",
        "Six networks are drawn independently, and for each we draw K(x, x') over the circle for one fixed x. How "
        "do the "
        "six curves compare?",
        (Choice("Six different curves at every width",
                "At width 32 they are. But each curve is an average over hidden units, and averages over more of them "
                "differ less."),
         Choice("Different when narrow, the same curve when wide",
                "Yes, although their outputs stay as different as ever: in the outputs random signs add up, in the "
                "kernel "
                "squares do.", right=True),
         Choice("The same curve at every width", "Each network has its own random weights, and 32 of them do not "
                                                 "average "
                                                 "out."))),
    Question(
        "ntk.both_on", "31",
        "Two inputs stand at a right angle, and a hidden unit's weights are drawn from a round Gaussian, without bias. "
        "With what probability is the unit on for both?",
        number=0.25, within=1.1,
        why="Each input switches it on for a half plane of weights; at an angle theta the two halves overlap in a "
            "wedge of "
            "pi - theta, a share (pi - theta) / 2 pi. At 90 degrees a quarter."),
    Question(
        "ntk.four_times", "31",
        "A network is made four times as wide and trained on the same points. By what factor does the distance "
        "shrink that "
        "its kernel moves?",
        (Choice("2, like the error at the beginning",
                "That would be the exponent -1/2 of a random average. The measured fall is steeper."),
         Choice("More than 2, up to about 4",
                "Yes, between 3 and 4: exponents from -0.79 to -1.02 over five seeds. For smooth nonlinearities one "
                "expects 4; a relu's kinks that pass data points slow it down, as in chapter 30.", right=True),
         Choice("None: it moves as far, in more directions",
                "Each hidden unit moves less and less, and their movements' effect on the kernel averages out."))),
    Question(
        "ntk.opposite", "31",
        "Fifty points on a sphere and their fifty opposites, one hidden layer of relu's, and no biases. Can an "
        "infinitely "
        "wide network of this kind, trained lazily, fit any labels on these hundred points?",
        (Choice("Yes, it has infinitely many weights",
                "Infinitely many gradients can still span too small a space, and here they do."),
         Choice("No: what is odd, f(-x) = -f(x), it can fit only if it is linear",
                "Yes. relu(z) is z/2 + |z|/2, a linear part and an even one. The kernel sees 50 even functions and "
                "as many "
                "odd ones as there are dimensions, and no more.", right=True),
         Choice("Only if the labels of opposite points are equal",
                "Nearly: those it can fit, and also labels that change sign, if they are a linear function of x."))),
    Question(
        "ntk.when_to_stop", "31",
        "A fifth of the labels of 200 digits are turned over, and a wide network is trained on them. When does it "
        "get most "
        "of the other, clean digits right?",
        (Choice("At the end, when it fits all 200",
                "Then it has learned the forty wrong labels as well, and applies them to their neighbours."),
         Choice("Some time before",
                "Yes: the labels' meaning lies mostly in large modes, learned first; the wrong labels are spread "
                "over all "
                "modes, and most of those are small.", right=True),
         Choice("At the very beginning", "After one step it knows little more than the average digit."))),
    Question(
        "ntk.close_fixed", "31",
        "The kernel of an infinitely wide network is known before it has seen any data. What can such a network "
        "*not* do?",
        (Choice("Fit random labels", "It can, wherever the kernel is positive definite."),
         Choice("Find features that suit its task",
                "Yes: which inputs are alike is settled before training. What feature learning is good for is the "
                "subject "
                "of the rest of this part.", right=True),
         Choice("Move its weights", "All move a little, and together they move the function as far as it takes."))),
    Question(
        "ntk.close_kernel", "31",
        "Why does the kernel of a wide network become deterministic, while its output at the beginning stays random?",
        (Choice("The kernel is a sum of more terms",
                "Both are sums over the same units. Look at the signs of what is added."),
         Choice("In the kernel terms of one sign are averaged, in the output terms of random sign are added up",
                "Yes. Divided by m, squares converge to their mean. Divided by sqrt(m), random signs keep a spread "
                "of 1.",
                right=True),
         Choice("Training removes the randomness of the output", "The question is about the beginning, before "
                                                                 "training."))),
)
