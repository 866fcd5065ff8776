"""Part 2: the questions of chapter 23."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "fast_slow.recall_gate", "23",
        "The forget gates of an LSTM are near 0.9. Along the memory alone, what share of a gradient is left after 20 "
        "time steps?",
        number=0.12, within=1.3, unit="of it",
        why="0.9 to the power 20: each step multiplies by the gate. (Through h and the other gates a little more "
            "arrives.)"),
    Question(
        "fast_slow.recall_step", "23",
        "What does `scan(step, xs, state)` of chapter 20 need to know of the network whose step it runs?",
        (Choice("How many units it has", "Nothing of the kind: it hands the state on as it comes."),
         Choice("Only that a step takes an input and a state, and gives an output and a state",
                "Yes. So the state may be a pair, a list of pairs, or a pair of pairs, and several cells joined are a "
                "step like any other.", right=True),
         Choice("Whether it is an LSTM or a GRU", "That is the step's own business; scan only calls it."))),
    Question(
        "fast_slow.shell_game", "23",
        "Equally many numbers, equally many games. Who follows the ball best?",
        (Choice("The single cell: it has the most units",
                "It has a third more units than two in sequence, and one update for two swaps. Given 1.4 "
                "times as many games it catches up; at equally many it stays behind."),
         Choice("The stack of two: the lower cell can prepare what the upper one needs",
                "It could: two swaps make one permutation, whatever the ball does. In 900 steps it does not learn to. "
                "And each state of a stack gets one update, by a narrower cell."),
         Choice("The two in sequence",
                "Yes: between one state and the next there are two updates, and the second sees what the first has "
                "done.", right=True))),
    Question(
        "fast_slow.folds", "23",
        "Two units, used six times, make 64 pieces. How many units does a single layer need for as many?",
        number=63, within=1.05, unit="units",
        why="One layer of H units has at most H + 1 pieces, so H is at least 63. Each further use would double that "
            "number."),
    Question(
        "fast_slow.kept", "23",
        "Forget gates of 0.9, four cells in sequence. What share of a memory is left after 10 time steps, along the "
        "memory alone?",
        number=0.0148, within=1.3, unit="of it",
        why="0.9 to the power 4 x 10. With one update a step it would be 0.9 to the power 10, 0.35: twenty-four times "
            "as much."),
    Question(
        "fast_slow.cut", "23",
        "An untrained network with four fast cells, plain LSTM cells all. Of the gradient from 20 steps back, what "
        "arrives when the slow state's past is cut off, and the fast one's is not?",
        (Choice("About half of it: two states, two ways",
                "The two ways are not alike: one passes some 80 cells, the other 25."),
         Choice("Nearly all: the fast cells do the work",
                "They do, and each of them multiplies what comes back by something below 1. Eighty factors leave "
                "little."),
         Choice("Less than a thousandth",
                "Yes: along the fast state it passes 4 x 21 = 84 cells at least; along the slow one 25 at least.",
                right=True))),
    Question(
        "fast_slow.readers", "23",
        "Four readers with 100,000 numbers in their cells. Where does the fast-slow one end after 600 steps?",
        (Choice("Ahead of all others: of the stack, the sequence and the single wide cell",
                "Not here. It is ahead of the stack, by 0.08 to 0.29 bits, and about level with the sequence; the "
                "single wide cell, which the paper's comparison leaves out, is ahead of it."),
         Choice("Ahead of the stack, about level with the sequence, behind the single wide cell",
                "Yes, and at equal time further behind the single cell, which costs half as much a step.", right=True),
         Choice("Behind all others: it has the most complicated wiring",
                "Wiring is not what makes training slow. The stack has the simplest, and for more than a hundred "
                "steps it learns nothing beyond how frequent each character is."))),
    Question(
        "fast_slow.slow", "23",
        "Nothing asks the slow cell to be slow, except where it stands. After training, what will its memory do?",
        (Choice("Move less in a step than the fast one, and fade more slowly",
                "Yes, both. It is free to keep what it has, while the fast state is rewritten k times in every "
                "step.", right=True),
         Choice("Move as much as the fast one: it gets an input in every step, too",
                "It does get one, in every step. But it need not give way to it: its gates may stay nearly shut, and "
                "the fast cells see to what is new."),
         Choice("Hardly move at all, and not be used",
                "It moves about half as far as the fast one, and the last price does feel it, from many steps back."))),
    Question(
        "fast_slow.close_equal", "23",
        "A paper compares two networks `at an equal number of parameters`. What else would you ask for before you "
        "choose one for a phone?",
        (Choice("Nothing: parameters are what must be stored",
                "Stored, yes. A phone also has to run them: at equal parameters, three cells in sequence took about "
                "twice the "
                "time of a wide one."),
         Choice("What one step of each costs, and how they compare at equal cost",
                "Yes. Equal size, equal steps and equal time are three comparisons, and the order may differ between "
                "them.", right=True),
         Choice("The number of layers", "That is part of why the costs differ, and not their measure."))),
    Question(
        "fast_slow.close_wire", "23",
        "Someone wires the slow cell above the last fast cell, and nothing reads it but the output. What is lost?",
        (Choice("Nothing: the slow cell still keeps its state",
                "It keeps it, and the output can see it; but the fast cells no longer hear of it."),
         Choice("The way back down: the fast cells cannot use what the slow one remembers",
                "Yes: the fast state is then a plain sequence, whose memory has k updates a step. That is a stack "
                "whose "
                "lower part is deep.", right=True),
         Choice("The depth of the transition", "The fast cells are still k in sequence; what is lost is what they "
                                               "know."))),
)
