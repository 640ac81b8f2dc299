"""A catalogue of the simulated sky, in tiles as those of Gaia."""

import numpy as np
from astropy import units as u
from astropy.table import Table
from astropy_healpix import HEALPix

from exposures.science.angles import wrap_ra
from exposures.simulation.stars import CATALOGUE_EPOCH, MOVER, NOVA

NSIDE = 32
FAINTEST_G = 20.5
# Which Gaia passband stands for the simulated filter, and so has its magnitudes.
PROXY = {"u": "bp", "g": "bp", "r": "g", "VR": "g", "i": "rp", "z": "rp", "Y": "rp"}
# Of BP - RP, by which the other passbands are fainter than RP.
COLOUR_FACTOR = {"rp": 0.0, "g": 0.6, "bp": 1.0}
BULGE_PC = 8000.0
BLUEST_GIANT = 1.5  # BP - RP
# Absolute G of dwarfs at one colour, and magnitudes a magnitude of colour (without extinction).
SUN_LIKE, SUN_LIKE_MAG, MAIN_SEQUENCE = 0.82, 4.7, 3.5


def write_catalogue(folder, stars, options):
    """Write the stars brighter than G = 20.5 as chunk-NNNNN.fits, with errors like Gaia's."""
    rng = np.random.default_rng([options.seed, 4])
    table = _table(stars, PROXY[options.filter], rng)
    pixels = HEALPix(NSIDE, order="ring").lonlat_to_healpix(
        table["ra"] * u.deg, table["dec"] * u.deg
    )
    folder.mkdir(exist_ok=True)
    for pixel in np.unique(pixels):
        table[pixels == pixel].write(folder / f"chunk-{pixel:05d}.fits", overwrite=True)
    return folder


def distances_pc(g_mag, bp_rp):
    """(n,) distances in parsecs: blue stars are dwarfs of the disc, others giants of the bulge."""
    absolute = SUN_LIKE_MAG + MAIN_SEQUENCE * (bp_rp - SUN_LIKE)
    return np.where(bp_rp < BLUEST_GIANT, 10 ** (0.2 * (g_mag - absolute) + 1), BULGE_PC)


def _table(stars, proxy, rng):
    factor = COLOUR_FACTOR[proxy]
    magnitudes = {
        band: stars["mag"] + (f - factor) * stars["bp_rp"] for band, f in COLOUR_FACTOR.items()
    }
    seen = (magnitudes["g"] < FAINTEST_G) & ~np.isin(stars["kind"], (NOVA, MOVER))
    stars = stars[seen]
    error_mas = 0.05 * 10 ** (0.2 * np.maximum(magnitudes["g"][seen] - 15, 0))
    n = len(stars)
    table = Table({"source_id": stars["star_id"].astype("i8")})
    d_ra = rng.normal(0, error_mas) / 3.6e6 / np.cos(np.radians(stars["dec"]))
    table["ra"] = wrap_ra(stars["ra"] + d_ra)
    table["dec"] = stars["dec"] + rng.normal(0, error_mas) / 3.6e6
    table["ra_error"], table["dec_error"] = error_mas, error_mas
    for band, magnitude in magnitudes.items():
        signal = 10 ** (-0.2 * (magnitude[seen] - 22.5))
        table[f"phot_{band}_mean_mag"] = magnitude[seen] + rng.normal(0, 1.086 / signal / 10)
        table[f"phot_{band}_mean_flux_over_error"] = 10 * signal
    table["pmra"] = stars["pmra"] + rng.normal(0, error_mas)
    table["pmdec"] = stars["pmdec"] + rng.normal(0, error_mas)
    table["pmra_error"], table["pmdec_error"] = error_mas, error_mas
    distance = distances_pc(magnitudes["g"][seen], stars["bp_rp"])
    table["parallax"] = 1000 / distance + rng.normal(0, error_mas)
    table["parallax_error"] = error_mas
    table["ref_epoch"] = np.full(n, CATALOGUE_EPOCH)
    table["astrometric_excess_noise"] = np.zeros(n)
    table["astrometric_excess_noise_sig"] = np.zeros(n)
    table["astrometric_params_solved"] = np.full(n, 31, "i2")
    table["duplicated_source"] = np.zeros(n, bool)
    return table
