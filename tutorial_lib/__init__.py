"""Latents to dynamics: the small library behind the notebooks.

A notebook speaks eight words from here:

    start     set up a chapter: threads, style, seeds          lab = start("11")
    ask       commit to an answer before you see it            ask("jordan.sampling")
    check     hand in an exercise and be told what is wrong    f = check("vae.reparameterise", f)
    claim     the paper's statement beside your number         claim("jordan.sampling", ...)
    explore   sliders over a figure                            explore(draw, width=(16, 1024))
    train     one training loop with a progress bar            history = train(loss, parameters, ...)
    show      display a figure with its description            show(figure, alt="...")
    progress  what you have passed and answered so far         progress()

and a teacher one more: class_report(folder), from what learners' progress(export=folder) wrote.

and helpers: connectome(), digits(), melodies(), moby_dick(), series() (the data), minibatches, plot (figures in one
call), play (a sound) and keep (a file), weights (trained ones that ship), course_map().

The modules, in reading order:

    nets            small networks and batches
    distributions   Gaussians and Bernoullis: log densities, samples, divergences
    vae             autoencoders, variational autoencoders, the ELBO in parts
    linear_gaussian the model in which evidence and posterior are known exactly
    gradients       estimators of the bound's gradient: pathwise, score function, baselines
    bounds          importance weights: tighter bounds, estimated evidence, a posterior tuned to one image
    linear_vae      a linear VAE beside probabilistic PCA
    wake_sleep      the rival: two phases, two losses
    koopman         linear dynamics: the operator by least squares, its eigenvalues held on the circle
    sequence_vae    a VAE of sequences with three priors
    scores          can a judge tell generated series from real ones, and forecast with them?
    state_machine   sequences of words with a coin toss in them
    predictive_coding  networks whose posterior is carried by adaptive vectors
    matching        points of a digit and of a second look at it: permutations with a hidden turn
    maxima          the best structure: over all of them, over drawn ones, over drawn ones that climb
    structured      margins, the maximum loss, decoders with perturbed weights, a bound
    manifold        are generated images like the data?  neighbours, classifiers, coverage
    recurrent       cells that carry a state, one scan over time, free runs, how far back a gradient reaches
    attention       causal softmax attention
    text            bits per character, counted models, windows and draws
    hierarchical    a VAE of tunes whose decoder writes in one go or bar by bar; letting go of the teacher
    music           tokens, notes, piano roll, sound, MIDI, and what comes back in a tune
    swimmer         a body that moves only when its joints go round
    trajectory      a VAE of segments of movement with two decoders, kept consistent or not
    shooting        planning by imagining many futures: in actions, or in codes
    fast_slow       cells joined within one time step: stacked, in sequence, fast and slow
    paths           the paths through joined cells, counted and traced
    state_tracking  a ball under swapped cups, and folds
    readers         networks that read characters, and what they pay while they learn
    saved           bytes kept for the backward pass while a model trains
    activations     the same by the step, and a backward pass in pieces
    sampled_softmax which of very many classes, learned from a few candidates at a time
    decoder_last    a chunk model trained at once, without its decoder, or its decoder alone
    clockwork       cells on levels, each ticking once in k ticks of the level below
    local_losses    losses of their own for every level; gradients whole, truncated or block by block
    tangents        a network, its tangent, and the scale of its output, where one can see every neuron
    alignment       how alike two kernels are, how far one has moved
    ntk             the neural tangent kernel: by a recursion, by gradients, and what it predicts
    grokking        a network whose test loss, kernel and training are known exactly, and which groks
    connectivity    weights of low rank at the same size, and how far a linear network's kernel will move
    delayed_match   the same or another?  recurrent networks trained side by side from different wirings
    geometry        tasks of few points with a stated alignment, and what a representation is good for
    shallow         networks with one hidden layer, many at once, and what pulls a single neuron where
    stability       can an optimiser stay at a minimum?  curvatures, SGD's second moment, its exact threshold
    two_layer       a diagonal and a ReLU network trained by SGD or gradient descent, many runs side by side
    flat            networks as functions of one long vector of weights, and their tangents
    subspace        training in a random subspace: four projections, a task with a known answer
    description     a network as a short file, and what its length proves
    coding_rate     nats for features at once and class by class, doubly stochastic memberships
    clustering      k-means, spectral, self-expression, votes of copies, accuracy under the best matching
    ssm             linear state spaces: discretisations, one answer by recurrence, convolution and chunks
    hippo           matrices that remember: polynomial bases, the beginnings of S4D
    memory          what a state remembers: the past redrawn from it, how sharply, recall without training
    diagonalize     diagonal stand-ins for LegS: leaving a part out, or perturbing and diagonalising
    diagonal_stack  a stack of diagonal state spaces that reads numbers and names a class
    framework       one recurrence for attention, state spaces and gated networks
    associative_recall  keys and values go by, then the keys again
    selective       state spaces that choose: the selective scan, and the same by matrix products
    choosing        hold what was marked: one selective number, and the floor of every fixed filter
    lyapunov        Lyapunov exponents by tangents and exactly, and a search for growth
    mamba           the Mamba block by scan and by steps, a reader of text that writes on
    transformer     a small Transformer with rotary places, the control
    precision       products in half precision by rounding, fine-tuning in a format, how far two models are apart
    online          linear recurrent units whose gradients travel forward, and rules that carry less
    copying         read a pattern, wait, write it down
    one_mode        one mode that should recall, its loss and three gradients in closed form
    steering        what a prompt can do to an attention head, exactly; searches for prompts
    lexicon         a language whose words change meaning, its exact reader and one that learns
    token_dynamics  tokens that move through infinitely many selective layers
    in_context      regression within a sequence: predictors of every prefix, one step as linear attention
    primitives      a Transformer's layer as an instruction, and programs of them
    planning        paths on a graph: what lines show, walkers exactly
    planner         tables and a one-layer network that learn to write paths
    kit/            machinery with no content: checks, questions, claims, explorers, plots, data
    course/         content tied to chapters: exercises, questions, claims, papers, the map
    teach/          for a room: teacher pages, class view, slides, homework, all made from the chapters
    cli/            python -m tutorial_lib lab | test | notebooks | doctor | clean | help

This file imports nothing heavy: `python -m tutorial_lib lab` must work before anything is installed.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["start", "ask", "check", "claim", "explore", "show", "progress", "course_map", "class_report", "connectome",
           "digits", "keep", "melodies", "minibatches", "moby_dick", "play", "plot", "series", "train", "weights"]

# what is machinery alone is handed through, loaded at first use
_FROM_KIT = {
    "explore": ("explore", "explore"),
    "show": ("show", "show"),
    "train": ("train", "train"),
    "minibatches": ("train", "minibatches"),
    "connectome": ("data", "connectome"),
    "digits": ("data", "digits"),
    "melodies": ("data", "melodies"),
    "moby_dick": ("data", "moby_dick"),
    "series": ("data", "series"),
    "weights": ("weights", "weights"),
    "play": ("sound", "play"),
    "keep": ("sound", "keep"),
    "plot": ("plot", None),
}


def __getattr__(name: str):
    """Load a part of the kit when it is first asked for."""
    if name in _FROM_KIT:
        from importlib import import_module

        module, word = _FROM_KIT[name]
        found = import_module(f"tutorial_lib.kit.{module}")
        return getattr(found, word) if word else found
    raise AttributeError("module 'tutorial_lib' has no attribute {!r}; it offers {}".format(name, ", ".join(__all__)))


def __dir__() -> list[str]:
    """The words that a notebook uses."""
    return sorted([*__all__, "__version__"])


def start(chapter: str):
    """Begin chapter `chapter` ("11"): one thread, house style, seeds; shows its opening card; returns a Lab.

    Raises KeyError for a chapter that does not exist.  Taught in 00.
    """
    from tutorial_lib.course import chapters
    from tutorial_lib.kit import start as kit

    return kit.begin(chapter, card=chapters.opening_card(chapters.chapter(chapter)))


def check(name: str, attempt, reveal: bool = False):
    """Judge `attempt` at exercise `name`, show the verdict, return a function that works.

    Never raises for what the learner wrote.  `reveal=True` shows the solution at once.  Taught in 00.
    """
    from tutorial_lib import course
    from tutorial_lib.kit import check as kit

    return kit.hand_in(course.exercise(name), attempt, reveal=reveal)


def ask(name: str) -> None:
    """Show question `name`; the answer appears once the learner has committed to one.  Taught in 00."""
    from tutorial_lib import course
    from tutorial_lib.kit import ask as kit

    kit.pose(course.question(name))


def claim(name: str, **measured: float) -> None:
    """Show claim `name` beside the numbers `measured` just now, and whether it holds.

    Raises TypeError when the numbers are not the ones that the claim names.  Taught in 00.
    """
    from tutorial_lib import course
    from tutorial_lib.course import chapters
    from tutorial_lib.kit import claim as kit

    found = course.claim(name)
    kit.report(found, measured, chapters.evidence(found.chapter))


def progress(export=None, name: str = "") -> None:
    """Show which exercises were passed and which questions answered, chapter by chapter.

    `export` (a file or a folder) writes a copy for a class view: attempts, known mistakes, answers and times; a name
    only if one is given.  Raises FileExistsError rather than writing over another file.  Taught in 00.
    """
    from tutorial_lib import course
    from tutorial_lib.kit import progress as kit

    if export is not None:
        kit.export(export, name)
        return
    kit.show_progress(course.table_of_work())


def class_report(folder, chapter: str = "") -> None:
    """Show what a class did, from the copies that `progress(export=...)` wrote into a folder.

    The commonest mistakes of each exercise, predictions before and after, minutes by section.  Files that are no
    such copies are named and skipped.  Raises FileNotFoundError for a folder that is not there.
    """
    from tutorial_lib.teach import classroom

    classroom.show_report(folder, chapter)


def course_map() -> None:
    """Draw the map of parts and chapters: what leans on what, and the spine.  Taught in 00."""
    from tutorial_lib.course import chapters

    chapters.show_map()
