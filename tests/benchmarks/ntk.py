"""The tangent kernel of a 64-512-512-O network, layer by layer, against torch.func's contraction of Jacobians.

The same weights and points, float32, biases counted with 0.1: N = 100 points and one output, and N = 20 points and ten
outputs (all 20 x 20 x 10 x 10 entries).  `ntk.jacobian_kernel` is the peer at its best: each point alone under vmap,
so that no gradient of one point by another is computed, and contracted weight tensor by weight tensor.
neural-tangents no longer imports with current jax: tests/reference holds what its two rules took in one run, ours
beside them in the same process (its best rule is the structured one; compiling is not counted).
"""

from __future__ import annotations

import numpy as np
import torch

from tutorial_lib import ntk
from tutorial_lib.cli.bench import Benchmark, Clock
from tutorial_lib.kit import settings

SIZES = ((100, 1), (20, 10))
TIMES = 3  # kernels a run: one takes a few milliseconds


def contestant(kernel, N: int, O: int, times: int):
    """`times` kernels after one to warm up."""
    def make(repeat: int):
        rng = torch.Generator().manual_seed(repeat)
        layers, x = ntk.fresh([64, 512, 512, O], rng), torch.randn(N, 64, generator=rng)

        def run(clock: Clock) -> None:
            with clock.pause():
                kernel(layers, x, beta=0.1)
            for _ in range(times):
                kernel(layers, x, beta=0.1)

        return run

    return make


def recorded(size: str) -> dict[str, tuple[float, float]]:
    """Our seconds and neural-tangents' for one kernel, by its rule."""
    with np.load(settings.ROOT / "tests" / "reference" / "neural_tangents.npz", allow_pickle=False) as old:
        ours = float(old[f"seconds_{size}_ours"])
        return {f"neural-tangents, {rule}": (ours, float(old[f"seconds_{size}_{rule}"]))
                for rule in ("structured", "jacobian")}


def benchmarks():
    """All rows: both sides compute the same number of kernels (recorded times are of one)."""
    for N, O in SIZES:
        yield Benchmark(f"{TIMES} tangent kernels, N = {N}, O = {O}", contestant(ntk.layered_kernel, N, O, TIMES),
                        {"torch.func Jacobian contraction": contestant(ntk.jacobian_kernel, N, O, TIMES)}, repeats=3,
                        recorded=recorded("one" if O == 1 else "ten"))


BENCHMARKS = tuple(benchmarks())
