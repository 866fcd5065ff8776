"""Part 2, hierarchical sequences: the questions of chapter 22."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "trajectory.recall_elbo", "22",
        "The ELBO of one data point is -60 nats. What is known of log p of that point under the model?",
        (Choice("It is -60", "Only if the encoder's cloud is the exact posterior. In general a gap is left."),
         Choice("It is -60 or more", "Yes: log p = ELBO + KL(q to the posterior), and a KL is never negative. So the "
                                     "negative ELBO is never less than -log p.", right=True),
         Choice("It is -60 or less", "The bound lies below log p, not above it."))),
    Question(
        "trajectory.recall_alone", "22",
        "A model was trained to copy a teacher's next action from the teacher's states. It now acts alone. What is "
        "new to it?",
        (Choice("Nothing, if its error beside the teacher is small",
                "Chapter 20 saw the opposite: a small slip leads to a state that training never showed."),
         Choice("The states: they follow from its own actions", "Yes. Each slip moves the state away from where the "
                "teacher was, and the next action is asked of a place that was not in the data.", right=True),
         Choice("The actions it can choose from", "Those are the same; it is the states that differ."))),
    Question(
        "trajectory.scallop", "22",
        "Both joints open together, fast, and close together, slowly, like a scallop. There is no inertia. After many "
        "such strokes the body is ...",
        (Choice("a little ahead: the fast half pushes harder", "With inertia it would. Here a move depends on the "
                                                               "angles "
                                                              "passed through, not on the speed, and the way back "
                                                              "undoes the way out."),
         Choice("exactly where it was", "Yes. The way back goes through the same angles, and every move is undone, at "
                                        "any speed.", right=True),
         Choice("turned on the spot", "Turning, too, changes its sign when a movement is undone."))),
    Question(
        "trajectory.surprise", "22",
        "256 explorers, most of which stop after a few steps. The only reward is the autoencoder's own error. What "
        "will "
        "the explorers of round 8 be like?",
        (Choice("Standing still: that is what the model knows best", "What it knows best surprises it least, and is "
                                                                     "not "
                                                                     "rewarded."),
         Choice("Swimming, forward, backward and in bends", "Yes, they move about ten times as far as at first. "
                                                            "What goes "
                "far is rare at the beginning, and badly foreseen; and of what is rare there are many kinds.",
                right=True),
         Choice("All swimming the same way, as fast as they can", "That is what a model gets that never learns, as "
                                                                  "a control will "
                "show. Once it has learned, speed alone is foreseen, and something else is rewarded."))),
    Question(
        "trajectory.agree", "22",
        "Nothing in the loss makes the decoders agree. Their policy was cloned from the same segments, with the "
        "same z. "
        "Where will the real path be at the end of a segment, compared with the imagined one?",
        (Choice("In the same place, to a few hundredths of a body length", "So it would be in a linear world, with a "
                                                                                  "policy for every step."),
         Choice("Off by a third of the distance covered or more", "Yes. Small slips change where the joints are in "
                                                                  "their round, and a "
                "stroke that is out of step does not go where it should.", right=True),
         Choice("Anywhere: the policy does not know z", "It is told z, and it has learned to use it."))),
    Question(
        "trajectory.plan", "22",
        "512 futures of 96 steps each. Who visits the most waypoints?",
        (Choice("Correlated noise in the true formulas: it has the exact model",
                "An exact model of what? It tells exactly where noise leads, and noise does not lead far."),
         Choice("Latents with a consistent policy", "They leave all noise behind, and not the explorers' own actions."),
         Choice("Blocks of actions copied from the explorers, imagined in the true formulas",
                "Yes: 4.8 to 5.0 of 5 over five seeds, and latents 4.0 to 4.4. The behaviours are what counts, and a "
                "copy is sharper than latents learned from it.", right=True))),
    Question(
        "trajectory.close_rival", "22",
        "A paper shows that planning in a learned latent space beats planning with random actions. What would you "
        "ask to see "
        "first?",
        (Choice("A larger latent space", "That may make it better. It does not tell where the gain comes from."),
         Choice("Opponents with correlated actions, and with actions replayed from the same data",
                "Yes. They have time order, too, and no latents: what is left after them is due to the "
                "latents.", right=True),
         Choice("More candidates for both", "More candidates help noise only slowly: it has to be lucky in every "
                                            "stroke."))),
    Question(
        "trajectory.close_detach", "22",
        "The consistency loss is minimised in policy and decoder together, with a large weight. It falls to almost "
        "nothing. What "
        "do you look at next?",
        (Choice("Nothing: the two agree", "They agree on something. On what?"),
         Choice("How far the imagined paths still go", "Yes. Two decoders that both stand still agree perfectly. A gap "
                                                       "between two things can be closed from either side.",
                right=True),
         Choice("The learning rate", "It would change how fast the gap closes, not on which side."))),
)
