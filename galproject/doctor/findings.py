"""What an examination finds: a state in words, and what to do about it."""

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad a finding is; the exit status of ``manage.py doctor`` is the worst."""

    OK = 0
    WARNING = 1  # works, and may not for long, or not as well as it could
    FAILS = 2  # something does not work


@dataclass(frozen=True)
class Finding:
    """What is so with one subject, and what to do where it should be otherwise."""

    subject: str  # in a word or two: "disk", "mail"
    severity: Severity
    words: str
    advice: str = ""

    @property
    def line(self) -> str:
        """The finding on a line."""
        said = f"{self.severity.name.lower():8} {self.subject}: {self.words}"
        return f"{said}. {self.advice}" if self.advice else said

    @property
    def as_dict(self) -> dict[str, str]:
        """The finding for programs."""
        return {
            "subject": self.subject,
            "severity": self.severity.name.lower(),
            "words": self.words,
            "advice": self.advice,
        }


def ok(subject, words) -> Finding:
    """A finding that all is well."""
    return Finding(subject, Severity.OK, _on_a_line(words))


def warning(subject, words, advice) -> Finding:
    """A finding of what may become worse."""
    return Finding(subject, Severity.WARNING, _on_a_line(words), _on_a_line(advice))


def fails(subject, words, advice) -> Finding:
    """A finding of what does not work."""
    return Finding(subject, Severity.FAILS, _on_a_line(words), _on_a_line(advice))


def worst(findings) -> Severity:
    """The severity of the worst of some findings; OK where there are none."""
    return max((finding.severity for finding in findings), default=Severity.OK)


def _on_a_line(text):
    # What libraries and servers say has lines, and often a full stop at its end.
    return " ".join(str(text).split()).rstrip(". ")
