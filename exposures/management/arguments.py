"""Arguments shared by several commands."""

import re
from argparse import ArgumentTypeError
from datetime import date

from exposures.archive.queries import Query
from exposures.errors import GalprojectError
from exposures.fits import short_filter
from exposures.management.numbers import WholeNumber
from exposures.science.positions import read_position

CCDNUM = WholeNumber(1, 32_767)  # as their column has it
EXPNUM = WholeNumber(1, 999_999_999)


def ccd_numbers(text) -> set[int]:
    """Parse chip numbers from a list such as "1-3,31", for argparse."""
    numbers = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        first, last = CCDNUM(first), CCDNUM(last or first)
        if last < first:
            raise ArgumentTypeError(f"{part!r}: the first is after the last")
        numbers |= set(range(first, last + 1))
    return numbers


def let_declinations_be_negative(parser):
    """Let argparse accept declinations like -29:00:28 as values."""
    # argparse offers no other way to say what a number may look like.
    parser._negative_number_matcher = re.compile(r"^-[\d.]")  # noqa: SLF001
    return parser


def add_selection(parser):
    """Add the options that select exposures of the archive."""
    group = parser.add_argument_group("which exposures; all that is given must be true")
    group.add_argument(
        "--night", type=date.fromisoformat, metavar="DATE", help="at sunset in Chile: 2017-01-18"
    )
    group.add_argument(
        "--night-end", type=date.fromisoformat, metavar="DATE", help="last night of a range"
    )
    group.add_argument(
        "--region",
        nargs=3,
        metavar=("RA", "DEC", "RADIUS"),
        help="centred there: degrees or sexagesimal, and the radius in degrees",
    )
    group.add_argument("--filter", default="", help="u, g, r, i, z, Y, VR, N964, ...")
    group.add_argument("--proposal", default="", help="for example 2016B-0279")
    group.add_argument(
        "--expnum", nargs="+", type=EXPNUM, default=[], metavar="N", help="exposure numbers"
    )


def archive_query(*, night, night_end, region, filter, proposal, expnum, **_) -> Query:
    """Make the archive query from these options. Raises GalprojectError."""
    return Query(
        first_night=night,
        last_night=night_end,
        region=_region(region),
        filter=short_filter(filter) if filter else "",
        proposal=proposal,
        expnums=tuple(expnum),
    )


def selection_text(query) -> str:
    """A query in words."""
    parts = []
    if query.first_night:
        last = query.last_night
        end = f" to {last}" if last and last != query.first_night else ""
        parts.append(f"night {query.first_night}{end}")
    if query.region:
        ra, dec, radius = query.region
        parts.append(f"within {radius:g} degrees of RA {ra:.4f} Dec {dec:+.4f}")
    if query.filter:
        parts.append(f"filter {query.filter}")
    if query.proposal:
        parts.append(f"proposal {query.proposal}")
    if query.expnums:
        parts.append(f"exposure {', '.join(map(str, query.expnums))}")
    return ", ".join(parts)


def _region(texts):
    if texts is None:
        return None
    *position, radius = texts
    try:
        return (*read_position(" ".join(position)), float(radius))
    except ValueError:
        raise GalprojectError(f"--region: the radius {radius!r} is no number of degrees") from None
