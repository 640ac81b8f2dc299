"""Names of stars by their positions."""

import math

# Digits after the decimal point of seconds, and of arcseconds.
OF_SECONDS, OF_ARCSEC = 2, 1


def designation(prefix: str, ra: float, dec: float) -> str:
    """The name of a star at ``ra, dec``, ICRS degrees, as the IAU has them: cut off, not rounded.

    "GALPROJECT J175326.66-294105.5".
    """
    # Degrees from text may fall short of a whole unit by their last bit.
    hours = _cut(ra % 360 / 15, OF_SECONDS)
    degrees = _cut(abs(dec), OF_ARCSEC)
    sign = "-" if dec < 0 else "+"
    return f"{prefix} J{hours}{sign}{degrees}".strip()


def _cut(angle, digits):
    """hhmmss.ss of an angle in hours, or ddmmss.s of one in degrees."""
    units = math.floor(angle * 3600 * 10**digits + 1e-6)
    whole, fraction = divmod(units, 10**digits)
    minutes, seconds = divmod(whole, 60)
    first, minutes = divmod(minutes, 60)
    return f"{first:02d}{minutes:02d}{seconds:02d}.{fraction:0{digits}d}"
