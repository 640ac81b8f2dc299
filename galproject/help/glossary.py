"""The glossary of the pages, read from docs/glossary.md."""

import re
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.utils.text import slugify

_ENTRY = re.compile(r"\*\*(?P<name>[^*]+)\*\*(?P<qualifier>[^:*]*): (?P<text>.+)", re.DOTALL)
_DOCUMENT = re.compile(r"\s*\(\[[^\]]*\.md\]\([^)]*\)\)")  # "(archive.md)", which pages don't have
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_CODE = re.compile(r"`([^`]+)`")
_EMPHASIS = re.compile(r"\*([^*]+)\*")


class GlossaryError(LookupError):
    """A word that is not in the glossary, or a line of it that is no entry."""


@dataclass(frozen=True)
class Term:
    """A word with its meaning."""

    name: str
    qualifier: str  # "of a change"; "" of most
    html: str

    @property
    def slug(self) -> str:
        return slugify(self.name)


@dataclass(frozen=True)
class Section:
    """Words about one thing."""

    title: str
    terms: tuple[Term, ...]


@lru_cache(maxsize=1)
def glossary() -> tuple[Section, ...]:
    """All sections of the glossary."""
    path = settings.BASE_DIR / "docs" / "glossary.md"
    return read_glossary(path.read_text(encoding="utf-8"))


def read_glossary(text) -> tuple[Section, ...]:
    """The sections of a glossary in Markdown. Raises GlossaryError for what is no entry."""
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return tuple(_section(part) for part in parts)


@lru_cache(maxsize=1)
def terms() -> dict[str, Term]:
    """{slug: its Term}."""
    return {term.slug: term for section in glossary() for term in section.terms}


def term_called(name) -> Term:
    """The Term of a word. Raises GlossaryError."""
    try:
        return terms()[slugify(name)]
    except KeyError as error:
        raise GlossaryError(f"docs/glossary.md has no word “{name}”") from error


def _section(part):
    title, *entries = re.split(r"\n\s*\n", part.strip())
    return Section(title.strip(), tuple(map(_term, entries)))


def _term(entry):
    found = _ENTRY.fullmatch(entry.strip())
    if found is None:
        raise GlossaryError(f"docs/glossary.md: no entry, **word**: meaning: {entry[:60]!r}")
    qualifier = found["qualifier"].strip(" ()")
    return Term(found["name"].rstrip(","), _inline(qualifier), _inline(found["text"]))


def _inline(text):
    """Markdown of one paragraph as HTML; links lead nowhere."""
    text = escape(" ".join(_LINK.sub(r"\1", _DOCUMENT.sub("", text)).split()))
    text = _CODE.sub(r"<code>\1</code>", text)
    # It was escaped before, and gets no tags but these.
    return mark_safe(_EMPHASIS.sub(r"<em>\1</em>", text))
