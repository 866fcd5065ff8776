"""A real JupyterHub on loopback: ten learners run chapter 11 at once and find their work again after a restart.

Its own marker, since it needs `jupyterhub` in the environment, `configurable-http-proxy` (npm) on PATH and some ten CPU
minutes: `python -m tutorial_lib test -m server tests/server`.  HUB_USERS sets the number, HUB_CHAPTER the chapter.
"""

import asyncio
import json
import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

import pytest

from tutorial_lib.cli import host, workbook

pytestmark = pytest.mark.server
HERE = Path(__file__).parent
USERS = [f"learner{i}" for i in range(int(os.environ.get("HUB_USERS", "10")))]
CHAPTER = os.environ.get("HUB_CHAPTER", "11")
NOTE = "# a note of my own"


def free_ports(n):
    """Ports that are free now."""
    probes = [socket.socket() for _ in range(n)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Hub:
    """A running JupyterHub and what a learner's browser asks of it."""

    def __init__(self, folder):
        self.folder, self.token = folder, secrets.token_hex(16)
        self.port, internal, api = free_ports(3)
        proxy = shutil.which("configurable-http-proxy")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "TUTORIAL_", "PYTEST"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.log = open(folder / "hub.log", "w")  # noqa: SIM115 - for as long as the hub runs
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(HERE / "jupyterhub_config.py")], cwd=folder,
            stdout=self.log, stderr=subprocess.STDOUT, env={
                **kept, "PATH": path, "HUB_FOLDER": str(folder), "HUB_PORT": str(self.port), "HUB_TOKEN": self.token,
                "HUB_INTERNAL": str(internal), "HUB_API": str(api), "HUB_PROXY": proxy, "TUTORIAL_MODE": "learn"})
        self.until(lambda: self.ask("/hub/api/"), "the hub")

    def ask(self, path, method="GET", body=None):
        """The JSON answer; None while there is none."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": f"token {self.token}"})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as reply:
                return json.loads(reply.read() or "{}")
        except (urllib.error.URLError, OSError, ValueError):
            return None

    def until(self, condition, what, seconds=240):
        """Wait for a true value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (found := condition()) is not None and found is not False:
                return found
            time.sleep(0.5)
        pytest.fail(f"waited {seconds} s for {what}; the hub said:\n{(self.folder / 'hub.log').read_text()[-3000:]}")

    def serve(self, user):
        """Start a user's server and wait until it answers."""
        self.ask(f"/hub/api/users/{user}", "POST")
        self.ask(f"/hub/api/users/{user}/server", "POST")
        self.until(lambda: self.ask(f"/user/{user}/api/status"), f"the server of {user}")

    def end(self, user):
        """Stop a user's server."""
        self.ask(f"/hub/api/users/{user}/server", "DELETE")
        self.until(lambda: (self.ask(f"/hub/api/users/{user}") or {}).get("server", 1) is None, f"{user} to stop")

    def stop(self):
        """End everything."""
        for user in USERS:
            self.ask(f"/hub/api/users/{user}/server", "DELETE")
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub in this environment, prepared as an administrator would; the settings are taken back afterwards."""
    pytest.importorskip("jupyterhub", reason="jupyterhub is not installed here")
    if not shutil.which("configurable-http-proxy"):
        pytest.skip("configurable-http-proxy (npm) is not on PATH")
    etc = Path(sys.prefix) / "etc" / "jupyter"
    before = {f: f.read_bytes() for f in etc.rglob("*.json")}
    host.main([])
    running = None
    try:
        running = Hub(tmp_path_factory.mktemp("hub"))
        yield running
    finally:
        if running:
            running.stop()
        for file in set(etc.rglob("*.json")) - set(before):
            file.unlink()
        for file, data in before.items():
            file.write_bytes(data)


def chapter_path():
    """The chapter's place in a learner's folder."""
    return f"latents-to-dynamics/{workbook.find(CHAPTER).as_posix()}"


def decoded(data):
    """A kernel's message; one with buffers, as pictures of widgets are, is binary: a count, places, JSON first."""
    if isinstance(data, str):
        return json.loads(data)
    count, *_ = struct.unpack(">I", data[:4])
    places = [*struct.unpack(f">{count}I", data[4 : 4 + 4 * count]), len(data)]
    return json.loads(data[places[0] : places[1]])


async def run_all(hub, user, sources):
    """Run the cells in the user's own kernel, as JupyterLab does; the errors that came, and what was printed."""
    from tornado.httpclient import HTTPRequest
    from tornado.websocket import websocket_connect

    session = hub.ask(f"/user/{user}/api/sessions", "POST", {
        "path": chapter_path(), "name": "", "type": "notebook", "kernel": {"name": "python3"}})
    url = f"ws://127.0.0.1:{hub.port}/user/{user}/api/kernels/{session['kernel']['id']}/channels"
    socket_ = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {hub.token}"}),
                                      max_message_size=2**28)
    errors, said = [], ""
    for source in sources:
        wanted = uuid.uuid4().hex
        await socket_.write_message(json.dumps({
            "header": {"msg_id": wanted, "msg_type": "execute_request", "username": user, "session": session["id"],
                       "date": "", "version": "5.3"}, "parent_header": {}, "metadata": {}, "channel": "shell",
            "content": {"code": source, "silent": False, "store_history": True, "user_expressions": {},
                        "allow_stdin": False, "stop_on_error": False}}))
        while True:
            message = decoded(await asyncio.wait_for(socket_.read_message(), 900))
            if message["parent_header"].get("msg_id") != wanted:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "error":
                errors.append(f"{content['ename']}: {content['evalue']} in\n{source}")
            elif kind == "display_data":
                said += content["data"].get("text/plain", "")
            elif kind == "stream":
                said += content["text"]
            elif kind == "status" and content["execution_state"] == "idle":
                break
    socket_.close()
    return errors, said


def test_learners_run_a_chapter_at_once_and_keep_their_work(hub):
    for user in USERS:
        hub.serve(user)
    notebooks = {}
    for user in USERS:
        found = hub.ask(f"/user/{user}/api/contents/{chapter_path()}")
        assert found, f"{user} has no copy of chapter {CHAPTER}"
        notebooks[user] = found["content"]
        assert hub.ask(f"/user/{user}/api/contents/latents-to-dynamics/00_start_here.ipynb")["type"] == "notebook"

    async def everybody():
        return await asyncio.gather(*(run_all(hub, user, [c["source"] for c in notebooks[user]["cells"]
                                                          if c["cell_type"] == "code"]) for user in USERS))

    begun = time.monotonic()
    for user, (errors, said) in zip(USERS, asyncio.run(everybody()), strict=True):
        assert not errors, f"{user}: {errors[0]}"
        assert "not started" in said and ("holds" in said or "claim" not in said)
    print(f"{len(USERS)} learners ran chapter {CHAPTER} in {time.monotonic() - begun:.0f} s")

    for i, user in enumerate(USERS):
        content = notebooks[user]
        first = next(c for c in content["cells"] if c["cell_type"] == "code")
        first["source"] = f"{NOTE}: {i}\n{first['source']}"
        saved = hub.ask(f"/user/{user}/api/contents/{chapter_path()}", "PUT",
                        {"type": "notebook", "format": "json", "content": content})
        assert saved, user
    for user in USERS:
        hub.end(user)
    for i, user in enumerate(USERS):
        hub.serve(user)
        text = json.dumps(hub.ask(f"/user/{user}/api/contents/{chapter_path()}")["content"])
        assert f"{NOTE}: {i}" in text and all(f"{NOTE}: {k}\\n" not in text for k in range(len(USERS)) if k != i)
        progress = json.loads((hub.folder / user / "latents-to-dynamics" / "progress.json").read_text())
        assert [kind for _, kind, name in progress["moments"] if name == CHAPTER] == ["start"]
