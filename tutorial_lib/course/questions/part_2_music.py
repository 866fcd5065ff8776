"""Part 2: the questions of chapter 21."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "music.recall_kl", "21",
        "In a trained VAE the KL between q(z|x) and the prior is 0 for every x. What does the decoder know of x?",
        (Choice("Nothing: all inputs have the same distribution of codes",
                "Yes. The KL is the price of what a code says of its own x; at 0 it says nothing, and the decoder "
                "describes the "
                "data as a whole.", right=True),
         Choice("Everything: the posterior is exact",
                "An exact posterior may well differ from the prior. A KL of 0 means that q(z|x) is the prior, "
                "whatever x is."),
         Choice("It depends on the decoder",
                "Whatever the decoder does, it gets draws from the same distribution for every x."))),
    Question(
        "music.recall_teacher", "21",
        "A sequence model is trained with its teacher at its side. What does it never meet in training?",
        (Choice("Its own mistakes as inputs",
                "Right: each step is given the true past. Alone, it is given what it chose, a kind of input on "
                "which nothing was ever "
                "trained.", right=True),
         Choice("The true next symbol",
                "It meets that at every step: it is what its guess is compared with."),
         Choice("Long sequences",
                "It may well be trained on long ones; but at every step with a true past."))),
    Question(
        "music.lost", "21",
        "Beside the teacher the flat decoder gets about half of the notes of an unheard tune right. And alone, from "
        "the same code?",
        (Choice("About as well: the code holds the tune",
                "The code holds it, but the decoder has to stay in step with it for 128 symbols, each built on its "
                "own last ones."),
         Choice("Half of those or fewer: about a quarter of all notes",
                "Yes, over all unheard tunes. Copying the notes of another tune would give about a tenth: so the "
                "code does "
                "help, most of all at the start.", right=True),
         Choice("None after the first wrong note",
                "It is not quite so bad: the code comes in at every step, and sometimes leads back."))),
    Question(
        "music.locality", "21",
        "In the hierarchical decoder the notes of bar 5 are replaced, the code is not. Which logits change?",
        (Choice("Those of bar 5 and all later bars", "That is the flat decoder: its LSTM runs on over the bar line."),
         Choice("Those of bar 5 alone",
                "Yes: the writer starts anew from each embedding, and embeddings are made from the code. (The first "
                "logits of bar 5 do "
                "not move, either: nothing was put in before them.)", right=True),
         Choice("None: the code decides", "Inside a bar the writer hears its earlier notes, so the later steps of "
                                          "bar 5 move."))),
    Question(
        "music.gap", "21",
        "Both decoders get the same 300 steps. Beside the teacher, on unheard tunes, whose guesses will be better?",
        (Choice("The hierarchical one's, clearly",
                "That is how it looks to a listener. Beside the teacher, the flat one makes up by what it hears: it "
                "is given all earlier bars."),
         Choice("The flat one's, clearly: it sees all earlier notes",
                "It sees more, and tunes do repeat; but an LSTM finds it hard to copy from 64 steps before, and "
                "what it gains by "
                "context the other gains by its code."),
         Choice("About equally good",
                "Yes, within a few hundredths, the flat one a little ahead. What training measures hardly tells the "
                "two apart; alone, they are two different "
                "players.", right=True))),
    Question(
        "music.shuffled", "21",
        "Each tune is decoded from another tune's code. Which decoder loses more?",
        (Choice("The flat one: it needs the code more, having nothing else",
                "It has something else: all the notes before. Alone, they are its own, and it leans on them all the "
                "same."),
         Choice("The hierarchical one: what it plays well, it plays from its code",
                "Right. Alone, both fall to about a tenth of the notes, which is what another tune's notes give; "
                "the hierarchical one falls "
                "from higher.", right=True),
         Choice("Neither: decoders hardly look at the code",
                "That would be posterior collapse. Here both look; the question is how much."))),
    Question(
        "music.charged", "21",
        "Both decoders begin with random encoders, and every nat of KL costs a nat, from the first step. Which of "
        "them will lose more, alone, when it is given another tune's code?",
        (Choice("Neither: both KLs fall to 0",
                "They fall to 10 to 17 nats, not to 0: some nats pay for themselves at once. The question is what they "
                "are good for when the teacher is gone."),
         Choice("The flat one: it has to carry the code for longest, so it must learn to",
                "It need not: beside the teacher the notes before tell it nearly as much, for nothing."),
         Choice("The hierarchical one: at the start of each bar it has nothing else",
                "Yes, though neither loses much. What cannot be had from the notes before has to be bought, and "
                "is then "
                "used.", right=True))),
    Question(
        "music.after", "21",
        "The teacher lets go at bar 9. Which bars of the hierarchical decoder's tune differ from those it plays "
        "alone from bar 1?",
        (Choice("Only bars 1 to 8",
                "Yes: from bar 9 on it plays to the note what it would have played anyway, since no bar hears "
                "another. For the flat decoder, "
                "what the teacher did before bar 9 still matters after it.", right=True),
         Choice("All of them", "No bar hears another: what the teacher did before bar 9 cannot matter after it."),
         Choice("Bars 9 to 16 alone", "There he is gone in both cases, and each bar is written from the same "
                                      "embedding."))),
    Question(
        "music.samples", "21",
        "In an unheard tune 80 % of the notes come back after 4 or 8 bars; with its bars mixed, about 30 %. And in "
        "samples of the "
        "hierarchical decoder?",
        (Choice("About 80 %: it was trained on tunes",
                "It was trained on guessing next notes. That two bars of one tune are alike has to come from the "
                "conductor, twice the same."),
         Choice("Between 50 and 70 %", "Less: a planned return is spoilt when symbols are drawn at random, in both "
                                       "places apart."),
         Choice("About 30 %, as in mixed bars",
                "Yes, not far from it: more than the flat decoder's, far less than a tune. What comes back must be "
                "planned twice and drawn "
                "twice the same.", right=True))),
    Question(
        "music.close_metric", "21",
        "A colleague's decoder of 16-bar tunes has the best teacher-forced accuracy of all. What do you ask first?",
        (Choice("How many parameters it has", "Worth knowing; but it does not tell how the tunes sound that it plays."),
         Choice("What it gets right alone, bar by bar, and with another tune's code",
                "Right: beside the teacher two decoders may be equal that differ by half when alone, and the "
                "shuffled code tells what "
                "the code is good for.", right=True),
         Choice("Whether it was trained for longer", "Training on the same measure would improve the same measure."))),
    Question(
        "music.close_segments", "21",
        "Where would a decoder that starts anew at each segment hurt most?",
        (Choice("Where segments are alike", "There it helps: one writer serves them all."),
         Choice("Where the details of one segment depend on the details of another",
                "Yes: all that two segments share has to pass through the code. In a text, a name that was made up "
                "in one sentence has "
                "to be the same in the next.", right=True),
         Choice("Where sequences are long", "There it helps: the way from the code to any step is short."))),
)
