"""The keys of pages, from the list that their scripts use."""

import json
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

BEGIN, END = "export const KEYS = ", ";\n"
EVERYWHERE = "everywhere"
SIGNS = {" ": "Space", "Escape": "Esc"} | {
    f"Arrow{name}": sign for name, sign in zip(("Left", "Right", "Up", "Down"), "←→↑↓", strict=True)
}


@dataclass(frozen=True)
class KeyLine:
    """Keys that belong together, and what they do."""

    keys: tuple[str, ...]  # as they are written on a keyboard
    name: str
    text: str


@lru_cache(maxsize=1)
def key_lists() -> dict[str, tuple[KeyLine, ...]]:
    """{page: its KeyLines}."""
    script = (settings.BASE_DIR / "static" / "key-lists.js").read_text(encoding="utf-8")
    lists = json.loads(script.partition(BEGIN)[2].removesuffix(END))
    return {
        page: tuple(
            KeyLine(tuple(SIGNS.get(key, key) for key in line["keys"]), line["name"], line["text"])
            for line in lines
        )
        for page, lines in lists.items()
    }
