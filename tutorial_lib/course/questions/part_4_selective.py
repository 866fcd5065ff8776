"""Part 4, selective state spaces: the questions of chapter 44."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "selective.recall_decay", "44",
        "A selective state space with A = -2 takes the steps dt = 0.1, 0.3 and 0.2. What share of its first state is "
        "left after the three?",
        number=0.30119, within=1.02,
        why="Each step keeps exp(dt A), and decays multiply: exp(-2 (0.1 + 0.3 + 0.2)) = exp(-1.2)."),
    Question(
        "selective.recall_jacobian", "44",
        "h' = tanh(W h + u). A tiny change of h is carried over fifty steps. What decides whether it is larger "
        "afterwards?",
        (Choice("The inputs u, which are added at each step", "They are the same for both states and drop out of the "
                                                              "difference; they matter only through where tanh is "
                                                              "flat."),
         Choice("The product of the fifty Jacobians, diag(1 - h'^2) W each",
                "Yes. It is the same product that makes gradients explode or vanish in a recurrent network.",
                right=True),
         Choice("The largest entry of W", "A large entry can stretch and another turn it back; it is the product of "
                                          "whole matrices that counts."))),
    Question(
        "selective.apart", "44",
        "Two copies of a network begin a millionth apart and read the same 200 inputs. One pair are tanh networks "
        "with large weights, the other selective state spaces with weights as large. How far apart are they then?",
        (Choice("Both pairs far apart: large weights amplify", "Large weights amplify where they multiply the state. "
                                                               "In one of the two they never do."),
         Choice("The tanh pair far apart, the selective pair closer than at the start",
                "Yes, in all runs. What multiplies the selective state is exp(dt A), and that is below 1 whatever the "
                "weights.", right=True),
         Choice("Both closer: the same inputs pull both along", "That happens to tanh networks with small weights. "
                                                                "With large ones they go their own ways."))),
    Question(
        "selective.floor", "44",
        "Numbers go by, one in ten is marked, and the one at the last mark is to be held. The best linear filter with "
        "fixed weights, of any length, reads the numbers. What share of the variance does it leave unexplained?",
        number=0.947, within=1.06,
        why="2 (1 - p) / (2 - p) with p = 0.1. It has to spread its weights over all places where the mark might have "
            "been."),
    Question(
        "selective.search", "44",
        "An optimiser may change all weights of a selective state space (of steps, rates, inputs) to make the largest "
        "exponent as large as it can. Where does it end?",
        (Choice("Above 0, if it is given enough steps", "dt comes out of a softplus and A = -exp(...): dt A is below 0 "
                                                        "for all weights there are."),
         Choice("Close below 0", "Yes: it learns a step near 0, a mode that keeps all. The theorem says no growth; it "
                                 "does not say how fast anything fades.", right=True),
         Choice("It stays where it began: the exponent does not depend on the weights",
                "It does: the weights decide dt and A, and the exponent is the mean of their product."))),
    Question(
        "selective.token", "44",
        "One character of a text is replaced by another. 64 characters later, which of the two readers, equal in bits "
        "per character, still predicts differently?",
        (Choice("Neither, to any digit", "Both, if little: a millionth to a ten-thousandth of a bit."),
         Choice("Both a little, the Transformer more", "Yes, in all runs. A key that was written stays as it is for "
                                                       "good; a state fades.", right=True),
         Choice("Both a little, Mamba more: its state has carried the change along",
                "It has, and each step has multiplied it by a decay."))),
    Question(
        "selective.precision", "44",
        "Both readers are fine-tuned twice on the same batches, in fp32 and with products in bf16. By which factor do "
        "the weights' moves differ more in the Transformer than in Mamba?",
        (Choice("Less than 1: Mamba differs more", "That is what a first try with models of unequal loss had found for "
                                                   "predictions. With equal losses it is the other way round."),
         Choice("About 1.5 to 2", "Yes, over five seeds: 1.4 to 1.6 percent of the move in Mamba, 2.5 to 2.7 in the "
                                  "Transformer.", right=True),
         Choice("More than 10", "Not even the predictions do, run in bf16: 2.1 to 2.8 times as many bits, and bits "
                                "go with the square of an error."))),
    Question(
        "selective.places", "44",
        "In bf16 every step adds its rounding errors. Along a window of 128 characters, where do predictions differ "
        "most from those in fp32?",
        (Choice("At the end: errors have added up", "In a chaotic network they would. Here old errors fade as fast as "
                                                    "new ones come."),
         Choice("Everywhere nearly alike, in both models",
                "Yes (in some runs the Transformer's first places differ less). So stability over time is not what "
                "sets the two apart.", right=True),
         Choice("At the end in the Transformer, everywhere alike in Mamba",
                "The Transformer has no state that is multiplied from step to step: later places read an error in a "
                "key as one of many in an average."))),
    Question(
        "selective.loop", "44",
        "The output of a selective state space, through a random matrix and a tanh, becomes its next input. Its "
        "state still obeys the theorem at every step. Can two copies that begin a millionth apart part for good?",
        (Choice("No: the largest exponent is below 0 for any input", "For any input that is the same for both. In a "
                                                                     "loop they read different inputs as soon as they "
                                                                     "differ."),
         Choice("Yes, if the loop is strong enough", "Yes. The theorem speaks of the state at given inputs; here the "
                                                     "state makes the inputs.", right=True),
         Choice("Only if the rates A are trained to be above 0", "A is below 0 by construction, whatever training "
                                                                 "does."))),
    Question(
        "selective.close_theorem", "44",
        "What does the theorem guarantee for every trained Mamba?",
        (Choice("That rounding errors leave its predictions unchanged", "They change them a little at every step. What "
                                                                        "is guaranteed is that the state does not "
                                                                        "amplify them along time."),
         Choice("That a change of a layer's state, at given inputs, never grows exponentially",
                "Yes, and in the modes' own coordinates not at all. About the size of outputs, about depth and about "
                "loops it says nothing.", right=True),
         Choice("That a change of its state is forgotten within a known time", "An exponent of -0.0007 is below 0 and "
                                                                               "keeps half for a thousand steps."))),
    Question(
        "selective.close_control", "44",
        "Somebody shows that Mamba differs less from its fp32 twin than a Transformer does, and concludes that the "
        "theorem is the reason. What would you ask to see?",
        (Choice("More seeds", "Always good; here all five agree. They do not tell why."),
         Choice("How the difference grows along the sequence", "Yes. If the recurrence's stability were the reason, "
                                                               "the other model's errors would have to grow with "
                                                               "time. Here neither's do.", right=True),
         Choice("The largest exponent of the trained Mamba", "It is below 0 for sure, before and after; that it is "
                                                             "does not tell what it does."))),
)
