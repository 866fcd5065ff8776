"""Part 2, hierarchical sequences: the claims of chapter 23."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

_BOOK = ("Moby Dick in place of Wikipedia, 600 steps of 1,600 characters in place of 20 passes, 100,000 numbers in "
         "the cells in "
         "place of millions, three cells each in place of five")

CLAIMS = (
    Claim(
        id="fast_slow.shell_game", paper="fs-rnn", chapter="23",
        source="abstract: the network learns complex transition functions from one time step to the next; deep "
               "transition: Pascanu "
               "and others (2014)",
        statement="Several cells in sequence within a time step learn a complex transition of the state that one "
                  "cell, or a stack, of "
                  "the same size does not learn in as many steps.",
        kind="our analogue", scale="a ball under five cups, two swaps a round, six rounds; 12,000 numbers in the "
                                   "cells, 900 steps of 64 "
                                   "games",
        measures={"single": "share of right answers after round 6, one wide cell",
                  "longer": "the same, trained 1,300 steps, about the time that two in sequence take (shown, not "
                            "judged)",
                  "stack": "the same, a stack of two, 900 steps", "sequence": "the same, two in sequence, 900 steps"},
        rule=lambda single, longer, stack, sequence: sequence - max(single, stack) - 0.02,
        decides="two in sequence are right more often than the stack and than the single cell, at equal steps, by 0.02 "
                "or more",
        counter_example={"single": 0.8, "longer": 0.9, "stack": 0.4, "sequence": 0.6}, margin=0.1),
    Claim(
        id="fast_slow.folds", paper="", chapter="23",
        source="Telgarsky (2016), arXiv:1602.04485: the mirror map and its iterates; not in the paper",
        statement="Two ReLU units used k times in sequence make 2^k straight pieces; one layer of H units makes "
                  "H + 1 at most.",
        kind="theorem checked", scale="k = 6; a thousand random layers of 20 units, and the layer of 64 that equals "
                                      "six folds",
        measures={"pieces": "straight pieces of six folds", "most": "the most pieces of a random layer of 20 units",
                  "gap": "largest distance of the one layer built to equal six folds"},
        rule=lambda pieces, most, gap: min(0.5 - abs(pieces - 64), 21.5 - most, 1e-4 - gap),
        decides="64 pieces; no random layer has more than 21; the built layer is within 1e-4",
        counter_example={"pieces": 12.0, "most": 30.0, "gap": 1.0}, margin=1e-3),
    Claim(
        id="fast_slow.paths", paper="fs-rnn", chapter="23",
        source="the network's update as in the authors' FSRNN.py; short gradient paths by the slow cell: the "
               "introduction; the count is ours",
        statement="The slow cell gives gradients a short way: n + 1 + k cells from n steps back (or k (n + 1) along "
                  "the fast ones, "
                  "if that is fewer), beside paths of up to (k + 1)(n + 1).",
        kind="theorem checked", scale="2 to 4 fast cells, 0 to 8 steps back, cells that multiply by w",
        measures={"error": "largest relative gap between the gradient of the code and the sum over counted paths",
                  "wrong": "of 27 shortest and longest lengths that are not those of the formulas"},
        rule=lambda error, wrong: min(1e-9 - error, 0.5 - wrong),
        decides="gradients are the sums over paths to 1e-9, and all lengths are those of the formulas",
        counter_example={"error": 0.3, "wrong": 12.0}, margin=1e-8),
    Claim(
        id="fast_slow.short_way", paper="fs-rnn", chapter="23",
        source="introduction: slowly updated layers give short gradient paths; measured here by cutting one of the "
               "two states",
        statement="What is felt from far back comes along the slow state, not along the fast one.",
        kind="our analogue", scale="untrained, four fast cells and a slow one of 32 plain LSTM units each, noise, 20 "
                                   "steps back",
        measures={"fast": "share of the gradient that arrives along the fast state alone",
                  "slow": "share that arrives along the slow state alone"},
        rule=lambda fast, slow: min(1e-3 - fast, slow - 0.3),
        decides="less than a thousandth along the fast state, more than three tenths along the slow one",
        counter_example={"fast": 0.5, "slow": 0.1}, margin=0.1),
    Claim(
        id="fast_slow.beats_stack", paper="fs-rnn", chapter="23",
        source="section 4.2, the comparison with a stacked and a sequential LSTM on Wikipedia (1.49 against 1.61), "
               "as a detailed summary of the paper gives it",
        statement="A fast-slow network pays fewer bits per character than a stack of LSTM cells of the same size.",
        kind="same experiment, smaller", scale=_BOOK,
        measures={"fast_slow": "bits per character on the last tenth, two fast cells and a slow one",
                  "stack": "the same, a stack of three"},
        rule=lambda fast_slow, stack: stack - fast_slow - 0.02, decides="it pays at least 0.02 bits less",
        counter_example={"fast_slow": 2.6, "stack": 2.6}, margin=0.01, tier="recorded"),
    Claim(
        id="fast_slow.beats_sequence", paper="fs-rnn", chapter="23",
        source="section 4.2, the same comparison (1.49 against 1.58)",
        statement="A fast-slow network pays fewer bits per character than as many LSTM cells in sequence, of the same "
                  "size.",
        kind="too small to tell", scale=_BOOK,
        measures={"fast_slow": "bits per character on the last tenth, two fast cells and a slow one",
                  "sequence": "the same, three in sequence"},
        rule=lambda fast_slow, sequence: sequence - fast_slow, decides="it pays less",
        counter_example={"fast_slow": 2.6, "sequence": 2.5}, margin=0.01, tier="recorded"),
    Claim(
        id="fast_slow.equal_time", paper="", chapter="23",
        source="our measurement, in section 6; the paper compares networks of several cells with each other",
        statement="A single wide LSTM layer of the same size is ahead of the fast-slow network at equal cost.",
        kind="our analogue", scale=f"{_BOOK}; 1,100 steps of the single cell take about the time of 600",
        measures={"fast_slow": "bits per character on the last tenth, two fast cells and a slow one, 600 steps",
                  "single": "the same, one wide cell, 600 steps (shown, not judged)",
                  "longer": "the same, one wide cell, 1,100 steps",
                  "seconds": "CPU seconds of training, two fast cells and a slow one",
                  "longer_seconds": "CPU seconds of training, one wide cell, 1,100 steps"},
        rule=lambda fast_slow, single, longer, seconds, longer_seconds: fast_slow - longer - 0.02,
        decides="the single cell, trained 1,100 steps, pays at least 0.02 bits less",
        counter_example={"fast_slow": 2.45, "single": 2.5, "longer": 2.5, "seconds": 40.0, "longer_seconds": 40.0},
        margin=0.01, tier="recorded", timed=("seconds", "longer_seconds")),
    Claim(
        id="fast_slow.slow_fades_least", paper="fs-rnn", chapter="23",
        source="section 4.2, figure 3: the gradient of the loss with respect to earlier memories, as a summary of the "
               "paper gives it; "
               "the paper compares the sizes themselves",
        statement="What a loss feels of the slow memory fades more slowly with the distance than what it feels of the "
                  "others.",
        kind="our analogue", scale=f"{_BOOK}; 8 to 16 steps back over 0 steps back, 96 passages",
        measures={"slow": "of its gradient at 0 steps back left at 8 to 16, slow "
                          "memory", "fast": "the same, fast memory",
                  "sequence": "the same, memory of three in sequence", "stack": "the same, largest of the stack's "
                      "three memories",
                  "slow_size": "size of the gradient itself at 8 to 16, slow memory (shown, not judged)",
                  "other_size": "the same, largest of all others (shown, not judged)"},
        rule=lambda slow, fast, sequence, stack, slow_size, other_size: slow / max(fast, sequence, stack) - 1,
        decides="the slow memory keeps a larger share than each of the others",
        counter_example={"slow": 0.01, "fast": 0.02, "sequence": 0.01, "stack": 0.01, "slow_size": 0.1,
                         "other_size": 0.1},
        margin=0.2, tier="recorded"),
    Claim(
        id="fast_slow.slow_moves_least", paper="fs-rnn", chapter="23",
        source="section 4.2, figure 4: the mean squared change of the memories in a time step, as a summary of the "
               "paper gives it",
        statement="Of all memories the slow one changes least from one time step to the next.",
        kind="same experiment, smaller", scale=f"{_BOOK}; 96 passages of 41 steps",
        measures={"slow": "mean squared change in a step, slow memory", "fast": "mean squared change in a step, fast "
            "memory",
                  "sequence": "mean squared change in a step, three in sequence",
                  "stack": "mean squared change in a step, least of the stack's three memories",
                  "slow_share": "the change over the memory's mean square, slow memory (shown, not judged)",
                  "other_share": "the same, least of all others (shown, not judged)"},
        rule=lambda slow, fast, sequence, stack, slow_share, other_share: min(fast, sequence, stack) / slow - 1,
        decides="the slow memory changes less than each of the others",
        counter_example={"slow": 1.0, "fast": 0.5, "sequence": 0.5, "stack": 0.5, "slow_share": 0.5,
                         "other_share": 0.5},
        margin=0.2, tier="recorded"),
)

# What the paper says and this chapter does not show: (the statement, the reason with our numbers)
OUT_OF_REACH = (
    ("23, tables 1 and 2: 1.19 bits per character on Penn Treebank, 1.25 on Wikipedia, 1.20 for two networks together.",
     "7 to 47 million numbers, 200 passes through 5 million characters or 35 through 90 million, with zoneout and "
     "dropout. "
     "The chapter's networks hold 100,000 numbers in their cells and see a million characters."),
)
