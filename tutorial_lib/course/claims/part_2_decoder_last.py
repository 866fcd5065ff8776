"""Part 2, training without the decoder: the claims of chapter 24."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

_SIZE = ("Moby Dick, chunks of 6 characters, three small recurrent parts of 170,000 weights, about 35 CPU seconds for "
         "each way of training")

CLAIMS = (
    Claim(
        id="hred.partition", paper="", chapter="24",
        source="importance sampling, Bengio and Senecal (2008); the abstract of Mujika (2023) names sampled "
               "softmax estimation",
        statement="A sum over all chunks can be estimated from a few drawn ones: corrected by -log Q the "
                  "estimate is right "
                  "on average.",
        kind="theorem checked", scale="9 chunks of two signs with their shares in the book; all lists of 1 to 5 "
                                      "draws summed",
        measures={"error": "largest distance of the average of the estimate over Z from 1",
                  "without": "the same distance without the correction, at least",
                  "log_two": "nats by which the log of the estimate is too low on average, two draws",
                  "log_five": "the same, five draws"},
        rule=lambda error, without, log_two, log_five: min(1e-9 - error, without - 0.02, log_five,
                                                           log_two / 1.3 - log_five),
        decides="the average is right to 1e-9 and off by more than 0.02 without the correction; the logarithm "
                "is too low, "
                "with five draws by less than with two (by a factor of 1.3 or more)",
        counter_example={"error": 0.2, "without": 0.2, "log_two": 0.9, "log_five": 0.5}, margin=1e-9),
    Claim(
        id="hred.minimum", paper="", chapter="24",
        source="Bayes' rule, as in TensorFlow's note on candidate sampling; derived in section 3",
        statement="Picking the right chunk out of a few corrected candidates teaches the true probabilities, "
                  "whatever Q "
                  "and however few; uncorrected it teaches their ratio to Q.",
        kind="theorem checked",
        scale="9 chunks after 9 contexts as counted in the book, a free table of scores, two draws, all lists summed",
        measures={"corrected": "of probability in the wrong place, with -log Q",
                  "uncorrected": "of probability in the wrong place, without",
                  "ratio": "the same distance of what is learned without from p / Q, normalised",
                  "merged": "in the wrong place, duplicates struck out and the chance to be among the candidates",
                  "merged_wrong": "the same with Q in place of that chance (shown, not judged)"},
        rule=lambda corrected, uncorrected, ratio, merged, merged_wrong: min(
            1e-4 - corrected, uncorrected - 0.1, 1e-4 - ratio, 0.01 - merged),
        decides="with the correction less than 1e-4 is in the wrong place, without it more than 0.1, and there "
                "p / Q is "
                "learned to 1e-4; with duplicates struck out less than 0.01 is in the wrong place",
        counter_example={"corrected": 0.25, "uncorrected": 0.25, "ratio": 0.0, "merged": 0.003, "merged_wrong": 0.015},
        margin=1e-3),
    Claim(
        id="hred.equal_quality", paper="hred", chapter="24",
        source="abstract: the entire model is trained without a high-frequency decoder, which follows in a "
               "final, brief phase; "
               "the total training time improves",
        statement="Encoder and main model trained without a decoder, and the decoder afterwards, make as good a "
                  "model in the "
                  "same time as training end to end.",
        kind="same experiment, smaller", scale=_SIZE, tier="recorded",
        measures={"joint": "bits per character, end to end", "last": "bits per character, decoder last",
                  "third": "bits per character, end to end with a third of the chunks spelled (shown, not judged)",
                  "joint_seconds": "CPU seconds, end to end", "last_seconds": "CPU seconds, decoder last",
                  "times": "times the CPU time that end to end would need for the bits of decoder last "
                           "(extrapolated over the logarithm of time; shown, not judged)"},
        timed=("joint_seconds", "last_seconds", "times"),
        rule=lambda joint, last, third, joint_seconds, last_seconds, times: joint + 0.05 - last,
        decides="decoder last is at most 0.05 bits per character behind end to end",
        counter_example={"joint": 2.7, "last": 3.0, "third": 2.7, "joint_seconds": 25.0, "last_seconds": 25.0,
                         "times": 0.3},
        margin=0.05),
    Claim(
        id="hred.control", paper="", chapter="24",
        source="our control; not in the abstract",
        statement="The phase without a decoder teaches what a decoder needs: after equally many steps it is better on "
                  "trained parts than on random frozen ones, and those are better than no context.",
        kind="our analogue", scale=_SIZE, tier="recorded",
        measures={"last": "bits per character, decoder on trained parts",
                  "brief": "bits per character, on random frozen parts, as many decoder steps",
                  "random": "bits per character, on random frozen parts, the decoder trained as long as all "
                            "others (shown, not judged)",
                  "nothing": "bits per character, without context, after the short run"},
        timed=(),
        rule=lambda last, brief, random, nothing: min(brief - last - 0.03, nothing - brief - 0.03),
        decides="at equal decoder steps, trained parts are better than random ones by 0.03 bits or more, and "
                "random ones "
                "than no context",
        counter_example={"last": 2.8, "brief": 2.8, "random": 2.7, "nothing": 3.2}, margin=0.02),
    Claim(
        id="hred.memory", paper="hred", chapter="24",
        source="abstract: significantly reduces memory requirements for training",
        statement="Without the decoder training needs much less memory.",
        kind="same experiment, smaller",
        scale="tensors held for the backward pass, 256 chunks of 6 characters; measured, not estimated",
        measures={"joint": "MB held, end to end", "contrast": "MB held, phase without a decoder",
                  "decoder": "MB held, phase of the decoder", "decoder_pieces": "MB held, the decoder in 8 pieces",
                  "joint_pieces": "MB held, end to end with its decoder in 8 pieces (shown, not judged)",
                  "gap": "largest relative difference of a gradient, in pieces and at once"},
        rule=lambda joint, contrast, decoder, decoder_pieces, joint_pieces, gap: min(
            joint - 3 * contrast, joint - decoder, joint - 3 * max(contrast, decoder_pieces), 1e-3 - gap),
        decides="the phase without a decoder holds less than a third of end to end, the decoder's phase less "
                "than end to "
                "end, and in 8 pieces less than a third as well, with the same gradients to 1e-3",
        counter_example={"joint": 6.9, "contrast": 5.0, "decoder": 5.9, "decoder_pieces": 0.9, "joint_pieces": 1.7,
                         "gap": 1e-6}, margin=1e-3),
)

OUT_OF_REACH = (
    ("24: training without the decoder improves the total time until a given quality (hred).",
     "the gain is too small to judge here: at about 35 CPU seconds for each way, five seeds, decoder last reached "
     "2.65 to 2.69 bits, for which end to end would need 1.02 to 1.66 times its time (1.17 in the middle), and that is "
     "extrapolated"),
)
