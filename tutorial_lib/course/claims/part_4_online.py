"""Part 4, learning online: the claims of chapter 45."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

CLAIMS = (
    Claim(
        id="online-lru.exact", paper="online-lru", chapter="45",
        source="the algorithm as summarised in the authors' README and written in their code, rec.py (online_full: "
               "traces of lambda, gamma and B)",
        statement="In a layer of independent linear units, traces carried forward give the gradient of backpropagation "
                  "through time.",
        kind="theorem checked",
        scale="one layer of 6 units and what follows it, 40 steps, five networks, double precision, against automatic "
              "differentiation",
        measures={"error": "largest relative difference of the whole gradient, over five networks",
                  "truncated": "smallest relative difference of the truncated rule (not judged)",
                  "spatial": "smallest relative difference of the spatial rule (not judged)"},
        rule=lambda error, truncated, spatial: 1e-12 - error,
        decides="the largest relative difference is 1e-12 or less; the counter-example forgets the old trace",
        counter_example={"error": 0.4, "truncated": 0.4, "spatial": 0.8}, margin=1e-12),
    Claim(
        id="online-lru.memory", paper="online-lru", chapter="45",
        source="abstract: the algorithm merely doubles memory and computation of a single inference pass",
        statement="Learning online needs at most twice the memory of reading, whatever the length, where "
                  "backpropagation through time needs more the longer the sequence.",
        kind="theorem checked",
        scale="one sequence, one block of 64 units and 64 channels; bytes of the tensors that are carried, and what "
              "automatic differentiation saves; computation is counted in the text",
        measures={"ratio": "weights, state and traces over weights and state",
                  "online": "what one step of learning keeps after 400 steps over after 100",
                  "backward": "what backpropagation saves for 400 steps over for 100"},
        rule=lambda ratio, online, backward: min(2 - ratio, 1 - online, backward - 3),
        decides="the ratio is 2 or less, learning online keeps no more after 400 steps than after 100, backpropagation "
                "three times as much or more",
        counter_example={"ratio": 17.0, "online": 4.0, "backward": 4.0}, margin=0.0),
    Claim(
        id="online-lru.copy", paper="online-lru", chapter="45",
        source="table 1, the rows of the LRU: copy task under backpropagation, online, truncated and spatial rules "
               "(settings in the authors' sweep for that table)",
        statement="On a copy task, learning online does as well as backpropagation through time, where truncated and "
                  "spatial learning fall behind.",
        kind="same experiment, smaller",
        scale="patterns of 14 steps and 3 bits, 60 steps of waiting, one layer, 64 units, 400 steps, each rule at its "
              "best of three to five learning rates (the paper: patterns of 20 steps, four layers, 64 units, 10,000 "
              "steps)",
        measures={"bptt": "share of bits written wrongly after backpropagation through time",
                  "online": "the same after online learning", "truncated": "after truncated learning",
                  "spatial": "after spatial learning"},
        rule=lambda bptt, online, truncated, spatial:
            min(0.02 - abs(online - bptt), min(truncated, spatial) - online - 0.05),
        decides="online is within 0.02 of backpropagation; both others write 0.05 more of the bits wrongly, or worse",
        counter_example={"bptt": 0.05, "online": 0.13, "truncated": 0.13, "spatial": 0.13}, margin=0.02),
    Claim(
        id="online-lru.depth", paper="online-lru", chapter="45",
        source="figure 2, panels A and B: online learning with one to five layers on the copy task, its gradient "
               "compared with the true one while training (by the authors' sweep for the figure and their code)",
        statement="In deep networks the online gradient is approximate, and stays closer to the true one than the "
                  "truncated and spatial ones.",
        kind="same experiment, smaller",
        scale="patterns of 5 steps and 2 bits, 60 steps of waiting, 32 units a layer, one to four layers, 120 steps of "
              "online learning; cosines at seven moments of it (the paper: up to five layers, 10,000 steps)",
        measures={"one": "cosine of the online gradient with the true one, one layer, at worst",
                  "four": "the same with four layers, averaged over the run",
                  "truncated": "of the truncated rule, four layers", "spatial": "of the spatial rule, four layers"},
        rule=lambda one, four, truncated, spatial:
            min(one - 0.9999, 0.9999 - four, four - max(truncated, spatial) - 0.1),
        decides="with one layer the cosine is 1; with four layers it is not, and 0.1 or more above that of both others",
        counter_example={"one": 1.0, "four": 0.2, "truncated": 0.2, "spatial": 0.0}, margin=0.05),
    Claim(
        id="online-lru.stream", paper="online-lru", chapter="45",
        source="abstract: long-range dependencies learned online; the experiment, an update at every step, is ours",
        statement="Reading real music once, with weights that change at every step, online learning predicts better "
                  "than truncated and spatial learning.",
        kind="our analogue",
        scale="16 readers of folk tunes, 1,500 steps each, one layer of 64 units; each rule at its best of four "
              "learning rates; the price counts every note before it is learned from",
        measures={"online": "bits a step over the whole stream, online learning",
                  "truncated": "the same, truncated learning", "spatial": "the same, spatial learning"},
        rule=lambda online, truncated, spatial: min(truncated, spatial) - online - 0.05,
        decides="online costs 0.05 bits a step less than both others, or better",
        counter_example={"online": 2.1, "truncated": 2.1, "spatial": 2.2}, margin=0.02),
)

OUT_OF_REACH = (
    ("45, long-range arena: online learning comes close to backpropagation on sequential images, text and nested lists "
     "of up to 4,000 steps.",
     "Networks of four layers and more, trained for hours on a GPU. The chapter shows the rule on a copy task of 89 "
     "steps and on 1,500 steps of music."),
)
