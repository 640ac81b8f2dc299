"""The stars of a simulated field: positions, magnitudes and variability."""

import numpy as np

from exposures.simulation.mosaic import FULL_SHAPE, GAPS, Pointing, detectors

CATALOGUE_EPOCH = 2015.5  # Julian year of the positions
KINDS = ("rrab", "cepheid", "eclipsing", "mira", "flare", "fading")
# Days, and magnitudes from brightest to faintest; single events have no period.
PERIODS = {"rrab": (0.4, 0.8), "cepheid": (3, 30), "eclipsing": (0.5, 5), "mira": (100, 400)}
AMPLITUDES = {
    "rrab": (0.4, 1.2),
    "cepheid": (0.3, 1.0),
    "eclipsing": (0.3, 1.0),
    "mira": (1.0, 3.0),
    "flare": (0.5, 3.0),
    "fading": (0.5, 3.0),
}
# Stars beside those of the field, on no catalogue.
NOVA, MOVER, VANISHING = "nova", "mover", "vanishing"
DARK_MAG = 30.0  # by which a nova is fainter before, and what vanishes afterwards
BRIGHT_MAGS = (12.0, 7.0)  # faintest and brightest
MOVER_ARCSEC_A_DAY = (20.0, 90.0)  # of the outer solar system, or near a stationary point
STAR_DTYPE = [
    ("star_id", "i4"),
    ("ra", "f8"),  # at CATALOGUE_EPOCH, ICRS degrees
    ("dec", "f8"),
    ("pmra", "f4"),  # mas/yr, times cos dec
    ("pmdec", "f4"),
    ("mag", "f4"),  # in the simulated filter, of the constant state
    ("bp_rp", "f4"),
    ("kind", "U10"),
    ("amplitude", "f4"),  # mag
    ("period", "f8"),  # days; NaN for single events
    ("epoch", "f8"),  # MJD of maximum, eclipse, flare, outburst or the start of the fading
]


def make_stars(options, mjds):
    """A structured array (STAR_DTYPE) of all stars on the mosaic and a little around it."""
    rng = np.random.default_rng([options.seed, 1])
    x_range, y_range = _field(options)
    n = _number(options, x_range, y_range)
    stars = np.zeros(n, STAR_DTYPE)
    stars["star_id"] = np.arange(n)
    stars["ra"], stars["dec"] = _positions(options, rng.uniform(*x_range, n), rng, y_range)
    stars["pmra"], stars["pmdec"] = rng.normal(-3, 3, n), rng.normal(-5, 3, n)
    stars["mag"] = _magnitudes(options, rng, n)
    stars["bp_rp"] = rng.normal(1.8, 0.4, n)
    stars["kind"], stars["period"], stars["epoch"] = "constant", np.nan, np.nan
    _make_variable(stars, options, rng, mjds)
    stars = np.concatenate([stars, *_make_strangers(options, len(stars), mjds)])
    return np.concatenate([stars, _bright_stars(options, len(stars))])


def _field(options):
    """Ranges of focal-plane x and y, in pixels from the pointing, that the dithers can reach."""
    ny, nx = options.chip_shape
    margin = options.dither_pixels + 60
    chips = detectors(options.n_chips)
    x = [chip.row * (nx + GAPS[1]) for chip in chips]
    y = [chip.column * (ny + GAPS[0]) for chip in chips]
    return (
        (min(x) - nx / 2 - margin, max(x) + nx / 2 + margin),
        (min(y) - ny / 2 - margin, max(y) + ny / 2 + margin),
    )


def _number(options, x_range, y_range):
    """The number of stars to the faintest, for stars_per_chip above the limit on each chip."""
    area = np.ptp(x_range) * np.ptp(y_range) / np.prod(FULL_SHAPE)
    fainter = 10 ** (options.slope * (options.faintest_mag - options.limiting_mag))
    return round(area * options.stars_per_chip * fainter)


def _positions(options, x, rng, y_range):
    """Sky positions of ``x`` on the focal plane, and of a random y in the range."""
    return _to_sky(options, x, rng.uniform(*y_range, len(x)))


def _to_sky(options, x, y):
    """Sky positions of focal-plane positions, by the undithered pointing."""
    chip = detectors(1)[0]
    crpix1, crpix2 = chip.reference_pixel(options.chip_shape)
    wcs = Pointing(options.ra, options.dec).wcs(chip, options.chip_shape)
    return wcs.all_pix2world(x + crpix1, y + crpix2, 1)


def _magnitudes(options, rng, n):
    """Counts rise by ``slope`` dex a magnitude between the brightest and the faintest."""
    low, high = (10 ** (options.slope * m) for m in (options.brightest_mag, options.faintest_mag))
    return np.log10(rng.uniform(low, high, n)) / options.slope


def _make_variable(stars, options, rng, mjds):
    """Make some stars variable: half of them bright, the others at random."""
    bright = np.flatnonzero(
        (stars["mag"] > options.brightest_mag + 2.5) & (stars["mag"] < options.limiting_mag - 2.5)
    )
    n = round(options.variable_fraction * np.sum(stars["mag"] < options.limiting_mag))
    chosen = np.union1d(
        rng.choice(bright, min(len(bright) // 2, n // 2), replace=False),
        rng.choice(len(stars), n // 2, replace=False),
    )
    for index, kind in zip(chosen, rng.choice(KINDS, len(chosen)), strict=True):
        stars["kind"][index] = kind
        stars["amplitude"][index] = rng.uniform(*AMPLITUDES[kind])
        if kind in PERIODS:
            stars["period"][index] = rng.uniform(*PERIODS[kind])
        # One-off events happen at a search exposure, or there would be nothing to see.
        stars["epoch"][index] = rng.choice(mjds[1:]) if len(mjds) > 1 else mjds[0]
        stars["epoch"][index] -= rng.uniform(0, 0.02)


def _make_strangers(options, first_id, mjds):
    """Make novae, invisible on the reference, moving objects, and stars that will vanish."""
    rng = np.random.default_rng([options.seed, 5])
    x_range, y_range = _field(options)
    numbers = {
        NOVA: options.n_novae,
        MOVER: options.n_movers,
        VANISHING: options.n_vanishing,
    }
    for kind, n in numbers.items():
        new = np.zeros(n, STAR_DTYPE)
        new["star_id"] = first_id + np.arange(n)
        new["ra"], new["dec"] = _positions(options, rng.uniform(*x_range, n), rng, y_range)
        new["mag"] = rng.uniform(*options.new_mags, n)
        new["kind"], new["period"], new["epoch"] = kind, np.nan, mjds[0]
        if len(mjds) > 1:
            new["epoch"] = rng.choice(mjds[1:], n) - 0.01
        if kind == MOVER:
            _set_in_motion(new, rng)
        yield new
        first_id += n


def _bright_stars(options, first_id):
    """Constant stars of BRIGHT_MAGS that saturate, evenly from the faintest to the brightest."""
    rng, n = np.random.default_rng([options.seed, 7]), options.n_bright_stars
    ny, nx = options.chip_shape
    chips = rng.choice(detectors(options.n_chips), n)
    x = np.array([chip.row * (nx + GAPS[1]) for chip in chips]) + rng.uniform(-0.4, 0.4, n) * nx
    y = np.array([chip.column * (ny + GAPS[0]) for chip in chips]) + rng.uniform(-0.4, 0.4, n) * ny
    bright = np.zeros(n, STAR_DTYPE)
    bright["star_id"] = first_id + np.arange(n)
    bright["ra"], bright["dec"] = _to_sky(options, x, y)
    bright["mag"] = np.linspace(*BRIGHT_MAGS, n)
    bright["bp_rp"], bright["kind"] = 1.8, "constant"
    bright["period"] = bright["epoch"] = np.nan
    return bright


def _set_in_motion(movers, rng):
    """Set moving objects' positions at their epochs, and motions that carry them far in a day."""
    rate, angle = rng.uniform(*MOVER_ARCSEC_A_DAY, len(movers)), rng.uniform(0, 2 * np.pi)
    movers["pmra"] = 365_250 * rate * np.cos(angle)
    movers["pmdec"] = 365_250 * rate * np.sin(angle)
    years = _years_since_catalogue(movers["epoch"])
    movers["dec"] -= years * movers["pmdec"] / 3.6e6
    movers["ra"] -= years * movers["pmra"] / 3.6e6 / np.cos(np.radians(movers["dec"]))


def magnitudes_at(stars, mjd):
    """(n,) magnitudes of all stars at a time."""
    mag = stars["mag"].astype("f8")
    for kind in _CHANGES:
        these = stars["kind"] == kind
        mag[these] += _CHANGES[kind](stars[these], mjd)
    return mag


def _phase(stars, mjd):
    return np.mod((mjd - stars["epoch"]) / stars["period"], 1)


def _rrab(stars, mjd):
    """A steep rise of a tenth of the period, then a slow decline."""
    phase = _phase(stars, mjd)
    return stars["amplitude"] * np.where(phase < 0.9, phase / 0.9, (1 - phase) / 0.1)


def _cepheid(stars, mjd):
    """A cosine skewed so that the rise is quicker than the decline."""
    turn = 2 * np.pi * _phase(stars, mjd)
    return stars["amplitude"] * 0.5 * (1 - np.cos(turn - 0.5 * (1 - np.cos(turn))))


def _eclipsing(stars, mjd):
    """A primary eclipse, and half a period later one of half the depth."""
    phase = _phase(stars, mjd)
    primary = np.minimum(phase, 1 - phase)
    eclipse = np.exp(-0.5 * (primary / 0.06) ** 2)
    return stars["amplitude"] * (eclipse + 0.5 * np.exp(-0.5 * ((phase - 0.5) / 0.06) ** 2))


def _mira(stars, mjd):
    return stars["amplitude"] * 0.5 * (1 - np.cos(2 * np.pi * _phase(stars, mjd)))


def _flare(stars, mjd):
    """A jump that decays in a day."""
    since = mjd - stars["epoch"]
    return np.where(since < 0, 0, -stars["amplitude"] * np.exp(-np.maximum(since, 0)))


def _fading(stars, mjd):
    """A decline within a day, and no recovery."""
    since = np.maximum(mjd - stars["epoch"], 0)
    return stars["amplitude"] * (1 - np.exp(-50 * since))


def _nova(stars, mjd):
    """Out of the dark at once, and as bright from then on."""
    return np.where(mjd < stars["epoch"], DARK_MAG, 0)


def _vanishing(stars, mjd):
    """There until its epoch, and then nothing of it."""
    return np.where(mjd < stars["epoch"], 0, DARK_MAG)


_CHANGES = {
    "rrab": _rrab,
    "cepheid": _cepheid,
    "eclipsing": _eclipsing,
    "mira": _mira,
    "flare": _flare,
    "fading": _fading,
    NOVA: _nova,
    VANISHING: _vanishing,
}


def positions_at(stars, mjd):
    """Right ascension and declination at a time, moved along the proper motion; degrees."""
    years = _years_since_catalogue(mjd)
    d_ra = stars["pmra"] / 3.6e6 / np.cos(np.radians(stars["dec"]))
    return stars["ra"] + years * d_ra, stars["dec"] + years * stars["pmdec"] / 3.6e6


def _years_since_catalogue(mjd):
    return 2000 + (mjd - 51544.5) / 365.25 - CATALOGUE_EPOCH
