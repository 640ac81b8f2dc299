"""A line of text that says what the filters of the list of candidates say, and the way back.

The grammar, with names as ``line_names`` has them (docs/filters.md):

    line   = [ term { blank term } ]
    term   = [ "-" ] name ":" value
    value  = range | word { "," word }
    range  = number | number ".." [ number ] | ".." number | ">=" number | "<=" number
    word   = letters without blanks, commas or quotes | '"' anything '"'

Within quotes a backslash stands before a quote or a backslash.
"""

import re
from dataclasses import dataclass

from exposures.errors import GalprojectError

MAX_LENGTH = 4000  # characters
NAME = re.compile(r"(?P<minus>-?)(?P<name>[A-Za-z_]\w*):", re.ASCII)
QUOTED = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"', re.DOTALL)
PLAIN = re.compile(r'[^\s,"]+')
BLANKS = re.compile(r"\s*")
WORD = re.compile(r"\S+")
RANGE = re.compile(r"(?P<low>.*?)\.\.(?P<high>.*)")
ENDS = {">=": ("{}", ""), "<=": ("", "{}")}


class LineError(GalprojectError, ValueError):
    """A line that can't be read: which word, at which place, and what would be right."""

    def __init__(self, word, place, what_is_right):
        super().__init__(f"“{word}” at character {place + 1}: {what_is_right}")
        self.place = place


@dataclass(frozen=True)
class Word:
    """A word of a value."""

    text: str
    is_quoted: bool = False

    def __str__(self):
        """The word as it stands in a line, in quotes where it needs them."""
        if not self.is_quoted and PLAIN.fullmatch(self.text):
            return self.text
        escaped = self.text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'


@dataclass(frozen=True)
class Term:
    """A term of a line: what is asked of what is called by a name."""

    name: str
    words: tuple[Word, ...]
    is_negated: bool = False
    place: int = 0  # in the line, from 0

    def __str__(self):
        return f"{'-' * self.is_negated}{self.name}:{','.join(map(str, self.words))}"

    def wrong(self, what_is_right) -> LineError:
        """A LineError for this term."""
        return LineError(str(self), self.place, what_is_right)

    def ends(self) -> tuple[str, str] | None:
        """The texts of both ends of a range, "" for an open one; None if the value is none."""
        if len(self.words) != 1 or self.words[0].is_quoted:
            return None
        text = self.words[0].text
        for sign, ends in ENDS.items():
            if text.startswith(sign):
                low, high = (end.format(text.removeprefix(sign)) for end in ends)
                return low, high
        if text[:1] in ("<", ">", "="):
            raise self.wrong("ends belong to a range: write >=5, <=5 or 2..5")
        if found := RANGE.fullmatch(text):
            return found["low"], found["high"]
        return text, text


def range_word(low: str, high: str) -> Word:
    """The word for a range with these ends, of which one may be ""."""
    # A full stop at the end of a number, or before one, would be one of the two between them.
    low, high = low.rstrip("."), f"0{high}" if high.startswith(".") else high
    if low == high:
        return Word(low)
    if not high:
        return Word(f">={low}")
    return Word(f"{low}..{high}" if low else f"<={high}")


def terms_of(line: str) -> list[Term]:
    """The terms of a line. Raises LineError for what has no form of a term."""
    if len(line) > MAX_LENGTH:
        raise LineError(line[:20] + "…", 0, f"a line has at most {MAX_LENGTH:,} characters")
    if "\0" in line:
        raise LineError("\\0", line.index("\0"), "a line is of letters that can be read")
    found, at = [], BLANKS.match(line).end()
    while at < len(line):
        term, at = _term(line, at)
        found.append(term)
        at = BLANKS.match(line, at).end()
    return found


def _term(line, start):
    head = NAME.match(line, start)
    if head is None:
        word = WORD.match(line, start)[0]
        raise LineError(
            word, start, "a term is a name, a colon and a value, such as cause:real or n_epochs:>=5"
        )
    words, at = [], head.end()
    while True:
        word, at = _word(line, start, at)
        words.append(word)
        if line[at : at + 1] != ",":
            break
        at += 1
    if at < len(line) and not line[at].isspace():
        raise LineError(
            WORD.match(line, start)[0], start, "a blank or a comma has to follow the quotes"
        )
    return Term(head["name"].lower(), tuple(words), bool(head["minus"]), start), at


def _word(line, start, at):
    if quoted := QUOTED.match(line, at):
        return Word(re.sub(r"\\(.)", r"\1", quoted["text"], flags=re.DOTALL), True), quoted.end()
    if plain := PLAIN.match(line, at):
        return Word(plain[0]), plain.end()
    said = WORD.match(line, start)[0]
    if line[at : at + 1] == '"':
        raise LineError(said, start, 'the quotes have to end: name:"two words"')
    raise LineError(said, start, "a value has to follow the colon or the comma, without a blank")
