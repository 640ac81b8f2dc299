"""Changes and sources inside the regions of flags."""

from dataclasses import dataclass

import numpy as np
from django.db import connection

from exposures.errors import GalprojectError
from photometry.models import GalSource
from variables.models import GalCandidate, GalVarObj
from variables.models.candidate_querysets import ACCEPTED
from variables.regions.positions import catalogues_on, chip_map_of, placed_changes

# Of a larger share of a chip, the sources are estimated and not counted.
LARGE_FRACTION = 0.1
MAX_CORNERS = 60

# PostgreSQL reads x1,y1,x2,y2 ... as a polygon; its edge belongs to it.
INSIDE = "point({x}, {y}) <@ array_to_string({region}, ',')::polygon"


class RegionError(GalprojectError):
    """A text or polygon that is no valid region."""


@dataclass(frozen=True)
class Covered:
    """Numbers of sources and changes in a region or on a whole chip."""

    n_sources: int
    n_changes: int  # rows of galvarobjs on a search image, candidates on a reference
    n_accepted: int  # of these, that pass the cuts and no flag hides
    is_estimate: bool = False  # of the number of sources


def parse_region(text) -> list[float]:
    """Read a region as numbers x y x y ..., separated by spaces, commas or line ends."""
    try:
        return [float(word) for word in text.replace(",", " ").replace(";", " ").split()]
    except ValueError as error:
        raise RegionError(f"{text[:40]!r} is not a list of x, y in pixels") from error


def check_region(region, image) -> list[float] | None:
    """Check a flat list of x, y in pixels; raises RegionError if it encloses nothing."""
    if region is None:
        return None
    try:
        corners = np.array(region, float).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise RegionError("A region is a list of x, y, x, y ... in pixels") from error
    if not 3 <= len(corners) <= MAX_CORNERS or not np.isfinite(corners).all():
        raise RegionError(f"A region has 3 to {MAX_CORNERS} corners. Draw it anew")
    if image.width and image.height:
        corners = corners.clip(-0.5, [image.width - 0.5, image.height - 0.5])
    if area(corners) < 1:
        raise RegionError("The region encloses less than a pixel of the chip. Draw it larger")
    return corners.round(2).ravel().tolist()


def area(corners):
    """Area of a polygon with (n, 2) corners, in square pixels."""
    x, y = np.asarray(corners, float).reshape(-1, 2).T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def changes_inside(changes, region) -> np.ndarray:
    """(n,) whether PlacedChanges lie in a region; None is the whole chip."""
    return are_inside(changes.x, changes.y, region)


def are_inside(x, y, region) -> np.ndarray:
    """(n,) whether positions in pixels lie in a region; None is the whole chip."""
    if region is None:
        return np.ones(len(x), bool)
    inside = INSIDE.format(x="x", y="y", region="%s::float8[]")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT i - 1 FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY p (x, y, i)"
            f" WHERE x <> 'NaN' AND y <> 'NaN' AND {inside}",
            [np.asarray(x, float).tolist(), np.asarray(y, float).tolist(), region],
        )
        out = np.zeros(len(x), bool)
        out[[i for (i,) in cursor.fetchall()]] = True
        return out


def candidates_inside(image, region):
    """Candidates whose source lies in a region of their reference image."""
    candidates = GalCandidate.objects.filter(catalogue__image=image)
    if region is None:
        return candidates
    inside = INSIDE.format(x="galcandidates.x", y="galcandidates.y", region="%s::float8[]")
    return candidates.extra(where=[inside], params=[region])


def covered_by(image, region) -> Covered:
    """Count what a flag on a region of an image, or on all of it, would cover."""
    n_sources, is_estimate = _count_sources(image, region)
    if image.is_reference:
        inside = candidates_inside(image, region)
        accepted = inside.filter(ACCEPTED)
        return Covered(n_sources, inside.count(), accepted.count(), is_estimate)
    changes = placed_changes(image)
    inside = changes_inside(changes, region)
    accepted = inside & (changes.failed_cuts == 0) & ~changes.is_flagged
    return Covered(n_sources, int(inside.sum()), int(accepted.sum()), is_estimate)


def _count_sources(image, region):
    """The number of sources in a region, and whether it is an estimate."""
    total = image.n_sources or 0
    if region is None or not (image.width and image.height):
        return total, region is not None
    share = area(region) / (image.width * image.height)
    if share > LARGE_FRACTION:
        return round(total * share), True
    return _count_in_partitions(image, region), False


def _count_in_partitions(image, region):
    """Count sources in a small region through the index on reference positions."""
    chip_map, catalogues = chip_map_of(image), catalogues_on(image)
    if chip_map is None or not catalogues:
        return 0
    corners = np.reshape(region, (-1, 2))
    ra, dec = chip_map.to_sky(*corners.T)
    centre_ra, centre_dec = (float(v[0]) for v in chip_map.to_sky(*corners.mean(0)[:, None]))
    # Half a pixel more at either side, as the map is good to some tenths of one.
    reach = np.hypot(*(corners - corners.mean(0)).T).max() + 1
    scale = 2 * image.radius / np.hypot(image.width, image.height)
    within = "q3c_join(%s, %s, ra, dec, %s) AND q3c_in_poly(ra, dec, %s::float8[])"
    sky = np.column_stack([ra, dec]).ravel().tolist()
    found = GalSource.objects.in_catalogues([c.pk for c in catalogues]).reference()
    return found.extra(
        where=[within], params=[centre_ra, centre_dec, float(reach * scale), sky]
    ).count()


def mark(image, region_flags) -> set[int]:
    """Set ``is_flagged`` of an image's changes by its flags; returns ids of changed sources."""
    before = GalVarObj.objects.filter(image=image)
    if not region_flags:
        flagged = before.filter(is_flagged=True)
        ids = set(flagged.values_list("refsource_id", flat=True))
        flagged.update(is_flagged=False)
        return ids
    changes = placed_changes(image)
    wanted = np.zeros(len(changes), bool)
    for flag in region_flags:
        wanted |= changes_inside(changes, flag.region)
    differs = wanted != changes.is_flagged
    for value in (True, False):
        pks = changes.pk[differs & (wanted == value)].tolist()
        GalVarObj.objects.filter(pk__in=pks).update(is_flagged=value)
    return set(changes.refsource_id[differs].tolist())
