"""The tangent kernel of a 64-512-512-O network, layer by layer, against torch.func's contraction of Jacobians.

The same weights and points, float32, biases counted with 0.1: N = 100 points and one output, and N = 20 points and ten
outputs (all 20 x 20 x 10 x 10 entries).  `ntk.jacobian_kernel` is the peer at its best: each point alone under vmap,
so that no gradient of one point by another is computed, and contracted weight tensor by weight tensor.
"""

from __future__ import annotations

import torch

from tutorial_lib import ntk
from tutorial_lib.cli.bench import Benchmark, Clock

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


def benchmarks():
    """All rows: both sides compute the same number of kernels."""
    for N, O in SIZES:
        yield Benchmark(f"{TIMES} tangent kernels, N = {N}, O = {O}", contestant(ntk.layered_kernel, N, O, TIMES),
                        {"torch.func Jacobian contraction": contestant(ntk.jacobian_kernel, N, O, TIMES)}, repeats=3)


BENCHMARKS = tuple(benchmarks())
