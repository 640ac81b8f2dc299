"""Keyset pagination: pages found by the key of their first row, at any depth equally fast."""

import sys
from dataclasses import dataclass

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, FloatField, IntegerField, Q

from exposures.errors import GalprojectError
from exposures.input.numbers import BIGINT_MAX, parse_integer, parse_number

AFTER, BEFORE = "after", "before"
ANY = -sys.float_info.max, sys.float_info.max


class CursorError(GalprojectError, ValueError):
    """A cursor that no page of the list gave out."""


@dataclass(frozen=True)
class Page:
    """Rows of a page, and the cursors of the pages before and after it."""

    rows: tuple
    next: str | None  # cursors; None if there is no such page
    previous: str | None


@dataclass(frozen=True)
class KeysetOrder:
    """An order by a column, nulls last, and by primary key among equals."""

    column: str
    descending: bool = False
    nullable: bool = True

    @classmethod
    def of(cls, model, sort):
        """An order from a column's name, with a leading ``-`` for descending."""
        name = sort.removeprefix("-")
        return cls(name, sort.startswith("-"), model._meta.get_field(name).null)

    def sorted(self, rows, backwards=False):
        descending = self.descending != backwards
        if self.column == "pk":
            return rows.order_by("-pk" if descending else "pk")
        column = F(self.column)
        last = {"nulls_first" if backwards else "nulls_last": True} if self.nullable else {}
        ordering = column.desc(**last) if descending else column.asc(**last)
        return rows.order_by(ordering, "-pk" if backwards else "pk")

    def beyond(self, value, pk, backwards=False):
        """The condition for rows after, or before, the one with this value and key."""
        way = "lt" if self.descending != backwards else "gt"
        if self.column == "pk":
            return Q(**{f"pk__{way}": pk})
        tie = Q(pk__lt=pk) if backwards else Q(pk__gt=pk)
        if value is None:
            alike = Q(**{f"{self.column}__isnull": True}) & tie
            return alike | Q(**{f"{self.column}__isnull": False}) if backwards else alike
        # Said twice, as an index serves the first condition and not the second.
        bound = Q(**{f"{self.column}__{way}e": value})
        exact = Q(**{f"{self.column}__{way}": value}) | (Q(**{self.column: value}) & tie)
        condition = bound & exact
        if self.nullable and not backwards:
            condition |= Q(**{f"{self.column}__isnull": True})
        return condition

    def cursor(self, row, way):
        """Where the page after a row begins, or the one before it ends."""
        value = getattr(row, self.column)
        return f"{way}~{'' if value is None else repr(value)}~{row.pk}"


NEWEST_FIRST = KeysetOrder("pk", descending=True, nullable=False)


def page_of(rows, order, cursor=None, size=50, shown=None) -> Page:
    """A page of a queryset in a KeysetOrder: the first, or that of a cursor.

    ``shown`` is a queryset with whatever is shown of a row; it is asked for one page alone, and
    is ``rows`` itself by default. Raises CursorError if the cursor is none.
    """
    way, value, pk = _parse(rows.model, order, cursor) if cursor else (AFTER, None, None)
    backwards = way == BEFORE
    chosen = rows if pk is None else rows.filter(order.beyond(value, pk, backwards))
    found = order.sorted(chosen, backwards)
    if shown is not None:
        # Keys first: to carry all columns through the sort takes three times as long.
        found = found.values_list(*{"pk": 1, order.column: 1}, named=True)
    found = list(found[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_next = bool(found) and (backwards or more)
    has_previous = bool(found) and (more if backwards else pk is not None)
    return Page(
        rows=tuple(found if shown is None else _whole(found, shown)),
        next=order.cursor(found[-1], AFTER) if has_next else None,
        previous=order.cursor(found[0], BEFORE) if has_previous else None,
    )


def _whole(keys, shown):
    """The rows of keys; one that was deleted since its key was read is left out."""
    rows = shown.in_bulk([key.pk for key in keys])
    return (rows[key.pk] for key in keys if key.pk in rows)


def newest(rows, before=None, size=50) -> tuple[list, int | None]:
    """The newest rows, made before the one with a key; the key that the next page begins before."""
    chosen = rows if before is None else rows.filter(NEWEST_FIRST.beyond(before, before))
    found = list(NEWEST_FIRST.sorted(chosen)[: size + 1])
    return found[:size], found[size - 1].pk if len(found) > size else None


def beside(rows, order, row) -> tuple[int | None, int | None]:
    """The primary keys of the rows before and after one, in two queries."""
    value = getattr(row, order.column)
    keys = []
    for backwards in (True, False):
        others = rows.filter(order.beyond(value, row.pk, backwards))
        keys.append(order.sorted(others, backwards).values_list("pk", flat=True).first())
    return tuple(keys)


def _field(model, column):
    """The model field of a column; columns added by a query, such as a distance, are floats."""
    try:
        return model._meta.get_field(column)
    except FieldDoesNotExist:
        return FloatField()


def _parse(model, order, cursor):
    try:
        way, value, pk = cursor.split("~")
        text = value.strip("'\"")
        known = _read(_field(model, order.column), text) if text else None
        key = parse_integer(pk, 0, BIGINT_MAX)
    except (ValueError, ValidationError) as error:
        raise CursorError(f"“{cursor[:40]}” is not where a page of this list begins") from error
    if way not in (AFTER, BEFORE) or (known is None and not order.nullable):
        raise CursorError(f"“{cursor[:40]}” is not where a page of this list begins")
    return way, known, key


def _read(field, text):
    """Read a column's value from a cursor."""
    if isinstance(field, IntegerField):
        return parse_integer(text)
    if isinstance(field, FloatField):
        # Columns may be undefined or infinite.
        return float(text) if text in ("nan", "inf", "-inf") else parse_number(text, *ANY)
    return field.to_python(text)
