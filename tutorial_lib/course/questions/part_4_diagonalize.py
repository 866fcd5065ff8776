"""Part 4, approximate diagonalisation: the questions of chapter 42."""

from __future__ import annotations

from tutorial_lib.kit.ask import Choice, Question

QUESTIONS = (
    Question(
        "diagonalize.recall_mean", "42",
        "In LegS, dx_0/dt = -x_0 + u: the first number of the state is a running mean with weight e^-s. A wave of "
        "size 1 "
        "that turns by 81 radians in a timescale comes in. How large is it in x_0?",
        (Choice("About 1/81", "Yes: x_0 = e^{i omega t} / (1 + i omega), so that a fast wave averages out.",
                right=True),
         Choice("About 1", "That is a wave much slower than the timescale. This one goes up and down 13 times in it."),
         Choice("Exactly 0", "A mean over one whole period would be 0. The weight e^-s falls a little during each "
                             "period, and that little is left."))),
    Question(
        "diagonalize.recall_diagonal", "42",
        "A diagonal system of N modes and one with a full N x N matrix: what does a step of the recurrence cost?",
        (Choice("N and N squared multiplications", "Yes: each mode minds its own number. That is why a diagonal "
                                                   "matrix is "
                                                   "worth some trouble.", right=True),
         Choice("The same: both have N numbers", "The full matrix hears of every number for every other one."),
         Choice("N and 2 to the N", "A matrix times a vector takes N squared."))),
    Question(
        "diagonalize.mean", "42",
        "S4D-LegS is published as a diagonal stand-in for LegS, and its running mean reads a wave of size 1 at "
        "omega = 81. "
        "How large is the wave in it, with N = 16?",
        (Choice("0.012, as in LegS", "At low frequencies the two agree, and the better the larger N. 81 is not low for "
                                     "N = 16."),
         Choice("About 0.65", "Yes. A running mean that lets two thirds of a fast wave through: the rest of the "
                              "chapter "
                              "is about where that comes from and what to do.", right=True),
         Choice("Nothing: a diagonal system cannot follow it", "One of its modes turns at just that frequency."))),
    Question(
        "diagonalize.digits", "42",
        "LegS has N different eigenvalues, -1 to -N, so it can be diagonalised, in exact arithmetic. At which N has a "
        "computer with 16 digits lost all of them?",
        (Choice("Never, as eigenvalues are different", "Different is enough on paper. The eigenvectors are nearly "
                                                       "parallel, and rounding is divided by the little that is left "
                                                       "between them."),
         Choice("Near N = 22", "Yes: the condition of the eigenvectors grows by a factor of 5.8 for each number, and "
                               "5.8^21 is about 10^16.", right=True),
         Choice("Near N = 1000", "A condition that grew like N^5 would last so long. This one is exponential."))),
    Question(
        "diagonalize.larger", "42",
        "S4D-LegS approaches LegS at every frequency as N grows. What happens to its highest spike, relative to "
        "LegS at "
        "that frequency?",
        (Choice("It becomes lower", "At a fixed frequency all errors shrink. The spike does not stay at a fixed "
                                    "frequency."),
         Choice("It stays as high", "In the running mean that is what one sees (0.64). Relative to LegS, which lets "
                                    "ever "
                                    "less through out there, it is another matter."),
         Choice("It becomes higher, four times with each doubling, and moves out",
                "Yes: it stands near N^2 / pi and is near 2 (N / pi)^2 times what LegS lets through.", right=True))),
    Question(
        "diagonalize.small", "42",
        "Perturb LegS (N = 64) by a random matrix of norm eps, then diagonalise. The error to LegS is about eps / 4 at "
        "most. Which eps would you take for a model in single precision (7 digits)?",
        (Choice("0: no perturbation, no error", "That is the ill-posed problem again: a condition of 10^47."),
         Choice("1e-6, about as small as single precision sees",
                "The condition of the eigenvectors is then a thousand million or more; of 7 digits none are left."),
         Choice("0.01 to 0.1", "Yes: the error of the perturbation falls with eps, that of rounding grows like 1 / "
                               "eps, and "
                               "their sum is smallest where they meet.", right=True))),
    Question(
        "diagonalize.train", "42",
        "Two stacks read digits pixel by pixel. One starts from S4D-LegS, one from perturbed LegS with the same "
        "readouts. "
        "Both train on clean digits for as many steps, then read digits with a faint wave at S4D's spike. What do "
        "you expect?",
        (Choice("Training removes the difference", "It changes decay and frequency of every mode a little. Is "
                                                   "anything in "
                                                   "the clean digits a reason to move a spike that they hardly touch?"),
         Choice("S4D-LegS loses much more to the wave", "That is what the paper reports for images pixel by pixel. See "
                                                        "below what this size of stack does.", right=True),
         Choice("Both lose the same: a wave is a wave", "Of such a wave LegS lets a hundredth into its running mean, "
                                                        "S4D-LegS two thirds."))),
    Question(
        "diagonalize.close_uniform", "42",
        "For every input you try, S4D-LegS with large N gives nearly the output of LegS. A colleague concludes that "
        "it may "
        "replace LegS for all inputs. What is wrong?",
        (Choice("The inputs tried were too few: some input fails at every N", "That is the result (there is one for "
                                                                              "every "
                "N), and the reason is the order: for each input there is an N, but for each N there is an input.",
                right=True),
         Choice("Nothing: convergence for every input is convergence", "For each input an N is large enough. No N is "
                                                                       "large enough for all inputs at once."),
         Choice("N was too small", "With a larger N the input that fails is a faster wave, and it fails by more."))),
    Question(
        "diagonalize.close_step", "42",
        "N = 64, zero-order hold, a step of dt = 1/100 of a timescale. The spike stands at 1303 radians per "
        "timescale. Can a "
        "sampled input excite it?",
        (Choice("No: samples 1/100 apart know nothing faster than 314", "No wave of that speed can be told apart, "
                                                                        "but the "
                "mode is still in the model, and to the samples it looks like a slower one."),
         Choice("Yes, by the wave it is folded onto, at 0.46 radians a step", "Yes: 13.03 radians a step are two "
                                                                              "turns and "
                "0.46. Since the input stands still within a step, it comes out some 15 times weaker than in "
                "continuous "
                "time.", right=True),
         Choice("Yes, and exactly as strongly as in continuous time",
                "Not even the bilinear rule, which folds no frequency, does that: section 6 prints 4.20 for it. With "
                "a zero-order hold a step holds two turns of the mode, which nearly cancel."))),
)
