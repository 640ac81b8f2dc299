"""The web server's numbers of processes and threads, and database connections."""

import os

from django.db import connection

MAX_PROCESSES = 64
MAX_THREADS = 64  # of a process
FEW, MANY = 2, 4  # processes where nothing is said: 300 MB and 4 connections each
# Connections of a cluster of workers beside those of its workers: sentinel, monitor, pusher.
OF_CLUSTER = 3
FREE_CONNECTIONS = """
SELECT current_setting('max_connections')::int
     - current_setting('superuser_reserved_connections')::int,
       (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),
       (SELECT datconnlimit FROM pg_database WHERE datname = current_database())
"""


def default_processes() -> int:
    """One process a core within memory and connections, but at least two, as one may hang."""
    return min(MANY, max(FEW, len(os.sched_getaffinity(0))))


def connections_warning(n_pages, n_workers) -> str:
    """A warning if the database allows fewer connections than may be needed, else ""."""
    wanted = n_pages + (n_workers + OF_CLUSTER if n_workers else 0)
    with connection.cursor() as cursor:
        cursor.execute(FREE_CONNECTIONS)
        most = min(limit for limit in cursor.fetchone() if limit >= 0)
    if wanted <= most:
        return ""
    return (
        f"The database gives {most} connections, and this takes up to {wanted}: pages will say "
        "that there is none left. Fewer --processes or --threads, or a higher max_connections"
    )
