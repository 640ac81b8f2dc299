"""Where a catalogue's sources are on their reference, and how their images were taken."""

import numpy as np

from exposures.binary_copy import copy_out, names_of
from exposures.models import GalImage
from exposures.options_in_force import options_in_force
from exposures.science.arrays import FloatArray, IntArray
from exposures.source_ids import rank_of
from photometry.matching.colours import all_published_colours
from photometry.models import GalReference
from photometry.storage.columns import source_dtype
from variables.science.variability.assessment import Surroundings
from variables.science.variability.conditions import airmass, standard_conditions
from variables.science.variability.evidence import Circumstances
from variables.variability.curves import CatalogueImages

ON_REFERENCE = source_dtype(("refsource_id", "x", "y", "mag", "fracflux"))
ON_IMAGES = source_dtype(("refsource_id", "galimage_id", "x", "y"))
N_PLACED = 100  # stars that tell where images lie


def read_surroundings(
    catalogue: GalReference, epochs: CatalogueImages, n_stars: int
) -> Surroundings:
    """The Surroundings of a catalogue's sources, ``n_stars`` with new ones."""
    rows = copy_out(
        f"SELECT {', '.join(names_of(ON_REFERENCE))} FROM {catalogue.partition} WHERE is_reference",
        ON_REFERENCE,
    )
    place = rank_of(rows["refsource_id"])
    known = place < n_stars
    columns = {name: np.full(n_stars, np.nan) for name in ("x", "y", "mag", "fracflux")}
    for name, values in columns.items():
        values[place[known]] = rows[name][known]
    fwhm = _column(epochs.images, "fwhm_pixels")
    width, height = (_column([catalogue.image], name)[0] for name in ("width", "height"))
    return Surroundings(
        **columns,
        fwhm_pixels=float(np.nanmedian(fwhm)) if np.isfinite(fwhm).any() else float("nan"),
        circumstances=Circumstances(
            epochs.mjd, standard_conditions(_conditions(catalogue, epochs, rows))
        ),
        width=width,
        height=height,
        colours=_published_colours(catalogue, n_stars),
    )


def _published_colours(catalogue: GalReference, n_stars: int) -> FloatArray:
    """(n_stars,) mag, of the published stars that sources are; NaN where that is not known."""
    stars = all_published_colours(catalogue.pk)
    place = rank_of(stars.refsource_id)
    known = place < n_stars
    colours = np.full(n_stars, np.nan)
    colours[place[known]] = stars.colour[known]
    return colours


def _conditions(
    catalogue: GalReference, epochs: CatalogueImages, rows: np.ndarray
) -> dict[str, FloatArray]:
    """(n_images,) what measurements may follow, in any units, by name."""
    found = {
        "seeing": _column(epochs.images, "fwhm_pixels"),
        "sky": _column(epochs.images, "sky"),
    }
    image = catalogue.image
    # Images of other cameras may be from anywhere, whatever the options say of the survey's own.
    if image.exposure.instrument == "decam" and image.ra is not None:
        observatory = options_in_force().observatory
        found["airmass"] = airmass(epochs.mjd, image.ra, image.dec, observatory)
    brightest = np.argsort(rows["mag"])[:N_PLACED]
    shifts = _shifts(catalogue, epochs, rows[brightest])
    return found | dict(zip(("x", "y"), shifts, strict=True))


def _column(images: list[GalImage], name: str) -> FloatArray:
    """(n_images,) a column of galimages; NaN where it is null."""
    values = [getattr(image, name) for image in images]
    return np.array([np.nan if value is None else value for value in values], "f8")


def _shifts(catalogue: GalReference, epochs: CatalogueImages, stars: np.ndarray) -> FloatArray:
    """(2, n_images) pixels by which images are shifted in x and y; NaN where no star tells."""
    ids = ",".join(map(str, stars["refsource_id"].tolist()))
    rows = copy_out(
        f"SELECT {', '.join(names_of(ON_IMAGES))} FROM {catalogue.partition}"
        f" WHERE refsource_id = ANY('{{{ids}}}')",
        ON_IMAGES,
    )
    column = epochs.in_column(rows["galimage_id"])
    order = np.argsort(stars["refsource_id"])
    star = order[np.searchsorted(stars["refsource_id"], rows["refsource_id"], sorter=order)]
    return np.array([_medians(column, rows[c] - stars[c][star], len(epochs.images)) for c in "xy"])


def _medians(group: IntArray, values: FloatArray, n_groups: int) -> FloatArray:
    """(n_groups,) the median of the values (n,) of each group (n,), NaN of one without."""
    parts = [values[group == number] for number in range(n_groups)]
    return np.array([np.median(part) if len(part) else np.nan for part in parts])
