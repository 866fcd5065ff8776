"""Part 4, learning online: the questions of chapter 45."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "online.recall_left", "45",
        "A mode h_t = lam h_{t-1} + b x_t has |lam| = 0.97. A single input came 60 steps ago. What share of it is left "
        "in h, in size?",
        number=0.97**60, within=1.03,
        why="0.97 to the 60th power. The angle of lam turns it; only the size of lam makes it smaller."),
    Question(
        "online.recall_backward", "45",
        "A network reads 1000 steps, and backpropagation computes its gradient. What has to be kept until the backward "
        "pass?",
        (Choice("The last state", "That is enough to go on reading. The backward pass visits every step, last to "
                                  "first, and needs what was there."),
         Choice("What came in and what the state was, at every step",
                "Yes: 1000 steps of it. Twice as long a text, twice as much to keep.", right=True),
         Choice("One number for each weight", "That is the size of the result. On the way to it, the backward pass "
                                              "needs the activity of all steps."))),
    Question(
        "online.who_learns", "45",
        "Backpropagation keeps all 89 steps. The three others keep none of them: at the mark, the pattern is 60 steps "
        "gone. Which of the three will learn to write it down?",
        (Choice("None: what is gone cannot be learned from",
                "One of them does, and as well as backpropagation. Something is carried along that says enough "
                "about what is gone."),
         Choice("One, and just as well as backpropagation",
                "Yes. With one layer its curve lies on that of backpropagation: it is the same gradient, computed in "
                "another order.", right=True),
         Choice("All three, only more slowly",
                "Two get better, since random modes happen to remember something and the layers above learn to read "
                "it. The long memory they do not learn."))),
    Question(
        "online.peak", "45",
        "A single input of 1 comes in, then silence. The trace of lam is then t lam^(t-1). With |lam| = 0.95, after "
        "how many steps is it largest?",
        number=19.5, within=1.1,
        why="t 0.95^(t-1) as a curve is highest at t = -1 / ln 0.95, about 19.5; of the steps, 19 and 20 are equal. A "
            "trace is a memory of what is past, and lam decides how far back it listens."),
    Question(
        "online.dense", "45",
        "A dense network of n units, h_t = tanh(W h_{t-1} + V x_t), could carry traces, too. W has n^2 entries. How "
        "many numbers does it carry for them?",
        (Choice("n^2, one for each entry",
                "An entry of W moves one unit first. A step later that unit has moved all the others, and each of them "
                "depends on each entry."),
         Choice("n^3, every unit's dependence on every entry",
                "Yes. And to bring them one step further, W multiplies them all: n^4 products a step.", right=True),
         Choice("As many as there are steps", "That is backpropagation through time. Traces do not grow with the "
                                              "length."))),
    Question(
        "online.truncated", "45",
        "In the recall phase of the copy task nothing comes in. What gradient does the truncated rule give to B, the "
        "matrix of the one layer, there?",
        (Choice("The right one, a little too small",
                "For lam it is a part of the right one. B, though, is blamed with the present input only."),
         Choice("Zero", "Yes: it holds the present input against the present error, and the present input is silence. "
                        "The pattern came 60 steps earlier.", right=True),
         Choice("A random one", "It is no accident: the input of this step times the error of this step."))),
    Question(
        "online.depth", "45",
        "Two layers, and each has exact traces for its own parameters. The error of now goes down from layer 2 to "
        "layer 1 within this step. Which path of blame is lost?",
        (Choice("None: each layer is exact, so the whole is",
                "Layer 1 wrote something 40 steps ago, layer 2 took it in and has held it since. That is a path from "
                "the old output of layer 1 to the error of now."),
         Choice("From an old output of layer 1 through the memory of layer 2 to the present error",
                "Yes. Layer 2 tells layer 1 what its output does now, and not what its old outputs have done since.",
                right=True),
         Choice("From the memory of layer 1 to the present error",
                "That one is there: what layer 1 holds now reaches layer 2 now."))),
    Question(
        "online.deeper", "45",
        "Before any training, the online gradient of a network of four layers is nearly at right angles to the true "
        "one on a copy task with a long silence. We train by it anyway. What will happen to the angle?",
        (Choice("It stays: a wrong rule is wrong at all weights",
                "How much is lost depends on the weights: on whether the layers above hold for long what the layers "
                "below told them once. With other weights it is another angle."),
         Choice("It gets smaller: as the network learns, more of the true gradient is on the paths the rule sees",
                "Yes, on average, in each of five runs with four layers, though not evenly. The reason is our reading: "
                "the rule can teach memories that lie in one layer, and a network taught by it has those to use.",
                right=True),
         Choice("It grows until learning stops", "Nothing makes the rule follow the true gradient, and with two "
                                                 "layers it did grow in three of five runs. With four it did "
                                                 "not."))),
    Question(
        "online.stale", "45",
        "When weights change at every step, traces collected under the old weights no longer fit the new ones. We read "
        "a stream for 300 steps, at a learning rate at which it is learned well. How far off will the gradient be, "
        "relative to its size?",
        (Choice("Next to nothing: one step moves the weights by very little",
                "One step does. A mode near the circle remembers hundreds of steps, and they add up."),
         Choice("It depends on the parameter: for the turns of the modes about its size or more, for B a part of it",
                "Yes: 0.7 to 4.5 times its size for the turns and 0.09 to 0.35 for B, over five seeds. An angle that "
                "has moved a little turns a trace of hundreds of steps by a lot.", right=True),
         Choice("It becomes useless for all parameters", "For B most of it is right, and even for the turns it does "
                                                         "not keep the rule from learning."))),
    Question(
        "online.close_batch", "45",
        "A phone learns from one endless stream, and a data centre from a million stored texts, a thousand at a time. "
        "For which are traces made?",
        (Choice("For the phone: its memory does not grow, and it can learn at every step",
                "Yes. The data centre would need traces for each of the thousand texts, and it has the texts to go "
                "back through.", right=True),
         Choice("For the data centre: it saves the most memory",
                "Traces are per sequence, parameters are shared. With a thousand sequences the traces are a thousand "
                "times what one reader needs."),
         Choice("For neither: both should backpropagate", "An endless stream never gets to its end, where the backward "
                                                          "pass begins."))),
    Question(
        "online.close_module", "45",
        "Which change would keep the traces of a layer as few as its parameters?",
        (Choice("A dense matrix in place of lam", "Then every unit depends on every parameter after a step: n times "
                                                  "more."),
         Choice("A nonlinear gate in every unit that looks at its own state alone",
                "Yes, and it can be seen without a trial: as long as no unit looks at another, a parameter moves only "
                "its own unit, and its trace is one number. Independence is what counts, not linearity.", right=True),
         Choice("Gates that look at the states of all units, as in a GRU",
                "That couples them: a parameter of one unit reaches all others within two steps."))),
)
