"""A PostgreSQL that isn't there: says so when a connection is asked for, not before."""

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base

from exposures.errors import GalprojectError


class NoDatabaseError(GalprojectError, ImproperlyConfigured):
    """Neither DATABASE_URL nor a cluster of the project's own."""


class DatabaseWrapper(base.DatabaseWrapper):
    """Compiles queries as PostgreSQL does, and can't run them."""

    def get_connection_params(self):
        raise NoDatabaseError(
            "There is no database. Start the project's own with `scripts/database start`, or set "
            "DATABASE_URL to a PostgreSQL with q3c: postgresql://user:password@host:port/name"
        )
