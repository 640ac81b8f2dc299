"""Results of reading images and their headers."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from exposures.errors import GalprojectError
from exposures.fits import read_chip, read_exposure
from exposures.science.header_limits import UNIX_MJD
from tests.builders.fits_files import chip_cards, write_plain, write_triplet

GAIN, SKY = 2.0, 500.0


@cache
def _folder():
    return Path(mkdtemp(prefix="galproject-effects-"))


@cache
def _plain(name, noise=1.0, **cards):
    """A plain image of a sky whose noise is so many times that of its photons, and a full well."""
    rng = np.random.default_rng(7)
    data = SKY + noise * np.sqrt(SKY / GAIN) * rng.normal(size=(90, 100))
    data[40:43, 50:53] = 4000.0  # nine pixels at the largest value of the converter
    data[20, 20:22] = 3700.0
    return write_plain(_folder() / f"{name}.fits", data.astype("f4"), cards)


def _read(path, options):
    try:
        facts = read_exposure(path, options.input)
        chip = read_chip(facts, facts.chips[0], options.input)
    except GalprojectError as error:
        return type(error).__name__, error.args[0].replace(str(path), "")
    return facts.filter, facts.exposure_seconds, chip.amplifiers, chip.data, chip.weight, chip.mask


def plain_file():
    """The path of an image that says nothing of its detector."""
    return _plain("silent")


def plain_image(options):
    """That image as it is read."""
    return _read(plain_file(), options)


def nameless_image(options):
    """One that says neither its filter nor how long it was exposed."""
    return _read(_plain("nameless", FILTER=None, EXPTIME=None), options)


def noisy_image(options):
    """One whose noise is larger than its gain foretells: by 20 % in variance."""
    return _read(_plain("noisy", noise=np.sqrt(1.2), GAIN=GAIN), options)


@cache
def _spoilt():
    """A DECam exposure, some of whose pixels and weights no detector gives."""
    rng = np.random.default_rng(8)
    shape, cards = (200, 160), chip_cards(35)
    data = (400 + 10 * rng.normal(size=shape)).astype("f4")
    data[20, 30] = 3e7  # three million times the noise
    data[60, 40] = -2000.0  # 240 sigma below the sky
    data[100, 50] = 5e4  # with nothing round it
    y, x = np.mgrid[: shape[0], : shape[1]]
    data += 2e5 * np.exp(-((x - 110) ** 2 + (y - 140) ** 2) / 18).astype("f4")
    weight = np.full(shape, 0.01, "f4")
    weight[150, 20] = 1.0
    changed = {"i": {"N4": (data, cards)}, "w": {"N4": (weight, cards)}}
    folder = _folder() / "spoilt"
    folder.mkdir()
    return write_triplet(folder, changed=changed, shape=shape)


def impossible(options):
    """Which pixels of a DECam chip are masked because no detector gives them."""
    return _read(_spoilt(), options)


@cache
def _versionless():
    folder = _folder() / "versionless"
    folder.mkdir()
    return write_triplet(folder, PLVER=None)


def versionless_image(options):
    """A DECam exposure that doesn't say what made it, and so what its codes mean."""
    return _read(_versionless(), options)


def header_values(options):
    """Which values of headers are taken."""
    limits, now = options.input.header, datetime.now(UTC).timestamp() / 86_400 + UNIX_MJD
    values = {
        "mjd": (45_000.0, now + 3),
        "exposure_seconds": (0.1, 1000.0),
        "gain": (0.5, 100.0),
        "read_noise": (100.0,),
        "saturation": (1e6,),
        "zero_point": (10.0, 40.0),
        "scale": (0.01, 100.0),
        "fwhm": (0.5, 100.0),
    }
    return [getattr(limits, name).holds(value) for name in values for value in values[name]]
