"""What to assume where a plain FITS image's header is silent."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InputOptions:
    """Defaults for plain images; a header that knows better wins. None: found from the pixels."""

    gain: float | None = None  # e-/ADU; None: such that the sky's photons make its noise
    read_noise: float = 0.0  # e-
    saturation: float | None = None  # ADU; None: where pixels pile up, else unknown
    filter: str = ""  # where FILTER is absent; "": an error
    exposure_seconds: float | None = None  # where EXPTIME is absent; None: an error
    # Of the largest value at which a converter's pixels pile up; its top is no longer linear.
    linear_fraction: float = 0.9
    pile_up_pixels: int = 10  # at exactly the largest value, to call it saturation
    # Noise of the sky measured / foretold by gain and read noise, as variances, beyond which
    # the zero level of the pixels is taken to be unknown.
    noise_tolerance: float = 1.4
