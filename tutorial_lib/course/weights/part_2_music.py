"""Part 2: the two decoders of chapter 21, trained for longer than a reader waits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from tutorial_lib import hierarchical, music
from tutorial_lib.kit.data import melodies
from tutorial_lib.kit.train import minibatches, train
from tutorial_lib.kit.weights import Recipe

STEPS, BATCH, BETA, FREE = 1000, 16, 0.2, 88.7
RATES = {"flat": 1.6e-2, "hierarchical": 8e-3}  # each decoder's best of 2e-3 to 3.2e-2


def trained(kind: str, steps: int = STEPS) -> tuple[Mapping[str, Tensor], Mapping[str, Any]]:
    """Train one decoder with its encoder on the tunes that are not held out; half precision, and the log."""
    tunes = music.practice(melodies())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(21)
        model = hierarchical.tune_vae(kind, len(tunes.symbols), tunes.x[~tunes.held_out])
    rng = torch.Generator().manual_seed(21)

    def loss(x: Tensor) -> Tensor:
        return hierarchical.objective(*model.parts(x, rng), BETA, FREE)

    lr, batches = RATES[kind], minibatches(tunes.x[~tunes.held_out], BATCH, rng)
    history = train(loss, model.groups(lr), batches, steps, lr, decay=True)
    held = tunes.x[tunes.held_out]
    with torch.no_grad():
        mu, _ = model.encoder(held)
        taught, alone = model.decoder(mu, held).argmax(-1), model.decoder.let_go(mu, held)
    log = {"steps": steps, "batch": BATCH, "lr": lr, "beta": BETA, "free_nats": FREE,
           "tunes": int((~tunes.held_out).sum()),
           "parameters": sum(p.numel() for p in model.parameters()),
           "loss_by_fifth": [round(v, 2) for v in history.view(5, -1).mean(1).tolist()],
           "held_out_notes_right": {"beside the teacher": round(float(hierarchical.notes_right(taught, held)), 4),
                                    "alone": round(float(hierarchical.notes_right(alone, held)), 4)}}
    return {k: v.half() for k, v in model.state_dict().items()}, log


WEIGHTS = tuple(
    Recipe(f"tunes.{kind}", "21", f"the {kind} decoder of 16-bar tunes and its encoder, {STEPS} steps, float16",
           partial(trained, kind))
    for kind in hierarchical.KINDS)
