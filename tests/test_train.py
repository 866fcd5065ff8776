"""train: one loop that minimises, batches that cover the data, a bar that clears itself."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.kit.train import Bar, minibatches, train


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def quadratic(steps=400, **more):
    """Minimise ||w - (1, -2)||^2 from 0."""
    target, w = torch.tensor([1.0, -2.0]), torch.zeros(2, requires_grad=True)
    history = train(lambda batch: (w - target).square().sum() + 0 * batch.sum(), (p for p in [w]),
                    minibatches(torch.ones(4, 1), 2, rng()), steps, lr=0.05, **more)
    return history, w.detach(), target


def test_it_finds_the_minimum_of_a_quadratic():
    history, w, target = quadratic()
    torch.testing.assert_close(w, target, atol=1e-3, rtol=0)
    assert history.shape == (400,) and history[0] == 5.0 and history[-1] < 1e-5


def test_least_squares_on_minibatches_agrees_with_the_normal_equations():
    """Two routes: gradient steps on noiseless rows, and torch.linalg.lstsq."""
    x = torch.randn(64, 3, generator=rng())
    y = x @ torch.tensor([0.5, -1.0, 2.0])
    w = torch.zeros(3, requires_grad=True)
    train(lambda b: (b[:, :3] @ w - b[:, 3]).square().mean(), [w],
          minibatches(torch.cat([x, y[:, None]], 1), 16, rng(1)), 600, lr=0.05, decay=True)
    torch.testing.assert_close(w.detach(), torch.linalg.lstsq(x, y[:, None]).solution[:, 0], atol=1e-3, rtol=0)


def test_the_first_step_of_adam_has_length_lr_and_decay_ends_at_zero():
    """Closed form: Adam's first step is lr * sign(gradient); a cosine makes the last steps vanish."""
    _, w, _ = quadratic(steps=1)
    torch.testing.assert_close(w, torch.tensor([0.05, -0.05]))
    (_, near, _), (_, end, _) = quadratic(steps=1, decay=True), quadratic(steps=2, decay=True)
    torch.testing.assert_close(near, torch.tensor([0.05, -0.05]))  # the first step is taken at full rate
    assert (end - near).abs().max() < 0.03  # the second at half of it


def test_the_same_batches_give_the_same_history():
    assert torch.equal(quadratic(50)[0], quadratic(50)[0])


@given(st.integers(1, 30), st.data())
def test_each_row_comes_once_per_epoch_and_batches_are_full(n, data):
    """Property over sizes; what does not fill a batch is left out of that shuffle."""
    size = data.draw(st.integers(1, n))
    batches = minibatches(torch.arange(float(n))[:, None], size, rng(n))
    for _ in range(3):
        epoch = torch.cat([next(batches) for _ in range(n // size)])
        assert epoch.shape == (n // size * size, 1) and len(epoch.unique()) == len(epoch)


def test_epochs_are_shuffled_anew_and_by_the_generator_alone():
    x = torch.arange(50)
    one, two = minibatches(x, 50, rng(3)), minibatches(x, 50, rng(3))
    first = next(one)
    assert torch.equal(first, next(two)) and not torch.equal(first, next(one)) and not torch.equal(first, x)


@pytest.mark.parametrize("size", [0, -1, 5])
def test_a_batch_that_does_not_fit_is_refused(size):
    with pytest.raises(ValueError, match=f"batch of {size} rows cannot be drawn from 4 rows"):
        next(minibatches(torch.ones(4, 2), size, rng()))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_stops_being_a_number_names_the_step(bad):
    w, counter = torch.ones(1, requires_grad=True), iter(range(9))
    with pytest.raises(FloatingPointError, match="fitting: the loss is (nan|inf) at step 3; lower lr"):
        train(lambda b: w.sum() * (bad if next(counter) == 3 else 1), [w], iter(lambda: None, 0), 9, label="fitting")


class Display:
    """Stands in for IPython's display; keeps what was shown."""

    def __init__(self, monkeypatch):
        self.shown = []
        monkeypatch.setattr("IPython.get_ipython", lambda: object())
        monkeypatch.setattr("IPython.display.display", self)

    def __call__(self, bundle, **_):
        self.shown.append(bundle)
        return self

    def update(self, bundle, **_):
        self.shown.append(bundle)


def test_the_bar_appears_in_a_live_notebook_and_clears_itself_even_after_an_error(learner, monkeypatch):
    display = Display(monkeypatch)
    quadratic(3)
    assert "0 of 3" in display.shown[0]["text/html"] and display.shown[-1] == {"text/plain": "", "text/html": ""}
    with pytest.raises(FloatingPointError):
        train(lambda b: torch.tensor(torch.nan, requires_grad=True), [torch.ones(1, requires_grad=True)],
              iter(lambda: None, 0), 3)
    assert display.shown[-1] == {"text/plain": "", "text/html": ""}


def test_the_bar_counts_and_is_silent_elsewhere(learner, monkeypatch):
    assert Bar(3, "x").handle is None  # plain Python
    display = Display(monkeypatch)
    bar = Bar(4, "fitting")
    bar.update(2)
    drawn = display.shown[-1]["text/html"]
    assert '<progress value="2" max="4">' in drawn and "2 of 4" in drawn
    for mode in ("test", "notebooks"):
        monkeypatch.setenv("TUTORIAL_MODE", mode)
        assert Bar(3, "x").handle is None
