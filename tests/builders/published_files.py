"""Files of published catalogues as archives give them: few stars, real names of columns."""

import gzip
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from astropy import units as u
from astropy.table import MaskedColumn, Table

CENTRE = (265.0, -29.0)  # degrees


def gaia_table(n=200, seed=1, centre=CENTRE, width=0.2):
    """A part of gaia_source; every tenth star without a proper motion or colours."""
    rng = np.random.default_rng(seed)
    unmeasured = np.arange(n) % 10 == 9
    columns = {
        "source_id": 4_000_000_000_000_000_000 + np.arange(n),
        "ra": centre[0] + width * rng.uniform(-0.5, 0.5, n),
        "dec": centre[1] + width * rng.uniform(-0.5, 0.5, n),
        "ref_epoch": np.full(n, 2016.0),
        "ra_error": rng.uniform(0.02, 1, n),
        "dec_error": rng.uniform(0.02, 1, n),
        "pmra": rng.normal(0, 5, n),
        "pmdec": rng.normal(0, 5, n),
        "pmra_error": rng.uniform(0.02, 1, n),
        "pmdec_error": rng.uniform(0.02, 1, n),
        "parallax": rng.normal(0.2, 0.2, n),
        "parallax_error": rng.uniform(0.02, 1, n),
        "phot_g_mean_mag": rng.uniform(12, 21, n),
        "phot_g_mean_flux_over_error": rng.uniform(50, 5000, n),
        "phot_bp_mean_mag": rng.uniform(13, 21, n),
        "phot_rp_mean_mag": rng.uniform(11, 20, n),
        "ruwe": rng.uniform(0.9, 1.5, n),
    }
    table = Table(columns)
    for name in ("pmra", "pmdec", "pmra_error", "pmdec_error", "phot_bp_mean_mag"):
        table[name] = MaskedColumn(table[name], mask=unmeasured)
    units = {"ra": u.deg, "dec": u.deg, "ra_error": u.mas, "pmra": u.mas / u.yr, "ref_epoch": u.yr}
    for name, unit in units.items():
        table[name].unit = unit
    return table


def write_gaia(table, path):
    """Write a table in the format that the path's suffixes name."""
    plain = path.name.removesuffix(".gz")
    if plain.endswith(".parquet"):
        write_parquet(table, path)
    elif plain.endswith(".fits"):
        table.write(path)
    elif plain.endswith(".vot"):
        table.write(path, format="votable", tabledata_format="binary2")
    else:
        text = io.StringIO()
        kind = "ascii.ecsv" if plain.endswith(".ecsv") else "ascii.csv"
        with_nulls = table.copy()
        if plain.endswith(".csv"):
            with_nulls = with_nulls.filled(np.nan)
        with_nulls.write(text, format=kind, delimiter=",")
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "wt") as file:
            file.write(text.getvalue())
    return path


def write_parquet(table, path):
    """Write a table as Parquet, with nulls where it is masked."""
    arrays = {
        name: pa.array(np.ma.getdata(table[name]), mask=np.ma.getmaskarray(table[name]))
        for name in table.colnames
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pa.table(arrays), path)


def write_hats(table, folder):
    """A HATS catalogue of two cells, with the files about it that hats writes.

    The second cell is the finer one, with a number that comes first as text.
    """
    half = len(table) // 2
    for part, cell in ((table[:half], (1, 9)), (table[half:], (2, 40))):
        name = "Norder={}/Dir=0/Npix={}.parquet".format(*cell)
        write_parquet(part, folder / "dataset" / name)
    (folder / "hats.properties").write_text("dataproduct_type=object\n")
    (folder / "partition_info.csv").write_text("Norder,Npix\n1,40\n1,41\n")
    write_parquet(table[:0], folder / "dataset" / "_common_metadata")
    return folder


VSX_README = """\
B/vsx           AAVSO International Variable Star Index VSX    (Watson+, 2006-)
================================================================================
Byte-by-byte Description of file: vsx.dat
--------------------------------------------------------------------------------
   Bytes Format Units   Label     Explanations
--------------------------------------------------------------------------------
   1-  8  I8    ---     OID       Internal identifier
  10- 39  A30   ---     Name      Variable star identifier
      41  I1    ---     V         [0,3] Variability flag
  43- 51  F9.5  deg     RAdeg     Right ascension (J2000)
  53- 61  F9.5  deg     DEdeg     Declination (J2000)
  63- 92  A30   ---     Type      Variability type, as in GCVS catalog
      94  A1    ---     l_max     Limit flag on max
  95-100  F6.3  mag     max       ? Magnitude at maximum, or amplitude
     101  A1    ---     u_max     Uncertainty flag on max
 102-107  A6    ---     n_max     Passband on max magnitude
     109  A1    ---     f_min     [(] '(' to indicate an amplitude
     110  A1    ---     l_min     Limit flag on min
 111-116  F6.3  mag     min       ? Magnitude at minimum, or amplitude
     117  A1    ---     u_min     Uncertainty flag on min
 118-123  A6    ---     n_min     Passband on min magnitude
 125-136  F12.4 d       Epoch     ? Epoch of maximum or minimum (HJD)
     137  A1    ---     u_Epoch   Uncertainty flag (:) on epoch
     139  A1    ---     l_Period  Limit flag on period
 140-155 F16.10 d       Period    ? Period of the variable in days
 156-158  A3    ---     u_Period  Uncertainty flag on Period
--------------------------------------------------------------------------------
"""


def vsx_line(oid, name, ra, dec, kind, **more):
    """A line of vsx.dat; ``more`` by the labels of its ReadMe."""
    places = {
        "l_max": (94, "<1"),
        "max": (95, ">6"),
        "n_max": (102, "<6"),
        "f_min": (109, "<1"),
        "l_min": (110, "<1"),
        "min": (111, ">6"),
        "l_Period": (139, "<1"),
        "Period": (140, ">16"),
    }
    line = f"{oid:>8} {name:<30} 0 {ra:9.5f} {dec:9.5f} {kind:<30}".ljust(158)
    for label, value in more.items():
        start, form = places[label]
        text = format(value, form)
        line = line[: start - 1] + text + line[start - 1 + len(text) :]
    return line


# As the VSX has what turned out to be constant.
CONSTANT = vsx_line(5, "NSV 5", 265.5, -29.5, "CST").replace(" 0 265", " 2 265")
VSX_STARS = [
    vsx_line(1, "V1 Sgr", 265.1, -29.1, "RRAB", max=15.1, min=16.0, n_max="V", Period=0.5),
    vsx_line(2, "V2 Sgr", 265.2, -29.2, "EA", max=14.0, f_min="(", min=0.35, Period=2.5),
    vsx_line(3, "V3 Sgr", 265.3, -29.3, "UGSS", max=12.0, l_min="<", min=18.0, l_Period="("),
    vsx_line(4, "V4 Sgr", 265.4, -29.4, "M", l_max=">", max=17.0, l_Period=">", Period=100),
]


def write_vsx(folder):
    """vsx.dat and its ReadMe, as the CDS has them."""
    (folder / "ReadMe").write_text(VSX_README)
    (folder / "vsx.dat").write_text("\n".join([*VSX_STARS, CONSTANT]) + "\n")
    return folder / "vsx.dat"


OGLE_IDENT = """\
OGLE-BLG-RRLYR-00001  RRab  17:05:58.02 -32:57:03.4  BLG535.31.123  OGLE-BLG-RRLYR-00001
OGLE-BLG-RRLYR-00002  RRc   17:06:00.50 -00:30:30.5
OGLE-BLG-RRLYR-00003  BLG100.1  12345  RRd   17:06:01.00 -33:00:00.0
"""
OGLE_RRAB = """\
OGLE-BLG-RRLYR-00001  15.500  16.700   0.54321000  0.00000010  7000.12345   0.612   0.1
OGLE-BLG-RRLYR-00002  16.500  -        0.31234000  0.00000020  7000.22345   0.300
"""
OGLE_ECL = "OGLE-BLG-RRLYR-00003  17.000  18.100   1.2345670  7000.1234  0.20  0.10\n"

GCVS_LINES = """\
010001 |R     And *|002401.95+383437.4 |M         |  5.8  | 15.2   |   |V |53820. | | 409.2 |38
010002 |RS    And  |235521.75+483817.8 |SRA       |  7.0  |( 0.3  )|   |V |       | |<136   |
"""

GCVS_README = """\
Byte-by-byte Description of file: gcvs_cat.dat
--------------------------------------------------------------------------------
   Bytes Format Units   Label     Explanations
--------------------------------------------------------------------------------
   1-  7  I7    ---     VarNum    Variable star number
   9- 18  A10   ---     GCVS      Variable star designation
  20- 21  I2    h       RAh       ? Hours RA, equinox J2000.0
  22- 23  I2    min     RAm       ? Minutes RA, equinox J2000.0
  24- 28  F5.2  s       RAs       ? Seconds RA, equinox J2000.0
      30  A1    ---     DE-       Sign Dec, equinox J2000.0
  31- 32  I2    deg     DEd       ? Degrees Dec, equinox J2000.0
  33- 34  I2    arcmin  DEm       ? Minutes Dec, equinox J2000.0
  35- 38  F4.1  arcsec  DEs       ? Seconds Dec, equinox J2000.0
  40- 49  A10   ---     VarType   Type of variability
  51- 56  F6.3  mag     magMax    ?=99.99 Magnitude at maximum brightness
  58- 67  F10.6 d       Period    ? Period of the variable star
--------------------------------------------------------------------------------
"""
GCVS_CAT = """\
 860001 V1 Sgr     174000.00 -290036.0 RR          99.99   0.500000
 860002 V2 Sgr     174000.00 -003036.0 EA         14.500
 860003 V3 Sgr                         M          15.000 200.000000
"""


def write_gcvs_of_cds(folder):
    """gcvs_cat.dat and its ReadMe, as the CDS has them."""
    (folder / "ReadMe").write_text(GCVS_README)
    (folder / "gcvs_cat.dat").write_text(GCVS_CAT)
    return folder / "gcvs_cat.dat"
