"""Calibrated magnitudes of candidates."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from exposures.tables import batched
from photometry.absolute.offsets import absolute_offsets

CANDIDATES_AT_ONCE, FIRST_CANDIDATES = 2000, 200  # the first are there soon


@dataclass(frozen=True)
class CalibratedMagnitude:
    """The mean magnitude of a candidate in a published band."""

    mag: float
    error: float
    source: str  # band, published catalogue and photometric system
    is_other_band: bool  # only near the candidate's filter


UNKNOWN = None, None, None
DIGITS = 4  # after the decimal point


def calibrated_magnitude(candidate) -> CalibratedMagnitude | None:
    """The CalibratedMagnitude of a candidate; None where its reference has no zero point.

    Of its mean magnitude, or of that on the reference where there are too few for a mean.
    """
    return calibrated_magnitudes([_magnitude(candidate)]).get(candidate.pk)


def calibrated_magnitudes(magnitudes) -> dict[int, CalibratedMagnitude]:
    """{id of a source: CalibratedMagnitude} of (id, mean magnitude or None, that on the reference).

    Those whose reference has no zero point are left out.
    """
    mags = {
        pk: reference_mag if mean_mag is None else mean_mag
        for pk, mean_mag, reference_mag in magnitudes
    }
    offsets = absolute_offsets(pk for pk, mag in mags.items() if mag is not None)
    return {
        pk: CalibratedMagnitude(
            mags[pk] + offset.mag, offset.error, offset.source, offset.zero_point.is_other_band
        )
        for pk, offset in offsets.items()
    }


def calibrated_columns(magnitudes) -> dict[int, tuple]:
    """(mag, error, what it is by) by source, as exports and the API show them; None if unknown."""
    magnitudes = list(magnitudes)
    found = calibrated_magnitudes(magnitudes)
    return {pk: _columns(found.get(pk)) for pk, *_ in magnitudes}


def with_calibrated(candidates: Iterable) -> Iterator:
    """The same candidates, each with its ``calibrated`` columns."""
    for some in batched(candidates, CANDIDATES_AT_ONCE, FIRST_CANDIDATES):
        columns = calibrated_columns(map(_magnitude, some))
        for candidate in some:
            candidate.calibrated = columns[candidate.pk]
        yield from some


def _magnitude(candidate):
    return candidate.pk, candidate.mean_mag, candidate.reference_mag


def _columns(one):
    return (round(one.mag, DIGITS), round(one.error, DIGITS), one.source) if one else UNKNOWN
