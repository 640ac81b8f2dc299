"""Statements of SQL executed, and what they give."""

from typing import Any

from django.db import connection


def execute(statement: str, *parameters: Any) -> int:
    """Execute a statement; how many rows it was about."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return int(cursor.rowcount)


def fetch_rows(query: str, *parameters: Any) -> list[tuple]:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def fetch_row(query: str, *parameters: Any) -> tuple:
    """The first row of a query that has one."""
    return fetch_rows(query, *parameters)[0]
