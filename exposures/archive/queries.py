"""Queries of the archive, and their form in its protocol."""

import math
from dataclasses import dataclass
from datetime import date
from itertools import product

from astropy.coordinates import angular_separation

from exposures.errors import GalprojectError

OUTFIELDS = (
    "md5sum", "archive_filename", "filesize", "prod_type", "proposal", "caldat", "dateobs_min",
    "ra_center", "dec_center", "exposure", "ifilter", "seeing", "release_date", "updated",
    "EXPNUM", "OBJECT",
)  # fmt: skip
# Fields from headers, such as EXPNUM, need the first two.
INSTCAL = (
    ("instrument", "decam"),
    ("proc_type", "instcal"),
    ("prod_type", "image", "wtmap", "dqmask"),
)
# The three files of an exposure need not agree on its middle to the last digit.
MARGIN_DEGREES = 0.01


@dataclass(frozen=True)
class Query:
    """Conditions on exposures; None sets no limit."""

    first_night: date | None = None  # the archive's caldat: the date at sunset in Chile
    last_night: date | None = None  # itself included; None: the first alone
    region: tuple[float, float, float] | None = None  # RA, Dec and radius round it, ICRS degrees
    filter: str = ""  # short name
    proposal: str = ""
    expnums: tuple[int, ...] = ()

    def __post_init__(self):
        for is_right, rule in self._rules():
            if not is_right:
                raise GalprojectError(f"This can't be looked for: {rule}")

    def _rules(self):
        yield (
            self.first_night or self.region or self.proposal or self.expnums,
            "name a night, a region, a proposal or exposure numbers (a filter alone is too much)",
        )
        yield self.first_night or not self.last_night, "the last night needs a first"
        yield (
            not self.last_night or self.first_night <= self.last_night,
            "the last night is before the first",
        )
        if self.region:
            ra, dec, radius = self.region
            yield 0 <= ra < 360 and -90 <= dec <= 90, "RA is 0 to 360, Dec within 90 degrees"
            yield 0 < radius <= 90, "the radius is up to 90 degrees, and more than 0"

    def contains(self, ra, dec) -> bool:
        """Whether a position (degrees) is in the region; True without one."""
        if self.region is None:
            return True
        if ra is None or dec is None:
            return False
        ra0, dec0, radius = self.region
        distance = angular_separation(*map(math.radians, (ra0, dec0, ra, dec)))
        return math.degrees(distance) <= radius


def bodies(query):
    """Yield the searches that together cover the query, and a bit more than its circle."""
    for ra_range, numbers in product(_ra_ranges(query), _runs(query.expnums) or [None]):
        search = [list(clause) for clause in INSTCAL]
        if query.first_night:
            nights = query.first_night, query.last_night or query.first_night
            search.append(["caldat", *(night.isoformat() for night in nights)])
        if query.filter:
            search.append(["ifilter", query.filter, "startswith"])
        if query.proposal:
            search.append(["proposal", query.proposal])
        if ra_range:
            _, dec, radius = query.region
            reach = radius + MARGIN_DEGREES
            search.append(["ra_center", *ra_range])
            search.append(["dec_center", max(dec - reach, -90), min(dec + reach, 90)])
        if numbers:
            search.append(["EXPNUM", *numbers])
        yield {"outfields": list(OUTFIELDS), "search": search}


def chip_body(md5):
    """The search for the HDUs of a file, with ``rectype=hdu``."""
    search = [list(clause) for clause in INSTCAL[:2]] + [["md5sum", md5]]
    return {"outfields": ["md5sum", "hdu:hdu_idx", "hdu:CCDNUM"], "search": search}


def _ra_ranges(query):
    """Ranges of RA in degrees that hold the circle: two if it crosses 0; [None] without one."""
    if query.region is None:
        return [None]
    ra, dec, radius = query.region
    reach = radius + MARGIN_DEGREES
    if abs(dec) + reach >= 90:  # round the pole
        return [(0.0, 360.0)]
    sine = math.sin(math.radians(reach)) / math.cos(math.radians(dec))
    half = math.degrees(math.asin(sine))
    low, high = ra - half, ra + half
    if low < 0:
        return [(low + 360, 360.0), (0.0, high)]
    if high > 360:
        return [(low, 360.0), (0.0, high - 360)]
    return [(low, high)]


def _runs(numbers):
    """Numbers as inclusive (low, high) ranges, the form that the archive takes."""
    runs = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
