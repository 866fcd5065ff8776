"""Part 4, one framework: the questions of chapter 43."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "framework.recall_state", "43",
        "A linear recurrence h_t = a h_{t-1} + b u_t has a = 0.9. What share of an input is left in the state five "
        "steps later?",
        number=0.59049, within=1.01,
        why="0.9 to the fifth power: each step keeps nine tenths of what is there, old inputs and new ones alike."),
    Question(
        "framework.recall_softmax", "43",
        "Causal softmax attention has read 1000 tokens with keys and values of 16 numbers. What must it keep to read "
        "the next one?",
        (Choice("The sum of the products of keys and values, 256 numbers",
                "That is enough for attention without a softmax. With it, every key is compared with the new query "
                "before the exponential, so each has to be there."),
         Choice("All keys and values, 32,000 numbers", "Yes: nothing can be added up before the query is known. What "
                                                       "is kept grows with the text.", right=True),
         Choice("The last weights", "The next token brings a query of its own, and new weights for all "
                                    "steps."))),
    Question(
        "framework.which", "43",
        "A loop carries a state of fixed size: h = (some decays) h + (a matrix) u, y = (a matrix) h. Which of these "
        "can it be: linear attention, attention with rows that sum to 1, a selective state space, a gated network, "
        "softmax attention?",
        (Choice("The state space and the gated network", "They are written as recurrences, so it is plain there. "
                                                         "Attention without a softmax can be brought to that form, "
                                                         "division of the rows included."),
         Choice("All but softmax attention", "Yes. What one needs for softmax, and how nearly, is section 5.",
                right=True),
         Choice("All five", "Four of them. Softmax attention keeps every key, and section 5 counts what a loop would "
                            "have to carry."))),
    Question(
        "framework.forgets", "43",
        "The decays of this normalised attention multiply to far less than 1. Does it forget its first input sooner "
        "than linear attention with the same features does?",
        (Choice("Yes: less and less of the first write is left in the state",
                "Less is left of its number. But each later write is divided by a larger eta, too, by just as much: "
                "beside what came later, the first write is as large as ever."),
         Choice("No: all that was written shrinks together, and the weights within a row keep their ratios",
                "Yes. A row of weights is divided by one number. Old and new inputs stand to each other as before.",
                right=True),
         Choice("It depends on the signs of the keys", "For any eta but 0, the row is divided by one "
                                                       "number."))),
    Question(
        "framework.gate", "43",
        "In S6 a token chooses a large step dt in some channel, with A < 0. What happens there?",
        (Choice("The state forgets, and the new input enters strongly", "Yes: exp(dt A) is near 0, and dt multiplies "
                                                                         "what is written. One dial, like a gate that "
                                                                         "opens for the new by closing on the old.",
                right=True),
         Choice("The state keeps longer", "A long step is much time passing: exp(dt A) with A < 0 goes to 0 as dt "
                                          "grows."),
         Choice("The token is skipped", "That is a step near 0: decay 1, nothing written."))),
    Question(
        "framework.orders", "43",
        "Scores q . k / sqrt D of random queries and keys have a spread of 1, some reach 4. With n features for the "
        "terms of e^s up to order 4 (n = 70 for D = 4), how far is the matrix of weights from softmax?",
        (Choice("Off by more than half", "Order 0 does, order 2 leaves a third or so. Most scores are small, and there "
                                         "the series is good early."),
         Choice("Off by a tenth or two, and falling fast with the order", "Yes, roughly: factorials win once the order "
                                                                          "exceeds the largest scores.", right=True),
         Choice("Equal to rounding error", "Every finite order leaves something: at a score of 4, the terms up to "
                                           "4 add up to 34, and e^4 is 55."))),
    Question(
        "framework.needed", "43",
        "Queries and keys have 4 numbers. The matrix of scores then has rank 4. What state, in numbers a channel, does "
        "a loop need for the softmax weights of 64 steps, exactly?",
        (Choice("4", "Enough for the scores. The exponential of each entry is no longer a product of a tall and a wide "
                     "matrix of that width."),
         Choice("A few more than 4, whatever the length", "Approximately, for soft weights, yes. Exactly, there is no "
                                                          "such number."),
         Choice("32, half the length", "Yes: later rows against earlier columns is at most a 32 by 32 block, and it "
                                       "has full rank. With twice the steps it is twice as many.", right=True))),
    Question(
        "framework.normalise", "43",
        "Each row of the implied attention is divided by one number above 0, its own eta. How does that change which "
        "pair a query looks at most?",
        (Choice("Not at all", "Yes: it is a common factor of the row. What it does change is how large outputs are "
                              "from row to row, which matters for training and for the layers above.", right=True),
         Choice("It makes the largest weight stand out more", "A softmax does, by its exponential. Its division "
                                                              "alone does not."),
         Choice("It weakens the early pairs", "Within a row all weights shrink or grow together."))),
    Question(
        "framework.equal_state", "43",
        "All members are trained for the same steps at equal state, n = 4. Eight pairs are asked for. How will linear "
        "attention without division, normalised attention, S6 and SSD compare?",
        (Choice("S6 first: it chooses what to keep", "There is little to choose: every pair will be asked for. Gates "
                                                     "pay where there is something to leave out."),
         Choice("All alike, at about half of the pairs",
                "Yes, within a quarter of a pair in all recorded runs. They have in common what matters here: 4 "
                "numbers of either sign for each channel, written by an outer product.", right=True),
         Choice("Normalised attention first, by far", "Division of a row changes no ranking within it. It does no "
                                                      "harm and, here, no good."))),
    Question(
        "framework.close_units", "43",
        "Two trained layers have different decays, and the same implied attention on every text. What follows?",
        (Choice("They are the same map, whatever each keeps in its state",
                "Yes: outputs are Phi times inputs, whatever the state calls its numbers.",
                right=True),
         Choice("The one with larger decays remembers longer", "Only if what is written and read is measured in the "
                                                               "same units. Memory is in Phi."),
         Choice("One of them was computed wrongly", "Multiply a state by any numbers at each step and correct what is "
                                                    "written and read: nothing comes out differently."))),
    Question(
        "framework.close_size", "43",
        "Linear attention with keys of 16 numbers serves a text of 100,000 tokens. It should recall twice as many "
        "facts. What first?",
        (Choice("A longer training", "In a trial with 4 numbers a channel, half as many steps again changed "
                                     "little. The limit is what so few numbers can tell apart."),
         Choice("Features of more numbers, so a larger state", "Yes: recall rose with n for each member. The cost of a "
                                                               "step rises with it, and not with the text.",
                right=True),
         Choice("Rows that sum to 1", "Which fact is looked at most does not change by dividing "
                                      "rows."))),
)
