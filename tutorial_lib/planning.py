"""Finding a path as writing a line: graphs, lines "s t s u1 ... t end", what lines show, how often walkers arrive.

symbol       meaning                                               shape            in Wang et al. (2024)
n, p         nodes; how likely an edge is                          int, float       |V|, p, section 4
s, t         source and target node                                ints             (s, t), section 2.2
i, j, k      node now, target, next node or end                    ints             section 3.2
A            A[i, k]: there is an edge from i to k                 (n, n) bool      A^true, A^obs, section 3.1
R            R[t, k]: k can reach t (t itself can)                 (n, n) bool      R^true, R^obs, section 3.2
x            lines of tokens s t s u1 ... t end, then more ends    (L, T) int64     u, section 2.2
end          the token after a line's last node: n                 an int           \\n
N            N[i, j, k]: how often k follows i towards j           (n, n, n + 1)    N_{i,j,k}, section 3.2
P            P[t, i, k]: chance of k after i towards t             (n, n, n + 1)    u-hat, equation 5
D            D[s, t]: steps until something seen helps             (n, n) int64     degree, section 4.2

Rows of A are where one stands, rows of R where one wants to go: the paper's order, kept here.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

# ---------------------------------------------------------------- a graph and what can be reached in it


def random_dag(n: int, p: float, rng: torch.Generator) -> Tensor:
    """A random graph without cycles: for i < k, an edge from i to k with chance p.  -> A (n, n) bool

    Raises ValueError for n < 2 or p outside [0, 1].  Wang et al. (2024), section 4.  Taught in 49.
    """
    if n < 2 or not 0 <= p <= 1:
        raise ValueError(f"a graph needs two nodes and a chance between 0 and 1; got n={n}, p={p}")
    return (torch.rand(n, n, generator=rng) < p).triu(1)


def reachable(A: Tensor) -> Tensor:
    """R[t, k]: k can reach t along edges, by none of them too.  A: (n, n) bool -> (n, n) bool

    Walks are doubled in length until they cover the graph.  Wang et al. (2024), section 3.1.  Taught in 49.
    """
    walks = A.double() + torch.eye(len(A), dtype=torch.double)  # at most one step
    for _ in range(max(1, (len(A) - 1).bit_length())):
        walks = (walks @ walks > 0).double()
    return walks.T > 0


def split_pairs(A: Tensor, share: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pairs (s, t) with a path, each in training with chance `share`, an edge always: -> (P, 2) and (Q, 2) int64.

    A: (n, n) bool.  Wang et al. (2024), section 4, with share 0.5.  Taught in 49.
    """
    paths = reachable(A).T & ~torch.eye(len(A), dtype=torch.bool)  # (n, n), from s to t
    train = paths & (A | (torch.rand(A.shape, generator=rng) < share))
    return train.nonzero(), (paths & ~train).nonzero()


# ---------------------------------------------------------------- lines


def walk(A: Tensor, R: Tensor, s: int, t: int, rng: torch.Generator) -> list[int]:
    """Nodes from s on, each drawn evenly from S = {k: A[i, k] and R[t, k]}, until t, or until S is empty.

    A, R: (n, n) bool.  With the true A and R it ends at t whenever s can reach t (fact 1); on a graph with cycles
    it may take long.  Wang et al. (2024), algorithm 1.  Taught in 49.
    """
    path = [s]
    while path[-1] != t:
        S = (A[path[-1]] & R[t]).nonzero().flatten()
        if not len(S):
            break
        path.append(int(S[torch.randint(len(S), (1,), generator=rng)]))
    return path


def written(paths: list[list[int]], targets: list[int], end: int) -> Tensor:
    """Paths as lines s t s u1 ... end, filled up with ends to one length.  -> (L, T) int64

    Raises ValueError when a path is empty or there is not one target for each.  Section 2.2.  Taught in 49.
    """
    if len(paths) != len(targets) or not all(paths):
        raise ValueError(f"one target for each path of a node or more; got {len(targets)} for {len(paths)} paths")
    T = max((len(path) for path in paths), default=0) + 3
    lines = [[path[0], t, *path] for path, t in zip(paths, targets, strict=True)]
    return torch.tensor([line + [end] * (T - len(line)) for line in lines])


def training_lines(A: Tensor, pairs: Tensor, m: int, rng: torch.Generator) -> Tensor:
    """For each pair m random paths, and the edge itself where there is one.  pairs: (P, 2) -> x (L, T) int64

    A: (n, n) bool.  Wang et al. (2024), section 4, with m = 20.  Taught in 49.
    """
    R, paths, targets = reachable(A), [], []
    for s, t in pairs.tolist():
        new = [walk(A, R, s, t, rng) for _ in range(m)] + [[s, t]] * bool(A[s, t])
        paths, targets = paths + new, targets + [t] * len(new)
    return written(paths, targets, len(A))


def valid(x: Tensor, A: Tensor) -> Tensor:
    """Whether each line is one: s again, then along edges to t, then end.  x: (L, T), A: (n, n) -> (L,) bool

    What stands after the first end is not read.  Raises ValueError for lines shorter than 5 tokens.
    Wang et al. (2024), sections 2.2 and 4.1.  Taught in 49.
    """
    if x.shape[1] < 5:
        raise ValueError(f"the shortest line is s t s t end; got {x.shape[1]} tokens")
    n = len(A)
    ended = (x[:, 2:] == n).cumsum(1) > 0  # (L, T - 2), from the first end on
    steps = F.pad(A, (0, 1, 0, 1))[x[:, 2:-1], x[:, 3:]]  # (L, T - 3)
    last = (~ended).sum(1) + 1  # where the last node stands
    arrives = x.gather(1, last[:, None])[:, 0] == x[:, 1]
    return (x[:, 2] == x[:, 0]) & (steps | ended[:, 1:]).all(1) & ended[:, -1] & arrives & (last > 2)


# ---------------------------------------------------------------- what lines show


def observed_adjacency(x: Tensor, n: int) -> Tensor:
    """A_obs[i, k]: some line goes from i to k in one step.  x: (L, T) -> (n, n) bool

    The first two tokens are no step.  Wang et al. (2024), section 3.2.  Taught in 49.
    """
    A = torch.zeros(n + 1, n + 1, dtype=torch.bool)
    A[x[:, 2:-1], x[:, 3:]] = True
    return A[:n, :n]


def observed_reachability(x: Tensor, n: int) -> Tensor:
    """R_obs[t, k]: some line with target t passes k after its source (t itself counts).  x: (L, T) -> (n, n) bool

    The source does not count: it is never a next token.  Nothing is concluded from two lines together.
    Wang et al. (2024), section 3.2.  Taught in 49.
    """
    R = torch.zeros(n + 1, n + 1, dtype=torch.bool)
    R[x[:, 1:2].expand_as(x[:, 3:]), x[:, 3:]] = True
    return R[:n, :n]


def counts(x: Tensor, n: int) -> Tensor:
    """N[i, j, k]: how often k comes after i in lines with target j, end included.  x: (L, T) -> (n, n, n + 1) float64

    Wang et al. (2024), section 3.2.  Taught in 49.
    """
    now, goal, then = x[:, 2:-1], x[:, 1:2].expand(-1, x.shape[1] - 3), x[:, 3:]  # (L, T - 3)
    place = ((now * n + goal) * (n + 1) + then)[now < n]
    return torch.bincount(place, minlength=n * n * (n + 1)).view(n, n, n + 1).double()


def refused(N: Tensor) -> Tensor:
    """F[t, k]: k was a possible next node somewhere towards t, and was never taken: a sign that k cannot reach t.

    N: (n, n, n + 1) -> (n, n) bool; edges are those that N shows.  Ours: by equation 6, W_V[t, k] falls
    faster the likelier W_M makes k at nodes visited towards t.  Taught in 49.
    """
    steps, visited = N[..., :-1], N.sum(-1) > 0  # (i, j, k), (i, j)
    offered = visited.double().T @ (steps.sum(1) > 0).double() > 0  # (t, k)
    return offered & ~(steps.sum(0) > 0)


def degree(A: Tensor, R_obs: Tensor) -> Tensor:
    """D[s, t]: 0 where R_obs[t, s]; else one more than the least degree of an out-neighbour; -1 where there is none.

    A, R_obs: (n, n) bool -> (n, n) int64.  Wang et al. (2024), section 4.2, where 3 and more are one class.
    Taught in 49.
    """
    D = torch.where(R_obs.T, 0, -1)
    for d in range(1, len(A)):
        helps = A.double() @ (d - 1 == D).double() > 0  # (n, n): a neighbour of s has degree d - 1
        D = torch.where((D < 0) & helps, d, D)
    return D


# ---------------------------------------------------------------- walkers, exactly


def algorithm_1(A: Tensor, R: Tensor, guess: bool = False) -> Tensor:
    """Chances of the walker that draws evenly from S, and writes end at t; all 0 where S is empty.

    With guess it then draws from all out-neighbours: the best that can be done with A where R says nothing (ours).
    A, R: (n, n) bool -> P (n, n, n + 1) float64.  Wang et al. (2024), algorithm 1.  Taught in 49.
    """
    n = len(A)
    S = (A & R[:, None]).double()  # (t, i, k)
    if guess:
        S = torch.where(S.sum(-1, keepdim=True) > 0, S, A.double())
    P = F.pad(S / S.sum(-1, keepdim=True).clamp(min=1), (0, 1))
    P[range(n), range(n)] = F.one_hot(torch.tensor(n), n + 1).double()
    return P


def arrival(P: Tensor, A: Tensor) -> Tensor:
    """How likely a walker writes a valid line, f[s, t] = sum over k of A[s, k] P[t, s, k] f[k, t], from t backwards.

    f[t, t] = P[t, t, end].  P: (n, n, n + 1), A: (n, n) bool, edges from lower to higher -> f (n, n).  Exact: no
    line is drawn.  Raises ValueError when an edge leads to a lower node or to itself.  Taught in 49.
    """
    n = len(A)
    if A.tril().any():
        raise ValueError("edges must lead from lower to higher numbers, so that each walk comes to an end")
    f = torch.diag(P[range(n), range(n), n])  # (s, t)
    for s in range(n - 2, -1, -1):
        onward = (P[:, s, :n] * A[s] * f.T).sum(-1)  # (t,)
        f[s, s + 1 :] = onward[s + 1 :]
    return f


def by_degree(right: Tensor, degrees: Tensor, most: int = 3) -> tuple[Tensor, Tensor]:
    """Sum of `right` and number of pairs for degree 0, 1, ..., `most` or more: to be added over graphs, then divided.

    right: (Q,), true or a chance; degrees: (Q,) int64 -> both (most + 1,) float64.  Raises ValueError for a negative
    degree: no path leads there.  Wang et al. (2024), figure 6.  Taught in 49.
    """
    if (degrees < 0).any():
        raise ValueError("a pair without a path has no degree; leave it out")
    hot = F.one_hot(degrees.clamp(max=most), most + 1).double()  # (Q, most + 1)
    return right.double() @ hot, hot.sum(0)
