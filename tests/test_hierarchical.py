"""Decoders of tunes: what a bar may hear, letting go, free bits, the arc; against loops and closed forms."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tutorial_lib import hierarchical as h
from tutorial_lib import melodies, music, weights
from tutorial_lib.course.weights.part_2_music import trained
from tutorial_lib.kit.weights import training_log
from tutorial_lib.recurrent import free_run
from tutorial_lib.vae import kl_standard_normal

V, Z, T, U = 7, 5, 12, 3


def decoder(kind):
    """A small decoder from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return h.flat(V, Z, T, 9) if kind == "flat" else h.hierarchical(V, Z, T, U, 6, 9)


def some(B=4, seed=0):
    """Codes and tunes."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(B, Z, generator=rng), torch.randint(V, (B, T), generator=rng)


both = pytest.mark.parametrize("kind", h.KINDS)


@both
def test_letting_go_is_the_forward_pass_before_and_a_free_run_after(kind):
    """The loop against the fused pass with what was chosen put in: every choice is the favourite given its inputs."""
    d, (z, x) = decoder(kind), some()
    assert torch.equal(d.let_go(z, x, T), h.largest(d(z, x))) and torch.equal(d.let_go(z, x, T + 5), d.let_go(z, x, T))
    for taught in range(T):
        y = d.let_go(z, x, taught)
        fed = torch.where(torch.arange(T) < taught, x, y)
        assert torch.equal(y, h.largest(d(z, fed)))


@both
def test_each_row_may_be_let_go_at_its_own_step(kind):
    d, (z, x) = decoder(kind), some()
    steps = torch.tensor([0, 3, 7, 12])
    assert torch.equal(d.let_go(z, x, steps), torch.cat([d.let_go(z[i : i + 1], x[i : i + 1], int(steps[i]))
                                                         for i in range(4)]))


def test_the_writer_alone_is_the_free_run_of_chapter_20():
    d, (z, x) = decoder("flat"), some()
    w, clock = d.writer, iter(range(T))

    def step(symbol, state):
        given = torch.cat([w.embed(symbol), z, w.clock.weight[next(clock)].expand(len(z), -1)], -1)
        y, state = w.lstm(given[:, None], state)
        return w.out(y[:, 0]), state

    start = torch.full((4,), V)
    assert torch.equal(free_run(step, start, w.start(z), T, h.largest), w.let_go(z, x, torch.zeros(4)))


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3))
def test_by_bars_is_a_loop_over_bars(bars, S, B):
    rng = torch.Generator().manual_seed(1)
    w, c = h.Writer(V, 4, 5, 6), torch.randn(B, bars, 4, generator=rng)
    x = torch.randint(V, (B, bars * S), generator=rng)
    looped = torch.cat([w(c[:, u], bar) for u, bar in enumerate(x.chunk(bars, 1))], 1)
    assert torch.allclose(h.by_bars(w, c, x), looped, atol=1e-6)


def test_steps_that_cannot_be_shared_are_refused():
    with pytest.raises(ValueError, match="cannot be shared by 3 segments"):
        decoder("hierarchical")(torch.zeros(1, Z), torch.zeros(1, 13, dtype=torch.int64))


def test_no_bar_hears_another_and_the_flat_decoder_hears_all_before():
    """Locality: exact zeros from the gradient, by way of the embedded symbols, and from replaced bars."""
    for kind in h.KINDS:
        d, (z, x) = decoder(kind), some()
        other = x.clone()
        other[:, 4:8] = (x[:, 4:8] + 1) % V  # bar 2 of 3
        moved = (d(z, x) - d(z, other)).abs().view(4, U, -1).amax((0, 2))
        assert moved[0] == 0 and moved[1] > 0 and (moved[2] == 0 if kind == "hierarchical" else moved[2] > 0)
        gone = d.let_go(z, x, 4), d.let_go(z, x, 0)
        same = torch.equal(gone[0][:, 4:], gone[1][:, 4:])
        assert same or kind == "flat", "what the teacher did in bar 1 does not matter after it"


def test_the_conductor_gives_one_embedding_a_bar_and_whole_gives_the_code():
    z, _ = some()
    assert decoder("hierarchical").conductor(z).shape == (4, U, 6) and torch.equal(h.Whole()(z), z[:, None])
    c = h.Conductor(Z, U, 6)(z)
    assert not torch.allclose(c[:, 0], c[:, 1])


def test_choosing_at_random_and_the_likeliest():
    d, (z, x) = decoder("hierarchical"), some()
    assert torch.equal(d.let_go(z, x, choose=lambda logits: logits.argmin(-1) * 0), torch.zeros_like(x))
    assert h.largest(torch.tensor([[0.1, 0.3, 0.2]])).tolist() == [1]


def test_the_encoder_begins_at_the_principal_components():
    """Against the singular value decomposition; codes have mean 0, variance 1 and no correlation."""
    x = torch.randint(4, (40, 6), generator=torch.Generator().manual_seed(2))
    e = h.Encoder(4, 6, 3).begin_at_components(x, logvar=-1.0)
    mu, logvar = e(x)
    assert torch.allclose(mu.mean(0), torch.zeros(3), atol=1e-5) and (logvar == -1).all() and logvar.shape == mu.shape
    assert torch.allclose(mu.T @ mu / 40, torch.eye(3), atol=1e-4)
    ones = F.one_hot(x, 4).flatten(1).float()
    left = torch.linalg.svd(ones - ones.mean(0))[0][:, :3]
    assert torch.allclose((left.T @ mu).norm(dim=1), torch.full((3,), 40**0.5), atol=1e-3), "the same space"
    with pytest.raises(ValueError, match="more than 3 tunes"):
        e.begin_at_components(x[:3])


def test_parts_are_the_price_of_the_notes_and_the_kl():
    _, x = some(6)
    vae = h.TuneVAE(h.Encoder(V, T, Z), decoder("hierarchical"))
    nats, kl = vae.parts(x, torch.Generator().manual_seed(3))
    mu, logvar = vae.encoder(x)
    z = mu + (0.5 * logvar).exp() * torch.randn(mu.shape, generator=torch.Generator().manual_seed(3))
    wanted = -vae.decoder(z, x).log_softmax(-1).gather(-1, x[..., None]).sum((1, 2))
    assert torch.allclose(nats, wanted, rtol=1e-4) and torch.allclose(kl, kl_standard_normal(mu, logvar))
    groups = vae.groups(0.01, encoder=0.2)
    assert [g["lr"] for g in groups] == [0.002, 0.01]
    assert sum(p.numel() for g in groups for p in g["params"]) == sum(p.numel() for p in vae.parameters())


def test_the_chapters_models_are_equally_large():
    x = torch.randint(42, (80, 128), generator=torch.Generator().manual_seed(4))
    sizes = [sum(p.numel() for p in h.tune_vae(kind, 42).decoder.parameters()) for kind in h.KINDS]
    assert sizes == [206346, 200682] and abs(sizes[0] / sizes[1] - 1) < 0.03
    codes = h.tune_vae("flat", 42, x).encoder(x)[0]
    assert torch.allclose(codes.square().mean(0), torch.ones(64), atol=1e-3), "the encoder is at the components"
    with pytest.raises(ValueError, match="kind must be one of flat, hierarchical"):
        h.tune_vae("round", 42, x)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=6), st.floats(0, 2), st.floats(0, 200))
def test_the_objective_charges_beyond_the_free_nats_and_pulls_nowhere_else(kls, beta, free):
    kl = torch.tensor(kls, dtype=torch.float64, requires_grad=True)
    value = h.objective(torch.ones(len(kls), dtype=torch.float64), kl, beta, free)
    slow = sum(1 + beta * max(k - free, 0) for k in kls) / len(kls)
    assert value.item() == pytest.approx(slow)
    (pull,) = torch.autograd.grad(value, kl)
    assert (pull[kl < free] == 0).all()
    assert torch.allclose(pull[kl > free] * len(kls), torch.tensor(beta, dtype=torch.float64))


def test_the_objective_without_free_bits_is_the_elbo_and_negative_prices_are_refused():
    nats, kl = torch.tensor([3.0, 5.0]), torch.tensor([1.0, 2.0])
    assert h.objective(nats, kl, 1.0, 0.0) == (nats + kl).mean()
    for beta, free in ((-0.1, 0.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match="must not be negative"):
            h.objective(nats, kl, beta, free)


def test_the_schedule_rises_to_its_top():
    values = [h.beta_at(k, 0.5, 0.9) for k in range(200)]
    assert values[0] == 0 and values == sorted(values) and values[-1] == pytest.approx(0.5)
    assert values[1] == pytest.approx(0.05)
    assert h.beta_at(1, 0.2, 0.0) == 0.2, "a rate of 0: from the first step on"
    with pytest.raises(ValueError, match="rate must lie"):
        h.beta_at(3, 1.0, 1.0)


@given(st.integers(2, 40), st.floats(0, 1), st.integers(0, 99))
def test_the_arc_keeps_lengths_and_turns_evenly(n, t, seed):
    """For codes of one length: that length, and the angle t w from a."""
    a, b = F.normalize(torch.randn(2, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=-1)
    m, w = h.slerp(a, b, t), (a @ b).clamp(-1, 1).acos()
    if 0.01 < w < math.pi - 0.01:
        assert m.norm().item() == pytest.approx(1, abs=1e-9)
        assert (a @ m).clamp(-1, 1).acos().item() == pytest.approx(t * w.item(), abs=1e-6)
    assert torch.allclose(h.slerp(b, a, 1 - t), m, atol=1e-9)


def test_the_arc_between_parallel_codes_is_straight_and_its_ends_are_the_codes():
    a, b = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(5)).unbind(0)
    assert torch.allclose(h.slerp(a, b, 0.0), a, atol=1e-5) and torch.allclose(h.slerp(a, b, 1.0), b, atol=1e-5)
    assert torch.allclose(h.slerp(a, 3 * a, 0.25), 1.5 * a, atol=1e-3) and torch.isfinite(h.slerp(a, -a, 0.5)).all()


def test_notes_right_are_counted_where_the_tune_begins_one():
    x, y = torch.tensor([[5, 0, 6, 1]]), torch.tensor([[5, 3, 0, 1]])
    assert h.notes_right(y, x) == 0.5 and h.notes_right(x, x) == 1
    by_bar = h.right_by_bar(y, x, 2)
    assert by_bar.tolist() == [1.0, 0.0] and math.isnan(h.right_by_bar(y, torch.zeros_like(x), 2)[0])
    with pytest.raises(ValueError, match="as many steps"):
        h.notes_right(y[:, :3], x)


def test_a_few_steps_of_training_lower_the_price():
    """Limiting case: two tunes only, learned by heart in a moment by both decoders."""
    x = torch.randint(V, (2, T), generator=torch.Generator().manual_seed(6))
    for kind in h.KINDS:
        vae = h.TuneVAE(h.Encoder(V, T, Z), decoder(kind))
        adam, rng = torch.optim.Adam(vae.groups(0.02, 1.0)), torch.Generator().manual_seed(7)
        prices = []
        for _ in range(150):
            loss = h.objective(*vae.parts(x, rng), 0.2, 5.0)
            adam.zero_grad()
            loss.backward()
            adam.step()
            prices.append(loss.item())
        mu = vae.encoder(x)[0].detach()
        assert prices[-1] < prices[0] / 4 and (vae.decoder.let_go(mu, x) == x).float().mean() > 0.9, kind


def test_the_recipe_of_the_shipped_weights_gives_the_same_twice_and_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    (first, log), (second, _) = trained("hierarchical", 5), trained("hierarchical", 5)
    assert all(torch.equal(first[k], second[k]) for k in first) and torch.equal(before, torch.random.get_rng_state())
    assert log["loss_by_fifth"][-1] < log["loss_by_fifth"][0] and log["tunes"] == 1178
    assert first.keys() == weights("tunes.hierarchical").keys()


@both
def test_the_shipped_weights_do_on_unheard_tunes_what_their_log_says(kind):
    tunes = music.practice(melodies())
    vae, x = h.tune_vae(kind, len(tunes.symbols)), tunes.x[tunes.held_out]
    vae.load_state_dict({k: v.float() for k, v in weights(f"tunes.{kind}").items()})
    with torch.no_grad():
        z = vae.encoder(x)[0]
        found = {"beside the teacher": vae.decoder(z, x).argmax(-1), "alone": vae.decoder.let_go(z, x)}
    for name, y in found.items():
        logged = training_log(f"tunes.{kind}")["held_out_notes_right"][name]
        assert h.notes_right(y, x).item() == pytest.approx(logged, abs=0.01)
