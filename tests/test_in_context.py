"""in_context: predictors against each other and against risks, attention as a step, measures, probe, learner."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from tutorial_lib import framework
from tutorial_lib import in_context as ic

close = torch.testing.assert_close
sizes = st.integers(1, 5)


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def task(B, n, d, sigma=0.0, tau=1.0, seed=0):
    return tuple(v.double() for v in ic.tasks(B, n, d, torch.Generator().manual_seed(seed), sigma, tau))


@given(sizes, sizes, st.integers(0, 9))
def test_moments_are_those_of_the_examples_before(n, d, seed):
    x, y, _ = task(2, n, d, seed=seed)
    S, b = ic.moments(x, y)
    for k in range(n):
        close(S[:, k], x[:, :k].mT @ x[:, :k])
        close(b[:, k], (x[:, :k] * y[:, :k, None]).sum(1))


def test_tasks_have_the_sizes_asked_for_and_rounds_are_fresh():
    x, y, w = task(4000, 3, 2, sigma=0.5, tau=2.0)
    close((y - ic.predictions(w[:, None], x)).std(), torch.tensor(0.5).double(), rtol=0.03, atol=0)
    close(w.std(), torch.tensor(2.0).double(), rtol=0.03, atol=0)
    stream = ic.rounds(2, 3, 2, torch.Generator().manual_seed(0))
    assert not torch.equal(next(stream)[0], next(stream)[0])


@given(sizes, sizes, st.integers(0, 9))
def test_three_routes_to_ridge_regression(n, d, seed):
    """Independent oracle (scikit-learn), the moments, and one example after another."""
    x, y, _ = task(2, n + 1, d, 0.3, seed=seed)
    w = ic.ridge(x, y, 0.4)
    close(w, ic.online_ridge(x, y, 0.4))
    close(w[1, n], torch.from_numpy(Ridge(0.4, fit_intercept=False).fit(x[1, :n], y[1, :n]).coef_))
    close(w[:, 0], torch.zeros(2, d).double())


@given(sizes, st.integers(0, 9))
def test_an_example_added_to_an_inverse(d, seed):
    A, x = some(3, d, d, seed=seed), some(3, d, seed=seed + 1)
    A = A @ A.mT + torch.eye(d).double()
    close(ic.add_example(torch.linalg.inv(A), x), torch.linalg.inv(A + x[..., None] * x[..., None, :]))


def test_least_squares_is_the_limit_of_ridge_and_of_many_steps():
    x, y, w = task(20, 8, 3)
    ols = ic.least_squares(x, y)
    close(ols[:, [2, 7]], ic.ridge(x, y, 1e-9)[:, [2, 7]], rtol=0, atol=1e-4)
    close(ols[:, 7], ic.gradient_steps(x, y, 0.02, 4000)[:, 7], rtol=0, atol=1e-4)
    close(ols[:, 3:], w[:, None].expand(-1, 5, -1), rtol=0, atol=1e-4)  # without noise, d examples tell all
    close(ic.bayes(x, y, 0.0), ols)
    close(ic.bayes(x, y, 0.5, 2.0), ic.ridge(x, y, 0.0625))


def test_a_step_and_a_pass_by_hand():
    x, y, _ = task(2, 3, 2)
    close(ic.gradient_steps(x, y, 0.1), 0.2 * ic.moments(x, y)[1])
    w1 = 0.2 * y[:, :1] * x[:, 0]
    w2 = w1 - 0.2 * (((w1 * x[:, 1]).sum(-1) - y[:, 1])[:, None] * x[:, 1] + 0.3 * w1)
    close(ic.sgd(x, y, 0.1, 0.3), torch.stack((0 * w1, w1, w2), 1))


@pytest.mark.parametrize("sigma", [0.0, 0.7])
def test_risks_are_what_the_predictors_err(sigma):
    x, y, _ = task(8000, 8, 3, sigma, seed=1)
    gone = (ic.predictions(ic.bayes(x, y, sigma), x) - y).square().mean(0)
    close(gone, ic.bayes_risk(x, sigma).mean(0), rtol=0.08, atol=1e-8)
    want = ic.least_squares_risk(8, 3, sigma)
    calm = [0, 1, 6, 7]  # no infinite variance (k = 5: infinite variance of the variance)
    close((ic.predictions(ic.least_squares(x, y), x) - y).square().mean(0)[calm], want[calm], rtol=0.1, atol=1e-8)
    assert want.isinf().tolist() == [sigma > 0 and k in (2, 3, 4) for k in range(8)]


def test_the_best_rate_is_best():
    x, y, _ = task(20000, 6, 3, 0.5)
    rate = ic.best_rate(6, 3, 0.5)
    risk = [(ic.predictions(ic.gradient_steps(x, y, f * rate), x) - y).square().mean(0)[1:] for f in (0.9, 1, 1.1)]
    assert (risk[1] < risk[0]).all() and (risk[1] < risk[2]).all()


@given(st.integers(2, 6), st.booleans(), st.integers(0, 9))
def test_neighbours_as_scikit_learn_has_them(n, weighted, seed):
    x, y, _ = task(1, n, 2, seed=seed)
    p = ic.neighbours(x, y, 3, weighted)[0]
    weights = (lambda r: r**-2.0) if weighted else "uniform"
    for k in range(1, n):
        want = KNeighborsRegressor(min(3, k), weights=weights).fit(x[0, :k], y[0, :k]).predict(x[0, k : k + 1])
        close(p[k], torch.from_numpy(want)[0])
    assert p[0] == 0


@given(sizes, sizes, st.integers(0, 9))
def test_a_layer_of_linear_attention_is_a_step_at_every_prefix(n, d, seed):
    x, y, _ = task(2, n, d, 0.2, seed=seed)
    e = ic.linear_attention(ic.tokens(x, y), *ic.step_matrices(d, 0.07), ic.may_see(n, itself=False).double())
    close(-e[:, n:, -1], ic.predictions(ic.gradient_steps(x, y, 0.07), x))
    close(e[..., :-1], torch.cat((x, x), 1))


@given(sizes, sizes, st.integers(1, 4), st.integers(0, 9))
def test_layers_are_steps_where_every_token_sees_all_examples(n, d, layers, seed):
    x, y, _ = task(2, n + 1, d, 0.2, seed=seed)
    p = ic.descend(x[:, :n], y[:, :n], x[:, n:], 0.02, layers)
    close(p[:, 0], ic.predictions(ic.gradient_steps(x, y, 0.02, layers), x)[:, n])


def test_the_state_of_linear_attention_is_the_moment_vector():
    """Two routes: the recurrence of `framework`, whose last state is X'Y, the step's direction."""
    x, y, _ = (v[0] for v in task(1, 6, 3))
    out, h = framework.run(framework.linear_attention(x, x, 1), y[:, None])
    S, b = ic.moments(x, y)
    close(h, b[5] + y[5] * x[5])
    own = y * x.square().sum(-1)  # that recurrence shows each step its own answer
    close(0.2 * (out[:, 0] - own), ic.predictions(ic.gradient_steps(x, y, 0.1), x))


def test_two_causal_layers_are_not_two_steps():
    """Where it ends: an example's residual then is of the weights of its own prefix."""
    x, y, _ = task(5, 4, 2)
    seen = ic.may_see(4, itself=False).double()
    e = ic.tokens(x, y)
    for _ in range(2):
        e = ic.linear_attention(e, *ic.step_matrices(2, 0.1), seen)
    gap = (-e[:, 4:, -1] - ic.predictions(ic.gradient_steps(x, y, 0.1, 2), x)).abs().amax(0)
    assert gap[:2].max() < 1e-12 and gap[2:].min() > 1e-3  # with one example there is no difference yet


def test_measures():
    x, y, w = task(6, 5, 3)
    p = ic.predictions(w[:, None], x)
    close(ic.implied_weights(x, p), w)
    close(ic.linearity(x, p), torch.tensor(1.0).double())
    many = some(6, 60, 3)
    assert ic.linearity(many, ic.predictions(w[:, None], many).square()) < 0.2
    close(ic.spd(p, p + 2), torch.full((5,), 4.0).double())
    close(ic.ilwd(w, w + 1), torch.tensor(3.0).double())
    lams = torch.logspace(-2, 1, 13)
    lam, gap = ic.closest_ridge(ic.predictions(ic.ridge(x, y, lams[6].item()), x), x, y, lams)
    assert lam == lams[6].item() and gap < 1e-20


def test_in_expectation_predictions_differ_as_weights_do():
    """Closed form: for inputs from N(0, I) not seen before, E (w . x - v . x)^2 = |w - v|^2."""
    x, y, _ = task(20000, 4, 2, 0.3)
    w, v = ic.ridge(x, y, 0.5), ic.gradient_steps(x, y, 0.1)
    close(ic.spd(ic.predictions(w, x), ic.predictions(v, x)), ic.ilwd(w, v), rtol=0.06, atol=1e-9)


def test_a_probe_finds_what_is_linear_and_not_what_is_not():
    h = some(900, 6)
    v = h[:, :2] @ some(2, 2, seed=1) + 3
    fit, held = slice(0, 600), slice(600, None)
    probe = ic.fit_probe(h[fit], v[fit], 1e-9)
    assert ic.explained(probe, h[held], v[held]) > 0.9999
    odd = h[:, :1] * h[:, 1:2]
    assert ic.explained(ic.fit_probe(h[fit], odd[fit]), h[held], odd[held]) < 0.1
    close(ic.fit_probe(h, v, 1e9)[-1], v.mean(0))  # all penalty: the mean


def test_a_learner_is_causal_and_queries_are_alone():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = ic.Learner(3, L=2, H=8, M=2)
    x, y, w = ic.tasks(4, 6, 3, torch.Generator().manual_seed(0))
    p = model(x, y)
    assert p.shape == (4, 6) and [h.shape for h in model.states(x, y)] == [(4, 12, 8)] * 3
    other = y.clone()
    other[:, 3:] += 1
    changed = (model(x, other) - p).abs().amax(0)
    assert changed[:4].max() == 0 and changed[4:].min() > 0  # query 3 has not seen answer 3
    swapped = [2, 0, 1, 3, 4, 5]
    assert not torch.allclose(model(x[:, swapped], y[:, swapped])[:, 3], 0 * p[:, 3])
    close(ic.Learner.forward(model, x[:, :4], y[:, :4]), p[:, :4])  # what follows changes nothing
    loss = ic.prefix_loss(model, (x, y, w))
    close(loss, (p - y).square().mean() / 3)


def test_one_layer_takes_the_examples_as_a_set():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        block, model = ic.Block(8, 2), ic.Learner(2, L=1, H=8)
    x, y, _ = ic.tasks(3, 5, 2, torch.Generator().manual_seed(0))
    order = [3, 1, 0, 2, 4]
    close(model(x[:, order], y[:, order])[:, 4], model(x, y)[:, 4])
    h = some(2, 10, 8).float()
    assert block(h, ic.may_see(5)).shape == h.shape


def test_what_does_not_fit_is_refused():
    x, y, _ = task(2, 4, 3)
    for call, words in [
        (lambda: ic.moments(x, y[:, 1:]), "one answer"),
        (lambda: ic.ridge(x, y, 0.0), "above 0"),
        (lambda: ic.online_ridge(x, y, -1.0), "above 0"),
        (lambda: ic.spd(y, y[1:]), "same"),
        (lambda: ic.implied_weights(x[:, :2], y[:, :2]), "at least 3"),
        (lambda: ic.fit_probe(x[0], y[:, :1]), "each state"),
        (lambda: ic.Learner(3, H=9, M=2), "heads"),
        (lambda: ic.best_rate(3, 2, tau=0.0), "size 0"),
        (lambda: task(1, 2, 2, sigma=-1.0), "0 or more"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()
