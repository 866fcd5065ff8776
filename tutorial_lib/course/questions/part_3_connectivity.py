"""Part 3, connectivity and rank: the questions of chapter 33."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "connectivity.recall_alignment", "33",
        "After training, a network's tangent kernel on your points is exactly three times what it was. What does the "
        "alignment of the two kernels say, and how lazy was the training?",
        (Choice("Alignment 1/3: the kernel moved a lot", "Alignment is a cosine: both sizes are divided out."),
         Choice("Alignment 1: the same points are alike as before, only learning has become faster",
                "Yes. Alignment does not see growth. In this chapter the gauge is 1 - alignment, so that it is a "
                "change of shape that counts.", right=True),
         Choice("Alignment 3", "Nothing is more aligned than a kernel with itself, and that is 1."))),
    Question(
        "connectivity.recall_rank_one", "33",
        "The matrix u v' with u = (3, 4) and v = (0, 2) has one singular value that is not 0. How large is it?",
        number=10.0, within=1.02,
        why="It sends the direction of v into that of u, and stretches by |u| |v| = 5 times 2. That is also the "
            "matrix's size, the root of the sum of its squared entries: 6 and 8."),
    Question(
        "connectivity.which_moves", "33",
        "A network wired like the worm and one wired like the shuffled worm, with strengths of the same size, learn "
        "the "
        "same task equally well. Whose tangent kernel turns more?",
        (Choice("The worm's: it has fewer directions to begin with",
                "So the paper's finding would have it, and so it comes out, on average over draws. Section 7 has the "
                "numbers, and how far single draws differ.", right=True),
         Choice("The shuffled worm's: it has no structure and has to make some",
                "Structure helps if it is the structure of the task. The worm's is that of a worm's life."),
         Choice("Neither: the strengths are the same",
                "Chapter 30 had the size of weights as the knob between lazy and rich. Here size is held fixed, and "
                "there is still a difference, on average."))),
    Question(
        "connectivity.rank_one_task", "33",
        "W has rank one and points in a random direction of twenty. The task is another random direction, and w = 0. "
        "How aligned are the kernels before and after, if W is large compared with the task?",
        (Choice("Nearly 1: large weights are lazy",
                "Large weights are lazy where they have what the task needs. These have one direction, and it is the "
                "wrong one."),
         Choice("Nearly 0 for most tasks: the one direction has to turn into the task's",
                "Yes: it is the square of the cosine between the two directions, 1/20 on average.", right=True),
         Choice("About 1/2: a compromise between the old direction and the new",
                "There is no compromise at the end: W'w = b says that the only row that counts lies along b."))),
    Question(
        "connectivity.aligned_rank_one", "33",
        "Of two starts of the same size, one has rank one and points exactly along the task, the other has full rank "
        "with equal singular values; w = 0 for both. The task is small against both. Which kernel changes less?",
        (Choice("That of full rank, as on average",
                "On average over tasks, yes. But this task is not an average one for the first start."),
         Choice("That of rank one",
                "Yes: the row has the right direction and all of the size, so it grows a little and need not turn. In "
                "the network of full rank the same growth makes one direction out of twenty stand out.", right=True),
         Choice("They change equally: both contain the task's direction",
                "Both do, and with different strength: the rank-one start has all its size there."))),
    Question(
        "connectivity.recurrent_guess", "33",
        "Wirings of rank 3 and of full rank, equal in size, are trained to the same loss. Three measures: change of "
        "the "
        "kernel, of the activity, of the weights. In which are the wirings of rank 3 ahead?",
        (Choice("In all three: low rank was ahead in the linear network, too",
                "So the paper reports. We shall find two of the three."),
         Choice("In kernel and activity, and not in the weights",
                "Yes, here: with a smaller change of the weights the activity changes more.", right=True),
         Choice("In none: a relu network of a hundred neurons is not linear",
                "It is not, and yet the kernel behaves as in the linear network, on average, and the activity with "
                "it."))),
    Question(
        "connectivity.close_fair", "33",
        "You want to know whether low rank makes learning rich. You cut a Gaussian matrix to its three largest "
        "singular "
        "values and train. What have you tested?",
        (Choice("Rank", "Rank and size together: what was cut off carried most of the size."),
         Choice("Rank and size together, and small weights are known to be rich",
                "Yes. Bring the cut matrix back to the size it had. Even then the largest singular value is not "
                "what it was: it has grown.", right=True),
         Choice("Only size", "The directions have become fewer, too."))),
    Question(
        "connectivity.close_bet", "33",
        "Which start changes its kernel least?",
        (Choice("Full rank with equal singular values, whatever the task",
                "It is the best on average over tasks of all directions, and for any single task there is a better "
                "one."),
         Choice("It depends on the task: for one task a start along it, for an unknown one a start that prefers "
                "nothing",
                "Yes. Rank matters for what you do not know; alignment for what you do.", right=True),
         Choice("The largest", "Size helps where the start contains the task. A large start of low rank that points "
                               "elsewhere turns all the same."))),
)
