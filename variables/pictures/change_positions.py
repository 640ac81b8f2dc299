"""Rows that tell where candidates' changes are, fitted where their cutouts are drawn."""

import numpy as np
from django.db import transaction
from scipy.spatial import cKDTree

from photometry.storage.storage import lock_against_drop
from variables.models import GalChangePosition
from variables.science.change_position import ChangePosition
from variables.science.changed_star import VERSION, ChangedStar, Doubt, NearbyStars, changed_star

LEAST_ERROR = 1e-6  # ADU


class StarsOfCatalogue:
    """The sources of a catalogue, found by their place on its reference image."""

    def __init__(self, sources):
        """``sources`` are rows of galsources of the reference itself, by refsource_id."""
        self.sources = sources
        places = np.column_stack([sources["x"], sources["y"]]).astype("f8")
        self.placed = np.flatnonzero(np.isfinite(places).all(axis=1))
        self.tree = cKDTree(places[self.placed])

    def near(self, candidate, middle, radius_pixels):
        """Ids of a candidate and of its neighbours; NearbyStars, from a ``middle`` x, y."""
        found = self.tree.query_ball_point((candidate.x, candidate.y), radius_pixels)
        others = self.sources[self.placed[np.array(sorted(found), int)]]
        others = others[others["refsource_id"] != candidate.pk]
        first = np.searchsorted(self.sources["refsource_id"], candidate.pk)
        own = self.sources[first : first + 1]
        own = own[own["refsource_id"] == candidate.pk]
        ids = [candidate.pk, *others["refsource_id"].tolist()]
        light = {
            name: np.append(own[name][0] if len(own) else np.nan, others[name])
            for name in ("flux", "flux_err")
        }
        x = np.append(candidate.x, others["x"]) - middle[0]
        y = np.append(candidate.y, others["y"]) - middle[1]
        return ids, NearbyStars(x, y, light["flux"], light["flux_err"])


def position_of(candidate, frame, stamps, stars, to_sky, options) -> GalChangePosition:
    """The row of a candidate by its ChangeStamps by image, of which there is one at least.

    ``stars`` are StarsOfCatalogue and ``options`` ChangedStarOptions; ``to_sky`` gives right
    ascension and declination of pixels of the reference.
    """
    fwhm = max(stamp.fwhm_pixels for stamp in stamps.values())
    ids, near = stars.near(candidate, (frame.x, frame.y), options.radius_fwhm * fwhm)
    found = changed_star(list(stamps.values()), near, fwhm, options)
    row = GalChangePosition(
        refsource_id=candidate.pk,
        image_ids=list(stamps),
        doubts=int(found.doubts),
        version=VERSION,
        **_odds(ids, found),
    )
    row.significance = found.significance
    if found.position is not None:
        _place(row, frame, found.position, found.covariance, to_sky)
    return row


def _odds(ids, found: ChangedStar):
    likeliest = int(np.argmax(found.odds))
    is_listed = found.odds[likeliest] > found.odds_of_none
    others = 1 + np.argsort(-found.odds[1:], kind="stable")
    pulls = found.forced.flux / np.maximum(found.forced.flux_err, LEAST_ERROR)
    sigma = np.sqrt(np.sum(pulls**2, axis=1))
    is_trusted = not found.doubts & ~Doubt.ONE_EPOCH
    return {
        "likeliest_id": ids[likeliest] if is_listed else None,
        "likeliest_odds": _rounded(max(found.odds[likeliest], found.odds_of_none)),
        "own_odds": _rounded(found.odds[0]),
        "odds_of_none": _rounded(found.odds_of_none),
        "is_of_another": bool(is_trusted and is_listed and likeliest > 0),
        "neighbours": [
            [ids[k], _rounded(found.odds[k]), round(float(sigma[k]), 1)]
            for k in (0, *others.tolist())
        ],
    }


def _rounded(odds):
    # What is smaller is no number of single precision.
    return round(float(odds), 6)


def _place(row, frame, position: ChangePosition, covariance, to_sky):
    row.x, row.y = frame.x + position.x, frame.y + position.y
    (ra, ra_beside), (dec, dec_beside) = (
        a.tolist() for a in to_sky(np.array([row.x, row.x + 1]), np.array([row.y] * 2))
    )
    row.ra, row.dec = ra % 360, dec
    x_err, y_err = np.sqrt(np.diag(covariance))
    row.x_err, row.y_err = float(x_err), float(y_err)
    row.xy_correlation = float(covariance[0, 1] / (x_err * y_err))
    along_ra = (ra_beside - ra) * np.cos(np.radians(dec))
    scale = 3600 * float(np.hypot(along_ra, dec_beside - dec))
    row.error_arcsec = scale * float(np.linalg.det(covariance) ** 0.25)


def replace_positions(catalogue, rows, without=()) -> None:
    """Replace the rows of candidates by others, and delete those of ``without``, ids.

    Nothing is stored where the catalogue is gone.
    """
    with transaction.atomic():
        if not lock_against_drop(catalogue):
            return
        ids = [*(row.pk for row in rows), *without]
        GalChangePosition.objects.filter(pk__in=ids).delete()
        GalChangePosition.objects.bulk_create(rows, batch_size=1000)


def positions_to_fit_again(catalogue) -> set[int]:
    """Ids of a catalogue's candidates whose places were fitted by another version."""
    rows = GalChangePosition.objects.in_catalogue(catalogue.pk).exclude(version=VERSION)
    return set(rows.values_list("pk", flat=True))


def delete_positions(catalogue) -> None:
    """Delete the places of the changes of a catalogue's candidates."""
    GalChangePosition.objects.in_catalogue(catalogue.pk).delete()
