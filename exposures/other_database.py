"""Temporary use of another database on the server in place of the survey's."""

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
