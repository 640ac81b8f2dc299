"""Tables as they were, after tests that commit."""

from django.core.management.commands import flush
from django.db import connections
from django.db.backends.postgresql.operations import DatabaseOperations

# A table with a foreign key, and the table that this refers to.
REFERENCES = """
SELECT DISTINCT own.relname, other.relname
FROM pg_constraint
JOIN pg_class own ON own.oid = conrelid JOIN pg_class other ON other.oid = confrelid
WHERE contype = 'f' AND NOT own.relispartition
"""


class EmptiedTables:
    """Empties what has rows, but for what migrations' last step makes, as long as that is right.

    To empty a table makes new files for it and each of its indexes, and permissions and schedules
    take a while to be made again.
    """

    def __init__(self):
        self.usual = {}  # {database: {table: digest of the rows that it has when all is done}}
        self.is_whole = True  # whether all was emptied last
        self._sql_flush = DatabaseOperations.sql_flush
        self._made_again = flush.emit_post_migrate_signal

    def patch(self, patch):
        """Have Django's command empty tables in this way."""
        ours = self

        def sql_flush(operations, style, tables, **options):
            tables = ours.to_be_emptied(operations.connection, tables)
            return ours.statements(operations, style, tables, **options)

        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", self.make_again)

    def statements(self, operations, style, tables, **options):
        """What empties tables, with a survey's triggers put aside, which refuse it.

        Their owner does so: nothing in the project does, or need.
        """
        if not (made := self._sql_flush(operations, style, tables, **options)):
            return made
        change = 'ALTER TABLE "{}" {} TRIGGER USER'
        aside = [change.format(table, "DISABLE") for table in tables if table.startswith("gal")]
        back = [change.format(table, "ENABLE") for table in tables if table.startswith("gal")]
        return [*aside, *made, *back]

    def to_be_emptied(self, database, tables):
        """Those of tables whose rows are not as usual, and those that refer to them."""
        usual = self.usual.get(database.settings_dict["NAME"], {})
        found = with_rows(database, tables)
        if usual and usual == digests(database, found & set(usual)):
            emptied = with_referring(database, found - set(usual))
            self.is_whole = bool(emptied & set(usual))
            if not self.is_whole:
                return sorted(emptied)
        self.is_whole = True
        return sorted(with_referring(database, found))

    def make_again(self, verbosity, interactive, db, **options):
        """What migrations do at their end, where that was emptied."""
        if self.is_whole:
            self._made_again(verbosity, interactive, db, **options)
            database = connections[db]
            tables = database.introspection.django_table_names(True, include_views=False)
            found = digests(database, with_rows(database, tables))
            self.usual[database.settings_dict["NAME"]] = found


def with_rows(database, tables):
    """Those of tables that have rows."""
    rows = ", ".join(f'EXISTS (SELECT FROM "{table}")' for table in tables)
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {rows}")
        return {table for table, has in zip(tables, cursor.fetchone(), strict=True) if has}


def with_referring(database, tables):
    """Tables and those that refer to them, which are emptied together."""
    with database.cursor() as cursor:
        cursor.execute(REFERENCES)
        references = cursor.fetchall()
    found, waiting = set(tables), list(tables)
    while waiting:
        referred = waiting.pop()
        more = {table for table, of in references if of == referred} - found
        found |= more
        waiting += more
    return found


def digests(database, tables):
    """{table: digest of all its rows}."""
    if not tables:
        return {}
    rows = "SELECT md5(string_agg(t::text, ' ' ORDER BY t::text))"
    names = sorted(tables)
    with database.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f'({rows} FROM "{name}" t)' for name in names))
        return dict(zip(names, cursor.fetchone(), strict=True))
