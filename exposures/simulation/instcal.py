"""DECam InstCal triplets written as the Community Pipeline writes them."""

from dataclasses import dataclass

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time

from exposures.fits.checksums import add_sums
from exposures.whole_files import whole_file

FILTERS = {
    "u": "u DECam c0006 3500.0 1000.0",
    "g": "g DECam SDSS c0001 4720.0 1520.0",
    "r": "r DECam SDSS c0002 6415.0 1480.0",
    "i": "i DECam SDSS c0003 7835.0 1470.0",
    "z": "z DECam SDSS c0004 9260.0 1520.0",
    "Y": "Y DECam c0005 10095.0 1130.0",
    "VR": "VR DECam c0007 6300.0 2600.0",
}
PRODUCTS = {"i": "image", "w": "wtmap", "d": "dqmask"}
ARRIVAL_SECONDS = 81  # the time in a file's name is that of its arrival


@dataclass(frozen=True)
class ExposureCards:
    """The cards in which exposures differ."""

    expnum: int
    start_mjd: float
    filter: str
    seconds: float
    pointing: object  # Pointing of the header
    zero_point: float


def file_name(cards, product, compress):
    """For example c4d_170120_081200_ooi_i_v1.fits.fz."""
    arrival = Time(cards.start_mjd + ARRIVAL_SECONDS / 86400, format="mjd")
    stamp = arrival.strftime("%y%m%d_%H%M%S")
    suffix = ".fits.fz" if compress else ".fits"
    return f"c4d_{stamp}_oo{product}_{cards.filter}_v1{suffix}"


def simulated_primary_header(cards, product):
    """The header of HDU 0, oddities of the real ones among them."""
    header = fits.Header()
    start = Time(cards.start_mjd, format="mjd").isot
    header.update(
        {
            "OBJECT": "simulated field", "PROCTYPE": "InstCal", "PRODTYPE": PRODUCTS[product],
            "PIXSCAL1": 0.27, "PIXSCAL2": 0.27,
            "TELESCOP": "CTIO 4.0-m telescope", "OBSERVAT": "CTIO", "INSTRUME": "DECam",
            "EXPTIME": cards.seconds, "DATE-OBS": start, "MJD-OBS": round(cards.start_mjd, 8),
            "TIMESYS": "UTC", "EXPNUM": cards.expnum, "OBSTYPE": "object",
            "PROPID": "2017A-0000", "FILTER": FILTERS[cards.filter],
            **_sexagesimal(cards.pointing), "DIMMSEE": "NaN",
            "PLVER": "V4.8.2a", "MAGZPT": cards.zero_point - 2.5 * np.log10(cards.seconds),
            "MAGZERO": cards.zero_point,
            # Not to be merged with the chips' WCS, which is ICRS and doesn't say so.
            "RADESYS": "FK5", "RADECSYS": "ICRS",
        }
    )  # fmt: skip
    return header


def _sexagesimal(pointing):
    """RA in hours and Dec in degrees, as text."""
    position = SkyCoord(pointing.ra, pointing.dec, unit="deg")
    return {
        "RA": position.ra.to_string("hour", sep=":", precision=3, pad=True),
        "DEC": position.dec.to_string(sep=":", precision=3, pad=True, alwayssign=True),
    }


def chip_header(cards, detector, shape, exposed, fwhm):
    """The header of one CCD."""
    header = fits.Header()
    header.update({"EXTNAME": detector.name, "DETPOS": detector.name, "CCDNUM": detector.ccdnum})
    amplifiers = dict(zip("AB", detector.amplifiers(shape), strict=True))
    for letter, amplifier in amplifiers.items():
        header[f"GAIN{letter}"] = amplifier.gain
        header[f"RDNOISE{letter}"] = amplifier.read_noise
        header[f"SATURAT{letter}"] = amplifier.saturation
    header["SATURATE"] = max(amplifier.saturation for amplifier in amplifiers.values())
    good = exposed.data[exposed.quality == 0]
    header["FWHM"] = round(fwhm, 4)
    header["AVSKY"], header["AVSIG"] = _sky_and_sigma(good)
    header.update(cards.pointing.cards(detector, shape))
    return header


def _sky_and_sigma(values):
    median = float(np.median(values))
    low = float(np.percentile(values, 15.87))
    return round(median, 4), round(median - low, 4)


def write_triplet(folder, cards, chips, compress):
    """Write image, weight and quality of ``chips``, a list of (header, Exposed); the ooi's path.

    Each file appears under its name only when it is whole.
    """
    paths = {}
    for product, attribute in (("w", "weight"), ("d", "quality"), ("i", "data")):
        hdus = fits.HDUList([fits.PrimaryHDU(header=simulated_primary_header(cards, product))])
        for header, exposed in chips:
            hdus.append(_image_hdu(getattr(exposed, attribute), header, compress))
        paths[product] = folder / file_name(cards, product, compress)
        with whole_file(paths[product]) as partial:
            hdus.writeto(partial)
            add_sums(partial)
    return paths["i"]


def _image_hdu(pixels, header, compress):
    if not compress:
        return fits.ImageHDU(pixels, header)
    if pixels.dtype.kind == "i":
        return fits.CompImageHDU(pixels, header, compression_type="RICE_1")
    # The second kind of dither keeps zeros zero, which in a weight mean "unusable". The seed is
    # fixed, so that the same night is the same bytes.
    return fits.CompImageHDU(
        pixels,
        header,
        compression_type="RICE_1",
        quantize_level=16,
        quantize_method=2,
        dither_seed=1,
    )
