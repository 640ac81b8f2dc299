"""Numbers that triggers keep: compared with the rows that they are of, and counted anew."""

from dataclasses import dataclass

from django.db import connection, transaction

LOCK_TIMEOUT = "1min"


@dataclass(frozen=True)
class KeptCounts:
    """A table of numbers, and how they are counted from nothing."""

    table: str
    counted: str  # the table whose rows are counted
    columns: str  # of a kind of rows
    numbers: tuple[str, ...]  # columns whose sums are kept
    now: str  # a query of columns and numbers of all rows, once each

    def differences(self) -> list[tuple]:
        """The kinds whose numbers are wrong: columns, kept numbers, and right ones (None: 0).

        One statement, which sees all as it was at one moment, whoever writes meanwhile.
        """
        sums = ", ".join(f"sum({name})" for name in self.numbers)
        not_zero = " OR ".join(f"sum({name}) <> 0" for name in self.numbers)
        kept = ", ".join(f"kept_{name}" for name in self.numbers)
        right = ", ".join(f"right_{name}" for name in self.numbers)
        with connection.cursor() as cursor:
            cursor.execute(f"""
                WITH kept ({self.columns}, {kept}) AS (
                    SELECT {self.columns}, {sums} FROM {self.table}
                    GROUP BY {self.columns} HAVING {not_zero}
                ), rows_now ({self.columns}, {right}) AS ({self.now})
                SELECT {self.columns}, {kept}, {right}
                FROM kept FULL JOIN rows_now USING ({self.columns})
                WHERE ({kept}) IS DISTINCT FROM ({right})
                ORDER BY {self.columns}
            """)
            return cursor.fetchall()

    @transaction.atomic
    def mend(self) -> None:
        """Count all rows anew; whoever wants to change one waits meanwhile."""
        numbers = ", ".join(self.numbers)
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            cursor.execute(f"LOCK TABLE {self.counted} IN SHARE MODE")
            cursor.execute(f"DELETE FROM {self.table}")
            cursor.execute(f"INSERT INTO {self.table} ({self.columns}, {numbers}) {self.now}")


OF_IMAGES = KeptCounts(
    table="galimagecounts",
    counted="galimages",
    columns="exposure_id, status, is_reference, is_doubted, is_asked_for",
    numbers=("n_chips", "n_sources"),
    now="""
        SELECT exposure_id, status, is_reference, is_doubted, job_id IS NOT NULL, count(*),
            sum(coalesce(n_sources, 0))
        FROM galimages GROUP BY 1, 2, 3, 4, 5
    """,
)
