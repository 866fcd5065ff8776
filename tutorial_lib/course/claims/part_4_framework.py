"""Part 4, one framework: the claims of chapter 43."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

CLAIMS = (
    Claim(
        id="dsf.members", paper="dsf", chapter="43",
        source="section 3, the framework and the architectures written in it; layers as in the authors' code",
        statement="Attention without softmax, selective state spaces and gated recurrent networks are all one linear "
                  "recurrence whose matrices change with the input.",
        kind="theorem checked",
        scale="24 random tokens and random weights in double precision; each layer also computed in its own usual way",
        measures={"attention": "largest difference for linear attention and two normalisations",
                  "spaces": "largest difference for S6 and SSD",
                  "gates": "largest difference for the quasi-LSTM and the RG-LRU"},
        rule=lambda attention, spaces, gates: 1e-10 - max(attention, spaces, gates),
        decides="all agree to 1e-10; the counter-example forgets the decay of S6",
        counter_example={"attention": 1e-15, "spaces": 0.3, "gates": 1e-15}, margin=1e-10),
    Claim(
        id="dsf.equivalent", paper="dsf", chapter="43",
        source="abstract and section 4: conditions under which linear attention and selective state spaces are the "
               "same; the state transition of S6 as a reversed sigmoid, as in the authors' code",
        statement="S6 without decay is linear attention, and the decay of S6 is a forget gate: a sigmoid turned round, "
                  "to a power.",
        kind="theorem checked", scale="24 random tokens and random weights in double precision",
        measures={"attention": "largest difference of the implied attention of S6 with A = 0 and linear attention",
                  "gate": "largest difference between S6 with one mode and a gated network",
                  "units": "largest difference of outputs when the division by eta moves out of the decay"},
        rule=lambda attention, gate, units: 1e-10 - max(attention, gate, units),
        decides="all agree to 1e-10; the counter-example keeps A = -1",
        counter_example={"attention": 2.0, "gate": 1e-15, "units": 1e-15}, margin=1e-10),
    Claim(
        id="dsf.softmax", paper="dsf", chapter="43",
        source="section 4, softmax attention beside attention with separable kernels",
        statement="Softmax attention has no such recurrence with a state of finite size, and is approached as the "
                  "state grows.",
        kind="theorem checked",
        scale="queries and keys of 4 numbers from N(0, 1), up to 64 steps; the state that is needed is counted as a "
              "rank, the approximation is the exponential's series",
        measures={"share": "numbers a channel that softmax needs, over half the number of steps, at worst",
                  "members": "numbers a channel that the members with n = 4 need, at most",
                  "coarse": "relative error of the weights with Taylor features of order 4 (n = 70)",
                  "fine": "the same for order 12 (n = 1820)"},
        rule=lambda share, members, coarse, fine: min(share - 0.95, 4 - members, coarse / 10 - fine, 0.02 - fine),
        decides="softmax needs half as many numbers as there are steps at 8, 16, 32 and 64 steps, the members no more "
                "than 4; from order 4 to order 12 the error falls ten times or more, to below 0.02",
        counter_example={"share": 0.5, "members": 4, "coarse": 0.1, "fine": 0.001}, margin=0.01),
    Claim(
        id="dsf.recall", paper="dsf", chapter="43",
        source="section 4, the figure of accuracy on multi-query associative recall against the state expansion n, for "
               "linear and softmax attention",
        statement="With a larger state expansion n, linear attention approaches softmax attention on associative "
                  "recall.",
        kind="same experiment, smaller",
        scale="8 pairs, 24 steps, 32 keys, d = 8, one layer with a convolution of width 2, 400 steps (the paper: up to "
              "64 pairs, 512 steps, 8192 tokens, d = 512, n = 32 to 256, two layers); best of three learning rates",
        measures={"small": "pairs of 8 that linear attention fails to recall with n = 4",
                  "large": "the same with n = 16",
                  "softmax": "pairs that softmax attention recalls with keys of 4 numbers"},
        rule=lambda small, large, softmax: min(small / 3 - large, 1 - large, small - 3, softmax - 7.8),
        decides="n = 16 leaves at most a third of what n = 4 leaves and less than one pair; n = 4 leaves three or "
                "more, softmax next to none",
        counter_example={"small": 4.4, "large": 2.4, "softmax": 8.0}, margin=0.1, tier="recorded"),
    Claim(
        id="dsf.normalised", paper="dsf", chapter="43",
        source="section 4, the figure that compares softmax, linear and normalised attention with S6 and SSD on "
               "multi-query associative recall at equal n",
        statement="At equal state, normalised attention recalls more than linear attention and about as much as S6 and "
                  "SSD.",
        kind="same experiment, smaller",
        scale="n = 4, d = 8, 8 pairs, 24 steps, one layer, 400 steps; best of three learning rates",
        measures={"linear": "pairs of 8 recalled by linear attention (positive features, rows that sum to 1)",
                  "plain": "by linear attention without either, our control (not judged)",
                  "normalised": "by normalised attention", "S6": "pairs recalled by S6", "SSD": "pairs recalled by SSD",
                  "qLSTM": "by a quasi-LSTM of the same state (not judged)"},
        rule=lambda linear, plain, normalised, S6, SSD, qLSTM:
            min(normalised - linear - 0.15, 0.4 - abs(normalised - S6), 0.4 - abs(normalised - SSD)),
        decides="normalised attention recalls 0.15 pairs more than linear attention or better, and is within 0.4 pairs "
                "of both S6 and SSD",
        counter_example={"linear": 4.0, "plain": 4.0, "normalised": 4.0, "S6": 4.1, "SSD": 4.1, "qLSTM": 3.7},
        margin=0.1, tier="recorded"),
)

OUT_OF_REACH = (
    ("43, gates: a quasi-LSTM recalls more when its forget gate is replaced by S6's reversed sigmoid.",
     "The reversal is a sign that free weights absorb; new is the learned power. In one try at our size (n = 16, 600 "
     "steps) 0.88 of the answers became 0.93 at a learning rate of 0.03 and 0.848 stayed 0.847 at 0.01; with n = 4 it "
     "was 0.466 and 0.455. Too small to tell; the paper shows it with up to 64 pairs."),
    ("43, language: normalised attention and S6 narrow the gap to softmax attention on WikiText-103 and the Long Range "
     "Arena.",
     "Models of 70 million weights. The chapter compares one layer on one task that isolates recall."),
)
