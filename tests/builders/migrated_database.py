"""A migrated database that each process of a run copies its own from, kept for the next run."""

from hashlib import sha256
from pathlib import Path

import django
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from exposures.other_database import connected_to
from galproject.backup.sessions import maintenance_cursor

# Held by the process that makes it, while the others of a run wait; any number.
LOCK = 7_205_330
DESCRIPTION = """
SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s
"""


def migrated_database() -> str:
    """The name of an otherwise empty database that the migrations of this code have made.

    Its description is the digest of the code that made it, and comes last: so one by other code, or
    by migrations that failed, is made anew.
    """
    name, digest = f"test_{connection.settings_dict['NAME']}_migrated", digest_of_applications()
    with maintenance_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute(DESCRIPTION, [name])
        if cursor.fetchone() != (digest,):
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}"')
            with connected_to(name):
                call_command("migrate", verbosity=0)
            cursor.execute(f"COMMENT ON DATABASE \"{name}\" IS '{digest}'")
    return name


def digest_of_applications() -> str:
    """Of all code that can have a part in migrations, or in what is done after them."""
    digest = sha256(django.get_version().encode())
    for application in apps.get_app_configs():
        for path in sorted(Path(application.path).rglob("*.py")):
            digest.update(str(path.relative_to(application.path)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
