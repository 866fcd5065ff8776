"""Part 2, training without the decoder: the questions of chapter 24."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "decoder_last.recall_bits", "24",
        "A model gives the right next chunk of six characters the probability 1/4096. What does it pay, in bits "
        "per character?",
        number=2.0, within=0.01, unit="bits",
        why="-log2(1/4096) is 12 bits for the chunk, 2 for each of its six characters."),
    Question(
        "decoder_last.recall_teacher", "24",
        "A model is trained with the teacher at its side. What does it read when it has to guess the fifth character?",
        (Choice("The four true characters before it",
                "Yes: each guess is priced after the truth, whatever was guessed before. So all of them can be "
                "computed "
                "at once.", right=True),
         Choice("Its own four guesses",
                "That is how it runs alone. With the teacher, true characters are given at every step."),
         Choice("All true characters of the chunk", "Then it would read its own answer, and copy it."))),
    Question(
        "decoder_last.share", "24",
        "How much of the memory of a training step is the decoder's?",
        (Choice("About a third: there are three parts",
                "Parts are not equal. The decoder runs once a character, the others once a chunk, and it keeps "
                "80 logits "
                "for each."),
         Choice("About half", "More. For every step of the main model the decoder makes six, and each keeps its "
                              "state, its "
                              "gates and 80 logits."),
         Choice("More than four fifths",
                "Yes: about 85 %. It makes six steps for each one of the others, and keeps 80 logits at each.",
                right=True))),
    Question(
        "decoder_last.table", "24",
        "Each of 80 to the power 6 chunks gets a row of 64 numbers of 4 bytes. How large is the matrix, in "
        "terabytes (1e12 bytes)?",
        number=67, within=5, unit="terabytes",
        why="80 to the power 6 is 2.6e11, times 256 bytes is 6.7e13. Nearly all of its rows would never be touched: "
            "about 311,000 different chunks stand in the book."),
    Question(
        "decoder_last.log_of_mean", "24",
        "The estimate of Z is right on average. And its logarithm?",
        (Choice("Right on average, too", "Averages pass through sums, not through a logarithm: the log of 0.5 "
                                         "and the log of "
                                         "1.5 do not average to the log of 1."),
         Choice("Too low on average, less so with more draws",
                "Yes: the logarithm bends downwards, and the more so the more the estimate scatters.", right=True),
         Choice("Too high on average: the draws are the common chunks",
                "That they are common is what the division by Q is for."))),
    Question(
        "decoder_last.without", "24",
        "Candidates come by their share in the text and are not corrected. What do the scores learn?",
        (Choice("The same, with more noise", "It is no noise: the minimum itself moves, also with infinitely "
                                             "many draws."),
         Choice("They overrate rare chunks: the ratio of p(c | h) to the share Q(c)",
                "Yes. By the same rule of Bayes: what is subtracted is missing, so the scores must bring it "
                "themselves, "
                "and end at log p - log Q.", right=True),
         Choice("They overrate common chunks, which are seen more often",
                "Common chunks are seen more often as wrong answers, too, and are pushed down for it."))),
    Question(
        "decoder_last.neighbours", "24",
        "What will be near ' whale' after training?",
        (Choice("Other animals", "That needs far more text and time: a few seconds teach how text goes on, not "
                                 "what it is "
                                 "about."),
         Choice("Chunks with the same letters, wherever they stand",
                "A linear map of six letters at six places knows no letter apart from its place."),
         Choice("Chunks that begin alike, and end alike",
                "Yes: to be picked as an answer a chunk must be known by its beginning, and as a context it "
                "says by its "
                "end how the text goes on. One row serves both.", right=True))),
    Question(
        "decoder_last.control", "24",
        "A decoder is trained on frozen random parts, and gets all of the five CPU seconds for itself. How does it do?",
        (Choice("Like a decoder without context: random contexts say nothing",
                "They say a lot. A random network keeps most of the last chunk; the decoder only has to learn to read "
                "it."),
         Choice("Clearly worse than on trained parts: nothing below it was learned",
                "With a brief phase, yes. Here it learns to read for all of the time, while the others spend "
                "half of it "
                "on what there is to read."),
         Choice("As well as on trained parts, or better, in a run this short",
                "Yes, and that is why the control is needed: beside no context alone, any frozen encoder looks "
                "like a success. "
                "With more time what the others learned begins to count.", right=True))),
    Question(
        "decoder_last.peak", "24",
        "Same batch for all: what is the most memory that decoder last needs at any moment, against end to end?",
        (Choice("A quarter: that is what the phase without a decoder needs",
                "That phase, yes. The other one has the decoder in it, for whose sake all this was done."),
         Choice("Nearly as much: the decoder's phase holds the decoder's part",
                "Yes: about 85 %. What is spared is the graph of encoder and main model, the small part.", right=True),
         Choice("The sum of both phases, so more", "The phases follow each other; the first has been freed when "
                                                   "the second "
                                                   "begins."))),
    Question(
        "decoder_last.close_scores", "24",
        "Ada and Ben train with candidates from the batch: Ada with -log Q, Ben without. How do you get from Ben's "
        "scores to the probabilities that Ada's give?",
        (Choice("Add log Q to Ben's scores, then take the softmax",
                "Yes: they are log p - log Q up to a constant.", right=True),
         Choice("Subtract log Q from them", "Then rare chunks are overrated twice."),
         Choice("There is no way: he must train again", "The two minima differ by a known amount."))),
    Question(
        "decoder_last.close_saving", "24",
        "Why can chunks be spelled piece by piece, or only some of them, without changing what is learned on average?",
        (Choice("Because the decoder is trained last", "It works end to end as well."),
         Choice("Because, given its context, the spelling of a chunk does not depend on that of another",
                "Yes: the loss is a sum over chunks, and each term needs its context and nothing else.", right=True),
         Choice("Because the encoder is frozen", "With an unfrozen one the gradient gathers at the contexts and "
                                                 "goes on "
                                                 "in one go."))),
)
