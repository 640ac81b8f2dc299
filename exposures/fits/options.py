"""Defaults for missing header values, and limits on pixel values."""

from dataclasses import dataclass, fields

from exposures.science.header_limits import HeaderLimits
from exposures.science.impossible_pixels import PixelLimits
from exposures.science.quantities import (
    Adu,
    Arcseconds,
    Count,
    Electrons,
    Fraction,
    Gain,
    Name,
    Options,
    Ratio,
    Seconds,
)


@dataclass(frozen=True)
class InputOptions(Options):
    """Defaults, mostly for plain images; values in the header take precedence.

    What is None is found from the pixels.
    """

    gain: Gain | None = None
    """Gain where the header has none; None: such that the sky's photons make its noise."""
    read_noise: Electrons = 0.0
    """Read noise where the header has none."""
    saturation: Adu | None = None
    """Saturation level where the header has none; None: where pixels pile up, else unknown."""
    filter: Name = ""
    """Filter where FILTER is absent; "": its absence is an error."""
    exposure_seconds: Seconds | None = None
    """Exposure time where EXPTIME is absent; None: its absence is an error."""
    pipeline_version: Name = ""
    """Version of the Community Pipeline for DECam's files where PLVER is absent or has no number;
    "": its absence is an error."""
    same_centre_arcsec: Arcseconds = 5.0
    """Largest distance between the centres of two exposures with one camera and time that are the
    same exposure."""
    linear_fraction: Fraction = 0.9
    """Share of the largest pixel value, at which pixels pile up, that is taken for the saturation
    level: a converter's top is no longer linear."""
    pile_up_pixels: Count = 10
    """Least number of pixels at exactly the largest value to call it saturation."""
    noise_tolerance: Ratio = 1.4
    """Ratio of the sky's measured noise to that foretold by gain and read noise, as variances,
    beyond which the zero level of the pixels is taken to be unknown."""
    limits: PixelLimits = PixelLimits()
    header: HeaderLimits = HeaderLimits()

    @classmethod
    def from_json(cls, values: dict | None) -> "InputOptions":
        """Options as stored with a result; defaults for those added since."""
        values = dict(values or {})
        limits = PixelLimits(**_known(PixelLimits, values.pop("limits", {})))
        header = HeaderLimits(**_known(HeaderLimits, values.pop("header", {})))
        return cls(**_known(cls, values), limits=limits, header=header)


def _known(kind, values):
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in values.items() if name in names}
