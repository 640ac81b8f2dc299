"""Cutouts as extensions of one FITS file, made in memory one by one."""

import io
from dataclasses import dataclass, field

import numpy as np
from astropy.io import fits
from astropy.time import Time


@dataclass(frozen=True)
class LocalWcs:
    """A gnomonic projection (TAN) that holds near one place."""

    ra: float  # ICRS degrees, of the place
    dec: float
    x: float  # its pixel, counted from 0
    y: float
    cd: np.ndarray  # (2, 2) degrees a pixel: rows are east and north, columns x and y

    def cards(self):
        return [
            ("WCSAXES", 2, ""),
            ("CTYPE1", "RA---TAN", ""),
            ("CTYPE2", "DEC--TAN", ""),
            ("CUNIT1", "deg", ""),
            ("CUNIT2", "deg", ""),
            ("CRVAL1", self.ra, "the candidate"),
            ("CRVAL2", self.dec, "the candidate"),
            ("CRPIX1", self.x + 1, ""),
            ("CRPIX2", self.y + 1, ""),
            *((f"CD{i + 1}_{j + 1}", self.cd[i, j], "") for i in range(2) for j in range(2)),
            ("RADESYS", "ICRS", ""),
        ]


@dataclass(frozen=True)
class Cutout:
    """Pixels round a place, and what is known of the image that they are of."""

    name: str  # of the extension
    pixels: np.ndarray | None  # (n, n) f4 ADU, NaN where masked; None if there are none
    wcs: LocalWcs | None
    facts: dict = field(default_factory=dict)  # {keyword: (value, comment)}


def primary_bytes(facts) -> bytes:
    """The beginning of a file of cutouts, with ``facts`` that hold for all."""
    hdu = fits.PrimaryHDU()
    hdu.header["EXTEND"] = (True, "cutouts are extensions")
    _set(hdu.header, facts)
    return _bytes(hdu)


def extension_bytes(cutout) -> bytes:
    """A cutout as an extension that follows others."""
    pixels = None if cutout.pixels is None else cutout.pixels.astype(">f4")
    hdu = fits.ImageHDU(pixels, name=cutout.name)
    if pixels is not None:
        hdu.header["BUNIT"] = "adu"
    for keyword, value, comment in cutout.wcs.cards() if cutout.wcs else ():
        hdu.header[keyword] = (value, comment)
    _set(hdu.header, cutout.facts)
    return _bytes(hdu)


def time_facts(mjd, exposure_seconds) -> dict:
    """The cards of the middle of an exposure (UTC) and of its length."""
    return {
        "TIMESYS": ("UTC", ""),
        "MJD-AVG": (mjd, "middle of the exposure"),
        "DATE-AVG": (Time(mjd, format="mjd", scale="utc").isot, "middle of the exposure"),
        "EXPTIME": (exposure_seconds, "s"),
    }


def _set(header, facts):
    for keyword, (value, comment) in facts.items():
        if isinstance(value, str):
            value = value.encode("ascii", "replace").decode()
        if value is not None and not (isinstance(value, float) and not np.isfinite(value)):
            header[keyword] = (value, comment)


def _bytes(hdu):
    out = io.BytesIO()
    # An extension is written alone only behind a primary HDU, which is cut off again.
    if isinstance(hdu, fits.PrimaryHDU):
        hdu.writeto(out)
        return out.getvalue()
    primary = fits.PrimaryHDU()
    fits.HDUList([primary, hdu]).writeto(out)
    first = io.BytesIO()
    fits.HDUList([primary]).writeto(first)
    return out.getvalue()[len(first.getvalue()) :]
