"""Part 4, selective state spaces: the claims of chapter 44."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

_PAIR = ("Moby Dick; Mamba with 70,000 weights after 300 steps, a Transformer with 110,000 after 1,000, both at 2.6 "
         "bits per character (the paper: Mamba, Pythia and OpenELM models of 0.1 to 2.8 billion weights)")

CLAIMS = (
    Claim(
        id="mamba_lyapunov.exponent", paper="mamba-lyapunov", chapter="44",
        source="theorem 1: the largest Lyapunov exponent of the state of a Mamba block is not above 0",
        statement="The state of a selective state space has no positive Lyapunov exponent, for any weights and any "
                  "input.",
        kind="theorem checked",
        scale="random weights at nine gains in ten systems each, and weights that were searched for growth, in double "
              "precision; tanh networks with the same gains as the control",
        measures={"largest": "largest exponent among all random selective systems, per step",
                  "searched": "largest exponent that gradient ascent on all weights found",
                  "agreement": "difference of all exponents by tangents and by the formula, at most",
                  "tanh": "largest exponent of a tanh network at gain 3"},
        rule=lambda largest, searched, agreement, tanh: min(-largest, -searched, 1e-9 - agreement, tanh - 0.05),
        decides="none is above 0, both routes agree to 1e-9, and the tanh network at gain 3 exceeds 0.05",
        counter_example={"largest": 0.01, "searched": -1e-4, "agreement": 1e-12, "tanh": 0.25}, margin=1e-3),
    Claim(
        id="mamba_lyapunov.blocks", paper="mamba-lyapunov", chapter="44",
        source="the experiment beside theorem 1: 100 random Mamba blocks, the initial state changed a little",
        statement="In random Mamba blocks a small change of the first state never grows, and fades over time.",
        kind="same experiment, smaller",
        scale="100 blocks of width 32 in their usual initialisation, 1,000 random inputs; 100 tanh networks at gain 3 "
              "as the control",
        measures={"grown": "largest factor by which the state's change grew over 50 steps, in any block",
                  "left": "share of the change that is left after 1,000 steps, in the worst block",
                  "tanh": "the change of the median tanh network after 1,000 steps, over its first"},
        rule=lambda grown, left, tanh: min(1 + 1e-6 - grown, 0.5 - left, tanh - 100),
        decides="no block's change ever grows, at most half of it is left, and the median tanh network's grows a "
                "hundred times or more",
        counter_example={"grown": 1.2, "left": 0.1, "tanh": 1e5}, margin=0.05),
    Claim(
        id="mamba_lyapunov.token", paper="mamba-lyapunov", chapter="44",
        source="theorem 2: changes of the inputs do not grow exponentially in the outputs either; the comparison with "
               "a Transformer is ours",
        statement="A small change of the input fades from a Mamba's outputs over time, and does so faster than in a "
                  "Transformer.",
        kind="our analogue", scale=_PAIR + "; one character replaced, 256 windows",
        measures={"near": "bits by which Mamba's prediction of the next character changes (KL)",
                  "mamba": "the same 64 to 111 characters later, on average",
                  "transformer": "the same for the Transformer, 64 to 111 characters later",
                  "gap": "difference of the two models' bits per character"},
        rule=lambda near, mamba, transformer, gap:
            min(transformer / mamba - 1, near / mamba / 1000 - 1, 0.1 - abs(gap)),
        decides="far away less than a thousandth of the first effect is left, and less than in the Transformer, with "
                "losses within 0.1 bit",
        counter_example={"near": 4.0, "mamba": 4e-5, "transformer": 1e-5, "gap": 0.01}, margin=0.05,
        tier="recorded"),
    Claim(
        id="mamba_lyapunov.precision", paper="mamba-lyapunov", chapter="44",
        source="section on mixed-precision fine-tuning: divergence from full precision on MMLU and Winogrande, Mamba "
               "and Mamba-2 against Pythia and OpenELM",
        statement="Fine-tuned in mixed precision, Mamba stays closer to its twin in full precision than a comparable "
                  "Transformer does.",
        kind="our analogue",
        scale=_PAIR + "; 40 steps on 60,000 later characters, products in emulated bf16, each model at its best rate",
        measures={"mamba": "KL between Mamba fine-tuned in bf16 (and run in bf16) and in fp32, bits per character",
                  "transformer": "the same for the Transformer",
                  "mamba_weights": "difference of the weights' moves, as a share of the move, Mamba",
                  "transformer_weights": "the same for the Transformer",
                  "gap": "difference of the two models' bits per character before"},
        rule=lambda mamba, transformer, mamba_weights, transformer_weights, gap:
            min(transformer / mamba - 1, transformer_weights / mamba_weights - 1, 0.1 - abs(gap)),
        decides="Mamba differs less by both measures, with losses within 0.1 bit",
        counter_example={"mamba": 1e-4, "transformer": 5e-5, "mamba_weights": 0.015, "transformer_weights": 0.03,
                         "gap": 0.01}, margin=0.05, tier="recorded"),
    Claim(
        id="mamba_lyapunov.text", paper="", chapter="44",
        source="the line to beat on this text: xz on the whole book, 2.68 bits; the architecture is that of Gu and Dao "
               "(2023)",
        statement="A small Mamba learns to predict English text better than a general compressor packs it.",
        kind="our analogue",
        scale="70,000 weights, 300 steps of 1,024 characters, judged on the last tenth of Moby Dick after 50 "
              "characters to warm up",
        measures={"mamba": "bits per character on the last tenth of the book"},
        rule=lambda mamba: 2.68 - mamba, decides="it pays less than 2.68 bits per character",
        counter_example={"mamba": 2.8}, margin=0.03),
    Claim(
        id="mamba_lyapunov.loop", paper="", chapter="44",
        source="what the theorem leaves open: a state that makes its own inputs; our experiment",
        statement="A selective state space in a loop with itself can be chaotic, while its state at given inputs is "
                  "not.",
        kind="our analogue",
        scale="six random systems of 16 channels with 4 modes, their outputs fed back through a random matrix and a "
              "tanh, at ten strengths",
        measures={"loop": "largest exponent of a closed loop, per step",
                  "state": "largest exponent of the state alone along the same trajectories",
                  "chaotic": "share of the systems that are chaotic (above 0.02) at some strength"},
        rule=lambda loop, state, chaotic: min(loop - 0.05, -state, chaotic - 0.5),
        decides="some loop exceeds 0.05 and half of the systems are chaotic at some strength, while no state's "
                "exponent is above 0",
        counter_example={"loop": -0.01, "state": -0.02, "chaotic": 0.0}, margin=0.02),
)

OUT_OF_REACH = (
    ("44, language models: Mamba's instruction tuning narrows the gap in in-context learning from 38 % (Mamba-2: 82 %) "
     "of a Transformer's gains to 81 % (132 %).",
     "Pretrained models of up to 2.8 billion weights and instruction data. Nothing of it is learned at our size."),
    ("44, low-rank adaptation: adapting the memory buffers of Mamba's kernels regularises the state space's parameters "
     "(theorems 3 and 4 extend the stability to it and to mixed precision).",
     "The theorem's part is the chapter's: adapted weights are weights, and it holds for any. The effect on "
     "generalisation and on speed belongs to large models on their kernels."),
    ("44, spikes: fine-tuned Transformers diverge from full precision by more than one point of accuracy in several "
     "configurations, Mamba in none.",
     "Benchmark accuracies of large models. Our models' predictions differ by 1e-4 bits, and no spike appears in "
     "either."),
)
