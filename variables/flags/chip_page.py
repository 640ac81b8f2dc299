"""The page of one chip: what is known of it, its changes, and the flags on it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.urls import reverse

from exposures.models import GalImage
from photometry.models import GalReference
from photometry.science.calibration.depth import limiting_magnitude
from variables.models import GalCandidate, GalFlag
from variables.pictures.compass import Compass, compass_of
from variables.regions.positions import placed_changes

# A page with more marks than these is slow, and nobody can tell them apart.
MAX_MARKS = 3000
MAX_LISTED = 25


@dataclass(frozen=True)
class ChangeMark:
    """A change, or on a reference a source that changed, on the picture of a chip."""

    refsource_id: int
    x: float  # pixels
    y: float
    state: str  # "accepted", "rejected" (fails a cut) or "hidden" (by a flag)

    @property
    def url(self):
        return reverse("candidate", args=[self.refsource_id])


@dataclass(frozen=True)
class ChipPage:
    """What is shown of a chip."""

    image: GalImage
    catalogue: GalReference | None  # made from it, where it is a reference
    marks: tuple[ChangeMark, ...]
    n_by_state: dict[str, int]
    flags: tuple[GalFlag, ...]  # the newest first
    depth: float | None  # 5 sigma, mag

    @property
    def listed(self):
        """The first of those marks that people look at."""
        return [mark for mark in self.marks if mark.state == "accepted"][:MAX_LISTED]

    @property
    def states(self):
        """The states of marks, those that matter most on top."""
        return ("hidden", "rejected", "accepted")

    @property
    def masked_percent(self):
        return 100 * self.image.masked_fraction

    @property
    def top(self):
        """The highest y of the chip: its picture begins there."""
        return self.image.height - 1

    @property
    def compass(self) -> Compass | None:
        """Of the chip as it is shown; None where it is not known how the sky lies on it."""
        return compass_of(self.image.orientation, max(self.image.picture_size))

    @property
    def radius_arcsec(self):
        """A circle round the middle of the chip that holds all of it, whole arcseconds."""
        return int(np.ceil(3600 * (self.image.radius or 0)))

    @property
    def scale(self):
        """Pixels of the chip to a unit of a mark: a hundredth and a half of the picture across."""
        return round(self.image.picture_size[0] / 900, 2)

    @property
    def options(self):
        """The options that made the results, as pairs of a dotted name and a value."""
        return list(_flat(self.image.options or {}))

    @property
    def made_of(self):
        """The name of the image file that the results were made of; "" where it isn't known."""
        return Path((self.image.files or {}).get("image", {}).get("path", "")).name

    @property
    def in_its_place(self):
        """The name of the file that was entered since, where that is called otherwise."""
        now = Path(self.image.path).name
        return now if self.made_of and now != self.made_of else ""

    @property
    def is_shortened(self):
        return sum(self.n_by_state.values()) > len(self.marks)


def chip_page(image) -> ChipPage:
    """All that the page of a chip shows."""
    marks = _sources(image) if image.is_reference else _changes(image)
    states = [mark.state for mark in marks]
    flags = GalFlag.objects.filter(image=image).with_people().prefetch_related("decisions__user")
    active = GalReference.objects.filter(image=image, active=True)
    return ChipPage(
        image=image,
        catalogue=active.first() if image.is_reference else None,
        marks=tuple(marks[:MAX_MARKS]),
        n_by_state={state: states.count(state) for state in ("accepted", "rejected", "hidden")},
        flags=tuple(flags.order_by("-pk")),
        depth=depth_of(image),
    )


def depth_of(image) -> float | None:
    """The 5 sigma limiting magnitude of an image; None where it was not measured."""
    depth = limiting_magnitude(image.zero_point, image.sky_noise, image.fwhm_pixels)
    return None if np.isnan(depth) else float(depth)


def _changes(image):
    changes = placed_changes(image)
    states = np.where(
        changes.is_flagged, "hidden", np.where(changes.failed_cuts == 0, "accepted", "rejected")
    )
    known = np.isfinite(changes.x) & np.isfinite(changes.y)
    columns = (changes.refsource_id, changes.x.round(1), changes.y.round(1), states)
    return [ChangeMark(*row) for row in zip(*(c[known].tolist() for c in columns), strict=True)]


def _sources(image):
    rows = GalCandidate.objects.filter(catalogue__image=image, catalogue__active=True)
    columns = ("pk", "x", "y", "is_flagged", "n_detections")
    return [
        ChangeMark(pk, round(x, 1), round(y, 1), _state(is_flagged, n_detections))
        for pk, x, y, is_flagged, n_detections in rows.order_by("pk").values_list(*columns)
    ]


def _state(is_flagged, n_detections):
    if is_flagged:
        return "hidden"
    return "accepted" if n_detections else "rejected"


def _flat(options, prefix=""):
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
