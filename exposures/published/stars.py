"""Stars of published catalogues: near a position, and all of a chip as arrays."""

from dataclasses import dataclass, fields, replace

import numpy as np
from django.db.models import F, QuerySet, Value

from exposures.binary_copy import copy_out
from exposures.models import GalPublishedCatalogue, GalPublishedStar
from exposures.q3c import Q3CDistance, Q3CWithin
from exposures.science.angles import to_sky
from exposures.science.footprints import contains, grown, unit_vectors
from exposures.science.motion import moved, separation_degrees

MARGIN_ARCSEC = 10.0  # round a chip: stars beyond its edge reach into it
FASTEST_ARCSEC = 10.4  # a year, of any star: Barnard's
UNKNOWN_MOTION = 5.0  # mas/yr, the error that is assumed of a motion that is not known
FLOATS = (
    *("epoch", "ra_err", "dec_err", "pmra", "pmdec", "pmra_err", "pmdec_err"),
    *("parallax", "parallax_err", "mag", "mag_err", "amplitude"),
    *("excess_noise", "excess_noise_sig"),
)
# Gaia's column, which is kept as published.
DUPLICATED = "coalesce(extras->>'duplicated_source' IN ('true', '1'), false)"

DOUBLES = ("ra", "dec", "period")


@dataclass(frozen=True)
class PublishedStars:
    """Stars of one catalogue; arrays of (n,), NaN where it doesn't say.

    Epochs and errors of positions are the catalogue's where a row has none.
    """

    id: np.ndarray
    ra: np.ndarray  # ICRS degrees, at the epoch
    dec: np.ndarray  # ICRS degrees, at the epoch
    epoch: np.ndarray  # Julian year
    ra_err: np.ndarray  # mas, times cos(dec)
    dec_err: np.ndarray  # mas
    pmra: np.ndarray  # mas/yr, times cos(dec)
    pmdec: np.ndarray  # mas/yr
    pmra_err: np.ndarray  # mas/yr
    pmdec_err: np.ndarray  # mas/yr
    parallax: np.ndarray  # mas
    parallax_err: np.ndarray  # mas
    mag: np.ndarray  # main band
    mag_err: np.ndarray
    mags: np.ndarray  # (n, k) by the catalogue's bands
    mag_errs: np.ndarray  # (n, k)
    period: np.ndarray  # days
    amplitude: np.ndarray  # mag
    excess_noise: np.ndarray  # mas, scatter about a single moving star
    excess_noise_sig: np.ndarray  # its significance
    is_duplicated: np.ndarray  # bool: the catalogue had it twice, and gives one of the two

    def __len__(self):
        return len(self.id)

    @classmethod
    def none(cls) -> "PublishedStars":
        """No star, of a catalogue without bands."""
        none = {field.name: np.zeros(0) for field in fields(cls)}
        flat = {name: np.zeros((0, 0)) for name in ("mags", "mag_errs")}
        return cls(**(none | flat | {"is_duplicated": np.zeros(0, bool)}))

    def select(self, chosen) -> "PublishedStars":
        """Some of the stars, by their numbers or a mask."""
        return PublishedStars(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def at(self, epoch: float, unknown_motion: float = UNKNOWN_MOTION) -> "PublishedStars":
        """The stars where they are at a Julian year, with the errors that positions have there.

        Those whose motion isn't known stay, with an error of ``unknown_motion`` mas/yr.
        """
        years = epoch - self.epoch
        is_known = np.isfinite(self.pmra) & np.isfinite(self.pmdec)
        motions = (np.where(is_known, motion, 0.0) for motion in (self.pmra, self.pmdec))
        ra, dec = moved(self.ra, self.dec, *motions, years)

        def grown_error(error, motion_error):
            motion_error = np.where(is_known, np.nan_to_num(motion_error), unknown_motion)
            return np.hypot(error, motion_error * years)

        return replace(
            self,
            ra=ra,
            dec=dec,
            epoch=np.full(len(self), float(epoch)),
            ra_err=grown_error(self.ra_err, self.pmra_err),
            dec_err=grown_error(self.dec_err, self.pmdec_err),
        )


def published_stars_near(
    catalogue: GalPublishedCatalogue, ra: float, dec: float, radius_arcsec: float
) -> QuerySet:
    """Stars of a published catalogue near a position in degrees, nearest first.

    Each has its ``distance`` in degrees, where the catalogue has it: motions are left out.
    """
    at = (Value(float(ra)), Value(float(dec)), F("ra"), F("dec"))
    first, last = catalogue.id_range
    return (
        GalPublishedStar.objects.filter(pk__gte=first, pk__lte=last)
        .filter(Q3CWithin(*at, Value(radius_arcsec / 3600)))
        .annotate(distance=Q3CDistance(*at))
        .order_by("distance", "pk")
    )


def published_stars_on(
    catalogue: GalPublishedCatalogue,
    footprint: list[float],
    epoch: float,
    margin_arcsec: float = MARGIN_ARCSEC,
) -> PublishedStars:
    """Stars of a published catalogue on a chip, where they are at a Julian year.

    ``footprint`` (8,) is ra, dec of the chip's corners, degrees; stars up to a margin beyond it are
    among them.
    """
    outline = grown(footprint, margin_arcsec / 3600)
    corners = np.reshape(outline, (-1, 2))
    ra, dec = _middle(corners)
    # Stars move in: the fastest by this much, and hardly one by a hundredth of it.
    years = min(abs(epoch - catalogue.epoch), 100.0)
    reach = separation_degrees(corners[:, 0], corners[:, 1], ra, dec).max()
    stars = stars_within(catalogue, ra, dec, reach + FASTEST_ARCSEC * years / 3600).at(epoch)
    return stars.select(contains(outline, stars.ra, stars.dec))


def stars_within(
    catalogue: GalPublishedCatalogue, ra: float, dec: float, radius_degrees: float
) -> PublishedStars:
    """All stars of a published catalogue within a circle, by binary COPY."""
    n_bands = len(catalogue.bands)
    default = {
        "epoch": catalogue.epoch,
        "ra_err": catalogue.position_err * 1000,
        "dec_err": catalogue.position_err * 1000,
    }
    # In quotes, so that each is of its column's type.
    columns = [f"coalesce({name}, '{default.get(name, 'NaN')}')" for name in (*DOUBLES, *FLOATS)]
    arrays = [(name, k + 1) for name in ("mags", "mag_errs") for k in range(n_bands)]
    columns += [f"coalesce({name}[{k}], 'NaN')" for name, k in arrays] + [DUPLICATED]
    dtype = [("id", "i8"), *((name, "f8") for name in DOUBLES), *((name, "f4") for name in FLOATS)]
    dtype += [(f"{name}{k}", "f4") for name, k in arrays] + [("is_duplicated", "?")]
    rows = copy_out(
        f"SELECT id, {', '.join(columns)} FROM {catalogue.partition} WHERE"
        f" q3c_join({float(ra)!r}, {float(dec)!r}, ra, dec, {float(radius_degrees)!r})",
        np.dtype(dtype),
    )
    values = {name: rows[name] for name in ("id", *DOUBLES, "is_duplicated")}
    values |= {name: rows[name].astype(float) for name in FLOATS}
    for name in ("mags", "mag_errs"):
        own = [rows[f"{name}{k + 1}"].astype(float) for k in range(n_bands)]
        values[name] = np.column_stack([np.zeros((len(rows), 0)), *own])
    return PublishedStars(**values)


def _middle(corners):
    """Right ascension and declination, degrees, of the middle of corners (4, 2) on the sky."""
    ra, dec = to_sky(unit_vectors(corners).sum(axis=0)[None])
    return float(ra[0]), float(dec[0])
