"""A Transformer's layer as a machine instruction: move, multiply, divide, combine; and regression as such a program.

symbol      meaning                                                shape              in Akyurek et al. (2022)
h           hidden matrix, a column for each step                  (..., R, T)        H (H x T), section 3.1
R, T        rows (hidden size), steps                              ints               H, T
s, t        column that is read, column that is written            ints, t >= s       s, t
i, j, k     runs of rows (first, end), the end not taken           pairs of ints      (i, j), (i', j'), (i'', j'')
x, y        examples, in columns [0, x_1], [y_1, 0], [0, x_2] ...  (..., n, d), ..    equation 12
w, lam      weights, what ridge regression adds                    (d,), a float      w, lambda
rate        how far a gradient step goes                           a float            alpha, equation 11
size        by what numbers are scaled before GELU or a norm       a float            1 / N

By the paper's lemma 1 each of the four is one layer of a Transformer, so a program's length is a number of layers and
its rows are a hidden size.  Rows and columns count from 0.  `move` changes one column; the other three act on every
column alike, as a layer must, so most columns hold what nobody reads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

Run = tuple[int, int]
Layer = Callable[[Tensor], Tensor]
Arithmetic = Callable[[Tensor, Tensor], Tensor]
Program = tuple[list[Layer], dict[str, Run]]  # layers, and the rows of everything that has a name


def _written(h: Tensor, k: Run, value: Tensor) -> Tensor:
    """h with `value` (..., rows, columns) in the rows k.  Raises ValueError when it does not fill them."""
    if value.shape[-2] != k[1] - k[0]:
        raise ValueError(f"rows {k[0]} to {k[1]} hold {k[1] - k[0]} numbers; got {value.shape[-2]} to write")
    return torch.cat((h[..., : k[0], :], value.expand(*h.shape[:-2], *value.shape[-2:]), h[..., k[1] :, :]), -2)


def move(h: Tensor, s: int, t: int, i: Run, k: Run) -> Tensor:
    """Rows i of column s, copied into rows k of column t.  h: (..., R, T) -> the same

    Raises ValueError for t < s (a step may not see what comes after it) and when the runs differ in length.
    Akyurek et al. (2022), section 3.1, mov.  Taught in 48.
    """
    if t < s:
        raise ValueError(f"a step reads itself or earlier steps; got from column {s} to {t}")
    column = _written(h[..., t : t + 1], k, h[..., i[0] : i[1], s : s + 1])
    return torch.cat((h[..., :t], column, h[..., t + 1 :]), -1)


def multiply(h: Tensor, shape: tuple[int, int, int], i: Run, j: Run, k: Run,
             times: Arithmetic = torch.mul) -> Tensor:
    """In each column: rows i as an (a, b) matrix times rows j as a (b, c) matrix, written to rows k.  -> (..., R, T)

    shape: (a, b, c).  times: how two numbers are multiplied, see `gelu_product`.  Raises ValueError when runs and
    shape do not fit.  Akyurek et al. (2022), section 3.1, mul.  Taught in 48.
    """
    a, b, c = shape
    if (i[1] - i[0], j[1] - j[0], k[1] - k[0]) != (a * b, b * c, a * c):
        raise ValueError(f"({a}, {b}) times ({b}, {c}) needs {a * b}, {b * c} and {a * c} rows; got runs {i}, {j}, {k}")
    left, right = h[..., i[0] : i[1], :].unflatten(-2, (a, b, 1)), h[..., j[0] : j[1], :].unflatten(-2, (1, b, c))
    return _written(h, k, times(*torch.broadcast_tensors(left, right)).sum(-3).flatten(-3, -2))


def divide(h: Tensor, i: Run, by: int, k: Run, over: Arithmetic | None = None) -> Tensor:
    """In each column: rows i divided by the absolute value of row `by`, written to rows k.  -> (..., R, T)

    over: how numbers are divided, see `norm_quotient`, which tells why the sign is lost.
    Akyurek et al. (2022), section 3.1, div.  Taught in 48.
    """
    y, c = h[..., i[0] : i[1], :], h[..., by : by + 1, :]
    return _written(h, k, y / c.abs() if over is None else over(y.mT, c.mT).mT)


def combine(h: Tensor, k: Run, terms: Sequence[tuple[Run, Tensor | float]] = (), b: Tensor | float = 0.0) -> Tensor:
    """In each column: the sum of W times rows i over the terms (i, W), plus b, written to rows k.  -> (..., R, T)

    W: a matrix, or a number in the place of a multiple of I.  b: (k's length,) or a number.  Raises ValueError for
    more than two terms.  Akyurek et al. (2022), section 3.1, aff.  Taught in 48.
    """
    if len(terms) > 2:
        raise ValueError(f"a layer combines two runs of rows at most; got {len(terms)}")
    total = torch.as_tensor(b, dtype=h.dtype).expand(k[1] - k[0])[:, None].expand(-1, h.shape[-1])
    for (first, end), W in terms:
        part = h[..., first:end, :]
        total = total + (W @ part if isinstance(W, Tensor) else W * part)
    return _written(h, k, total)


def gelu_product(x: Tensor, y: Tensor, size: float = 1e-2) -> Tensor:
    """x y from three GELUs, sqrt(pi / 2) (G(x + y) - G(x) - G(y)) of numbers scaled down by `size`, scaled up again.

    Any shapes.  Short by size^2 (2 x^3 y + 3 x^2 y^2 + 2 x y^3) / 6 + terms in size^4, and by rounding / size.
    Akyurek et al. (2022), lemma 4.  Taught in 48.
    """
    x, y = size * x, size * y
    return math.sqrt(math.pi / 2) * (F.gelu(x + y) - F.gelu(x) - F.gelu(y)) / size**2


def norm_quotient(y: Tensor, c: Tensor, size: float = 1e-4) -> Tensor:
    """y / |c| from a layer norm of [c, -c, size y, -size y]: the large pair sets the deviation, which has no sign.

    y: (..., m), c: (..., 1), not 0 -> (..., m).  Short by a share of size^2 |y|^2 / (2 c^2).  After Akyurek et al.
    (2022), lemma 8; the second half keeps the mean at 0.  Taught in 48.
    """
    row = torch.cat((c, -c, size * y, -size * y), -1)
    return F.layer_norm(row, row.shape[-1:], eps=0.0)[..., 2 : 2 + y.shape[-1]] / size * (2 / row.shape[-1]) ** 0.5


def in_columns(x: Tensor, y: Tensor, query: Tensor, rows: int) -> Tensor:
    """Columns [0, x_1], [y_1, 0], ..., [0, query], with zeros below as room to work.  -> (..., rows, 2n + 1)

    x: (..., n, d), y: (..., n), query: (..., d).  Row 0 holds answers, rows 1 .. d inputs.  Raises ValueError for
    fewer than d + 1 rows.  Akyurek et al. (2022), equation 12.  Taught in 48.
    """
    n, d = x.shape[-2:]
    if rows <= d:
        raise ValueError(f"an answer and {d} numbers of an input need {d + 1} rows; got {rows}")
    h = x.new_zeros(*x.shape[:-2], rows, 2 * n + 1)
    h[..., 1 : d + 1, 0:-1:2], h[..., 0, 1::2], h[..., 1 : d + 1, -1] = x.mT, y, query
    return h


def places(**sizes: int) -> dict[str, Run]:
    """Runs of rows for named things, one below the other.  y=1, x=3 -> {"y": (0, 1), "x": (1, 4)}  Taught in 48."""
    ends = torch.tensor([0, *sizes.values()]).cumsum(0).tolist()
    return {name: (a, b) for name, a, b in zip(sizes, ends[:-1], ends[1:], strict=True)}


def execute(program: Program, x: Tensor, y: Tensor, query: Tensor) -> Tensor:
    """The number that a program leaves in the rows "answer" of the last column.  -> (...)

    x: (..., n, d), y: (..., n), query: (..., d).  Taught in 48.
    """
    layers, at = program
    h = in_columns(x, y, query, max(end for _, end in at.values()))
    for layer in layers:
        h = layer(h)
    return h[..., at["answer"][0], -1]


def step_program(w: Tensor, n: int, rate: float, lam: float = 0.0, times: Arithmetic = torch.mul) -> Program:
    """One pass of gradient steps through n examples from w, then w' . query.  7 n + 2 layers, 3 d + 4 rows.

    w <- w - 2 rate (x (w . x - y) + lam w).  w: (d,).  Raises ValueError for no example.
    Akyurek et al. (2022), theorem 1 and appendix A (whose listing has - lam w, which would make w grow).  Taught in 48.
    """
    if n < 1:
        raise ValueError(f"a step is taken for each example, so there is one at least; got n = {n}")
    d, at = len(w), places(y=1, x=len(w), wx=1, error=1, gradient=len(w), w=len(w), answer=1)
    dot = partial(multiply, shape=(1, d, 1), i=at["w"], j=at["x"], times=times)
    layers: list[Layer] = [partial(combine, k=at["w"], b=w)]
    for e in range(n):
        layers += [
            partial(move, s=2 * e, t=2 * e + 1, i=at["x"], k=at["x"]),
            partial(dot, k=at["wx"]),
            partial(combine, k=at["error"], terms=[(at["wx"], 1.0), (at["y"], -1.0)]),
            partial(multiply, shape=(d, 1, 1), i=at["x"], j=at["error"], k=at["gradient"], times=times),
            partial(combine, k=at["gradient"], terms=[(at["gradient"], 1.0), (at["w"], lam)]),
            partial(combine, k=at["w"], terms=[(at["w"], 1.0), (at["gradient"], -2 * rate)]),
            partial(move, s=2 * e + 1, t=min(2 * e + 3, 2 * n), i=at["w"], k=at["w"]),
        ]
    return [*layers, partial(dot, k=at["answer"])], at


def ridge_program(d: int, n: int, lam: float, times: Arithmetic = torch.mul, over: Arithmetic | None = None) -> Program:
    """Ridge regression on n examples by Sherman & Morrison's update, then w . query.  11 n + 3 layers.

    2 d^2 + 5 d + 3 rows.  Raises ValueError for no example and unless lam is above 0.  Akyurek et al. (2022),
    theorem 2 and appendix B (one example there; here the inverse and X'Y move on to the next).  Taught in 48.
    """
    if n < 1 or lam <= 0:
        raise ValueError(f"there is an example at least, and the first inverse is I / lam; got n = {n}, lam = {lam}")
    at = places(y=1, x=d, xy=d, inverse=d * d, moment=d, u=d, uu=d * d, one=1, w=d, answer=1)
    product = partial(multiply, times=times)
    layers: list[Layer] = [partial(combine, k=at["inverse"], b=torch.eye(d, dtype=torch.float64).flatten() / lam)]
    for e in range(n):
        here, there = 2 * e + 1, min(2 * e + 3, 2 * n)
        layers += [
            partial(move, s=here - 1, t=here, i=at["x"], k=at["x"]),
            partial(product, shape=(d, 1, 1), i=at["x"], j=at["y"], k=at["xy"]),
            partial(combine, k=at["moment"], terms=[(at["moment"], 1.0), (at["xy"], 1.0)]),
            partial(product, shape=(d, d, 1), i=at["inverse"], j=at["x"], k=at["u"]),
            partial(product, shape=(d, 1, d), i=at["u"], j=at["u"], k=at["uu"]),
            partial(product, shape=(1, d, 1), i=at["x"], j=at["u"], k=at["one"]),
            partial(combine, k=at["one"], terms=[(at["one"], 1.0)], b=1.0),
            partial(divide, i=at["uu"], by=at["one"][0], k=at["uu"], over=over),
            partial(combine, k=at["inverse"], terms=[(at["inverse"], 1.0), (at["uu"], -1.0)]),
            *(partial(move, s=here, t=there, i=at[name], k=at[name]) for name in ("inverse", "moment")),
        ]
    return [*layers, partial(product, shape=(d, d, 1), i=at["inverse"], j=at["moment"], k=at["w"]),
            partial(product, shape=(1, d, 1), i=at["w"], j=at["x"], k=at["answer"])], at
