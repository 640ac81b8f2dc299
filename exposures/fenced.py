"""Rows found by their own columns first, and only then by what is looked up for each of them."""

from django.core.exceptions import FullResultSet
from django.db.models import QuerySet, Subquery
from django.db.models.sql import Query
from django.db.models.sql.datastructures import BaseTable
from django.db.models.sql.where import NothingNode, WhereNode


class FencedTable(BaseTable):
    """A table of which only the rows that fit some conditions are looked at, under its name."""

    def __init__(self, table_name, conditions):
        super().__init__(table_name, None)
        self.conditions = conditions

    def as_sql(self, compiler, connection):
        name = compiler.quote_name_unless_alias(self.table_name)
        try:
            where, parameters = compiler.compile(self.conditions)
        except FullResultSet:
            where, parameters = "TRUE", ()
        # With an offset the planner neither merges this with what is round it nor sorts it.
        return f"(SELECT * FROM {name} WHERE {where} OFFSET 0) AS {name}", parameters


def fenced(rows: QuerySet) -> QuerySet:
    """The same rows, found by the conditions of their own columns, before any look-up.

    A look-up (EXISTS) that nearly no row needs counts for all rows in the planner's eyes, so that
    it takes every index that leaves fewer of them, if it be of a million rows. Nor is an index
    walked in the order of the rows, past all that don't fit.
    """
    own = _own_conditions(rows.query)
    if not own:
        return rows
    rows = rows.all()
    table = rows.query.get_initial_alias()
    rows.query.alias_map[table] = FencedTable(table, WhereNode(own))
    rows.query.where = WhereNode([c for c in rows.query.where.children if c not in own])
    return rows


def behind_fence(rows: QuerySet) -> QuerySet:
    """All rows that fit the conditions of their own columns: for each of them is looked up more."""
    own = _own_conditions(rows.query)
    rows = rows.all()
    if own:
        rows.query.where = WhereNode(own)
    return rows


def _own_conditions(query):
    """Those of a query's conditions that look nothing up; none where they are no plain list."""
    if query.is_empty() or query.where.negated or query.where.connector != "AND":
        return []
    return [condition for condition in query.where.children if not _looks_up(condition)]


def _looks_up(condition):
    """Whether a condition asks for rows, of this table or of others."""
    if isinstance(condition, Subquery | Query):
        return True
    if isinstance(condition, NothingNode):
        return False
    is_node = isinstance(condition, WhereNode)
    parts = condition.children if is_node else condition.get_source_expressions()
    return any(_looks_up(part) for part in parts if part is not None)
