"""The name under which this machine appears in logs."""

import os
import socket


def this_host() -> str:
    """The host's name, or GALPROJECT_HOST where a container's own name means nothing."""
    return (os.environ.get("GALPROJECT_HOST") or socket.gethostname())[:64]
