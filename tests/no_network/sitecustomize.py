"""On the path of every Python that the tests start: connections leave this machine only through an error.

Loopback stays open (kernels and JupyterLab talk through it).  Needs no rights: it replaces connect alone.
"""

import ipaddress
import socket

_connect, _connect_ex = socket.socket.connect, socket.socket.connect_ex


def _refuse(address: object) -> None:
    if not isinstance(address, tuple):  # a Unix socket
        return
    host = str(address[0])
    try:
        local = ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        local = host in ("localhost", "")
    if not local:
        raise ConnectionRefusedError(f"the network is off in tests: a connection to {host} was attempted")


def _guarded(self, address):
    _refuse(address)
    return _connect(self, address)


def _guarded_ex(self, address):
    _refuse(address)
    return _connect_ex(self, address)


socket.socket.connect, socket.socket.connect_ex = _guarded, _guarded_ex
