"""Part 2, local losses: the questions of chapter 25."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "local.recall_kept", "25",
        "A recurrence is run over 1000 steps, and its loss at the end is differentiated. What has to be kept from the "
        "forward pass until the backward pass?",
        (Choice("The last state: the others were used already",
                "The backward pass goes through all steps again, last one first, and each Jacobian is computed from "
                "the values of its own step."),
         Choice("Something of every one of the 1000 steps",
                "Yes: each step's Jacobian needs that step's values, so memory grows with the length. That is what "
                "this chapter is about.", right=True),
         Choice("The weights", "They are there in any case, and the same at all steps."))),
    Question(
        "local.recall_shortcut", "25",
        "A gradient that passes n updates vanishes or explodes exponentially with n (chapter 20). Levels tick every 1, "
        "10 and 100 steps, each reading the one below and the one above. How many updates does the shortest path pass "
        "from an input to an answer 300 steps later?",
        (Choice("About 300", "That is the path along the lowest level. There is a way up."),
         Choice("About 30", "That is the path along the middle level. There is one more level."),
         Choice("About as many as can be counted on two hands",
                "Yes: up two levels, three ticks of the top level, down two levels. Such shortcuts are why hierarchies "
                "are built.", right=True))),
    Question(
        "local.same_values", "25",
        "Cutting \"up\" and \"along\" replaces h by h.detach() on those links. How do the states that the network "
        "computes change?",
        (Choice("Level 1 gets zeros from below", "`detach` passes the value. What stops is the gradient, on its way "
                                                 "back."),
         Choice("A little: the rounding differs", "The same numbers go through the same operations."),
         Choice("Not at all, to the last bit", "Yes. A cut decides who is told about a mistake, and nothing else.",
                right=True))),
    Question(
        "local.who", "25",
        "\"Up\" and \"along\" are cut. The question at the last step is answered from the state of level 0. Whose "
        "weights does its gradient reach?",
        (Choice("Those of level 0 alone", "Level 0 also reads the message from above at each tick, and that link is "
                                          "open."),
         Choice("Those of all levels",
                "Yes: from level 0 up along the link down, since gradients run against the arrows, and so on to the "
                "top. Higher levels are taught through what they hand down.", right=True),
         Choice("Those of the top level alone", "The answer is read from level 0, so its weights are reached first."))),
    Question(
        "local.peak", "25",
        "Whole, 81 + 27 + 9 + 3 = 120 ticks are kept. How many at most with local losses, a block at a time?",
        number=12, within=1.01, unit="ticks",
        why="Three levels keep a block of 3 each, and the top level its chain of 81/27 = 3 ticks: a tenth of 120."),
    Question(
        "local.fifth", "25",
        "For 81 steps, four levels of k = 3 keep 12 ticks in place of 120. What does a fifth level do?",
        (Choice("It saves another factor of about three", "It would, if the sequence grew as well. The fifth level "
                                                          "ticks once in 81 steps."),
         Choice("It saves a little more", "Count: four blocks of 3 below the top, and a chain of one tick: 13."),
         Choice("It keeps more than it saves",
                "Yes: 13 ticks in place of 12, and 121 without cuts. When the top chain is no longer than a block, one "
                "more level only adds.", right=True))),
    Question(
        "local.copying", "25",
        "Which way of computing the gradient copies about as well as the whole one, at equal CPU time?",
        (Choice("Cut only: the task still teaches all weights",
                "All weights, yes; but for what level 0 should keep of the first six symbols it gets no gradient at "
                "all. It stays near 0.4."),
         Choice("Truncated after 9 steps, with the states handed on",
                "Nothing tells the first piece that it will be asked in the third. It stays near 0.4."),
         Choice("Local: cut, with local losses", "Yes, and often better in the time given: the local losses tell "
                                                 "level 0 at once what the task would have to find out.", right=True),
         Choice("None of them", "That would be the end of the idea. One does."))),
    Question(
        "local.close_why", "25",
        "With \"up\" and \"along\" cut, level 0 never hears from the future. How can the network still keep a symbol "
                                 "that is "
        "asked for hundreds of steps later?",
        (Choice("Level 0 learns from the task which symbols matter",
                "From the task's questions inside its own block alone. What comes later does not reach it."),
         Choice("Level 0 hands up all of its block, and the levels above learn what to keep of it",
                "Yes: the local loss makes what is handed up complete, and the gradient that decides what lasts runs "
                "along the top level.", right=True),
         Choice("The states are handed on, which is enough",
                "Cut only hands them on as well, and copies badly. Values that nobody was taught to keep get lost."))),
    Question(
        "local.close_when", "25",
        "For which of these would you expect local losses to harm most?",
        (Choice("Blocks of 10 inputs, each a vector of 1000 random numbers, of which one number matters",
                "Yes: the local loss fills the state with what can be told of the noise, and only a gradient from "
                "above would say which number to keep.", right=True),
         Choice("Text of 30 symbols in blocks of 3", "A state of 48 numbers holds three of 30 symbols with ease; "
                                                     "that is close to what we trained."),
         Choice("Very long sequences of few symbols", "That is what they are made for: the saving grows with the "
                                                      "number of levels that the length allows."))),
)
