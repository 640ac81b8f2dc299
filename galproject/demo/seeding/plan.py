"""The plan of a made-up survey: fields, chips, epochs, and frequency of changes."""

from dataclasses import dataclass

import numpy as np

from exposures.errors import GalprojectError

FILTERS = ("g", "r", "i")
# Of a survey's 40,000 objects, how many were detected how many times.
SURVEY = {
    1: 27_786,
    2: 7_350,
    3: 2_640,
    4: 1_060,
    5: 500,
    6: 270,
    7: 160,
    8: 100,
    9: 63,
    10: 38,
    11: 22,
    12: 11,
}
SMALL = 50_000  # measurements; a smaller survey has fewer fields and chips
MAX_SHARE = 0.7  # of the sources that change


@dataclass(frozen=True)
class Field:
    """A pointing, its chips, and its search exposures in g, r and i."""

    name: str
    longitude: float  # Galactic, degrees
    latitude: float
    n_chips: int
    n_epochs: tuple[int, int, int]

    @property
    def n_images(self) -> int:
        """The number of images of a chip, references included."""
        return sum(self.n_epochs) + len(FILTERS)


FIELDS = (
    Field("Baade's window", 1.0, -3.9, 4, (6, 8, 14)),
    Field("Bulge west", 358.2, -2.2, 3, (5, 6, 12)),
    Field("Bulge east", 3.6, -1.8, 3, (4, 5, 10)),
    Field("Bulge north", 354.6, 2.4, 2, (3, 4, 8)),
    Field("Plane at 7", 6.9, 2.9, 2, (2, 3, 6)),
    Field("Plane at 10", 9.8, -4.4, 2, (2, 2, 4)),
)
SMALL_FIELDS = (
    Field("Baade's window", 1.0, -3.9, 2, (6, 8, 14)),
    Field("Plane at 7", 6.9, 2.9, 1, (2, 3, 6)),
)


@dataclass(frozen=True)
class SurveyPlan:
    """The plan of a made-up survey; the same plan makes the same survey."""

    n_candidates: int = 40_000  # detected at least once; a few more fail a cut each time
    n_sources: int = 1_000_000  # measurements
    seed: int = 1

    def __post_init__(self):
        if self.n_candidates < 20 or self.n_sources < 1000:
            raise GalprojectError("A survey has at least 20 candidates and 1000 measurements")
        n_series = self.n_stars * self.n_catalogues
        if self.n_candidates > MAX_SHARE * n_series:
            raise GalprojectError(
                f"{self.n_sources:,} measurements are of {n_series:,} sources, too few for "
                f"{self.n_candidates:,} candidates. Ask for more measurements (--sources)"
            )

    @property
    def label(self) -> str:
        """The label by which an existing survey of the same plan is recognised."""
        return f"{self.n_candidates}/{self.n_sources}/{self.seed}"

    @property
    def fields(self) -> tuple[Field, ...]:
        return FIELDS if self.n_sources >= SMALL else SMALL_FIELDS

    @property
    def n_catalogues(self) -> int:
        return len(FILTERS) * sum(field.n_chips for field in self.fields)

    @property
    def n_stars(self) -> int:
        """The number of stars on each chip, measured on all images of the field in all filters."""
        return round(self.n_sources / sum(f.n_chips * f.n_images for f in self.fields))

    def detections(self) -> np.ndarray:
        """(13,) numbers of sources to be detected 0, 1, 2 ... times; the first is 0."""
        wanted = np.zeros(max(SURVEY) + 1)
        wanted[list(SURVEY)] = list(SURVEY.values())
        wanted *= self.n_candidates / wanted.sum()
        whole = np.floor(wanted).astype(int)
        # What rounding left over goes where it was cut most.
        left = self.n_candidates - whole.sum()
        whole[np.argsort(whole - wanted)[:left]] += 1
        return whole
