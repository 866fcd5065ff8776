"""A hosted course: settings beside what is there, and a real server that makes its user's copies."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tutorial_lib import cli
from tutorial_lib.cli import host, hosted
from tutorial_lib.kit.settings import ROOT


def test_settings_are_merged_and_a_broken_file_is_left_alone(tmp_path):
    config = tmp_path / "etc" / "jupyter" / "jupyter_server_config.d" / "latents-to-dynamics.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"ServerApp": {"mine": 1, "jpserver_extensions": {"other": True}}}))
    assert host.main(["--prefix", str(tmp_path)]) == 0 and host.main(["--prefix", str(tmp_path)]) == 0
    found = json.loads(config.read_text())["ServerApp"]
    assert found["mine"] == 1 and found["jpserver_extensions"] == {"other": True, "tutorial_lib.cli.hosted": True}
    overrides = json.loads((tmp_path / "etc/jupyter/labconfig/default_setting_overrides.json").read_text())
    assert overrides["@jupyter-widgets/jupyterlab-manager:plugin"]["saveState"] is True
    config.write_text("{half")
    with pytest.raises(cli.Stop, match="is no JSON"):
        host.main(["--prefix", str(tmp_path)])
    assert config.read_text() == "{half" and host.merged(1, {"a": 2}) == {"a": 2}
    host.put(tmp_path / "new" / "x.json", {"a": 1})
    assert json.loads((tmp_path / "new" / "x.json").read_text()) == {"a": 1}


def test_copies_are_made_once_and_kernels_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_HOME", "somewhere else")
    folder = hosted.copies(tmp_path)
    chapter = next(folder.rglob("11_*.ipynb"))
    chapter.write_text("mine")
    assert hosted.copies(tmp_path) == folder and chapter.read_text() == "mine"
    assert os.environ["TUTORIAL_HOME"] == str(folder)


def test_a_server_of_a_prepared_environment_serves_copies(tmp_path):
    """As a hub starts it: a JupyterLab server whose configuration `host` wrote."""
    host.main(["--prefix", str(tmp_path)])
    home = tmp_path / "home"
    home.mkdir()
    kept = {k: v for k, v in os.environ.items() if not re.match(r"(JUPYTER|TUTORIAL_|XDG_|PYTEST)", k)}
    env = {**kept, "HOME": str(home), "JUPYTER_CONFIG_PATH": str(tmp_path / "etc" / "jupyter"),
           "PYTHONPATH": str(ROOT), "JUPYTER_RUNTIME_DIR": str(tmp_path / "run")}
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    process = subprocess.Popen([sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.root_dir={home}",
                                "--IdentityProvider.token=x", "--ServerApp.port=0", *root], cwd=home, env=env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        end, found = time.monotonic() + 60, None
        while found is None and time.monotonic() < end and process.poll() is None:
            time.sleep(0.3)
            for file in (tmp_path / "run").glob("jpserver-*.json"):
                found = ask(json.loads(file.read_text())["url"], "api/contents/latents-to-dynamics/00_start_here.ipynb")
        assert found and found["type"] == "notebook"
        assert (home / "latents-to-dynamics" / ".copied.json").exists()
    finally:
        process.terminate()
        process.wait(20)


def ask(url, path):
    """The server's JSON answer, None while there is none."""
    request = urllib.request.Request(f"{url}{path}", headers={"Authorization": "token x"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as reply:
            return json.loads(reply.read())
    except (OSError, ValueError):
        return None


def test_repo2docker_finds_what_it_looks_for():
    """environment.yml is installed (with the course itself), then postBuild runs, which must be executable."""
    post = ROOT / "postBuild"
    assert os.access(post, os.X_OK) or os.name == "nt"
    assert post.read_text().startswith("#!/bin/bash\n") and "-m tutorial_lib host" in post.read_text()
    assert "- -e ." in (ROOT / "environment.yml").read_text() and not (ROOT / "binder").exists()
    assert Path(host.__file__).with_name("jupyter").is_dir()
