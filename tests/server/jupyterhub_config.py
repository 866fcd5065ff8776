"""A JupyterHub on loopback for the test: no passwords, every user a process of ours with a folder of their own."""

import os

c = get_config()  # noqa: F821 - JupyterHub puts it here
folder = os.environ["HUB_FOLDER"]
c.JupyterHub.bind_url = f"http://127.0.0.1:{os.environ['HUB_PORT']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{os.environ['HUB_INTERNAL']}"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.db_url = f"sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{folder}/cookie"
c.JupyterHub.services = [{"name": "test", "api_token": os.environ["HUB_TOKEN"]}]
c.JupyterHub.load_roles = [{"name": "test", "services": ["test"], "scopes": ["admin:users", "admin:servers",
                                                                            "access:servers"]}]
c.ConfigurableHTTPProxy.command = os.environ["HUB_PROXY"].split()
c.ConfigurableHTTPProxy.auth_token = os.environ["HUB_TOKEN"]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ['HUB_API']}"
c.ConfigurableHTTPProxy.pid_file = f"{folder}/proxy.pid"
c.SimpleLocalProcessSpawner.home_dir_template = folder + "/{username}"
c.Spawner.args = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
c.Spawner.http_timeout = c.Spawner.start_timeout = 180
c.Spawner.environment = {"OMP_NUM_THREADS": "1"}
c.Authenticator.allow_all = True
