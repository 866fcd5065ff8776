"""`python -m tutorial_lib host`: prepare the environment of a JupyterHub, or of Binder, for learners.

Writes settings into the environment's own etc/jupyter, beside what is there: the start page opens first, widgets are
saved with notebooks, and each server that starts makes its user's copies of the chapters (`hosted`).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tutorial_lib.cli import Stop

SETTINGS = Path(__file__).with_name("jupyter") / "labconfig"
START = "/lab/tree/latents-to-dynamics/00_start_here.ipynb"


def merged(old, new):
    """`new` over `old`, mapping by mapping; what is only in `old` stays."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {k: merged(old.get(k), v) for k, v in new.items()}
    return new


def put(file: Path, settings) -> None:
    """Merge settings into a JSON file.  Raises Stop for a file that is no JSON, which is left as it is."""
    try:
        old = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except ValueError:
        raise Stop(f"{file} is there and is no JSON: mend it or move it away, then run this again.") from None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(merged(old, settings), indent=1) + "\n", encoding="utf-8")


def main(argv) -> int:
    """Write the settings of this environment, or below another prefix."""
    parser = argparse.ArgumentParser(prog="python -m tutorial_lib host")
    parser.add_argument("--prefix", type=Path, default=Path(sys.prefix), metavar="FOLDER",
                        help="the environment to prepare (default: this one)")
    etc = parser.parse_args(argv).prefix / "etc" / "jupyter"
    put(etc / "jupyter_server_config.d" / "latents-to-dynamics.json",
        {"ServerApp": {"jpserver_extensions": {"tutorial_lib.cli.hosted": True}, "default_url": START},
         "LabApp": {"default_url": START}})
    for file in sorted(SETTINGS.glob("*.json")):
        put(etc / "labconfig" / file.name, json.loads(file.read_text(encoding="utf-8")))
    print(f"prepared {etc}: servers of this environment open the start page, on copies of their user's own.")
    return 0
