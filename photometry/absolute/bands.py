"""Bands of published catalogues by which filters of the survey are calibrated."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass

from exposures.models import GalPublishedCatalogue
from exposures.published.photometry import Photometry, Transformation

# Two bands whose difference is the colour of a star for a filter, the first that a catalogue has.
COLOURS = {
    "u": (("u", "g"), ("g", "r")),
    "g": (("g", "r"), ("g", "i")),
    "VR": (("g", "r"), ("g", "i")),
    "r": (("g", "r"), ("r", "i")),
    "i": (("r", "i"), ("i", "z")),
    "z": (("i", "z"), ("r", "z")),
    "Y": (("z", "Y"), ("i", "z")),
}


@dataclass(frozen=True)
class Band:
    """A published band for a filter, and what comes out by it."""

    name: str  # of the magnitudes that come out; after a transformation the filter's own
    colour: tuple[str, str] | tuple[()]  # () where the catalogue has no two bands for one
    is_other: bool  # only near the filter
    system: str  # "" if it is not known
    transformation: Transformation | None = None  # to the filter, from another band

    @property
    def published(self) -> str:
        """The name of the band that is read."""
        return self.transformation.band if self.transformation else self.name

    @property
    def digest(self) -> str:
        """Of all of it: zero points that were fitted by another are out of date."""
        values = dataclasses.asdict(self)
        if self.transformation:
            values["transformation"] = self.transformation.model_dump(mode="json")
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def band_of(filter_name: str, catalogue: GalPublishedCatalogue) -> Band | None:
    """The Band of a published catalogue for a filter; None without one."""
    photometry = Photometry.model_validate(catalogue.photometry)
    return band_for(filter_name, catalogue.bands, photometry)


def band_for(filter_name: str, bands: list[str], photometry: Photometry) -> Band | None:
    """The Band for a filter of a catalogue that has ``bands``; None without one.

    Where there is a transformation to the filter, its own band is what comes out.
    """
    near = photometry.nearest.get(filter_name)
    transformation = photometry.transformation_to(filter_name)
    if transformation:
        colour = transformation.colour
        return Band(filter_name, colour, False, transformation.system, transformation)
    name = near or filter_name
    if name not in bands:
        return None
    tried = [*COLOURS.get(filter_name, ()), *filter(None, [photometry.colour])]
    colour = next((pair for pair in tried if set(pair) <= set(bands)), ())
    return Band(name, colour, near is not None, photometry.systems.get(name, ""))
