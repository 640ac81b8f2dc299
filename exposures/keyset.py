"""Keyset pagination: pages found by the key of their first row, at any depth equally fast."""

import sys
from dataclasses import dataclass, replace

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import BooleanField, F, FloatField, Func, IntegerField, Q, QuerySet, Value

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


class Beyond(Func):
    """True where a row of values is after another, or before it; found by an index of them."""

    template = "%(expressions)s"
    output_field = BooleanField()

    def __init__(self, row, other, before=False):
        rows = (Func(*values, function="ROW") for values in (row, other))
        super().__init__(*rows, arg_joiner=" < " if before else " > ")


@dataclass(frozen=True)
class Stretch:
    """Rows of a list that have a value to be sorted by, or those that have none, sorted."""

    rows: QuerySet
    column: str  # that it is sorted by, before the key; "pk": by the key alone
    descending: bool

    @classmethod
    def of(cls, rows, column, descending):
        """Rows sorted by a column and their key, or by their key alone."""
        way = "-" if descending else ""
        names = dict.fromkeys([way + column, way + "pk"])
        return cls(rows.order_by(*names), column, descending)

    def beyond(self, value, pk):
        """What follows a value and key."""
        return replace(self, rows=self.rows.filter(self._is_beside(value, pk, self.descending)))

    def until(self, value, pk):
        """What comes before a value and key."""
        return replace(self, rows=self.rows.filter(self._is_beside(value, pk, not self.descending)))

    def parts_until(self, value, pk):
        """The same as stretches that follow one another: of what has another value, and the same.

        Whoever asks for each part by itself lets the planner know how many rows are in it.
        """
        if self.column == "pk":
            return [self.until(value, pk)]
        way = "gt" if self.descending else "lt"
        other = self.rows.filter(**{f"{self.column}__{way}": value})
        same = Stretch(self.rows.filter(**{self.column: value}), "pk", self.descending)
        return [replace(self, rows=other), same.until(value, pk)]

    def _is_beside(self, value, pk, is_less):
        if self.column == "pk":
            return Q(**{"pk__lt" if is_less else "pk__gt": pk})
        return Q(Beyond((F(self.column), F("pk")), (Value(value), Value(pk)), before=is_less))


@dataclass(frozen=True)
class KeysetOrder:
    """An order by a column, nulls last, and by primary key among equals, in the same direction.

    So one index of column and key serves both directions. Rows without a value follow as a stretch
    of their own, since no index has them last in both directions.
    """

    column: str
    descending: bool = False
    nullable: bool = True

    @classmethod
    def of(cls, model, sort):
        """An order from a column's name, with a leading ``-`` for descending."""
        name = sort.removeprefix("-")
        return cls(name, sort.startswith("-"), model._meta.get_field(name).null)

    @property
    def sorted_by(self):
        """The column that indexes know, if what is shown of it is another."""
        return self.column

    def with_value(self, rows):
        """The rows that have a value to be sorted by."""
        return rows.filter(**{f"{self.column}__isnull": False})

    def without_value(self, rows):
        return rows.filter(**{f"{self.column}__isnull": True})

    def stretches(self, rows, beyond=None, backwards=False) -> list[Stretch]:
        """The stretches that follow one another, of rows with a value and of those without.

        Only of rows after, or before, the one with the value and key ``beyond``.
        """
        descending = self.descending != backwards
        if not self.nullable or self.column == "pk":
            found = [Stretch.of(rows, self.sorted_by, descending)]
            at = 0
        else:
            found = [
                Stretch.of(self.with_value(rows), self.sorted_by, descending),
                Stretch.of(self.without_value(rows), "pk", descending),
            ]
            found = found[:: -1 if backwards else 1]
            at = int((beyond is not None and beyond[0] is None) != backwards)
        if beyond is None:
            return found
        return [found[at].beyond(*beyond), *found[at + 1 :]]

    def sorted(self, rows):
        """All rows in the order, as one queryset, which no index gives if values may be missing."""
        column = F(self.column)
        last = {"nulls_last": True} if self.nullable else {}
        by_value = column.desc(**last) if self.descending else column.asc(**last)
        key = "-pk" if self.descending else "pk"
        return rows.order_by(key) if self.column == "pk" else rows.order_by(by_value, key)

    def cursor(self, row, way):
        """Where the page after a row begins, or the one before it ends."""
        value = getattr(row, self.column)
        return f"{way}~{'' if value is None else repr(value)}~{row.pk}"


NEWEST_FIRST = KeysetOrder("pk", descending=True, nullable=False)


def first_of(stretches, n) -> list:
    """The first ``n`` rows of stretches that follow one another."""
    found = []
    for stretch in stretches:
        found += stretch.rows[: n - len(found)]
        if len(found) >= n:
            break
    return found


def page_of(rows, order, cursor=None, size=50, shown=None, first=None) -> Page:
    """A page of a queryset in a KeysetOrder: the first, or that of a cursor.

    ``shown`` is a queryset with whatever is shown of a row; it is asked for one page alone, and
    is ``rows`` itself by default. ``first(beyond, backwards, n)`` finds the ``n`` rows that follow
    a value and key, if not ``rows`` are asked for them. Raises CursorError if the cursor is none.
    """
    way, value, pk = _parse(rows.model, order, cursor) if cursor else (AFTER, None, None)
    backwards, beyond = way == BEFORE, None if pk is None else (value, pk)
    if first is None:
        # Keys first: to carry all columns through the sort takes three times as long.
        keys = rows if shown is None else keys_of(rows, order)
        found = first_of(order.stretches(keys, beyond, backwards), size + 1)
    else:
        found = first(beyond, backwards, size + 1)
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


def keys_of(rows, order):
    """Rows with their primary key and the value that they are sorted by, and nothing else."""
    return rows.values_list(*{"pk": 1, order.column: 1}, named=True)


def _whole(keys, shown):
    """The rows of keys; one that was deleted since its key was read is left out."""
    rows = shown.in_bulk([key.pk for key in keys])
    return (rows[key.pk] for key in keys if key.pk in rows)


def newest(rows, before=None, size=50) -> tuple[list, int | None]:
    """The newest rows, made before the one with a key; the key that the next page begins before."""
    beyond = None if before is None else (before, before)
    found = first_of(NEWEST_FIRST.stretches(rows, beyond), size + 1)
    return found[:size], found[size - 1].pk if len(found) > size else None


def beside(rows, order, row, first=None) -> tuple[int | None, int | None]:
    """The primary keys of the rows before and after one, found as pages are."""
    beyond, keys = (getattr(row, order.column), row.pk), []
    for backwards in (True, False):
        if first is None:
            stretches = order.stretches(keys_of(rows, order), beyond, backwards)
            found = first_of(stretches, 1)
        else:
            found = first(beyond, backwards, 1)
        keys.append(found[0].pk if found else None)
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
