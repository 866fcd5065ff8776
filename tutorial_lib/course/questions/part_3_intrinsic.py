"""Part 3, intrinsic dimension: the questions of chapter 36."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "intrinsic.recall_angles", "36",
        "Two random directions in 10,000 dimensions, each of length 1. About how large is their inner product, sign "
        "aside?",
        number=0.01, within=2.0,
        why="A sum of 10,000 products, each about 1/10,000 in size and of random sign: 100 times 1/10,000. In many "
            "dimensions random directions are nearly at right angles."),
    Question(
        "intrinsic.recall_tangent", "36",
        "A network is replaced by its tangent at the beginning, f = g0 + J (w - w0). When is that a good replacement "
        "all "
        "through training?",
        (Choice("When the weights move little, compared with how far gradients stay the same",
                "Yes: lazy training. The function can move a lot while the weights hardly do.", right=True),
         Choice("When the network is small",
                "Rather when it is wide: then many weights share the work, and each moves little."),
         Choice("When the loss is low at the end",
                "A rich network can fit as well as a lazy one; the loss does not tell them apart."))),
    Question(
        "intrinsic.thousand", "36",
        "The network has 199,210 weights. We freeze them as they were drawn, draw 1,000 random directions in the "
        "space of "
        "all weights, and train only the 1,000 numbers that say how far to go along each. How many of the test digits "
        "does "
        "it get right?",
        (Choice("About one in ten, as without training",
                "Half a percent of all directions, blindly chosen, sounds like nothing. It is enough for far more."),
         Choice("About half", "That is what a hundred directions give."),
         Choice("More than four in five",
                "Yes. Directly trained for as many steps it gets nineteen in twenty. The rest of this chapter asks "
                "why so "
                "few random directions suffice, and what their number measures.", right=True))),
    Question(
        "intrinsic.ten", "36",
        "A thousand numbers fall into ten groups of a hundred; the first group has to sum to 1, the second to 2, and "
        "so on to "
        "10. You may move from a random start along d random directions. From which d on can you meet all ten "
        "conditions?",
        number=10, within=1.01,
        why="Ten conditions on d unknowns: z has to solve ten linear equations. With ten unknowns a random system has "
            "a "
            "solution, with nine it has none. The thousand plays no part."),
    Question(
        "intrinsic.nine", "36",
        "With nine directions the ten sums cannot all be met. How much of the squared error is left at the best "
        "point, on "
        "average?",
        (Choice("Nearly all: without a solution nothing is gained",
                "Nine equations' worth is gained. What cannot be reached is one direction out of ten."),
         Choice("A tenth of it",
                "Yes. What can be reached is a random nine-dimensional part of the ten-dimensional space of sums, and "
                "a "
                "vector has a tenth of its squared length outside of it.", right=True),
         Choice("Half of it", "That would be so for five directions: the share left falls along a straight line."))),
    Question(
        "intrinsic.size", "36",
        "Another network has thirty times as many weights as the smallest, and is trained on the same digits. How "
        "does the number of random directions change that it needs for 90 % of its own best accuracy?",
        (Choice("It grows about thirtyfold: a fixed share of the weights is needed",
                "The share falls instead. Weights that are added take no part of the work away and add nothing to it."),
         Choice("It grows about fivefold, like the root", "A cautious guess, and still too much."),
         Choice("It changes by less than a factor of two",
                "Yes, by 1.4 to 1.7 over five seeds. What is added is almost entirely room in which solutions lie.",
                right=True))),
    Question(
        "intrinsic.lazy", "36",
        "We train two models in one and the same random subspace: the network, and its tangent. Who gets more digits "
        "right?",
        (Choice("Both the same: with so few directions, training must be lazy",
                "Few directions make it the opposite of lazy. Each gives a poor slope, so one has to go far, and far "
                "away the tangent is no longer the network."),
         Choice("The network, clearly",
                "Yes. To do without bending, the tangent model needs many more directions.", right=True),
         Choice("The tangent model: it is linear, so its optimum is found",
                "It is found, and it is worse. What the network does better it does by leaving its tangent."))),
    Question(
        "intrinsic.filters", "36",
        "The pixels of all images are shuffled, in the same way for every image. What happens to d_90 of the fully "
        "connected "
        "network, and of the convolutional one?",
        (Choice("It grows for both: the images are noise now",
                "To a network whose units are joined to all pixels alike, the order of pixels was never visible."),
         Choice("It stays for the first and grows for the second",
                "Yes. A random beginning with shuffled rows is as likely as one without, so nothing can change for the "
                "first. Filters look at neighbours, and there are none left.", right=True),
         Choice("It stays for both: nothing was lost",
                "No information was lost, but filters can use it only where neighbours belong together."))),
    Question(
        "intrinsic.bytes", "36",
        "A file holds a seed (8 bytes) and 1,200 coordinates of 4 bytes. The whole network has 199,210 weights of 4 "
        "bytes. How "
        "many times smaller is the file?",
        number=165, within=1.15,
        why="796,840 bytes over about 4,800. The beginning and the subspace need no room: whoever has the seed draws "
            "them "
            "again."),
    Question(
        "intrinsic.close_counts", "36",
        "D = 199,210 and d_90 is about 1,000. What do the other 198,000 dimensions hold?",
        (Choice("Noise that should be pruned",
                "They are not a set of weights that one could take away: every weight takes part in every direction."),
         Choice("Solutions: near one, nearly all independent directions lead to others",
                "Yes. A random subspace of d dimensions meets a set of solutions as soon as that set has about D - d "
                "dimensions. To be met by so small a subspace it must be huge.", right=True),
         Choice("What the test set needs",
                "The accuracies were those of the test set all along."))),
    Question(
        "intrinsic.close_linear", "36",
        "A model without hidden layers, on images of 7 x 7 pixels, has 500 weights and gets about 85 % of its digits "
        "right. "
        "What does "
        "that say about an intrinsic dimension of about 1,000?",
        (Choice("That the measurement was wrong",
                "It measures random directions of one family of networks. A model chosen by someone who knows images "
                "may "
                "well need fewer numbers."),
         Choice("That it is an upper bound: random directions suffice, well-chosen ones may be fewer",
                "Yes. It bounds the description length of a solution from above, and compares models and tasks on one "
                "scale. It is not the smallest possible number.", right=True),
         Choice("That hidden layers are useless",
                "Directly trained, they bring about 95 % where that model stays below 90 %."))),
)
