"""A network as a short file, and what its shortness proves.

symbol   meaning                                                            shape
z        coordinates in a random subspace (module `subspace`)               (d,)
seed     draws where the weights begin and the subspace                     an int
bits     stored for each coordinate: 32 (as they are), or fewer             an int
B        length of a whole file, in bits                                    an int
N        training examples, drawn independently                             an int
q        share of them that the network gets wrong                          a number
p        share wrong among all examples that could be drawn                 a number
delta    how often the bound may fail, over draws of the examples           a number

There are only 2^B files of B bits, so a rule that is right for each of them but for a share delta / 2^B of the draws of
the examples is right for all of them at once but for a share delta.
"""

from __future__ import annotations

import math
import struct

import numpy as np
import torch
from torch import Tensor

HEAD = struct.Struct("<QIBf")  # seed, d, bits, step: 17 bytes


def pack(z: Tensor, seed: int, bits: int = 32) -> bytes:
    """A network of a random subspace as a file: seed, d, bits, the step between levels, then z.  (d,) -> bytes

    With bits = 32 z is kept as it is (float32); with 1 to 16 each coordinate becomes one of 2^bits evenly spaced
    levels between -max |z| and max |z|.  Raises ValueError for other bits.  Taught in 36.
    """
    if bits == 32:
        return HEAD.pack(seed, len(z), bits, 1.0) + z.to(torch.float32).numpy().tobytes()
    if not 1 <= bits <= 16:
        raise ValueError(f"a coordinate is kept with 32 bits or with 1 to 16; got {bits}")
    levels = 2**bits - 1
    step = 2 * z.abs().max().item() / levels
    step = struct.unpack("<f", struct.pack("<f", step or 1.0))[0]  # as the file will hold it
    number = (z.double().numpy() / step + levels / 2).round().clip(0, levels).astype(np.uint32)  # (d,)
    planes = number[:, None] >> np.arange(bits, dtype=np.uint32) & 1  # (d, bits)
    return HEAD.pack(seed, len(z), bits, step) + np.packbits(planes.astype(np.uint8)).tobytes()


def unpack(file: bytes) -> tuple[Tensor, int]:
    """What `pack` has put into a file: z and seed.  -> (d,) float32, an int

    Raises ValueError for a file of another length than its head says.  Taught in 36.
    """
    if len(file) < HEAD.size:
        raise ValueError(f"a file begins with {HEAD.size} bytes of seed, d, bits and step; got {len(file)} bytes")
    seed, d, bits, step = HEAD.unpack_from(file)
    body = np.frombuffer(file, np.uint8, offset=HEAD.size)
    if len(body) != -(-d * bits // 8):
        raise ValueError(f"{d:,} coordinates of {bits} bits take {-(-d * bits // 8):,} bytes; got {len(body):,}")
    if bits == 32:
        return torch.from_numpy(body.view("<f4").astype(np.float32)), seed
    planes = np.unpackbits(body, count=d * bits).reshape(d, bits).astype(np.int64)
    number = (planes << np.arange(bits)).sum(1)
    return torch.from_numpy(((number - (2**bits - 1) / 2) * step).astype(np.float32)), seed


def divergence(q: float, p: float) -> float:
    """KL between two coins, of q against p, in nats: q log(q / p) + (1 - q) log((1 - q) / (1 - p)).

    Raises ValueError unless 0 <= q <= 1 and 0 < p < 1.  Taught in 36.
    """
    if not (0 <= q <= 1 and 0 < p < 1):
        raise ValueError(f"shares lie between 0 and 1, p strictly; got q = {q}, p = {p}")
    return sum(a * math.log(a / b) for a, b in ((q, p), (1 - q, 1 - p)) if a > 0)


def occam(q: float, B: float, N: int, delta: float = 0.01) -> float:
    """The p above q with KL(q, p) = (B log 2 + log 1/delta) / N: no file of B bits is worse, in 1 - delta of draws.

    By Chernoff's bound, N independent examples show q or fewer errors, where p is the truth, with probability at most
    exp(-N KL(q, p)).  Raises ValueError unless 0 <= q < 1, B >= 0, N >= 1 and 0 < delta < 1.
    Blumer et al. (1987), in the form of Langford (2005).  Taught in 36.
    """
    if not (0 <= q < 1 and B >= 0 and N >= 1 and 0 < delta < 1):
        raise ValueError(f"the bound needs 0 <= q < 1, B >= 0, N >= 1, 0 < delta < 1; got {q}, {B}, {N}, {delta}")
    allowed = (B * math.log(2) - math.log(delta)) / N
    low, high = q, 1.0
    for _ in range(60):  # bisection: KL(q, p) grows with p above q
        middle = (low + high) / 2
        low, high = (middle, high) if middle < 1 and divergence(q, max(middle, 1e-300)) < allowed else (low, middle)
    return high
