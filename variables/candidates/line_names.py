"""What the names in a line of filters stand for: parameters of the list's address."""

from difflib import get_close_matches

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from exposures.input.numbers import NumberError, parse_integer, parse_number
from variables.candidates.conditions import (
    BEGINNING,
    HAS_VALUE,
    HIGH,
    LOW,
    NEGATED,
    VALUES,
    conditions_of,
)
from variables.candidates.filter_columns import NO, YES, Asked, filter_columns
from variables.candidates.line import Term, Word, range_word, terms_of

LINE = "line"
# Ranges of the form, each with the parameters of its ends; None where it has but one.
RANGES = {
    **{
        name: (f"{name}_min", f"{name}_max")
        for name in ("detections", "changes", "mag", "change", "period", "colour", "absolute")
    },
    "sigma": ("sigma_min", None),
    "excess": ("excess_min", None),
    "alarm": (None, "alarm_max"),
}
# Values of the form.
WORDS = {
    name: name
    for name in (
        *("radius", "kind", "filter", "known", "known_class", "agreement", "cause"),
        *("changed_star", "vetted", "favourite", "tag", "artifact", "undetected", "exposure"),
        *("chip", "object", "per", "position"),
    )
} | {"class": "cls", "list": "star_list", "upload": "upload"}
OF_NUMBERS = ("chip", "object", "star_list", "upload", "radius")
# Short names of columns, by their keys.
SHORT = {
    "reference_mag": "mag",
    "ccdnum": "chip",
    "max_significance": "sigma",
    "has_vanished": "vanished",
    "false_alarm": "alarm",
    "excess_mag": "excess",
    "period_days": "period",
    "colour_mag": "colour",
    "absolute_mag": "absolute",
    "period_agreement": "agreement",
    "failed_cuts": "cuts",
    "consensus": "class",
    "is_disputed": "disputed",
    "object_id": "object",
}
KEYS = {short: key for key, short in SHORT.items()}
IS, IS_NOT, VETTED = "is", "not", "vetted"
ANY, NONE = "any", "none"  # with a value, and without
MOST_TOLD = 20  # choices


class LineReading:
    """The parameters that the terms of a line stand for, as they are read one after another.

    ``filters`` are those of the form by their parameters; ``data`` are parameters beside the line.
    """

    def __init__(self, filters, data=None):
        self.filters = filters
        self.pairs = []
        self.negated = {c.of.key: c.is_negated for c in conditions_of(data or {})}
        self.taken = {name for name, value in (data or {}).items() if value}

    def read(self, term: Term):
        """Add a term. Raises LineError where it makes no sense."""
        if term.name in (IS, IS_NOT):
            for word in term.words:
                self._truth(term, word.text.lower())
        elif not (self._usual(term) or self._column(term)):
            raise term.wrong(self._why_unknown(term))

    def _put(self, term, name, value):
        if name in self.taken:
            raise term.wrong(f"{term.name} is asked for twice: put it into one term")
        self.taken.add(name)
        self.pairs.append((name, value))

    def _usual(self, term):
        """Whether a term is one of the form's filters, that is added then."""
        if term.is_negated:
            return False
        if term.name in RANGES:
            return self._usual_range(term)
        name = WORDS.get(term.name)
        if name not in self.filters or name in self.taken or len(term.words) > 1:
            return False
        if _is_about_a_value(term, filter_columns().get(_key(term.name))):
            return False
        if name in OF_NUMBERS and len(set(term.ends() or ())) > 1:
            return False
        self._put(term, name, self._value(term, name))
        return True

    def _usual_range(self, term):
        ends = term.ends()
        names = RANGES[term.name]
        asked = [(name, end) for name, end in zip(names, ends or (), strict=False) if end]
        if not asked or None in dict(asked) or self.taken.intersection(names):
            return False
        if _is_about_a_value(term, filter_columns().get(_key(term.name))):
            return False
        for name, end in asked:
            self._put(term, name, _number(term, end))
        return True

    def _value(self, term, name):
        text = term.words[0].text
        choices = self.filters[name].extra.get("choices")
        if choices is None:
            is_whole = name != "radius"
            return _number(term, text, is_whole) if name in OF_NUMBERS else text
        return _choice(term, text, _pairs(choices))

    def _column(self, term):
        """Whether a term is of a column, of which it is added to the conditions then."""
        column = filter_columns().get(_key(term.name))
        if column is None:
            return False
        if self.negated.setdefault(column.key, term.is_negated) != term.is_negated:
            raise term.wrong(f"{term.name} is asked for with - and without: put it into one term")
        if _is_about_a_value(term, column):
            has_value = YES if term.words[0].text == ANY else NO
            self._put(term, column.key + HAS_VALUE, has_value)
        elif column.is_range:
            self._range(term, column)
        elif column.is_text:
            if len(term.words) > 1:
                raise term.wrong(f"{term.name} takes one beginning; put it in quotes")
            self._put(term, column.key + BEGINNING, term.words[0].text)
        else:
            values = [_choice(term, word.text, column.choices) for word in term.words]
            self._put_values(term, column.key + VALUES, values)
        if term.is_negated and (NEGATED, column.key) not in self.pairs:
            self.pairs.append((NEGATED, column.key))
        return True

    def _put_values(self, term, name, values):
        self._put(term, name, values[0])
        self.pairs += [(name, value) for value in dict.fromkeys(values[1:]) if value != values[0]]

    def _range(self, term, column):
        ends = term.ends()
        if ends is None or not any(ends):
            raise term.wrong(f"{term.name} takes {column.asked.value}, such as >=5, <=5 or 2..5")
        for end, text in zip((LOW, HIGH), ends, strict=True):
            if text:
                whole = column.asked is Asked.WHOLE
                self._put(term, column.key + end, _number(term, text, whole))

    def _truth(self, term, word):
        if term.is_negated:
            raise term.wrong(f"write not:{word} or is:{word}, without -")
        if word == VETTED and term.name == IS_NOT:
            self._put(term, "vetted", "nobody")
            return
        if word == VETTED:
            self._put(term, "n_votes" + LOW, "1")
            return
        column = filter_columns().get(_key(word))
        if column is None or column.asked is not Asked.TRUTH:
            told = ", ".join([VETTED, *(short_name(c.key) for c in _truths())])
            raise term.wrong(f"after {term.name}: stands one of {told}")
        self._put(term, column.key + VALUES, YES)
        self.negated[column.key] = term.name == IS_NOT
        if term.name == IS_NOT:
            self.pairs.append((NEGATED, column.key))

    def _why_unknown(self, term):
        if term.name in WORDS:
            return f"{term.name} can't be turned round by -, and takes one value"
        if term.name in RANGES:
            return f"{term.name} takes a range, such as >=5, <=5 or 2..5, and no -"
        close = get_close_matches(term.name, names_in_lines(), 3)
        told = f"perhaps {' or '.join(close)}" if close else "docs/filters.md has all names"
        return f"there is no name {term.name}: {told}"


def names_in_lines() -> list[str]:
    """All names that terms may have."""
    short = (short_name(key) for key in filter_columns())
    return sorted({*RANGES, *WORDS, *filter_columns(), *short, IS, IS_NOT})


def parameters_of(line: str, filters, data=None) -> list[tuple[str, str]]:
    """The parameters of an address that a line stands for, beside those of ``data``.

    Raises LineError.
    """
    reading = LineReading(filters, data)
    for term in terms_of(line):
        reading.read(term)
    return reading.pairs


def with_line(data, filters) -> QueryDict:
    """The parameters of an address with those that its line stands for. Raises LineError."""
    if not isinstance(data, MultiValueDict):
        data = MultiValueDict({name: [value] for name, value in data.items()})
    together = QueryDict(mutable=True)
    for name, values in data.lists():
        if name != LINE:
            together.setlist(name, values)
    for name, value in parameters_of(data.get(LINE, ""), filters, together):
        together.appendlist(name, value)
    return together


def line_of(data) -> str:
    """The line that says what the filters of an address say."""
    places = {name: place for place, name in enumerate(_in_order())}
    terms = [*_usual_terms(data), *_column_terms(data)]
    return " ".join(str(term) for term in sorted(terms, key=lambda term: places[term.name]))


def _in_order():
    """The names of terms in the order of a line: as in the form, columns after others."""
    columns = map(short_name, filter_columns())
    return dict.fromkeys([*RANGES, *WORDS, *columns, IS, IS_NOT])


def _usual_terms(data):
    for name, (low, high) in RANGES.items():
        ends = [data.get(end, "").strip() if end else "" for end in (low, high)]
        if any(ends):
            yield Term(name, (range_word(*ends),))
    for name, parameter in WORDS.items():
        value = data.get(parameter, "").strip()
        if (name, value) == (VETTED, "nobody"):
            yield Term(IS_NOT, (Word(VETTED),))
        elif value:
            yield Term(name, (_word(value, filter_columns().get(_key(name))),))


def _column_terms(data):
    for condition in conditions_of(data):
        column, negated = condition.of, condition.is_negated
        name = short_name(column.key)
        if condition.low or condition.high:
            yield Term(name, (range_word(condition.low, condition.high),), negated)
        if condition.begins:
            yield Term(name, (_word(condition.begins, column),), negated)
        if condition.has_value:
            yield Term(name, (Word(ANY if condition.has_value == YES else NONE),), negated)
        if column.asked is Asked.TRUTH and condition.values == (YES,):
            yield Term(IS_NOT if negated else IS, (Word(name),))
        elif condition.values:
            yield Term(name, tuple(map(Word, condition.values)), negated)


def _word(text, column):
    """A text as a word; in quotes where it would say that there is a value, or none."""
    means_a_value = column is not None and column.may_be_empty and text in (ANY, NONE)
    return Word(text, means_a_value)


def _is_about_a_value(term, column):
    """Whether a term says that a column has a value, or none."""
    word = term.words[0]
    is_alone = len(term.words) == 1 and not word.is_quoted
    return is_alone and word.text in (ANY, NONE) and column is not None and column.may_be_empty


def _number(term, text, is_whole=False):
    """A text that is a number, as it stands."""
    try:
        parse_integer(text) if is_whole else parse_number(text)
    except NumberError as error:
        raise term.wrong(str(error)) from error
    return text


def _choice(term, text, choices):
    """The one of (value, label) that a text is, whatever its case."""
    values = [value for value, _ in choices]
    if text in values:
        return text
    named = {_plain(said): value for value, label in choices for said in (label, value)}
    if _plain(text) not in named:
        told = ", ".join(values[:MOST_TOLD]) + " …" * (len(values) > MOST_TOLD)
        raise term.wrong(
            f"{term.name} is one of {told}" if told else f"there is no {term.name} yet"
        )
    return named[_plain(text)]


def _plain(text):
    return "-".join(str(text).lower().split())


def _pairs(choices):
    """The (value, label) of choices as filters take them: an enumeration, a function or a list."""
    listed = getattr(choices, "choices", choices)
    return list(listed() if callable(listed) else listed)


def _truths():
    return [c for c in filter_columns().values() if c.asked is Asked.TRUTH]


def short_name(key: str) -> str:
    """The name of a column in lines, by its key."""
    return SHORT.get(key, key)


def _key(name):
    return KEYS.get(name, name)
