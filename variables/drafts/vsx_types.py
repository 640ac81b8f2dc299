"""Types of VSX for the classes of the survey.

As its list of types has them: https://www.aavso.org/vsx/index.php?view=about.vartypes.
"""

from dataclasses import dataclass

MIRA_NOTE = "M where the amplitude in V is more than 2.5 mag"


@dataclass(frozen=True)
class VsxType:
    """The type of VSX for a class."""

    name: str  # "" where there is none
    note: str = ""  # what a person has to look at
    from_minimum: bool = False  # whether its epoch is one of least light


TYPES = {
    "rr-lyrae": VsxType("RR", "RRAB or RRC where the light curve tells"),
    "cepheid": VsxType("CEP", "DCEP or CW and their subtypes where the light curve tells"),
    "long-period": VsxType("SR", MIRA_NOTE),
    "eclipsing": VsxType("E", "EA, EB or EW where the light curve tells", from_minimum=True),
    "short-period": VsxType("DSCT"),
    "young": VsxType("YSO"),
    "flare": VsxType("UV"),
    "cataclysmic": VsxType("CV", "UG, N or another subtype where it is known"),
    "qso": VsxType("QSO", "AGN where its host is seen"),
    "other": VsxType("VAR"),
}
IRREGULAR = VsxType("L", MIRA_NOTE)


def vsx_type(slugs, has_period) -> VsxType:
    """The VsxType of a class, given by ``slugs`` from its own to its parent's."""
    for slug in slugs:
        if slug == "long-period" and not has_period:
            return IRREGULAR
        if slug in TYPES:
            return TYPES[slug]
    return VsxType("", f"no type of VSX is known for the class {slugs[0]}: choose one")
