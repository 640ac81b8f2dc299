"""A night as files that process_exposure takes, and as chips in memory."""

import tempfile
from pathlib import Path

import numpy as np

from exposures.catalogues import open_catalogue
from exposures.fits import read_chip, read_exposure
from exposures.simulation.catalogue import write_catalogue
from exposures.simulation.instcal import ExposureCards, chip_header, write_triplet
from exposures.simulation.stars import STAR_DTYPE

from .night import make_night
from .options import PIXEL_ARCSEC

CATALOGUE, TRUTH = "catalogue", "truth"


def write_night(folder, night):
    """InstCal triplets of a SkyNight, its stars in a catalogue; the paths of the ooi files."""
    folder = Path(folder)
    (folder / TRUTH).mkdir(parents=True, exist_ok=True)
    write_catalogue(folder / CATALOGUE, _listed(night), night.options)
    return tuple(_write_epoch(folder, night, epoch) for epoch in night.epochs)


def _write_epoch(folder, night, epoch):
    shape = night.options.shape
    cards = ExposureCards(
        epoch.expnum,
        epoch.mjd,
        night.options.filter,
        epoch.seconds,
        epoch.header_pointing,
        epoch.zero_point,
    )
    fwhm = epoch.seeing_arcsec / PIXEL_ARCSEC
    header = chip_header(cards, night.detector, shape, epoch.exposed, fwhm)
    for letter in "AB":
        header[f"GAIN{letter}"] *= 1 + night.options.gain_error
    truth = folder / TRUTH / f"{epoch.expnum}.npz"
    names = ("x", "y", "flux", "sky")
    np.savez_compressed(truth, **{n: getattr(epoch, n).astype("f4") for n in names})
    return write_triplet(folder, cards, [(header, epoch.exposed)], compress=False)


def _listed(night):
    """The stars that a catalogue may list, in the form of exposures.simulation."""
    stars, listed = night.stars, ~night.stars.is_companion
    table = np.zeros(listed.sum(), STAR_DTYPE)
    table["star_id"] = np.flatnonzero(listed)
    table["ra"], table["dec"] = night.ra[listed], night.dec[listed]
    for name in ("pmra", "pmdec", "mag", "bp_rp"):
        table[name] = getattr(stars, name)[listed]
    table["kind"] = "constant"
    return table


def chips_of(options, folder=None):
    """A night in memory, for reduce_chip without a database.

    Returns the SkyNight, a list of (ExposureFacts, Chip), the reference first, and the catalogue.
    The files are written into ``folder``, or into one that stays under the system's for temporary
    files; they are read as process_exposure reads them.
    """
    folder = Path(folder or tempfile.mkdtemp(prefix="galproject-sky-"))
    night = make_night(options)
    paths = write_night(folder, night)
    facts = [read_exposure(path) for path in paths]
    chips = [(fact, read_chip(fact, fact.chips[0])) for fact in facts]
    return night, chips, open_catalogue(folder / CATALOGUE)
