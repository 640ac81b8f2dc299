"""Escaping of text so that spreadsheets don't compute it, and back."""

import re

# Excel, LibreOffice and Google Sheets compute a cell that begins with one of these signs, also
# after spaces, quotes and what can't be seen; the wide ones are those of East Asian keyboards.
SIGNS = "=+@\uff1d\uff0b\uff0d\uff20-"
FILLER = "\\s\\x00-\\x20\\x7f-\\xa0\"'\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
# A run of what may stand before a sign, and the sign if there is one. Where semicolons, bars or
# tabs end a cell, as by the settings of many languages, another begins after each of them.
RUN = re.compile(f"\\A[{SIGNS}]|[{FILLER};|]++[{SIGNS}]?")
BLANK_ENDS = ("\t", "\r", "\n")
NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")


def harmless(text) -> str:
    """Text with an apostrophe before what a spreadsheet would compute, except numbers.

    ``plain`` gives the text again.
    """
    return text if NUMBER.fullmatch(text) else RUN.sub(_with_apostrophes, text)


def plain(cell) -> str:
    """The text from which ``harmless`` made a cell."""
    return RUN.sub(_without_apostrophes, cell)


def _with_apostrophes(run):
    text, starts = run[0], _starts(run)
    return "".join("'" * (k in starts) + character for k, character in enumerate(text))


def _without_apostrophes(run):
    text, starts = run[0], _starts(run)
    kept = (c for k, c in enumerate(text) if not (k in starts and c == "'"))
    return "".join(kept)


def _starts(run):
    """The offsets in a text at which a spreadsheet may begin to compute a cell."""
    text, is_first = run[0], run.start() == 0
    starts = {0} if is_first and text.lstrip("'")[:1] in BLANK_ENDS else set()
    if text[-1] in SIGNS:
        last = max(text.rfind(";"), text.rfind("|")) + 1
        starts |= {last} if last or is_first else set()
        starts |= {k + 1 for k in range(last, len(text)) if text[k] in BLANK_ENDS}
    return starts
