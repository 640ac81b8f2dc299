"""Light curves of a star for others: in calibrated magnitudes where they can be, with all times."""

from dataclasses import dataclass

import numpy as np

from exposures.options_in_force import options_in_force
from exposures.science.barycentre import bjd_tdb, hjd_utc
from photometry.absolute.offsets import AbsoluteOffset, absolute_offsets
from variables.light_curves.light_curve_data import light_curve_data
from variables.science.extrema import magnitude_range


@dataclass(frozen=True)
class DraftCurve:
    """The measurements of one source, oldest first: arrays (n,), and (m,) of upper limits."""

    refsource_id: int
    filter: str
    image_id: np.ndarray
    mjd: np.ndarray  # UTC, middle of the exposure
    hjd: np.ndarray  # UTC
    bjd_tdb: np.ndarray
    mag: np.ndarray
    mag_err: np.ndarray  # NaN where it is not known
    limit_mjd: np.ndarray
    limit_mag: np.ndarray
    offset: AbsoluteOffset | None  # that was added to mag; None: they are relative

    def __len__(self):
        return len(self.mjd)

    @property
    def passband(self) -> str:
        """The filter, as lists of variable stars name passbands."""
        if self.offset is None:
            return f"{self.filter} (relative)"
        zero_point = self.offset.zero_point
        if zero_point.is_other_band:
            return f"{self.filter} (zero point of {zero_point.band}, {zero_point.system})"
        return f"{self.filter} ({zero_point.system})" if zero_point.system else self.filter

    @property
    def scale(self) -> str:
        """What its magnitudes are, in a sentence."""
        if self.offset is None:
            return (
                f"Magnitudes in {self.filter} are relative: no absolute zero point of their "
                "reference is known."
            )
        return (
            f"Magnitudes in {self.filter} are calibrated: by {self.offset.source}; all of them are "
            f"uncertain by the same {self.offset.error:.3f} mag beside their own errors."
        )

    @property
    def range(self) -> tuple[float, float]:
        """Brightest and faintest magnitude; NaN without any."""
        return magnitude_range(self.mag, self.mag_err)


def draft_curves(candidate) -> list[DraftCurve]:
    """The DraftCurves of a candidate's star, its own filter first."""
    data = light_curve_data(candidate.pk)["filters"]
    offsets = absolute_offsets([one["refsource_id"] for one in data])
    return [_curve(one, candidate, offsets.get(one["refsource_id"])) for one in data]


def _curve(one, candidate, offset):
    observatory = options_in_force().observatory
    mjd, place = _floats(one["mjd"]), (candidate.ra, candidate.dec)
    limits = one["non_detections"]
    limit_mag = _floats(limits["limit_mag"])
    is_known = np.isfinite(limit_mag)
    added = offset.mag if offset else 0.0
    return DraftCurve(
        refsource_id=one["refsource_id"],
        filter=one["filter"],
        image_id=np.array(one["image_id"], np.int64),
        mjd=mjd,
        hjd=hjd_utc(mjd, *place, observatory),
        bjd_tdb=bjd_tdb(mjd, *place, observatory),
        mag=_floats(one["mag"]) + added,
        mag_err=_floats(one["mag_err"]),
        limit_mjd=_floats(limits["mjd"])[is_known],
        limit_mag=limit_mag[is_known] + added,
        offset=offset,
    )


def _floats(values):
    """An array of numbers, NaN where one is None."""
    return np.array(values, float)


def light_curve_text(name, curves) -> str:
    """Light curves as a text table with a header, a line a measurement."""
    lines = [
        f"# {name}",
        "# Times are of the middle of exposures: HJD in UTC, BJD in TDB, MJD in UTC.",
        *(f"# {curve.scale}" for curve in curves),
        "# HJD BJD MJD mag error filter; of upper limits the magnitude follows a <",
    ]
    return "\n".join([*lines, *_measurements(curves), ""])


def _measurements(curves):
    rows = []
    for curve in curves:
        times = zip(curve.mjd, curve.hjd, curve.bjd_tdb, strict=True)
        for (mjd, hjd, bjd), mag, error in zip(times, curve.mag, curve.mag_err, strict=True):
            known = f"{error:.4f}" if np.isfinite(error) else "-"
            line = f"{hjd:.6f} {bjd:.6f} {mjd:.6f} {mag:.4f} {known} {curve.filter}"
            rows.append((mjd, line))
        for mjd, limit in zip(curve.limit_mjd, curve.limit_mag, strict=True):
            rows.append((mjd, f"- - {mjd:.6f} <{limit:.4f} - {curve.filter}"))
    return [line for _, line in sorted(rows)]
