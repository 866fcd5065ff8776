"""Part 3, tangents and scale: the questions of the opener, chapter 30."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "tangents.recall_root", "30",
        "A network adds up the answers of m neurons, independent numbers of mean 0 and size about 1, and divides by "
        "the "
        "square root of m. How large is the result when m = 100, and when m = 10,000?",
        (Choice("About 1, both times",
                "Yes: a sum of m independent numbers has a standard deviation of sqrt(m), and that is divided out. "
                "Each "
                "single neuron counts for less and less.", right=True),
         Choice("About 10 and about 100",
                "That is the size of the sum before it is divided: variances add, so it grows like sqrt(m)."),
         Choice("About 0.1 and about 0.01",
                "That would be an average, divided by m. Here the divisor is only the root."))),
    Question(
        "tangents.recall_gradient", "30",
        "At the present weights g has the gradient (3, 4). You move the weights by a step of length 0.01. By how "
        "much can "
        "g grow, to first order?",
        number=0.05, within=1.05,
        why="The change is the inner product of gradient and step, largest when the step points along the gradient: "
            "its "
            "length 5, times 0.01."),
    Question(
        "tangents.do_they_move", "30",
        "A hundred kinks are strewn over the line, 21 points make a zigzag with three corners, and training may "
        "move all "
        "weights. Where are the kinks when the points are fitted?",
        (Choice("At the three corners",
                "So one would build it by hand, and training does find that, at one setting. At the other it fits "
                "the same "
                "points and moves hardly any kink."),
         Choice("Where they were",
                "That is one of the two answers, and the picture shows that the points can be fitted so. At the other "
                "setting nearly all of them travel to the corners."),
         Choice("It depends on one number that changes neither network nor data",
                "Yes, and the number multiplies the output. The same network fits the same points in two entirely "
                "different ways.", right=True))),
    Question(
        "tangents.shape", "30",
        "The tangent model is linear in the weights. Drawn over x, what does it look like?",
        (Choice("A straight line",
                "Linear in w is not linear in x: the gradients of g, its building blocks, bend and jump with x."),
         Choice("Bent at kinks that stay where they are",
                "Nearly: the slopes of relu's are steps, so that moving a kink a little looks, to first order, like a "
                "jump at the old place.", right=False),
         Choice("Pieces of lines that bend and jump at the old kinks",
                "Yes. The gradient by an outer weight bends there, those by inner weights jump there: a kink that "
                "moves is, to first order, a step.", right=True))),
    Question(
        "tangents.push", "30",
        "One gradient step pulls the answer at x = 0.3 up a little, and no other point is trained on. What happens "
        "to the "
        "answer at x = -0.8?",
        (Choice("Nothing, it was not in the data",
                "Weights are shared. Every neuron that is on at both points has moved, and with it both answers."),
         Choice("It moves by the inner product of the two gradients times the same factor",
                "Yes. That inner product is the tangent kernel, and it is all one needs to know about the network "
                "for a "
                "small step.", right=True),
         Choice("It moves by as much as the answer at 0.3",
                "Only if both points had the same gradient. The overlap of the two gradients decides."))),
    Question(
        "tangents.ten_times", "30",
        "The output is multiplied by an alpha ten times as large, the learning rate divided by a hundred, and the "
        "network "
        "fits the same targets. In the tangent model, how far do the weights move, compared with before?",
        (Choice("A tenth as far",
                "Yes: f = alpha (g - g0) has to change as much as before, so g has to change a tenth as much.",
                right=True),
         Choice("A hundredth as far",
                "That is what the step is divided by. But gradients have become ten times as large."),
         Choice("As far as before",
                "The answers change as before. The weights need to do a tenth of the work for that, since each of "
                "their "
                "movements is multiplied by ten times as much."))),
    Question(
        "tangents.grown", "30",
        "During training a kernel becomes three times itself, entry by entry. What do the two gauges say, distance "
        "moved "
        "(|K - K0| / |K0|) and alignment with the kernel at the beginning?",
        (Choice("Distance 2, alignment 1",
                "Yes: it has grown and not turned. For the network that is a faster pace along the same modes.",
                right=True),
         Choice("Distance 0, alignment 1", "Growth counts as distance: |3K - K| / |K| = 2."),
         Choice("Distance 2, alignment 1/3",
                "The alignment is the cosine of an angle, and lengths do not count in it."))),
    Question(
        "tangents.which_turn", "30",
        "A network with 50 neurons learns to tell threes from eights, at scales from 0.1 to 30. At which of them "
        "will the "
        "kernel have turned towards the labels?",
        (Choice("At the small scales",
                "Yes. At scale 0.1 the weights travel far, and the kernel becomes one in which digits of a kind "
                "resemble "
                "each other; at 30 it stays what it was.", right=True),
         Choice("At the large ones, where the labels weigh more",
                "A large scale multiplies the output, so small movements of the weights do all of the fitting, and the "
                "kernel stays."),
         Choice("At all of them, else they could not learn",
                "A kernel that never moves can learn, too: that is kernel regression, and it gets more than nine in "
                "ten "
                "right here."))),
    Question(
        "tangents.close_lazy", "30",
        "A friend says: this network has not learned anything, none of its neurons has changed visibly. Its test "
        "error is "
        "low. What do you answer?",
        (Choice("That cannot be, there must be a bug",
                "Many weights that each move invisibly can add up to a large change of the answer. Look at the "
                "scale of "
                "the output, and at the width."),
         Choice("It learned as its tangent model does: by small movements of all weights, with the features it "
                "began with",
                "Yes. Lazy is not idle. Nothing new is represented, and the old features were good enough.",
                right=True),
         Choice("Only the last layer was trained",
                "All weights were, and in the kernel the first layer's part is often the larger one. They moved a "
                "little each."))),
    Question(
        "tangents.close_dial", "30",
        "You want to know whether a network that you trained was lazy. What do you compare?",
        (Choice("Its training loss and its test loss",
                "Both regimes fit, and either may generalise. The losses do not tell."),
         Choice("The size of its weights before and after",
                "That depends on units: weights that move by 1 % may be lazy or not, depending on what curvature they "
                "meet."),
         Choice("Its tangent kernel before and after, and its predictions with those of its tangent model",
                "Yes: lazy means that the kernel stood still, and then the tangent model predicts the network.",
                right=True))),
)
