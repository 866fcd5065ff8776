"""diagonal_stack: systems at the start against LegS itself, a layer against a loop, gradients everywhere."""

import torch

from tutorial_lib import hippo, ssm
from tutorial_lib.diagonal_stack import DiagonalLayer, Stack, legs_start
from tutorial_lib.diagonalize import perturbation, s4d

close = torch.testing.assert_close


def draw(D=3, N=16, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(D, N, generator=rng, dtype=torch.float64), perturbation(N, 0.1, rng)


def test_a_start_answers_as_the_full_system_it_stands_for():
    C, E = draw()
    u = torch.randn(1, 50, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    A, B = hippo.legs(16)
    for start, full in (((legs_start(C)), s4d(16)), (legs_start(C, E), (A + E, B))):
        modes, b, c = start
        assert (modes.real < 0).all() and b.shape == modes.shape and c.shape == (3, len(modes))
        close(c.abs().square().mean(0).sqrt(), b.abs())  # balanced
        y, _ = ssm.diag_lti(u, modes.expand(3, -1), b.expand(3, -1), c, 0.03)
        wanted = [ssm.states(u[0, :, d], *ssm.zero_order_hold(*full, 0.03)) @ C[d] for d in range(3)]
        close(y[0], torch.stack(wanted, 1), atol=1e-8, rtol=1e-8)


def test_a_layer_is_its_systems_and_a_direct_path():
    C, E = draw()
    start, dt = legs_start(C, E), torch.tensor([0.01, 0.02, 0.03])
    layer = DiagonalLayer(*start, dt)
    u = torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(2))
    modes, b, c = start
    wanted, _ = ssm.diag_lti(u.double(), modes.expand(3, -1), b.expand(3, -1), c, dt.double(), mode="loop")
    close(layer(u), (wanted + u.double()).float(), atol=1e-2, rtol=1e-2)  # single precision, badly conditioned modes


def test_a_stack_classifies_and_every_parameter_learns():
    C, E = draw()
    torch.manual_seed(0)
    stack = Stack([legs_start(C), legs_start(C, E)], torch.full((3,), 0.02), classes=4)
    logits = stack(torch.randn(5, 30))
    assert logits.shape == (5, 4)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in stack.parameters())
