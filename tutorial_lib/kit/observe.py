"""Observe a candidate for an exercise: run it on a case, get named tensors or the fault that prevented them."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tutorial_lib.kit.compare import close

if TYPE_CHECKING:
    from tutorial_lib.kit.judge import Exercise

@dataclass
class Case:
    """One input: the arguments, and how to name them in a sentence ("mu = 0, logvar = 2")."""

    args: tuple[Any, ...]
    says: str = "the test input"


@dataclass
class Outcome:
    """What a candidate did on one case: named tensors, or the fault that kept it from giving any."""

    values: dict[str, Tensor] = field(default_factory=dict)
    fault: tuple[str, str] | None = None  # (status, sentence)
    plain: frozenset[str] = frozenset()  # which of the values were Python numbers

    def agrees(self, other: Outcome, rtol: float, atol: float) -> bool:
        """Same fault, or same values within tolerance."""
        if self.fault or other.fault:
            return bool(self.fault and other.fault) and _without_line(self.fault) == _without_line(other.fault)
        return self.values.keys() == other.values.keys() and all(
            close(v, other.values[k], rtol, atol) for k, v in self.values.items())


def _without_line(fault: tuple[str, str]) -> tuple[str, str]:
    """A fault without the line of source it arose in: the same error in other words is the same error."""
    return fault[0], fault[1].split(" (in the line")[0]


class Fault(Exception):
    """Raised while observing a candidate: a status and a sentence for the learner."""

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


Observe = Callable[[Callable[..., Any], Case], dict[str, Any]]


def named_tensors(result: object) -> dict[str, Any]:
    """A candidate's result as named parts: one value, or one for each entry of a tuple or dict."""
    if isinstance(result, dict):
        return {f"entry {k!r}": v for k, v in result.items()}
    numbers = isinstance(result, list) and all(isinstance(v, (int, float)) for v in result)  # meant as a tensor
    if isinstance(result, (tuple, list)) and len(result) and not numbers:
        return {f"result {i + 1} of {len(result)}": v for i, v in enumerate(result)}
    return {"the value": result}


def observe_call(gradient: tuple[str, ...], signature: inspect.Signature | None) -> Observe:
    """Observe by calling; then by differentiating a fixed random combination of the outputs."""

    def observe(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
        names = list(signature.parameters) if signature else []
        watched = [names.index(g) for g in gradient]
        args = [a.clone().requires_grad_() if i in watched else a for i, a in enumerate(case.args)]
        values = named_tensors(candidate(*args))
        if not watched or first_type_fault(values):
            return values
        flat = torch.cat([torch.as_tensor(v).reshape(-1) for v in values.values()])
        out = {k: as_tensor(v) for k, v in values.items()}
        if not flat.requires_grad:
            raise Fault("wrong value", f"no gradient flows back to {' or '.join(gradient)}: something on the way "
                        "detaches it (`.detach()`, `.item()`, `.data`, `torch.no_grad()`, or `sample()` where "
                        "`rsample()` or an explicit formula is needed).")
        weights = torch.linspace(0.5, 1.5, len(flat), dtype=flat.dtype)
        grads = torch.autograd.grad((flat * weights).sum(), [args[i] for i in watched], allow_unused=True)
        for name, grad in zip(gradient, grads, strict=True):
            if grad is None:
                raise Fault("wrong value", f"no gradient flows back to {name}: the result must depend on it "
                            "through differentiable operations.")
            out[f"the gradient with respect to {name}"] = grad
        return out

    return observe


def observe_module(inputs: int = 1, build: int = 0) -> Observe:
    """Observe a small module: built from the case's first `build` arguments, given the reference's kind of
    parameters (a fixed fill, so that another way to initialise does not matter), then run on the rest."""

    def observe(candidate: Callable[..., Any], case: Case) -> dict[str, Any]:
        module = candidate(*case.args[:build])
        if not isinstance(module, torch.nn.Module):
            raise Fault("error", f"expected a torch.nn.Module, got {type(module).__name__}.")
        shapes = {"the number of parameter tensors": torch.tensor(float(len(list(module.parameters()))))}
        with torch.no_grad():
            for i, p in enumerate(module.parameters()):
                p.copy_(torch.sin(torch.arange(p.numel()) * 0.7 + i).reshape(p.shape) * 0.5)
        return shapes | named_tensors(module(*case.args[build : build + inputs]))

    return observe


def copies(args: Sequence[Any]) -> list[Any]:
    """Tensors cloned, everything else as it is: to see afterwards whether an input was changed."""
    return [a.clone() if isinstance(a, Tensor) else a for a in args]


def run(exercise: Exercise, candidate: Callable[..., Any], case: Case) -> Outcome:
    """Observe one candidate on one case, turning whatever happens into an Outcome."""
    observe = exercise.observe or observe_call(exercise.gradient, inspect.signature(exercise.reference))
    before = copies(case.args)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            values = observe(candidate, case)
        faulty = first_type_fault(values)
        plain = frozenset(k for k, v in values.items() if not isinstance(v, Tensor))
        tensors = {} if faulty else {k: as_tensor(v) for k, v in values.items()}
        outcome = Outcome(tensors, faulty, plain)
    except Fault as fault:
        return Outcome(fault=(fault.status, str(fault)))
    except (Exception, SystemExit) as error:
        return Outcome(fault=("error", describe_error(error, candidate)))
    for i, (a, b) in enumerate(zip(before, case.args, strict=True)):
        if isinstance(a, Tensor) and not torch.equal(torch.nan_to_num(a), torch.nan_to_num(b.detach())):
            return Outcome(fault=("error", f"it changes its input (argument {i + 1}) in place; work on a copy "
                                  "or use operations without a trailing underscore."))
    return outcome


def as_tensor(value: Any) -> Tensor:
    """Numbers become tensors without axes; tensors lose their graph, and are dense and in memory."""
    return value.detach().cpu().to_dense() if isinstance(value, Tensor) else torch.tensor(float(value))


def first_type_fault(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """The fault of a result that is no tensor and no number."""
    for name, value in values.items():
        if value is None:
            return "error", "it returns None: is a `return` missing?"
        if isinstance(value, bool) or not isinstance(value, (Tensor, int, float)):
            return "error", f"{name} is a {type(value).__module__}.{type(value).__name__}; return a torch.Tensor."
    return None


def describe_error(error: BaseException, candidate: Callable[..., Any]) -> str:
    """The error's type and text, and the learner's own line where it arose."""
    text = f"it stops with {type(error).__name__}: {str(error).strip() or 'no message'}"
    inner = inspect.unwrap(candidate)
    code = getattr(inner, "__code__", None) or getattr(getattr(inner, "forward", None), "__code__", None)
    file = getattr(code, "co_filename", None)
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return f"{text} (in the line `{own[-1].line}`)." if own and own[-1].line else f"{text}."
