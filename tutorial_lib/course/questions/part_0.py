"""The start page: one question, to see how questions answer."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "start.mean_of_many", "00",
        "You average 100 throws of a die, and a friend averages 10,000. How much closer to 3.5 is your friend's "
        "average, typically?",
        (Choice("100 times closer", "It feels so, but errors partly cancel: an average of n throws is off by about "
                                    "1 / sqrt(n), and sqrt(100) is 10."),
         Choice("10 times closer", "Yes: the typical error of an average of n throws falls like 1 / sqrt(n). A "
                                   "hundred times the work buys one more digit.", right=True),
         Choice("Not closer: luck does not average out", "A single throw never gets less random, but the average of "
                                                         "many does, like 1 / sqrt(n)."))),
)
