"""Another database of the server in the place of the survey's, for a while."""

from contextlib import contextmanager

from django.db import connection


@contextmanager
def connected_to(name):
    """The connection of this process, and of workers that it starts, in the database ``name``."""
    survey = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = survey
