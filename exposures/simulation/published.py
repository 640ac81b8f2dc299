"""Published catalogues of the simulated sky, as files in the forms that archives give them.

The variables that somebody knew before: in a list like the VSX, with the bad positions and wrong
periods of old surveys, and in one like OGLE's. Of stars there are besides what Gaia tells of some.
"""

from pathlib import Path

import numpy as np
from astropy.coordinates import Angle

from exposures.science.angles import wrap_ra
from exposures.simulation.stars import MOVER, NOVA, VANISHING, positions_at

FOLDER = "published"
OLD_ARCSEC = (0.5, 3.0)  # by which positions of old lists are off
OGLE_ARCSEC = 0.05
EPOCH_MJD = 51544.5  # of positions in both
# Of the stars that vary, how many each list has.
IN_VSX, IN_OGLE, IN_GAIA = 0.5, 0.3, 0.25
OLD_SHARE = 0.5  # of the entries of the VSX: with a bad position
WRONG_PERIODS = 0.3  # of its periods: twice the true one, half of it, or an alias of a day
FAINTEST_MAG = {"gaia_dr3": 18.8, "vsx": 20.5, "ogle_ocvs": 21.0}
# Of those whose few stars don't tell where they are and how deep they go: all over the sky.
STATED_DEPTH = {name: FAINTEST_MAG[name] for name in ("vsx", "ogle_ocvs")}
OF_OID = 1_000_000  # of the VSX's own numbers from those of stars
MAG_SCATTER = 0.4  # of the VSX's magnitudes, which are of other bands
I_OFFSET, I_SCATTER = 0.4, 0.03  # of OGLE's from ours, which are AB
SIDEREAL_DAY = 0.99727
STRANGERS = (NOVA, MOVER, VANISHING)
VSX_TYPES = {
    "rrab": "RRAB",
    "cepheid": "DCEP",
    "eclipsing": "EA",
    "mira": "M",
    "flare": "UV",
    "fading": "RCB",
}
GAIA_CLASSES = {"rrab": "RR", "cepheid": "CEP", "eclipsing": "ECL", "mira": "LPV"}
# The part of OGLE's collection, its names, classes and file of parameters.
OGLE_PARTS = {
    "rrab": ("rrlyr", "RRLYR", "RRab", "RRab.dat"),
    "cepheid": ("cep", "CEP", "F", "cepF.dat"),
    "eclipsing": ("ecl", "ECL", "NC", "ecl.dat"),
    "mira": ("lpv", "LPV", "Mira", "Miras.dat"),
}
# As in B/vsx of the CDS: label, first and last byte, format, unit, what it is.
VSX_COLUMNS = (
    ("OID", 1, 8, "I8", "---", "Internal identifier"),
    ("Name", 10, 39, "A30", "---", "Variable star identifier"),
    ("V", 41, 41, "I1", "---", "[0,3] Variability flag"),
    ("RAdeg", 43, 51, "F9.5", "deg", "Right ascension (J2000)"),
    ("DEdeg", 53, 61, "F9.5", "deg", "Declination (J2000)"),
    ("Type", 63, 92, "A30", "---", "Variability type, as in GCVS catalog"),
    ("l_max", 94, 94, "A1", "---", "Limit flag on max"),
    ("max", 95, 100, "F6.3", "mag", "? Magnitude at maximum, or amplitude"),
    ("n_max", 102, 107, "A6", "---", "Passband on max magnitude"),
    ("f_min", 109, 109, "A1", "---", "[(] '(' to indicate an amplitude"),
    ("l_min", 110, 110, "A1", "---", "Limit flag on min"),
    ("min", 111, 116, "F6.3", "mag", "? Magnitude at minimum, or amplitude"),
    ("n_min", 118, 123, "A6", "---", "Passband on min magnitude"),
    ("Epoch", 125, 136, "F12.4", "d", "? Epoch of maximum or minimum (HJD)"),
    ("l_Period", 139, 139, "A1", "---", "Limit flag on period"),
    ("Period", 140, 155, "F16.10", "d", "? Period of the variable in days"),
)


def published_files(folder: Path, tiles: Path) -> dict[str, tuple[Path, ...]]:
    """The files of each catalogue that has stars, in the folder of a simulation."""
    found = {
        "gaia_dr3": (tiles, folder / FOLDER / "gaia" / "vari_classifier_result.csv"),
        "vsx": (folder / FOLDER / "vsx" / "vsx.dat",),
        "ogle_ocvs": (folder / FOLDER / "ocvs",),
    }
    there = {name: tuple(p for p in paths if p.exists()) for name, paths in found.items()}
    return {name: paths for name, paths in there.items() if paths}


def write_published(folder: Path, stars: np.ndarray, seed: int) -> None:
    """Write what was known of the variables among ``stars`` (n,), STAR_DTYPE, into ``folder``.

    Lists of the same stars and seed are the same.
    """
    (folder / FOLDER).mkdir(exist_ok=True)
    rng = np.random.default_rng([seed, 20])
    varies = (stars["kind"] != "constant") & ~np.isin(stars["kind"], STRANGERS)
    known = stars[varies]
    written = {
        "gaia_dr3": (IN_GAIA, _write_gaia),
        "vsx": (IN_VSX, _write_vsx),
        "ogle_ocvs": (IN_OGLE, _write_ogle),
    }
    for name, (share, write) in written.items():
        is_listed = (rng.uniform(size=len(known)) < share) & (known["mag"] < FAINTEST_MAG[name])
        if is_listed.any():
            write(folder / FOLDER, known[is_listed], rng)


def _write_gaia(folder, stars, _):
    """The classes of some variables, as vari_classifier_result has them."""
    path = _made(folder / "gaia" / "vari_classifier_result.csv")
    classified = stars[np.isin(stars["kind"], list(GAIA_CLASSES))]
    rows = [f"{star['star_id']},{GAIA_CLASSES[star['kind']]},0.9" for star in classified]
    path.write_text("\n".join(["source_id,best_class_name,best_class_score", *rows]) + "\n")


def _write_vsx(folder, stars, rng):
    """A list like the VSX: vsx.dat with its ReadMe."""
    n = len(stars)
    is_old = rng.uniform(size=n) < OLD_SHARE
    off = np.where(is_old, rng.uniform(*OLD_ARCSEC, n), np.abs(rng.normal(0, 0.1, n)))
    ra, dec = _moved(stars, off, rng)
    period = _published_periods(stars["period"], rng)
    mag = stars["mag"] + rng.normal(0, MAG_SCATTER, n)
    path = _made(folder / "vsx" / "vsx.dat")
    lines = [
        _vsx_line(
            OID=str(OF_OID + star["star_id"]),
            Name=f"NSV {9000 + number}" if old else f"V{5000 + number} Sgr",
            V="0",
            RAdeg=f"{ra[number]:.5f}",
            DEdeg=f"{dec[number]:.5f}",
            Type=VSX_TYPES[star["kind"]],
            max=f"{mag[number]:.3f}",
            n_max="I",
            f_min="(",
            min=f"{star['amplitude']:.3f}",
            Period="" if np.isnan(period[number]) else f"{period[number]:.7f}",
        )
        for number, (star, old) in enumerate(zip(stars, is_old, strict=True))
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    path.with_name("ReadMe").write_text(_vsx_readme())


def _published_periods(periods, rng):
    """(n,) periods in days as an old list has them: some are a multiple or an alias."""
    frequency = 1 / periods
    wrong = np.stack(
        [0.5 * frequency, 2 * frequency, np.abs(frequency - 1 / SIDEREAL_DAY), frequency + 1]
    )
    choice = rng.integers(0, len(wrong), len(periods))
    is_wrong = rng.uniform(size=len(periods)) < WRONG_PERIODS
    published = np.where(is_wrong, wrong[choice, np.arange(len(periods))], frequency)
    return 1 / published


def _vsx_line(**values):
    """A line of vsx.dat with values by their labels: numbers to the right, texts to the left."""
    line = ""
    for label, first, last, form, *_ in VSX_COLUMNS:
        width = last - first + 1
        text = values.get(label, "")
        text = text[:width].ljust(width) if form[0] == "A" else text.rjust(width)
        line = line.ljust(first - 1) + text
    return line.rstrip()


def _vsx_readme():
    """The part of the CDS's ReadMe that says which bytes are what."""
    rule = "-" * 80
    rows = [
        f"{first:4d}-{last:3d}  {form:<6} {unit:<7} {label:<9} {text}"
        for label, first, last, form, unit, text in VSX_COLUMNS
    ]
    heading = "   Bytes Format Units   Label     Explanations"
    title = "Byte-by-byte Description of file: vsx.dat"
    return "\n".join([title, rule, heading, rule, *rows, rule]) + "\n"


def _write_ogle(folder, stars, rng):
    """A collection like OGLE's: of each kind ident.dat, and a file of parameters."""
    for kind, (part, letters, name, parameters) in OGLE_PARTS.items():
        these = stars[stars["kind"] == kind]
        if len(these) == 0:
            continue
        ra, dec = _moved(these, np.abs(rng.normal(0, OGLE_ARCSEC, len(these))), rng)
        hours = Angle(ra, "deg").to_string("hour", sep=":", precision=2, pad=True)
        degrees = Angle(dec, "deg").to_string(sep=":", precision=1, pad=True, alwayssign=True)
        mag = these["mag"] - I_OFFSET + rng.normal(0, I_SCATTER, len(these))
        ident, more = [], []
        for number, star in enumerate(these):
            label = f"OGLE-BLG-{letters}-{number + 1:05d}"
            ident.append(f"{label}  {name:<5} {hours[number]} {degrees[number]}")
            periodic = f"{label}  {mag[number]:6.3f}  -  {star['period']:12.8f}"
            pulsating = f"  {1e-6:.8f}  7000.00000  {star['amplitude']:.3f}"
            more.append(periodic + pulsating * (kind != "eclipsing"))
        path = _made(folder / "ocvs" / part / "ident.dat")
        path.write_text("".join(f"{line}\n" for line in ident))
        path.with_name(parameters).write_text("".join(f"{line}\n" for line in more))


def _moved(stars, off_arcsec, rng):
    """Positions of stars as they were in 2000, off by so much in some direction; degrees."""
    ra, dec = positions_at(stars, EPOCH_MJD)
    angle = rng.uniform(0, 2 * np.pi, len(stars))
    east = off_arcsec * np.cos(angle) / 3600 / np.cos(np.radians(dec))
    return wrap_ra(ra + east), dec + off_arcsec * np.sin(angle) / 3600


def _made(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
