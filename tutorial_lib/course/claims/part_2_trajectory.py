"""Part 2, hierarchical sequences: the claims of chapter 22."""

from __future__ import annotations

from tutorial_lib.kit.claim import Claim

BODY = "a swimming body of two joints, segments of 24 steps, 6 latent dimensions"

CLAIMS = (
    Claim(
        id="sectar.exploration", paper="sectar", chapter="22",
        source="abstract (unsupervised exploration objective); official code, vaepdentropy.py, train_explorer: the "
               "explorer's "
               "reward is the negative ELBO of what it did",
        statement="An explorer that is rewarded by the negative ELBO of its trajectories, and by nothing else, "
                  "finds movements that "
                  "random exploration hardly ever shows.",
        kind="our analogue",
        scale=f"{BODY}; 8 rounds of 256 policies of six numbers, chosen and copied where the paper trains one by PPO",
        measures={"surprise": "body lengths a segment in the last round, explorers chosen by surprise",
                  "random": "body lengths a segment in the last round, random explorers",
                  "surprise_kinds": "different cells that segments of the last four rounds end in, chosen by surprise",
                  "random_kinds": "the same, random explorers"},
        rule=lambda surprise, random, surprise_kinds, random_kinds:
            min(surprise / random - 3, surprise_kinds / random_kinds - 2),
        decides="they move at least three times as far, and end in at least twice as many different cells",
        counter_example={"surprise": 0.1, "random": 0.09, "surprise_kinds": 200, "random_kinds": 190}, margin=0.3),
    Claim(
        id="sectar.boredom", paper="sectar", chapter="22",
        source="abstract (unsupervised exploration objective); official code, vaepdentropy.py, train: explorer and "
               "autoencoder take "
               "turns",
        statement="Because the autoencoder learns from what the explorer did, the explorer is driven on to what is "
                  "new.",
        kind="our analogue", scale=f"{BODY}; against the same explorers rewarded by an autoencoder that never learns",
        measures={"learns": "different cells that segments of the last four rounds end in, with an autoencoder that "
                            "learns",
                  "never": "the same, with one that never learns",
                  "learns_moved": "body lengths a segment in the last round, with an autoencoder that learns",
                  "never_moved": "the same, with one that never learns"},
        rule=lambda learns, never, learns_moved, never_moved: learns / never - 1.2,
        decides="1.2 times as many kinds of segment with an autoencoder that learns; how far they go is shown and "
                "not judged",
        counter_example={"learns": 500, "never": 700, "learns_moved": 1.7, "never_moved": 1.7}, margin=0.2),
    Claim(
        id="sectar.consistency", paper="sectar", chapter="22",
        source="abstract (policy and model consistent with each other); official code, vaepdentropy.py, "
               "train_pd_match_sd: the "
               "policy is rewarded by the state decoder's log-likelihood of what it did",
        statement="Given the same latent, the trajectory of the policy matches the prediction of the state decoder "
                  "better when the "
                  "policy is trained to match it.",
        kind="same experiment, smaller",
        scale=f"{BODY}; 400 steps on the policy alone, through known dynamics where the paper uses PPO; 1000 latents "
              "from the prior",
        measures={"cloned": "mean distance of real and imagined path in body lengths, after cloning alone",
                  "consistent": "the same with the consistency term",
                  "reach_cloned": "body lengths that the cloned policy moves in a segment",
                  "reach_consistent": "body lengths that the consistent policy moves in a segment"},
        rule=lambda cloned, consistent, reach_cloned, reach_consistent:
            min(cloned / consistent - 1.4, reach_consistent / reach_cloned - 0.6),
        decides="the distance falls by a factor of 1.4 or more, and the policy still moves at least 0.6 times as far",
        counter_example={"cloned": 0.2, "consistent": 0.02, "reach_cloned": 0.6, "reach_consistent": 0.05},
        margin=0.05),
    Claim(
        id="sectar.planning", paper="sectar", chapter="22",
        source="abstract (planning in the learned latent space, long horizons with sparse rewards, against "
               "model-based planning); "
               "official code, vaepdentropy.py, mpc, and controllers_solution.py for the flat planner",
        statement="Planning in the latent space solves sparse-reward tasks of a long horizon at which planning with "
                  "random actions "
                  "fails, here also with correlated actions and with the true dynamics.",
        kind="same experiment, smaller",
        scale=f"{BODY}; 12 tasks of five waypoints three body lengths apart, 512 candidates of 96 steps, 16 rounds; "
              f"noise at its best "
              "of several correlations and sizes",
        measures={"latent": "waypoints of 5, latents with a consistent policy",
                  "independent": "waypoints of 5, independent actions, true dynamics",
                  "correlated": "waypoints of 5, correlated actions, true dynamics",
                  "held": "waypoints of 5, actions held for four steps, true dynamics",
                  "correlated_learned": "waypoints of 5, correlated actions, learned dynamics",
                  "held_learned": "waypoints of 5, held actions, learned dynamics"},
        rule=lambda latent, independent, correlated, held, correlated_learned, held_learned:
            latent - 1.2 * max(independent, correlated, held, correlated_learned, held_learned),
        decides="latents reach at least 1.2 times as many waypoints as the best of the five",
        counter_example={"latent": 1.0, "independent": 0.0, "correlated": 1.0, "held": 2.0, "correlated_learned": 1.0,
                         "held_learned": 2.0}, margin=0.5, tier="recorded"),
    Claim(
        id="sectar.apart", paper="sectar", chapter="22",
        source="abstract (latent-conditioned policy consistent with the model, exploration combined with planning)",
        statement="The planner needs both: a policy that is consistent with the decoder, and data from an explorer "
                  "that seeks what is "
                  "new.",
        kind="our analogue",
        scale=f"{BODY}; one part taken away at a time; beside it, blocks of recorded actions replayed blindly, "
              f"which the paper does not "
              "try",
        measures={"latent": "waypoints of 5, latents with a consistent policy",
                  "cloned": "waypoints of 5, the same decoder, policy cloned only",
                  "random_data": "waypoints of 5, latents learned from random explorers",
                  "replay": "waypoints of 5, recorded blocks replayed in the true dynamics",
                  "replay_learned": "waypoints of 5, recorded blocks replayed in learned dynamics"},
        rule=lambda latent, cloned, random_data, replay, replay_learned:
            min(latent - cloned, latent - random_data) - 0.5,
        decides="half a waypoint or more is lost with either taken away; replay is shown and not judged",
        counter_example={"latent": 2.0, "cloned": 2.5, "random_data": 1.0, "replay": 4.0, "replay_learned": 4.0},
        margin=0.5, tier="recorded"),
    Claim(
        id="sectar.horizon", paper="sectar", chapter="22",
        source="abstract (reasoning over long horizons with sparse rewards)",
        statement="With a longer way between rewards, and a longer horizon for all, planning with latents stays "
                  "ahead of noise.",
        kind="same experiment, smaller",
        scale=f"{BODY}; 24 tasks of five waypoints four body lengths apart, 512 candidates of 192 steps, true "
              f"dynamics for the noise",
        measures={"latent": "waypoints of 5, latents with a consistent policy",
                  "correlated": "waypoints of 5, correlated actions, true dynamics",
                  "held": "waypoints of 5, actions held for four steps, true dynamics"},
        rule=lambda latent, correlated, held: latent - 1.2 * max(correlated, held),
        decides="latents reach at least 1.2 times as many waypoints as the better kind of noise",
        counter_example={"latent": 0.5, "correlated": 0.5, "held": 1.5}, margin=1.0, tier="recorded"),
)

OUT_OF_REACH = (
    ("22, the puck: latent planning on a body that glides over an open plane, where this was tried first.",
     "Against independent actions latents won (4.4 to 4.8 waypoints of 5 over three trainings, against 1.3). "
     "Against correlated actions in "
     "the true dynamics they did not: those reached 5.0 in 15 runs. The chapter uses a body for which order in time "
     "matters, and says so."),
    ("22, simulated robots: the tasks of the paper (wheels, a swimmer of several links, blocks) with PPO as "
     "explorer and as teacher "
     "of consistency.",
     "They need a physics simulator and hours of training. The chapter keeps objective, planner and comparison and "
     "takes the smallest body at "
     "which the comparison says something."),
)
