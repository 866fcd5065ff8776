"""What is kept for the backward pass: bytes held now, at most, and as a curve, while a model really trains.

symbol     meaning
saved      a tensor that the forward pass puts aside because a gradient will need it (activations, mostly)
storage    the memory behind a tensor; views, slices and transposes share one
now        bytes of all storages that some graph holds for its backward pass at this moment
peak       the largest value that `now` has had
trace      `now` after each change, in order: it climbs through a forward pass and falls through a backward pass

Counted is what autograd saves (torch.autograd.graph.saved_tensors_hooks), each storage once and in full, from when it
is first saved until the last graph that holds it is freed or has run backward.  Not counted: what is named in `besides`
(parameters, say, which are there in any case), gradients, the optimiser's numbers, and passing values that no
gradient needs.  It is a count, not a measurement of the process: the same on every machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks


def _place(x: Tensor) -> int:
    """What tells one storage from another while both are alive."""
    return x.untyped_storage().data_ptr()


class Ledger:
    """Bytes kept for backward passes: `now`, `peak`, and `trace`, `now` after each change.  Taught in 25."""

    def __init__(self, besides: Iterable[Tensor] = ()) -> None:
        self.now = self.peak = 0
        self.trace: list[int] = [0]
        self._besides = list(besides)  # held, so that their places stay theirs
        self._known = {_place(x) for x in self._besides}
        self._holders: Counter[int] = Counter()

    def _change(self, size: int) -> None:
        self.now += size
        self.peak = max(self.peak, self.now)
        self.trace.append(self.now)

    def take(self, x: Tensor) -> _Held:
        """Note a saved tensor; the answer stands for it in the graph."""
        return _Held(self, x)


class _Held:
    """A saved tensor as the graph holds it; when the graph lets it go, the ledger is told."""

    def __init__(self, ledger: Ledger, x: Tensor) -> None:
        self.tensor, self.ledger, self.place = x.detach(), ledger, _place(x)
        if self.place and self.place not in ledger._known:  # an empty tensor has no place
            ledger._holders[self.place] += 1
            if ledger._holders[self.place] == 1:
                ledger._change(x.untyped_storage().nbytes())

    def __del__(self) -> None:
        place, ledger = self.place, self.ledger
        if ledger._holders[place]:
            ledger._holders[place] -= 1
            if not ledger._holders[place]:
                del ledger._holders[place]
                ledger._change(-self.tensor.untyped_storage().nbytes())


@contextmanager
def counting(besides: Iterable[Tensor] = ()) -> Iterator[Ledger]:
    """A context in which everything saved for a backward pass goes through a ledger.

    `besides`: tensors not to be counted, such as `model.parameters()`.  The ledger stays readable afterwards, and
    still notes when graphs that were built inside let go.  Backward passes may run inside or after it.

        with counting(model.parameters()) as kept:
            loss = model(x)        # kept.now climbs
            loss.backward()        # ... and falls to 0
        kept.peak                  # bytes

    Taught in 25.
    """
    ledger = Ledger(besides)
    with saved_tensors_hooks(ledger.take, lambda held: held.tensor):
        yield ledger


def saved_bytes(run: Callable[[], object], besides: Iterable[Tensor] = ()) -> int:
    """The most bytes that are kept for backward passes at one time while `run()` works.

    `besides`: tensors not to be counted.  What `run` returns is kept until it is done, so a loss that it returns
    counts with its whole graph.  Taught in 25.
    """
    with counting(besides) as ledger:
        _ = run()
    return ledger.peak
