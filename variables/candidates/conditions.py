"""Conditions on single columns of candidates, as an address says them and as a search asks.

Of the column ``n_epochs``, ``n_epochs_min`` and ``n_epochs_max`` are the ends of a range; of
others ``cause_in`` has the values, ``known_name_begins`` the beginning, and ``period_days_has``
says whether there has to be a value at all. ``not=n_epochs`` turns what is asked of a column into
its contrary.
"""

from dataclasses import dataclass

from django.db.models import F, Q, Value
from django.db.models.functions import Collate, Upper
from django.db.models.lookups import GreaterThan, StartsWith
from django.utils.datastructures import MultiValueDict

from exposures.input.numbers import NumberError, parse_integer, parse_number
from variables.candidates.filter_columns import (
    CUTS,
    NO,
    YES,
    Asked,
    FilterColumn,
    filter_columns,
)
from variables.models import Cut, TaxonomyClass
from variables.models.candidate_querysets import HAS_CLASS, SEEN

NEGATED = "not"
LOW, HIGH, VALUES, BEGINNING, HAS_VALUE = "_min", "_max", "_in", "_begins", "_has"
MAX_TEXT = 100  # characters


@dataclass(frozen=True)
class Condition:
    """What is asked of a column; the texts are as somebody typed them."""

    of: FilterColumn
    low: str = ""
    high: str = ""
    values: tuple[str, ...] = ()
    begins: str = ""
    has_value: str = ""  # yes, no, or either
    is_negated: bool = False

    @property
    def asks(self) -> bool:
        """Whether it asks for anything."""
        return bool(self.low or self.high or self.values or self.begins or self.has_value)

    def parameters(self) -> list[tuple[str, str]]:
        """It as pairs of an address; none where it asks for nothing."""
        key = self.of.key
        pairs = [
            (key + LOW, self.low),
            (key + HIGH, self.high),
            *((key + VALUES, value) for value in self.values),
            (key + BEGINNING, self.begins),
            (key + HAS_VALUE, self.has_value),
            (NEGATED, key if self.is_negated and self.asks else ""),
        ]
        return [(name, value) for name, value in pairs if value]

    def complaint(self) -> str:
        """What is wrong with it; "" if nothing."""
        try:
            self._bounds()
        except NumberError as error:
            return f"{self.of.column.heading} ({self.of.key}): {error}"
        choices = dict(self.of.choices) if self.values else {}
        if unknown := [value for value in self.values if value not in choices]:
            return f"{self.of.key}: “{unknown[0]}” is none of {', '.join(choices)}"
        if len(self.begins) > MAX_TEXT or "\0" in self.begins:
            return f"{self.of.key}: a beginning of at most {MAX_TEXT} characters"
        if self.has_value not in ("", YES, NO):
            return f"{self.of.key}{HAS_VALUE}: yes or no"
        return ""

    def holds(self) -> Q:
        """The condition on candidates annotated by ``as_seen_by``, before it is negated.

        Of what people said, only what the user may see counts.
        """
        said = Q(*self._parts())
        return SEEN & said if self._is_seen_as_a_whole else said

    def matching(self) -> Q:
        """The condition on candidates annotated by ``as_seen_by``.

        Negated it is met by all others: also by those without a value, and by those of which the
        user may not know what people said.
        """
        if not self.is_negated:
            return self.holds()
        said = ~Q(*self._parts())
        return said | Q(shows_class=False) if self._is_seen_as_a_whole else said

    @property
    def _is_seen_as_a_whole(self):
        # Classes are seen one by one: what may not be seen yet is without a class.
        return self.of.is_opinion and self.of.column.name != "consensus__slug"

    def _bounds(self):
        return [self._number(text) if text else None for text in (self.low, self.high)]

    def _number(self, text):
        if self.of.asked is Asked.WHOLE:
            return parse_integer(text, -self.of.maximum, self.of.maximum)
        return parse_number(text)

    def _parts(self):
        name = self.of.column.name
        low, high = self._bounds()
        if low is not None:
            yield Q(**{f"{name}__gte": low})
        if high is not None:
            yield Q(**{f"{name}__lte": high})
        if self.values:
            yield self._one_of(name)
        if self.begins:
            in_capitals = Collate(Upper(F(name)), "C")
            yield Q(**{f"{name}__isnull": False})
            yield Q(StartsWith(in_capitals, Upper(Value(self.begins))))
        if self.has_value:
            yield Q(**{f"{name}__isnull": self.has_value == NO})

    def _one_of(self, name):
        if name == "consensus__slug":
            return _of_classes(self.values)
        if name == "failed_cuts":
            bits = zip((word for word, _ in CUTS), Cut, strict=True)
            mask = sum(int(cut) for word, cut in bits if word in self.values)
            return Q(GreaterThan(F(name).bitand(mask), 0))
        if self.of.asked is Asked.TRUTH:
            return Q(**{f"{name}__in": [value == YES for value in self.values]})
        return Q(**{f"{name}__in": self.values})


def _of_classes(slugs):
    """Agreed to be of one of some classes, of "none", or disputed, as far as the user may see."""
    named = TaxonomyClass.objects.filter(Q(slug__in=slugs) | Q(parent__slug__in=slugs))
    parts = [SEEN & Q(consensus__in=list(named.values_list("pk", flat=True)))]
    if "none" in slugs:
        parts.append(~(HAS_CLASS & Q(shows_class=True)))
    if "disputed" in slugs:
        parts.append(SEEN & Q(is_disputed=True))
    either = Q()
    for part in parts:
        either |= part
    return either


def conditions_of(data) -> list[Condition]:
    """The conditions that an address asks for, valid or not, in the order of the columns."""
    return [condition for condition in each_column(data) if condition.asks]


def each_column(data) -> list[Condition]:
    """A condition of each column, though it may ask for nothing."""
    if not isinstance(data, MultiValueDict):
        data = MultiValueDict({name: [value] for name, value in data.items()})
    negated = set(data.getlist(NEGATED))
    return [_read(column, data, negated) for column in filter_columns().values()]


def _read(column, data, negated):
    names = set(names_of(column))

    def texts(end):
        """What is asked of an end that the column has; nothing of another."""
        return data.getlist(column.key + end) if column.key + end in names else []

    low, high, begins, has_value = (
        (texts(end) or [""])[-1].strip() for end in (LOW, HIGH, BEGINNING, HAS_VALUE)
    )
    values = tuple(value for value in dict.fromkeys(texts(VALUES)) if value)
    return Condition(column, low, high, values, begins, has_value, column.key in negated)


def names_of(column: FilterColumn) -> list[str]:
    """The names in an address by which a column is asked for, without that which negates."""
    ends = [HAS_VALUE] * column.may_be_empty
    if column.is_range:
        return [column.key + end for end in (LOW, HIGH, *ends)]
    return [column.key + end for end in (BEGINNING if column.is_text else VALUES, *ends)]
