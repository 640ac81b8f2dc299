"""The name under which this machine appears in logs."""

import os
import socket


def this_host() -> str:
    """GALPROJECT_HOST, for containers whose own names mean nothing, else the host's name."""
    return (os.environ.get("GALPROJECT_HOST") or socket.gethostname())[:64]
