"""What a hosted JupyterLab does when it starts for somebody: their own copies of the chapters, in their own folder.

A Jupyter server extension, switched on by `python -m tutorial_lib host`.  On a hub every learner has a server and a
home; on Binder the home lasts as long as the session.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "latents-to-dynamics"  # below the folder that the server shows


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Where Jupyter finds the extension."""
    return [{"module": "tutorial_lib.cli.hosted"}]


def copies(root: str | Path) -> Path:
    """Make the copies that are not there yet below `root` and tell the kernels where they are; returns the folder."""
    from tutorial_lib.cli import workbook

    folder = Path(root) / FOLDER
    workbook.bring_up_to_date(folder)
    os.environ["TUTORIAL_HOME"] = str(folder)  # kernels inherit it: progress is kept beside the copies
    return folder


def _load_jupyter_server_extension(server) -> None:
    """Called once by a server that starts.  A folder that cannot be written costs the copies, not the server."""
    try:
        server.log.info("The chapters are in %s", copies(server.root_dir))
    except Exception as error:
        server.log.error("The chapters could not be copied: %s", error)
