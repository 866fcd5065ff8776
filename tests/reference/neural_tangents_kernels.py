"""Record kernels and times of neural-tangents, once, in an environment of its own: writes neural_tangents.npz here.

The library is no dependency of the course: its last release (0.6.5) does not import with current jax. To run this,
outside the course's environment:

    pip install jax==0.5.3 jaxlib==0.5.3 frozendict && pip install --no-deps neural-tangents==0.6.5
    pip install torch==2.13.0              # optional: our own time beside it, in one process
    python tests/reference/neural_tangents_kernels.py

Nothing of the package is edited on disk; what has gone from jax is put back before the import.
"""

from __future__ import annotations

import os
import sys
import time
import types
from pathlib import Path

import numpy as np

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
HERE = Path(__file__).resolve().parent
BETA, WIDTH = 0.1, 512
SIZES = {"one": (100, 1), "ten": (20, 10)}  # name: points, outputs


def weights(outputs: int, points: int, width: int = WIDTH) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Layers [(W (out, in), b (out,)), ...] of a 64-width-width-outputs network and (points, 64) inputs, float32.

    From NumPy's legacy generator, whose stream is frozen, so that the tests draw the same without this file's jax.
    """
    rng = np.random.RandomState(outputs)
    sizes = [64, width, width, outputs]
    layers = [(rng.standard_normal((o, i)).astype(np.float32), rng.standard_normal(o).astype(np.float32))
              for i, o in zip(sizes[:-1], sizes[1:], strict=True)]
    return layers, rng.standard_normal((points, 64)).astype(np.float32)


def library():
    """neural_tangents, with what jax 0.5.3 no longer has put back and its experimental part (TensorFlow) left out."""
    import jax
    import jax._src.source_info_util as source_info_util

    jax.interpreters.ad.source_info_util = source_info_util
    jax.interpreters.ad.config = jax.config
    sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")
    import neural_tangents

    return neural_tangents


def seconds(f, repeats: int = 15) -> float:
    """Median CPU seconds of one call, after one to warm up, three calls at a time (a call takes milliseconds)."""
    f()
    taken = []
    for _ in range(repeats):
        begun = time.process_time()
        for _ in range(3):
            f()
        taken.append((time.process_time() - begun) / 3)
    return float(np.median(taken))


def ours(layers, x):
    """Our kernel of the same network as a function without arguments; None where torch or the course is missing."""
    sys.path.insert(0, str(HERE.parents[1]))
    try:
        import torch

        from tutorial_lib import ntk
    except ImportError:
        return None
    torch.set_num_threads(1)
    tensors, points = [(torch.from_numpy(W), torch.from_numpy(b)) for W, b in layers], torch.from_numpy(x)
    return lambda: ntk.layered_kernel(tensors, points, beta=BETA)


def main() -> None:
    """Record everything."""
    nt = library()
    import jax
    from neural_tangents import stax

    record = {"versions": np.array([f"neural-tangents {nt.__version__}", f"jax {jax.__version__}"])}
    for name, (points, outputs) in SIZES.items():
        layers, x = weights(outputs, points)
        _, apply, analytic = stax.serial(*[part for _ in range(2) for part in (
            stax.Dense(WIDTH, W_std=1.0, b_std=BETA), stax.ABRelu(0.0, 2**0.5))],
            stax.Dense(outputs, W_std=1.0, b_std=BETA))
        params = [p for W, b in layers for p in ((W.T, b), ())][:-1]
        for rule in ("STRUCTURED_DERIVATIVES", "JACOBIAN_CONTRACTION"):
            kernel = jax.jit(nt.empirical_ntk_fn(apply, trace_axes=(), vmap_axes=0,
                                                 implementation=getattr(nt.NtkImplementation, rule)))
            K = np.asarray(kernel(x, None, params))
            taken = seconds(lambda k=kernel, x=x, p=params: k(x, None, p).block_until_ready())
            record[f"seconds_{name}_{rule.split('_')[0].lower()}"] = np.float64(taken)
            print(name, rule, K.shape, f"{1e3 * taken:.2f} ms", flush=True)
            if rule.startswith("STRUCTURED"):
                record[f"kernel_{name}"] = K
        if (own := ours(layers, x)) is not None:
            record[f"seconds_{name}_ours"] = np.float64(seconds(own))
            gap = np.abs(own().numpy() - record[f"kernel_{name}"]).max() / np.abs(record[f"kernel_{name}"]).max()
            print(name, f"ours {1e3 * record[f'seconds_{name}_ours']:.2f} ms, difference {gap:.1e}", flush=True)
        record[f"limit_{name}"] = np.asarray(analytic(x, None, "ntk"))
    np.savez_compressed(HERE / "neural_tangents.npz", **record)


if __name__ == "__main__":
    main()
