"""`make lab`: JupyterLab on the reader's own copies, at the start page."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path

from tutorial_lib.cli import Stop, workbook
from tutorial_lib.kit import settings


def free_port(wanted: int | None) -> int:
    """The port to use: `wanted` if it is free (raises Stop otherwise), else the first free one from 8888."""
    for port in [wanted] if wanted else range(8888, 8908):
        with socket.socket() as probe:
            if os.name != "nt":  # a port just closed is free, as the server itself sees it
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    if wanted:
        raise Stop(f"Port {wanted} is in use, perhaps by a JupyterLab that is still open in another terminal. "
                   f"Use that one, or take another port: python -m tutorial_lib lab --port {wanted + 1}")
    raise Stop("The ports 8888 to 8907 are all in use: close a JupyterLab, or name one with --port.")


def before(variable: str, folder: Path) -> str:
    """The search path in an environment variable, with `folder` put in front."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get(variable)])])


def command(folder: Path, port: int, browser: bool) -> list[str]:
    """The command that serves `folder`, opening the start page."""
    options = [f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
               "--LabApp.default_url=/lab/tree/00_start_here.ipynb", "--LabApp.news_url=None",
               "--LabApp.extension_manager=readonly"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    if not browser:
        options.append("--no-browser")
    return [sys.executable, "-m", "jupyterlab", *options]


def say(copied: list[Path], changed: list[Path]) -> None:
    """Tell the reader what was copied, and which chapters have a newer edition."""
    if copied:
        print(f"Copied into {settings.home().name}/: {', '.join(p.stem for p in copied)}. They are yours to change.")
    for chapter in changed:
        number = chapter.name.split("_")[0]
        print(f"Chapter {number} has a newer edition; your copy stays as it is. To put the new one beside it:\n"
              f"    python -m tutorial_lib lab --new {number}")


def main(argv: list[str]) -> int:
    """Copy what is new, then serve until the reader stops it."""
    parser = argparse.ArgumentParser(prog="python -m tutorial_lib lab")
    parser.add_argument("--new", metavar="CHAPTER", help="put the newest edition of a chapter beside your copy")
    parser.add_argument("--port", type=int, help="the port to serve on (default: the first free one from 8888)")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    args = parser.parse_args(argv)
    if args.new:
        print(f"The newest edition of chapter {args.new} is now {workbook.put_beside(args.new)}.")
        return 0
    port = free_port(args.port)
    say(*workbook.bring_up_to_date())
    env = {**os.environ,
           # a copy finds the library of this folder, wherever the folder was moved to
           "PYTHONPATH": before("PYTHONPATH", settings.ROOT),
           # labconfig/ in there: no question about news, which would need the network; widgets saved with the
           # notebook, since a slider without its state shows as an error the next day; long lines wrapped; what a
           # teacher's packages add to JupyterLab switched off
           "JUPYTER_CONFIG_PATH": before("JUPYTER_CONFIG_PATH", Path(__file__).with_name("jupyter"))}
    print("Opening JupyterLab; press Ctrl+C here to stop it. Your work is saved in "
          f"{settings.home()}.", flush=True)
    return subprocess.run(command(settings.home(), port, not args.no_browser), env=env, check=False).returncode
