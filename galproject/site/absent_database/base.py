"""A database backend without a server, which fails only when a connection is needed."""

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base

from exposures.errors import GalprojectError


class NoDatabaseError(GalprojectError, ImproperlyConfigured):
    """There is neither DATABASE_URL nor a cluster of the project's own."""


class DatabaseWrapper(base.DatabaseWrapper):
    """A backend that compiles queries for PostgreSQL and can't run them."""

    def get_connection_params(self):
        raise NoDatabaseError(
            "There is no database. Start the project's own with `scripts/database start`, or set "
            "DATABASE_URL to a PostgreSQL with q3c: postgresql://user:password@host:port/name"
        )
