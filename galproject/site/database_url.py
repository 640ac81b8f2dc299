"""The database to use: DATABASE_URL, or the project's own cluster."""

from urllib.parse import quote, unquote, urlencode

from django.core.exceptions import ImproperlyConfigured
from environ import Env

POSTGRESQL = "django.db.backends.postgresql"
# Compiling a query costs more than running it where many partitions are planned.
SESSION_OPTIONS = "-c jit=off"


def database_from(url, url_file):
    """Django's settings of the database at ``url`` or, without one, of the URL in ``url_file``.

    Where there is neither, commands that need no database still work.
    """
    if not url and url_file.is_file():
        url = url_file.read_text().strip()
    if not url:
        return {"ENGINE": "galproject.site.absent_database"}
    return _parsed(url)


def _parsed(url):
    scheme = url.partition("://")[0]
    if scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            f"DATABASE_URL begins with {scheme!r}, but galproject needs PostgreSQL with q3c: "
            "postgresql://user:password@host:port/name"
        )
    database = Env.db_url_config(url, engine=POSTGRESQL)
    options = database.setdefault("OPTIONS", {})
    database["HOST"] = unquote(database["HOST"]) or options.pop("host", "")
    database["USER"] = database["USER"] or options.pop("user", "")
    options["options"] = f"{options.get('options', '')} {SESSION_OPTIONS}".strip()
    # Kept from task to task and from page to page, as a new one takes 10 ms or more.
    return database | {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}


def url_of(database):
    """The reverse: Django's settings of a database as a URL."""
    named = {"host": database["HOST"], "port": database["PORT"], "user": database["USER"]}
    query = {k: v for k, v in {**named, "password": database["PASSWORD"]}.items() if v}
    return f"postgresql:///{quote(database['NAME'])}?{urlencode(query)}"
