"""Several cells within one time step: stacked, one after the other, or fast and slow; and the paths through them.

symbol        meaning                                            shape
x, B, D       the input of one step                              (B, D)    Mujika et al. (2017): x_t
h, c          what a cell shows; its memory                      (B, H)    h_t, c_t
k             fast cells within one time step                    int       F_1 ... F_k
F, S          the fast cells' one shared state; the slow state   pairs     h^F, h^S
cell          (x or None, (h, c)) -> (h', (h', c')), one update   function  f^F, f^S
z, i, f, g, o what the matrices give; the four gates             (B, 4H)
keep          zoneout: probability that a unit takes its new     (0, 1)
              value
n             steps back in time                                 int
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State = tuple[Tensor, Tensor]
CellStep = Callable[[Any, Any], tuple[Tensor, Any]]
KINDS = ("stacked", "sequential", "fast-slow")
EPS = 1e-3  # of the authors' layer norm

# ---------------------------------------------------------------- the cell


def normalise(z: Tensor, groups: int) -> Tensor:
    """Bring each of `groups` equal parts of the last axis to mean 0 and variance 1 (EPS is added to the variance).

    z: (..., groups * H) -> the same shape.  Raises ValueError when the parts do not come out even.
    Ba et al. (2016), arXiv:1607.06450; gate by gate as in the authors' aux.py.  Taught in 23.
    """
    if groups < 1 or z.shape[-1] % groups:
        raise ValueError(f"{z.shape[-1]} numbers do not part into {groups} equal groups")
    parts = z.unflatten(-1, (groups, -1))  # (..., groups, H)
    return F.layer_norm(parts, parts.shape[-1:], eps=EPS).flatten(-2)


def norm_lstm_step(x: Tensor | None, state: State, Wx: Tensor | None, Wh: Tensor, gain: Tensor, b: Tensor,
                   gain_c: Tensor, b_c: Tensor) -> tuple[Tensor, State]:
    """An LSTM step whose four gates, and whose memory before it is shown, are normalised over their H units.

    x: (B, D) or None, state: h and c, each (B, H); Wx: (4H, D), Wh: (4H, H), gain, b: (4H,), gain_c, b_c: (H,).
    Each of i, f, g, o is brought to mean 0 and variance 1 over its own units before gain and b.
    Ba et al. (2016), arXiv:1607.06450; as in the authors' LNLSTM.py.  Taught in 23.
    """
    h, c = state
    z = h @ Wh.T if x is None else torch.addmm(h @ Wh.T, x, Wx.T)  # (B, 4H)
    i, f, g, o = torch.addcmul(b, normalise(z, 4), gain).chunk(4, -1)  # (B, H) each
    c = torch.addcmul(f.sigmoid() * c, i.sigmoid(), g.tanh())
    h = o.sigmoid() * F.layer_norm(c, c.shape[-1:], gain_c, b_c, EPS).tanh()
    return h, (h, c)


class NormLSTM(nn.Module):
    """The parameters of `norm_lstm_step`: orthogonal matrices, forget gates opened by a bias of 1.

    D: inputs, 0 for a cell that is given none; H: units.  Saxe et al. (2014) for the orthogonal start.
    """

    def __init__(self, D: int, H: int) -> None:
        super().__init__()
        self.Wx = nn.Parameter(nn.init.orthogonal_(torch.empty(4 * H, D))) if D else None
        self.Wh = nn.Parameter(nn.init.orthogonal_(torch.empty(4 * H, H)))
        self.gain, self.gain_c, self.b_c = (nn.Parameter(v) for v in (torch.ones(4 * H), torch.ones(H), torch.zeros(H)))
        self.b = nn.Parameter(torch.zeros(4 * H).index_fill(0, torch.arange(H, 2 * H), 1.0))

    def forward(self, x: Tensor | None, state: State) -> tuple[Tensor, State]:
        """One update."""
        return norm_lstm_step(x, state, self.Wx, self.Wh, self.gain, self.b, self.gain_c, self.b_c)


def zoneout(new: Tensor, old: Tensor, keep: float, mask: Tensor | None = None) -> Tensor:
    """Each unit takes its new value with probability `keep`, else it stays as it was; without a mask, the expectation.

    new, old: (..., H); mask: 1 where the new value is taken, 0 where the old one stays.
    Raises ValueError unless 0 < keep <= 1.  Krueger et al. (2017), arXiv:1606.01305.  Taught in 23.
    """
    if not 0 < keep <= 1:
        raise ValueError(f"keep is a probability above 0, at most 1; got {keep}")
    share = keep if mask is None else mask
    return share * new + (1 - share) * old


# ---------------------------------------------------------------- how cells are joined


def stacked_step(x: Tensor, state: Sequence[State], cells: Sequence[CellStep]) -> tuple[Tensor, list[State]]:
    """Cells above each other: each has a state of its own and reads what the one below shows.

    x: (B, D), state: one (h, c) per cell -> the top h, the states.  Raises ValueError when they differ in number.
    Taught in 23.
    """
    if len(state) != len(cells):
        raise ValueError(f"a state for each cell is needed; got {len(state)} for {len(cells)}")
    after = []
    for cell, s in zip(cells, state, strict=True):
        x, s = cell(x, s)
        after.append(s)
    return x, after


def sequential_step(x: Tensor, state: State, cells: Sequence[CellStep]) -> tuple[Tensor, State]:
    """Cells one after the other on one shared state; only the first is given the input.

    x: (B, D), state: (h, c) -> h, (h, c).  Pascanu et al. (2014), arXiv:1312.6026: deep transition.  Taught in 23.
    """
    for i, cell in enumerate(cells):
        h, state = cell(x if i == 0 else None, state)
    return h, state


def fast_slow_step(x: Tensor, state: tuple[State, State], fast: Sequence[CellStep],
                   slow: CellStep) -> tuple[Tensor, tuple[State, State]]:
    """F_1 reads x, the slow cell reads F_1, F_2 reads the slow cell, F_3 ... F_k read nothing; one fast state for all.

    x: (B, D), state: (F, S), each (h, c) -> h of the last fast cell, (F, S).
    Raises ValueError for fewer than two fast cells.  Mujika et al. (2017); the authors' FSRNN.py.  Taught in 23.
    """
    if len(fast) < 2:
        raise ValueError(f"the slow cell stands between the first and the second fast cell; got {len(fast)} fast cells")
    F_state, S_state = state
    h, F_state = fast[0](x, F_state)
    s, S_state = slow(h, S_state)
    h, F_state = fast[1](s, F_state)
    for cell in fast[2:]:
        h, F_state = cell(None, F_state)
    return h, (F_state, S_state)


class Joined(nn.Module):
    """`cells` normalised LSTM cells of H units, joined as `kind` says; a step for `recurrent.scan`.

    kind: one of KINDS; "fast-slow" has one slow and cells - 1 fast ones.  D: inputs.
    Raises ValueError for another kind or too few cells.
    """

    def __init__(self, kind: str, cells: int, D: int, H: int) -> None:
        super().__init__()
        self.kind, self.H = kind, H
        self.cells = nn.ModuleList(NormLSTM(d, H) for d in input_sizes(kind, cells, D, H))

    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One time step."""
        if self.kind == "stacked":
            return stacked_step(x, state, self.cells)
        if self.kind == "sequential":
            return sequential_step(x, state, self.cells)
        fast = [self.cells[0], *self.cells[2:]]  # the slow cell is second, where it stands in the step
        return fast_slow_step(x, state, fast, self.cells[1])

    def start(self, B: int) -> Any:
        """A state of zeros for B sequences."""
        pair = (torch.zeros(B, self.H), torch.zeros(B, self.H))
        return {"stacked": [pair] * len(self.cells), "sequential": pair, "fast-slow": (pair, pair)}[self.kind]


def input_sizes(kind: str, cells: int, D: int, H: int) -> list[int]:
    """How many inputs each cell reads, in the order in which they are used; 0 for a cell that reads none.

    "fast-slow": F_1, S, F_2, F_3, ...  Raises ValueError for another kind or too few cells.  Taught in 23.
    """
    least = {"stacked": 1, "sequential": 1, "fast-slow": 3}
    if kind not in least or cells < least[kind]:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, with at least {least.get(kind, 1)} cells; "
                         f"got {kind!r} with {cells}")
    reading = {"stacked": cells, "sequential": 1, "fast-slow": 3}[kind]
    return [D] + [H if i < reading else 0 for i in range(1, cells)]


def parameters(kind: str, cells: int, D: int, H: int) -> int:
    """How many numbers `Joined` learns: 4H (inputs + H) in matrices and 10H in gains and biases for each cell.

    Raises ValueError as `input_sizes` does.  Taught in 23.
    """
    return sum(4 * H * (d + H) + 10 * H for d in input_sizes(kind, cells, D, H))


def width_for(kind: str, cells: int, D: int, budget: int) -> int:
    """The largest H with which `Joined` learns no more than `budget` numbers.

    Raises ValueError when even one unit is too much.  Taught in 23.
    """
    if parameters(kind, cells, D, 1) > budget:
        raise ValueError(f"one unit in each of {cells} cells takes {parameters(kind, cells, D, 1)} numbers; "
                         f"the budget is {budget}")
    H = 1
    while parameters(kind, cells, D, H + 1) <= budget:
        H += 1
    return H


# ---------------------------------------------------------------- what is felt, and what changes


def run_states(step: CellStep, xs: Tensor, state: Any) -> tuple[Tensor, list[Any]]:
    """All outputs (B, T, H) and the state after each step, a list of T; xs: (B, T, ...).  Taught in 23."""
    ys, states = [], []
    for x in xs.unbind(1):
        y, state = step(x, state)
        ys.append(y)
        states.append(state)
    return torch.stack(ys, 1), states


def memories(state: Any) -> list[Tensor]:
    """The c of each cell in a state: of (h, c), of ((h, c), (h, c)), of a list of such pairs.  Taught in 23."""
    if torch.is_tensor(state[0]):
        return [state[1]]
    return [c for part in state for c in memories(part)]


def memory_reach(step: CellStep, xs: Tensor, state: Any, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """How strongly the last loss depends on each memory n steps back: the mean over B of |d L_T / d c_{T-n}|.

    xs: (B, T, ...); loss: the last output (B, H) -> (B,), one number per sequence.
    Returns (M, T), one row per memory in the order of `memories`; entry n is n steps back.
    Mujika et al. (2017), section 4.2, figure 3.  Taught in 23.
    """
    ys, states = run_states(step, xs, state)
    cs = [memories(s) for s in states]  # T lists of M
    grads = torch.autograd.grad(loss(ys[:, -1]).sum(), [c for row in cs for c in row], allow_unused=True)
    sizes = torch.stack([ys.new_zeros(()) if g is None else g.norm(dim=-1).mean() for g in grads])
    return sizes.view(len(cs), -1).flip(0).T


def memory_change(states: Sequence[Any]) -> Tensor:
    """Mean squared change of each memory from one time step to the next, over units, sequences and time: (M,).

    states: T states as `run_states` gives them.  Raises ValueError for fewer than two.
    Mujika et al. (2017), section 4.2, figure 4.  Taught in 23.
    """
    if len(states) < 2:
        raise ValueError("a change needs two time steps at least")
    cs = torch.stack([torch.stack(memories(s)) for s in states])  # (T, M, B, H)
    return cs.diff(dim=0).square().mean((0, 2, 3))


def kept(forget: float, updates: int) -> float:
    """What a gate near `forget` leaves of a memory after so many updates: forget to the power of updates.

    Raises ValueError outside [0, 1].  Taught in 23.
    """
    if not 0 <= forget <= 1:
        raise ValueError(f"a gate lies between 0 and 1; got {forget}")
    return math.pow(forget, updates)
