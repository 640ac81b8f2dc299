"""A draft of an entry: named values, and what is missing."""

from dataclasses import dataclass

TITLES = {"vsx": "VSX", "tns": "TNS"}
WHERE = {"vsx": "https://vsx.aavso.org", "tns": "https://www.wis-tns.org"}


@dataclass(frozen=True)
class DraftValue:
    """A line of a form."""

    name: str
    text: str
    note: str = ""  # what a person should look at


@dataclass(frozen=True)
class Draft:
    """What to write into a form, for a person to check and send."""

    to: str  # "vsx" or "tns"
    values: tuple[DraftValue, ...]
    missing: tuple[str, ...]  # what the form wants and nobody has told, each with what to do

    @property
    def title(self) -> str:
        return f"Draft for {TITLES[self.to]}"

    @property
    def where(self) -> str:
        """The address at which the entry is made."""
        return WHERE[self.to]

    @property
    def text(self) -> str:
        """The draft as plain text."""
        width = max(len(value.name) for value in self.values) + 2
        lines = [
            f"{self.title} ({self.where}). Nothing was sent: check it, and send it yourself.",
            "",
        ]
        for value in self.values:
            lines.append(f"{value.name:<{width}}{value.text}")
            lines += [f"{'':<{width}}({value.note})"] if value.note else []
        lines += ["", "Missing:", *(f"- {one}" for one in self.missing)] if self.missing else []
        return "\n".join([*lines, ""])
