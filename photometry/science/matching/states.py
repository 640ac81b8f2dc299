"""What is said of a source and a published catalogue."""

from enum import IntEnum, unique


@unique
class MatchState(IntEnum):
    """What is said of a source and a published catalogue."""

    MATCHED = 1
    CANT_BE_TOLD = 2
    NO_COUNTERPART = 3
    NOT_COVERED = 4

    @property
    def label(self) -> str:
        """It in words: "can't be told"."""
        return self.name.lower().replace("cant", "can't").replace("_", " ")
