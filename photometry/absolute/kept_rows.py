"""Rows that stay until a transaction ends, so that partitions of their names do."""

from django.db import connection


def kept_rows(table: str, ids: list[int]) -> set[int]:
    """Those ids that are there, and stay until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {table} WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE", [ids]
        )
        return {pk for (pk,) in cursor.fetchall()}
