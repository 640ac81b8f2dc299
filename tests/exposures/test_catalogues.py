"""Catalogues read offline: cones, proper motion, cuts and bands."""

import gzip

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Distance, SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from astropy_healpix import HEALPix

from exposures.catalogues import Cone, TileCatalogue, open_catalogue
from exposures.errors import InputFileError
from exposures.science.motion import moved, separation_degrees, years_after

J2015_5, J2016 = 57205.875, 57388.5  # MJD
FORMATS = {"source_id": "K", "duplicated_source": "L"}


def table(ra, dec, **columns):
    """Columns of Gaia's names for stars at ``ra, dec``, at rest unless told otherwise."""
    n = len(ra)
    defaults = {
        "ra_error": 0.3,
        "dec_error": 0.4,
        "phot_g_mean_mag": 15.0,
        "phot_bp_mean_mag": 16.0,
        "phot_rp_mean_mag": 14.0,
        "phot_g_mean_flux_over_error": 100.0,
        "phot_bp_mean_flux_over_error": 50.0,
        "phot_rp_mean_flux_over_error": 50.0,
        "astrometric_excess_noise": 0.1,
        "astrometric_excess_noise_sig": 1.0,
        "duplicated_source": False,
        "ref_epoch": 2015.5,
        "pmra": 0.0,
        "pmdec": 0.0,
        "pmra_error": 0.5,
        "pmdec_error": 0.6,
    }
    values = {"ra": ra, "dec": dec, **defaults, **columns}
    return {name: np.broadcast_to(value, n) for name, value in values.items()}


def write_table(path, columns):
    made = [
        fits.Column(name, FORMATS.get(name, "D"), array=np.array(values))
        for name, values in columns.items()
    ]
    fits.BinTableHDU.from_columns(made).writeto(path)
    return path


def write_tiles(folder, columns):
    """A folder of tiles, each star in its own."""
    tile = HEALPix(32, order="ring").lonlat_to_healpix(
        columns["ra"] * u.deg, columns["dec"] * u.deg
    )
    for number in np.unique(tile):
        inside = {name: values[tile == number] for name, values in columns.items()}
        write_table(folder / f"chunk-{number:05d}.fits", inside)
    return TileCatalogue(folder)


def scattered(ra0, dec0, radius, n=400, seed=4):
    """Positions around a place: evenly over a cap."""
    random = np.random.default_rng(seed)
    centre = SkyCoord(ra0, dec0, unit="deg")
    around = centre.directional_offset_by(
        random.uniform(0, 360, n) * u.deg, radius * np.sqrt(random.random(n)) * u.deg
    )
    return around.ra.deg, around.dec.deg


@pytest.mark.parametrize(("ra", "dec"), [(0.0, -20.0), (359.9, 60.0), (123.0, 90.0), (0, -89.9)])
def test_a_cone_holds_every_star_across_the_zero_of_ra_and_at_the_pole(tmp_path, ra, dec):
    ra_stars, dec_stars = scattered(ra, dec, 2.0)
    stars = write_tiles(tmp_path, table(ra_stars, dec_stars)).stars(ra, dec, 1.2, J2015_5, "r")
    centre = SkyCoord(ra, dec, unit="deg")
    inside = SkyCoord(ra_stars, dec_stars, unit="deg").separation(centre).deg < 1.2
    assert len(stars) == inside.sum() > 100
    assert sorted(stars.dec) == pytest.approx(sorted(dec_stars[inside]), abs=1e-9)


def test_a_cone_reads_only_the_tiles_that_it_touches(tmp_path):
    catalogue = write_tiles(tmp_path, table(*scattered(80, 5, 1.0)))
    assert len(catalogue.tiles_of(Cone(80, 5, 0.001))) < 3
    assert len(catalogue.tiles_of(Cone(80, 5, 3.0))) > 5


def test_a_star_beyond_the_edge_of_the_next_tile_is_found(tmp_path):
    """A cone that ends at a tile's edge: the star moved in from 4 arcsec beyond."""
    healpix = HEALPix(32, order="ring")
    ra0, dec0 = (float(v[0].deg) for v in healpix.healpix_to_lonlat([5000]))
    moving = table([ra0], [dec0 + 4 / 3600], pmra=0.0, pmdec=-1000.0)
    stars = write_tiles(tmp_path, moving).stars(ra0, dec0, 0.5 / 3600, J2015_5 + 1461, "r")
    assert len(stars) == 1
    assert stars.dec[0] == pytest.approx(dec0, abs=1e-9)


def test_an_empty_sky_is_no_error(tmp_path):
    catalogue = write_tiles(tmp_path, table([10.0], [10.0]))
    stars = catalogue.stars(200, -40, 0.2, J2016, "r")
    assert (len(stars), stars.magnitudes.shape) == (0, (0,))


@pytest.mark.parametrize("dec", [-62.0, 0.0, 89.99])
def test_motion_agrees_with_astropys_to_a_microarcsecond(dec):
    random = np.random.default_rng(7)
    ra = random.uniform(0, 360, 50)
    pm_ra, pm_dec = random.normal(0, 500, (2, 50))
    start = SkyCoord(
        ra * u.deg,
        dec * np.ones(50) * u.deg,
        pm_ra_cosdec=pm_ra * u.mas / u.yr,
        pm_dec=pm_dec * u.mas / u.yr,
        radial_velocity=0 * u.km / u.s,
        distance=Distance(100 * u.pc),
        obstime=Time(2015.5, format="jyear", scale="tcb"),
    )
    end = start.apply_space_motion(new_obstime=Time(2024.25, format="jyear", scale="tcb"))
    there = moved(ra, dec, pm_ra, pm_dec, 8.75)
    distance = separation_degrees(*there, end.ra.deg, end.dec.deg)
    assert distance.max() * 3.6e9 < 5  # microarcseconds


def test_an_epoch_is_counted_in_julian_years():
    assert years_after(2015.5, J2015_5) == pytest.approx(0, abs=1e-6)
    assert years_after(2015.5, Time("2020-07-02T12:00:00").mjd) == pytest.approx(5, abs=0.003)


def test_errors_grow_with_the_motions(tmp_path):
    columns = table([10.0], [10.0], pmra=3.0, pmdec=4.0)
    stars = write_tiles(tmp_path, columns).stars(10, 10, 0.01, J2015_5 + 3652.5, "r")
    assert stars.ra_error[0] == pytest.approx(np.hypot(0.3, 5.0), rel=1e-3)
    assert stars.dec_error[0] == pytest.approx(np.hypot(0.4, 6.0), rel=1e-3)


def test_a_star_without_a_measured_motion_stays_and_is_less_certain(tmp_path):
    columns = table([10.0], [10.0], pmra=np.nan, pmdec=np.nan, pmra_error=np.nan)
    stars = write_tiles(tmp_path, columns).stars(10, 10, 0.01, J2015_5 + 365.25, "r")
    assert (stars.ra[0], stars.dec[0]) == pytest.approx((10, 10), abs=1e-12)
    assert stars.ra_error[0] == pytest.approx(np.hypot(0.3, 5.0), rel=1e-3)


def test_duplicates_and_scattering_sources_are_left_out(tmp_path):
    columns = table(
        [10.0, 10.001, 10.002, 10.003],
        [10.0] * 4,
        duplicated_source=[False, True, False, False],
        astrometric_excess_noise=[0.1, 0.1, 5.0, 5.0],
        astrometric_excess_noise_sig=[1.0, 1.0, 10.0, 1.0],
    )
    stars = write_tiles(tmp_path, columns).stars(10, 10, 0.1, J2015_5, "r")
    assert sorted(stars.ra) == pytest.approx([10.0, 10.003])


@pytest.mark.parametrize(
    ("band", "magnitude"),
    [("g", 16), ("r", 15), ("VR", 15), ("Clear", 15), ("i", 14), ("z", 14), ("N964", 15)],
)
def test_each_band_has_its_nearest_of_gaias(tmp_path, band, magnitude):
    stars = write_tiles(tmp_path, table([10.0], [10.0])).stars(10, 10, 0.01, J2015_5, band)
    assert stars.magnitudes[0] == magnitude
    signal_to_noise = 100 if magnitude == 15 else 50
    assert stars.magnitude_errors[0] == pytest.approx(1.0857 / signal_to_noise, rel=1e-3)


def test_a_bands_own_magnitude_comes_first(tmp_path):
    columns = table([10.0], [10.0], mag_r=15.3)
    catalogue = write_tiles(tmp_path, columns)
    assert catalogue.stars(10, 10, 0.01, J2015_5, "r").magnitudes[0] == 15.3
    assert catalogue.stars(10, 10, 0.01, J2015_5, "R").magnitudes[0] == 15


def test_an_absent_magnitude_is_undefined_and_not_zero(tmp_path):
    columns = table([10.0], [10.0], phot_bp_mean_mag=0.0, phot_bp_mean_flux_over_error=0.0)
    stars = write_tiles(tmp_path, columns).stars(10, 10, 0.01, J2015_5, "g")
    assert np.isnan(stars.magnitudes[0])
    assert np.isnan(stars.magnitude_errors[0])


def test_a_plain_table_needs_positions_and_a_magnitude_only(tmp_path):
    path = write_table(tmp_path / "tycho.fits", {"RA": [10.0], "DEC": [5.0], "MAG_VT": [9.5]})
    stars = open_catalogue(path).stars(10, 5, 0.1, 58107.0, "Clear")
    assert (stars.ra[0], stars.dec[0], stars.magnitudes[0]) == (10, 5, 9.5)
    assert np.isnan(stars.ra_error[0])


@pytest.mark.parametrize("make", [open_catalogue, TileCatalogue])
def test_an_absent_catalogue_says_what_to_name(tmp_path, make):
    with pytest.raises(InputFileError, match=r"none: .*Name a folder of HEALPix tiles"):
        make(tmp_path / "none")


def test_a_folder_without_tiles_is_no_catalogue(tmp_path):
    with pytest.raises(InputFileError, match=r"no tile chunk-NNNNN\.fits in it"):
        open_catalogue(tmp_path)


def test_a_file_without_positions_is_no_catalogue(tmp_path):
    path = write_table(tmp_path / "a.fits", {"x": [1.0], "y": [2.0]})
    with pytest.raises(InputFileError, match="no columns ra and dec"):
        open_catalogue(path).stars(10, 5, 0.1, J2016, "r")
    image = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((5, 5))).writeto(image)
    with pytest.raises(InputFileError, match="no table in it"):
        open_catalogue(image).stars(10, 5, 0.1, J2016, "r")


def test_a_truncated_tile_names_itself(tmp_path):
    catalogue = write_tiles(tmp_path, table(*scattered(80, 5, 0.1)))
    tile = next(tmp_path.glob("chunk-*.fits"))
    tile.write_bytes(tile.read_bytes()[:20_000])
    with pytest.raises(InputFileError, match=r"chunk-\d{5}.fits\[1\]: truncated"):
        catalogue.stars(80, 5, 1.0, J2016, "r")


def test_real_tiles_hold_their_stars(real_data):
    folder = real_data / "decam_legacypipe_triplets" / "testcase6" / "gaia"
    if not folder.is_dir():
        pytest.skip("no Gaia tiles among the real images")
    stars = open_catalogue(folder).stars(110.308, 23.9235, 0.2, 58466.2, "z")
    assert len(stars) > 600
    assert separation_degrees(stars.ra, stars.dec, 110.308, 23.9235).max() < 0.2
    assert np.isfinite(stars.ra_error).all()
    assert np.isfinite(stars.magnitudes).mean() > 0.9


def test_a_real_table_of_tycho_stars(real_data):
    path = real_data / "hatp32_microobs" / "tycho2_ref.fits"
    if not path.is_file():
        pytest.skip("no Tycho-2 table among the real images")
    assert len(open_catalogue(path).stars(31.25, 46.74, 2.0, 58107, "Clear")) == 164


def table_of(path, **columns):
    """A catalogue of stars round 150, -30; columns that are given take the place of others."""
    rng = np.random.default_rng(16)
    ra, dec = rng.uniform(149.9, 150.1, 50), rng.uniform(-30.1, -29.9, 50)
    Table({"ra": ra, "dec": dec, "mag_i": rng.uniform(12, 20, 50)} | columns).write(path)
    return path


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"mag_i": ["faint"] * 50}, "column mag_i holds text such as 'faint' where numbers belong"),
        ({"pmra": ["x"] * 50}, "column pmra holds text such as 'x'"),
        ({"ra": ["10:00:00"] * 50}, "column ra holds text such as '10:00:00'"),
        ({"ra": np.full(50, np.nan)}, "column ra has no value that is a number"),
        ({"ra": np.full(50, 1150.0)}, "column ra has values such as 1150, no degrees"),
        ({"dec": np.full(50, -300.0)}, "column dec has values such as -300, no degrees"),
        ({"ra": np.ones((50, 3))}, "column ra has no single number a row"),
        ({"ra": np.full(50, 2.6) * u.rad}, "the unit of column ra is .rad., not degrees"),
        ({"dec": np.full(50, -0.5) * u.rad}, "the unit of column dec is 'rad', not degrees"),
    ],
)
def test_a_column_that_is_not_what_it_should_be_is_named(tmp_path, columns, words):
    path = table_of(tmp_path / "a.fits", **columns)
    with pytest.raises(InputFileError, match=words) as error:
        open_catalogue(path).stars(150.0, -30.0, 0.2, 58_000.0, "i")
    assert str(path) in str(error.value)


def test_magnitudes_that_no_star_has_are_undefined(tmp_path):
    magnitudes = np.full(50, 1e300)
    magnitudes[:10] = 15.0
    path = table_of(tmp_path / "a.fits", mag_i=magnitudes)
    stars = open_catalogue(path).stars(150.0, -30.0, 0.2, 58_000.0, "i")
    assert len(stars) == 50
    assert np.isfinite(stars.magnitudes).sum() == 10


@pytest.mark.parametrize(
    ("name", "table_format", "words"),
    [
        ("a.csv", "ascii.csv", "text with commas .CSV."),
        ("a.dat", "ascii", "plain text"),
        ("a.vot", "votable", "a VOTable"),
        ("a.fits", "ascii.csv", "text with commas .CSV."),
    ],
)
def test_a_catalogue_of_another_format_says_how_to_convert_it(tmp_path, name, table_format, words):
    path = tmp_path / name
    there = {"ra": [10.0, 10.1], "dec": [5.0, 5.1], "name": np.array(["a", "bc"], object)}
    Table(there).write(path, format=table_format)
    with pytest.raises(InputFileError, match=f"{words}, not a FITS file. Catalogues are") as error:
        open_catalogue(path).stars(10, 5, 1, J2016, "r")
    said = str(error.value)
    assert said.startswith(str(path))
    exec(said.partition("convert it in Python: ")[2], {})
    (made,) = set(tmp_path.glob("*.fits")) - {path}
    assert len(open_catalogue(made).stars(10, 5, 1, J2016, "r")) == 2


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"PAR1\x15\x04", 'a Parquet table, not a FITS file.*format="parquet"'),
        (b"PK\x03\x04\x14", "a zip archive, not a FITS file. Unpack it first"),
        (b"<!DOCTYPE html><html>", "a web page, not a FITS file. Fetch"),
        (b"", "the file is empty"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_is_no_catalogue_says_what_it_is(tmp_path, start, words, pack):
    path = tmp_path / "gaia"
    path.write_bytes(pack(start))
    with pytest.raises(InputFileError, match=words):
        open_catalogue(path).stars(10, 5, 1, J2016, "r")


def test_a_fits_table_of_text_says_how_to_convert_it(tmp_path):
    columns = [fits.Column(name, "E12.4", array=[10.0, 10.1]) for name in ("ra", "dec")]
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.TableHDU.from_columns(columns)]).writeto(path)
    with pytest.raises(InputFileError, match="its table is one of text") as error:
        open_catalogue(path).stars(10, 10, 1, J2016, "r")
    exec(str(error.value).partition("convert it in Python: ")[2], {})
    assert len(open_catalogue(tmp_path / "a.table.fits").stars(10, 10, 1, J2016, "r")) == 2


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"ra": [], "dec": []}, "the table has no rows"),
        ({"ra": [10.0, np.nan], "dec": [np.nan, 5.0]}, "no row has both ra and dec"),
        ({"RAJ2000": [10.0], "DEJ2000": [5.0]}, "no columns ra and dec; there: RAJ2000, DEJ2000"),
    ],
)
def test_a_catalogue_without_positions_says_so(tmp_path, columns, words):
    path = write_table(tmp_path / "a.fits", columns)
    with pytest.raises(InputFileError, match=rf"a.fits: {words}"):
        open_catalogue(path).stars(10, 5, 1, J2016, "r")


@pytest.mark.parametrize(
    ("ra", "dec", "words"),
    [
        ([150.0, 151.0], [-30.5, -29.5], "RA 150 to 151, Dec -30.5 to -29.5 degrees"),
        ([10.0, 10.1], [-30.5, -29.5], "Dec -30.5 to -29.5 degrees (such right ascensions may be"),
        ([2.61, 2.63], [-0.53, -0.51], "RA 2.61 to 2.63, Dec -0.53 to -0.51 degrees (such values"),
    ],
)
def test_a_catalogue_tells_where_its_stars_are(tmp_path, ra, dec, words):
    said = open_catalogue(write_table(tmp_path / "a.fits", {"ra": ra, "dec": dec})).extent()
    assert said.startswith("the 2 of a.fits are at RA")
    assert words in said


def test_a_folder_of_tiles_tells_where_they_are(tmp_path):
    said = write_tiles(tmp_path, table([150.0], [-30.0])).extent()
    assert said.startswith(f"tiles in {tmp_path.name}: 1, around RA 1")
