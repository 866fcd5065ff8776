"""nets: small networks of the sizes asked for."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score
from torch import nn

from tutorial_lib.nets import accuracy, mlp, predict


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5), st.lists(st.integers(1, 3), max_size=2))
def test_a_network_maps_the_last_axis_and_has_the_parameters_of_its_layers(sizes, batch):
    """Property over sizes; closed form: each layer has inputs * outputs + outputs numbers."""
    net = mlp(sizes)
    assert net(draw(*batch, sizes[0])).shape == (*batch, sizes[-1])
    wanted = sum((a + 1) * b for a, b in zip(sizes[:-1], sizes[1:], strict=True))
    assert sum(p.numel() for p in net.parameters()) == wanted
    assert len(net) == 2 * len(sizes) - 3 and isinstance(net[-1], nn.Linear)


def test_it_agrees_with_the_layers_written_out():
    net, x = mlp([3, 4, 2], nn.Tanh), draw(5, 3)
    torch.testing.assert_close(net(x), torch.tanh(x @ net[0].weight.T + net[0].bias) @ net[2].weight.T + net[2].bias)


@pytest.mark.parametrize("sizes", [[], [3]])
def test_a_network_needs_two_sizes(sizes):
    with pytest.raises(ValueError, match="input and an output size"):
        mlp(sizes)


def test_accuracy_agrees_with_scikit_learn_and_its_limits():
    logits, y = draw(40, 5), torch.arange(40) % 5
    assert accuracy(logits, y) == pytest.approx(accuracy_score(y, logits.argmax(1)))
    assert accuracy(nn.functional.one_hot(y).float(), y) == 1.0
    assert accuracy(-nn.functional.one_hot(y).float(), y) == 0.0


@given(st.integers(1, 12), st.integers(1, 15))
def test_batches_do_not_change_a_prediction(n, batch):
    net, x = mlp([3, 4, 2]), draw(n, 3)
    out = predict(net, x, batch)
    torch.testing.assert_close(out, net(x).detach())
    assert not out.requires_grad
