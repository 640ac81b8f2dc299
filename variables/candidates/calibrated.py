"""The calibrated magnitude of a candidate."""

from dataclasses import dataclass

from photometry.absolute.offsets import absolute_offsets


@dataclass(frozen=True)
class CalibratedMagnitude:
    """The mean magnitude of a candidate in a published band."""

    mag: float
    error: float
    source: str  # band, published catalogue and photometric system
    is_other_band: bool  # only near the candidate's filter


def calibrated_magnitude(candidate) -> CalibratedMagnitude | None:
    """The CalibratedMagnitude of a candidate; None where its reference has no zero point.

    Of its mean magnitude, or of that on the reference where there are too few for a mean.
    """
    mag = candidate.mean_mag if candidate.mean_mag is not None else candidate.reference_mag
    offset = absolute_offsets([candidate.pk]).get(candidate.pk)
    if mag is None or offset is None:
        return None
    is_other_band = offset.zero_point.is_other_band
    return CalibratedMagnitude(mag + offset.mag, offset.error, offset.source, is_other_band)
