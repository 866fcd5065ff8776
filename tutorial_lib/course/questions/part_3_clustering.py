"""Part 3, manifold clustering: the questions of chapter 37."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "clustering.recall_kernel", "37",
        "Two networks' features of the same points have the same kernel, the matrix of all inner products. What can "
        "still differ?",
        (Choice("Nothing that matters here: one set of features is the other, turned",
                "Yes. Inner products fix lengths and angles, so only a rotation or reflection of all features is left, "
                "and singular values do not see it.", right=True),
         Choice("How many dimensions they fill", "The rank of the features is the rank of their kernel."),
         Choice("Which points are orthogonal to which", "Orthogonal means inner product 0, and the kernel shows it."))),
    Question(
        "clustering.recall_rank", "37",
        "120 points lie on a circle around the origin, in a plane of a space of ten dimensions. How many singular "
        "values "
        "of the matrix of points are not 0?",
        number=2, within=1.1,
        why="A singular value for each direction that is used, and the plane has two. That the circle is a curve, with "
            "one degree of freedom, does not show: singular values know planes, not curves."),
    Question(
        "clustering.which_method", "37",
        "Three closed curves cross in the same five dimensions. Which method sorts more than nine of ten points right?",
        (Choice("k-means", "It looks for three centres, and all three curves have nearly the same one."),
         Choice("Spectral clustering of nearest neighbours",
                "Along a curve it would work. Where curves pass one another, the nearest neighbour is often a "
                "stranger, and the graph joins everything."),
         Choice("Subspace clustering",
                "It comes closest, since each curve fills only four of the five dimensions. But any two such subspaces "
                "share three."),
         Choice("None of them", "Yes. Over five seeds the best one has between 58 and 79 %.", right=True))),
    Question(
        "clustering.copies", "37",
        "Every feature is written down twice, so that N doubles. What happens to R, the nats for each feature?",
        (Choice("It doubles", "The total does. R is for each feature, and the spread Z^T Z / N stays the same."),
         Choice("It stays the same", "Yes: Z^T Z doubles, and so does N.", right=True),
         Choice("It halves, as a copy costs nothing",
                "A clever code would do that. This one knows only the spread of the features, and that is "
                "unchanged."))),
    Question(
        "clustering.turning", "37",
        "Three planes at right angles are turned until all three are the same plane. What happens to R_c, the cost "
        "plane "
        "by plane, and to R, the cost of all at once?",
        (Choice("Both fall", "A plane is as large inside as before, wherever it points. Its own code does not notice."),
         Choice("R_c stays, R falls",
                "Yes. So what knowing the classes saves, R - R_c, falls, down to 0 when there is one plane only.",
                right=True),
         Choice("R_c rises, R stays",
                "Each plane's cost is its own affair. All of them together fill fewer directions, which is cheaper."))),
    Question(
        "clustering.climb", "37",
        "Random features in twelve dimensions, three given classes, and we climb R - R_c. Where do the climbs end?",
        (Choice("Each class in one point, the points at right angles",
                "That is what cross-entropy tends to. Here it would leave R small: three directions of twelve."),
         Choice("Each class even in its own subspace, all at right angles",
                "Yes. R is large when all twelve directions are used, R_c small when a class uses few.", right=True),
         Choice("Each class even in all twelve dimensions", "Then every class costs as much as all, and nothing is "
                                                            "saved."))),
    Question(
        "clustering.trivial", "37",
        "The best membership knows nothing about the features. How can training with this objective work at all?",
        (Choice("It cannot: every training ends with everyone alone",
                "It would, were the membership free. It is made from features, and cannot be sharper than their "
                "similarities and the temperature allow."),
         Choice("The membership is not free: it is made from features, at a fixed temperature, from a good start",
                "Yes. The objective's best point is useless, so everything depends on never getting there.",
                right=True),
         Choice("Gradients do not find permutations",
                "Nothing keeps them from it: the colder, the nearer is the membership of any distinct features to "
                "everyone alone."))),
    Question(
        "clustering.control", "37",
        "In the control a point's copies differ by noise alone. What will R - R_c do in its second stage, and what "
        "will "
        "its groups be worth?",
        (Choice("It will not rise, and the groups will be bad",
                "The groups are bad. But the objective does not know which points belong together, and rises with any "
                "fine grouping."),
         Choice("It will rise, and the groups will be bad",
                "Yes. Over five seeds about half of the points are sorted right, and the objective ends higher than "
                "with augmentations.", right=True),
         Choice("It will rise, and the groups will be good",
                "The network has nothing to tell it that a curve is one thing; it sees 180 separate points."))),
    Question(
        "clustering.votes", "37",
        "Twenty moved copies of each point vote for the nearest other point, and the votes are cut by spectral "
        "clustering. No network, no training. How many points are sorted right?",
        (Choice("About half, as by nearest neighbours",
                "Nearest neighbours of the points ask what is close. Copies ask what is close *along the curve*."),
         Choice("Nearly all", "Yes. All that was missing was the knowledge how a point may move.", right=True),
         Choice("About a third, as by guessing", "A copy lands on its own curve, and most often near one of its "
                                                 "own."))),
    Question(
        "clustering.flat", "37",
        "All curves are sorted right after the first stage. What does the second stage do to the features of one "
        "curve?",
        (Choice("It draws them together into a point", "The first stage does something of the kind: copies are to be "
                                                       "alike. R would suffer."),
         Choice("It spreads them out within their own subspace",
                "Yes: from about three dimensions a curve to about four, and three times four are all twelve.",
                right=True),
         Choice("It lets them fill all dimensions", "Then R_c would be as large as R."))),
    Question(
        "clustering.digits", "37",
        "Ten kinds of digits, read at the temperature of training. Does the second stage sort better than the first?",
        (Choice("No, as on the curves", "On the curves there was nothing left to gain. Here there is."),
         Choice("Yes, but as long a first stage would, too",
                "Over five seeds a longer first stage changes the share by -14 to +3 points. It has no reason to make "
                "the membership sharp."),
         Choice("Yes, and more than as long a first stage",
                "Yes, over five seeds by 11 points or more, and by 12 or more than the longer first stage. How much "
                "of that "
                "is sorting, and how much is sharpness, is what the other temperatures show.", right=True))),
    Question(
        "clustering.noisy", "37",
        "On noisier curves the first stage sorts about 60 % right. What does the second stage make of that?",
        (Choice("Clearly better groups: the objective pulls the curves apart",
                "It pulls apart what the membership says is apart, and the membership is half wrong."),
         Choice("Firmer groups, on the whole no better than before",
                "Yes. Over five seeds the share changes by between -20 and +7 points, and by -2 in the mean, while the "
                "objective rises each time. A longer first stage ends higher in four of the five.", right=True),
         Choice("Nothing: the objective cannot rise from wrong groups", "It rises by half a nat or more in every "
                                                                        "seed."))),
    Question(
        "clustering.close_control", "37",
        "A colleague's clustering beats k-means, and it alone was trained with augmentations. What do you ask for "
        "first?",
        (Choice("More seeds", "Worth having, but they would confirm an unfair comparison."),
         Choice("A simple method that is given the same augmentations, and hers without",
                "Yes. Both together tell whether the information or the method made the difference.", right=True),
         Choice("A plot of her objective", "It rises. It would also rise with wrong groups."))),
    Question(
        "clustering.close_reading", "37",
        "At eta = 0.175 a membership is read at 60 %, at eta = 0.05 the same features give 85 %. What follows?",
        (Choice("The features are bad", "They hold the groups; the reading at 0.175 is too soft to see them."),
         Choice("One should always read cold", "Too cold, the membership falls into pieces, and the share falls "
                                               "again."),
         Choice("Before crediting a second stage with a gain, read the first at other temperatures",
                "Yes. What is left, on our digits, is that the second stage's membership can be read at the "
                "temperature of "
                "training and above.", right=True))),
)
