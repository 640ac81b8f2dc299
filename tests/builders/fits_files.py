"""FITS files for the tests of the readers: small triplets and plain images."""

import numpy as np
from astropy.io import fits

NAME = "c4d_170119_085651_oo{kind}_r_v1.fits"
SHAPE = (40, 60)  # ny, nx


def wcs_cards(ra=150.0, dec=-30.0, shape=SHAPE):
    """Cards of a TPV WCS without distortion."""
    return {
        "CTYPE1": "RA---TPV",
        "CTYPE2": "DEC--TPV",
        "CRVAL1": ra,
        "CRVAL2": dec,
        "CRPIX1": (shape[1] + 1) / 2,
        "CRPIX2": (shape[0] + 1) / 2,
        "CD1_1": 0.0,
        "CD1_2": 7.3e-5,
        "CD2_1": -7.3e-5,
        "CD2_2": 0.0,
        "PV1_1": 1.0,
        "PV2_1": 1.0,
    }


def chip_cards(ccdnum=35, **cards):
    """Cards that a chip of InstCal has."""
    return {
        **wcs_cards(),
        "CCDNUM": ccdnum,
        "GAINA": 4.0,
        "GAINB": 4.2,
        "RDNOISEA": 6.0,
        "RDNOISEB": 7.0,
        "SATURATA": 44000.0,
        "SATURATB": 46000.0,
        "SATURATE": 46000.0,
        "FWHM": 3.5,
        **cards,
    }


def primary_cards(**cards):
    """Cards of InstCal's primary header."""
    return {
        "EXPNUM": 610792,
        "PLVER": "V4.8.2a",
        "MJD-OBS": 57772.37187,
        "DATE-OBS": "2017-01-19T08:55:30",
        "EXPTIME": 30.0,
        "FILTER": "r DECam SDSS c0002 6415.0 1480.0",
        "OBJECT": "field 1",
        "PROPID": "2016B-0279",
        "RADESYS": "FK5",
        "EQUINOX": 2000.0,
        **cards,
    }


def header(cards):
    """A header of a dict; None leaves a card out."""
    result = fits.Header()
    for key, value in cards.items():
        if value is not None:
            result[key] = value
    return result


def triplet_pixels(kind, shape=SHAPE):
    """A flat sky of 400 ADU, its weight, and no flag."""
    return {
        "i": np.full(shape, 400, np.float32),
        "w": np.full(shape, 0.01, np.float32),
        "d": np.zeros(shape, np.int32),
    }[kind]


def write_file(path, chips, compressed=False, **cards):
    """A file of ``{name: (pixels, cards)}``; an EXTNAME of None is left out."""
    hdus = [fits.PrimaryHDU(header=header(primary_cards(**cards)))]
    for name, (pixels, chip) in chips.items():
        make = fits.CompImageHDU if compressed else fits.ImageHDU
        hdus.append(make(pixels, header(chip)))
        if name is not None:
            hdus[-1].header["EXTNAME"] = name
    fits.HDUList(hdus).writeto(path)
    return path


def write_triplet(folder, names=("N4",), changed=None, shape=SHAPE, **cards):
    """An InstCal exposure; ``changed`` maps a kind to other ``{name: (pixels, cards)}``."""
    for kind in "iwd":
        chips = {
            name: (triplet_pixels(kind, shape), chip_cards(35 + n)) for n, name in enumerate(names)
        }
        chips = (changed or {}).get(kind, chips)
        write_file(folder / NAME.format(kind=kind), chips, **cards)
    return folder / NAME.format(kind="i")


def write_plain(path, pixels=None, cards=None):
    """A plain image in the primary HDU."""
    if pixels is None:
        pixels = np.random.default_rng(1).normal(500, 10, (80, 100)).astype(np.float32)
    plain = {
        **wcs_cards(shape=pixels.shape),
        "EXPTIME": 60.0,
        "FILTER": "Clear",
        "DATE-OBS": "2017-12-20T01:33:43",
        **(cards or {}),
    }
    fits.PrimaryHDU(pixels, header(plain)).writeto(path)
    return path
