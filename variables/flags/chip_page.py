"""The contents of the page of one chip: its facts, changes and flags."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from django.db.models import TextChoices
from django.urls import reverse

from exposures.made_from import placed_by
from exposures.models import GalImage
from exposures.plain_values import none_if_nan
from photometry.models import GalReference, GalZeroPoint
from photometry.science.calibration.depth import limiting_magnitude
from variables.models import GalCandidate, GalFlag
from variables.pictures.compass import Compass, compass_of
from variables.regions.positions import placed_changes

# A page with more marks than these is slow, and nobody can tell them apart.
MAX_MARKS = 3000
MAX_LISTED = 25


class MarkState(TextChoices):
    """How a mark is drawn: the last on top, where they matter most."""

    HIDDEN = "hidden", "by a flag"
    REJECTED = "rejected", "fails a cut"
    ACCEPTED = "accepted"


@dataclass(frozen=True)
class ChangeMark:
    """A mark on the picture of a chip: a change, or on a reference a source that changed."""

    refsource_id: int
    x: float  # pixels
    y: float
    state: str  # a MarkState's value

    @property
    def url(self):
        return reverse("candidate", args=[self.refsource_id])


@dataclass(frozen=True)
class ChipPage:
    """The contents of the page of a chip."""

    image: GalImage
    catalogue: GalReference | None  # made from it, where it is a reference
    marks: tuple[ChangeMark, ...]
    n_by_state: dict[str, int]
    flags: tuple[GalFlag, ...]  # the newest first
    depth: float | None  # 5 sigma, mag
    absolute: GalZeroPoint | None = None  # the best of its catalogue; else one that says why not

    @property
    def listed(self):
        """The accepted marks to list beside the picture, at most MAX_LISTED."""
        return [mark for mark in self.marks if mark.state == MarkState.ACCEPTED][:MAX_LISTED]

    @property
    def states(self):
        """The states of marks, drawn last and on top where they matter most."""
        return MarkState.values

    @property
    def masked_percent(self):
        return 100 * self.image.masked_fraction

    @property
    def top(self):
        """The y at the top of the picture, the highest of the chip."""
        return self.image.height - 1

    @property
    def compass(self) -> Compass | None:
        """The directions of north and east on the picture; None if the WCS is unknown."""
        return compass_of(self.image.orientation, max(self.image.picture_size))

    @property
    def radius_arcsec(self):
        """The radius in whole arcseconds of a circle round the centre that holds the chip."""
        return int(np.ceil(3600 * (self.image.radius or 0)))

    @property
    def candidates_url(self):
        """The list of candidates round a reference's centre, or of those on a search image."""
        image = self.image
        if image.is_reference:
            asked = {
                "position": f"{image.ra:.5f} {image.dec:.5f}",
                "radius": self.radius_arcsec,
                "filter": image.exposure.filter,
            }
        else:
            asked = {"exposure": image.exposure.identifier, "chip": image.ccdnum}
        return f"{reverse('candidates')}?{urlencode(asked)}"

    @property
    def scale(self):
        """Chip pixels in a unit of a mark's size, a 900th of the chip's width."""
        return round(self.image.picture_size[0] / 900, 2)

    @property
    def options(self):
        """The options with which the results were made, as pairs of dotted name and value."""
        return list(_flat(self.image.options or {}))

    @property
    def made_of(self):
        """The name of the image file that was measured, or "" if unknown."""
        return Path((self.image.files or {}).get("image", {}).get("path", "")).name

    @property
    def placed_by(self):
        """The catalogues whose stars the chip was placed by, in words."""
        return placed_by(self.image.files or {})

    @property
    def in_its_place(self):
        """The name of the file that replaced the measured one, or "" if it has the same name."""
        now = Path(self.image.path).name
        return now if self.made_of and now != self.made_of else ""

    @property
    def is_shortened(self):
        return sum(self.n_by_state.values()) > len(self.marks)


def chip_page(image) -> ChipPage:
    """Collect the contents of the page of a chip."""
    marks = _sources(image) if image.is_reference else _changes(image)
    states = [mark.state for mark in marks]
    flags = GalFlag.objects.filter(image=image).with_people().prefetch_related("decisions__user")
    active = GalReference.objects.filter(image=image, active=True)
    catalogue = active.first() if image.is_reference else None
    return ChipPage(
        image=image,
        catalogue=catalogue,
        absolute=_absolute(catalogue) if catalogue else None,
        marks=tuple(marks[:MAX_MARKS]),
        n_by_state={state: states.count(state) for state in MarkState.values},
        flags=tuple(flags.order_by("-pk")),
        depth=depth_of(image),
    )


def _absolute(catalogue) -> GalZeroPoint | None:
    """The best absolute zero point of a catalogue; else one that couldn't be told; None without."""
    own = GalZeroPoint.objects.filter(reference=catalogue).select_related("published")
    return own.best().first() or own.order_by("pk").first()


def depth_of(image) -> float | None:
    """The 5 sigma limiting magnitude of an image; None if it was not measured."""
    depth = limiting_magnitude(image.zero_point, image.sky_noise, image.fwhm_pixels)
    return none_if_nan(float(depth))


def _changes(image):
    changes = placed_changes(image)
    states = np.where(
        changes.is_flagged,
        MarkState.HIDDEN.value,
        np.where(changes.failed_cuts == 0, MarkState.ACCEPTED.value, MarkState.REJECTED.value),
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
        return MarkState.HIDDEN.value
    return (MarkState.ACCEPTED if n_detections else MarkState.REJECTED).value


def _flat(options, prefix=""):
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
