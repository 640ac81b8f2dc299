"""Tables of published catalogues in each format, as archives give them."""

import gzip
import json

import numpy as np
import pytest
from astropy.table import Table

from exposures.errors import GalprojectError, InputFileError
from exposures.published.definitions import known_definitions
from exposures.published.files import expanded, open_table_file
from exposures.published.mapping import mapping_of
from tests.builders.published_files import (
    GCVS_LINES,
    OGLE_ECL,
    OGLE_IDENT,
    OGLE_RRAB,
    gaia_table,
    write_gaia,
    write_gcvs_of_cds,
    write_hats,
    write_vsx,
)

KNOWN = known_definitions()


def rows_of(name, paths):
    """All rows that a definition makes of files, as lists by column."""
    found = {}
    for path in expanded(paths):
        with open_table_file(path, [t.lines for t in KNOWN[name].tables if t.lines]) as table:
            mapping = mapping_of(KNOWN[name], table)
            for part in table.parts(mapping.names):
                for column, values in mapping.mapped(part).rows.to_pydict().items():
                    found.setdefault(column, []).extend(values)
    return found


def numbers(values):
    return np.array([np.nan if value is None else value for value in values], float)


@pytest.mark.parametrize(
    "name",
    [
        *("gaia.fits", "gaia.fits.gz", "gaia.vot", "gaia.csv", "gaia.csv.gz", "gaia.ecsv"),
        *("gaia.ecsv.gz", "gaia.parquet"),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path, name):
    table = gaia_table()
    rows = rows_of("gaia_dr3", [write_gaia(table, tmp_path / name)])
    assert rows["name"] == [str(i) for i in table["source_id"]]
    for column, own in (("ra", "ra"), ("dec", "dec")):
        assert np.array_equal(numbers(rows[column]), table[own])
    for column, own in (("pmra", "pmra"), ("ra_err", "ra_error"), ("mag", "phot_g_mean_mag")):
        expected = np.ma.filled(table[own].astype(np.float32), np.nan)
        np.testing.assert_array_equal(numbers(rows[column]).astype(np.float32), expected)
    error = 2.5 / np.log(10) / table["phot_g_mean_flux_over_error"]
    np.testing.assert_allclose(numbers(rows["mag_err"]), error, rtol=1e-6)
    assert rows["mags"][9].split(",")[1] == "NULL" and rows["mags"][0].count(",") == 2
    assert json.loads(rows["extras"][0])["ruwe"] == pytest.approx(table["ruwe"][0])


def test_hats_is_read_without_what_is_written_about_it(tmp_path):
    table = gaia_table()
    rows = rows_of("gaia_dr3", [write_hats(table, tmp_path / "gaia")])
    assert rows["name"] == [str(i) for i in table["source_id"]]


def test_tiles_of_the_survey_are_taken_as_they_are(real_data):
    folder = real_data / "decam_legacypipe_triplets" / "testcase3" / "gaia"
    rows = rows_of("gaia_dr3", [folder])
    assert len(rows["ra"]) == 709
    assert set(rows["epoch"]) == {2015.5}
    assert np.nanmax(numbers(rows["mag"])) < 22 and np.nanmin(numbers(rows["mag"])) > 5


def test_limits_and_amplitudes_of_the_vsx_are_what_they_are(tmp_path):
    rows = rows_of("vsx", [write_vsx(tmp_path)])
    assert rows["name"] == ["V1 Sgr", "V2 Sgr", "V3 Sgr", "V4 Sgr"]
    assert rows["var_class"] == ["RRAB", "EA", "UGSS", "M"]
    # An amplitude in parentheses; no range to a minimum that is a limit.
    np.testing.assert_allclose(numbers(rows["amplitude"]), [0.9, 0.35, np.nan, np.nan], rtol=1e-6)
    # Neither a limit nor a mean time between outbursts is a period.
    np.testing.assert_array_equal(numbers(rows["period"]), [0.5, 2.5, np.nan, np.nan])
    np.testing.assert_allclose(numbers(rows["mag"]), [15.1, 14.0, 12.0, np.nan], rtol=1e-6)
    assert json.loads(rows["extras"][0])["n_max"] == "V"


def test_the_vsx_from_vizier_is_the_same(tmp_path):
    path = tmp_path / "vsx.tsv"
    path.write_text(
        "#RESOURCE=yCat\n#Name: B/vsx/vsx\nOID\tName\tRAJ2000\tDEJ2000\tType\tl_max\tmax\tf_min"
        "\tmin\tl_Period\tPeriod\n\t\tdeg\tdeg\t\t\tmag\t\tmag\t\td\n"
        "---\t---\t---\t---\t---\t---\t---\t---\t---\t---\t---\n"
        "1\tV1 Sgr\t265.10000\t-29.10000\tRRAB\t\t15.100\t\t16.000\t\t   0.5\n"
        "2\tV2 Sgr\t265.20000\t-29.20000\tEA\t\t14.000\t(\t 0.350\t\t   \n"
    )
    rows = rows_of("vsx", [path])
    assert rows["ra"] == [265.1, 265.2]
    np.testing.assert_allclose(numbers(rows["amplitude"]), [0.9, 0.35], rtol=1e-6)
    assert rows["period"] == [0.5, None]


def test_names_of_ogle_come_with_sexagesimal_positions(tmp_path):
    path = tmp_path / "ident.dat"
    path.write_text(OGLE_IDENT)
    rows = rows_of("ogle_ocvs", [path])
    assert rows["name"][0] == "OGLE-BLG-RRLYR-00001"
    assert rows["var_class"] == ["RRab", "RRc", "RRd"]
    ra = 15 * (17 + 5 / 60 + 58.02 / 3600)
    assert rows["ra"][0] == pytest.approx(ra, abs=1e-9)
    # The sign is that of the whole, also of nought.
    assert rows["dec"][1] == pytest.approx(-(30 / 60 + 30.5 / 3600), abs=1e-9)


def test_parameters_of_ogle_are_told_from_names(tmp_path):
    (tmp_path / "RRab.dat").write_text(OGLE_RRAB)
    (tmp_path / "ecl.dat").write_text(OGLE_ECL)
    rows = rows_of("ogle_ocvs", [tmp_path / "RRab.dat"])
    assert rows["period"] == [0.54321, 0.31234]
    np.testing.assert_allclose(numbers(rows["amplitude"]), [0.612, 0.3], rtol=1e-6)
    assert rows["mags"] == ["{15.5,16.7}", "{16.5,NULL}"]
    rows = rows_of("ogle_ocvs", [tmp_path / "ecl.dat"])
    assert rows["period"] == [1.234567] and rows["amplitude"] == [None]


def test_gcvs_between_bars_has_positions_without_signs_between(tmp_path):
    path = tmp_path / "gcvs5.txt"
    path.write_text(GCVS_LINES)
    rows = rows_of("gcvs", [path])
    assert rows["ra"][0] == pytest.approx(15 * (24 / 60 + 1.95 / 3600), abs=1e-9)
    assert rows["dec"][0] == pytest.approx(38 + 34 / 60 + 37.4 / 3600, abs=1e-9)
    assert rows["var_class"] == ["M", "SRA"]
    assert rows["period"] == [409.2, None]
    np.testing.assert_allclose(numbers(rows["amplitude"]), [9.4, 0.3], rtol=1e-6)


def test_a_readme_of_the_cds_says_which_bytes_are_what(tmp_path):
    path = write_gcvs_of_cds(tmp_path)
    with open_table_file(path) as table:
        mapping = mapping_of(KNOWN["gcvs"], table)
        (mapped,) = [mapping.mapped(part) for part in table.parts(mapping.names)]
    rows = mapped.rows.to_pydict()
    assert (rows["name"], mapped.n_left_out) == (["V1 Sgr", "V2 Sgr"], 1)
    np.testing.assert_allclose(rows["ra"], [265.0, 265.0])
    np.testing.assert_allclose(rows["dec"], [-29.01, -0.51])
    # What the ReadMe has for none is none.
    assert rows["mag"] == [None, 14.5] and rows["period"] == [0.5, None]


def test_fluxes_in_arrays_become_magnitudes(tmp_path):
    flux = np.array([[0, 1e-8, 4e-9, 0, -1e-9, 1e-10]], np.float32)
    table = Table({"OBJ_ID": [7], "RA_OK": [265.0], "DEC_OK": [-29.0]})
    table["MEAN_OK"], table["ERR_OK"] = flux, flux / 100
    table.write(tmp_path / "decam_flux_l1b1.fits")
    rows = rows_of("decaps2", [tmp_path])
    mags = rows["mags"][0].strip("{}").split(",")
    assert float(mags[0]) == pytest.approx(20.0, abs=1e-4)
    # Without light there is no magnitude.
    assert mags[2] == mags[3] == "NULL"
    assert rows["mag_err"][0] == pytest.approx(0.010857, rel=1e-3)


def test_a_column_a_band_of_the_data_lab_is_read_where_detections_are_good(tmp_path):
    path = tmp_path / "object.csv"
    path.write_text(
        "obj_id,ra,dec,mean_g,err_g,mean_ok_g,err_ok_g\n7,265,-29,9e-9,1e-9,1e-8,1e-10\n"
    )
    rows = rows_of("decaps2", [path])
    assert rows["mag"][0] == pytest.approx(20.0, abs=1e-4)
    assert rows["mag_err"][0] == pytest.approx(0.010857, rel=1e-3)


@pytest.mark.parametrize(
    "names",
    [
        ("sourceID", "ra", "dec", "ksAperMag3", "ksAperMag3Err"),
        ("sourceID", "RA2000", "DEC2000", "KS_1APERMAG3", "KS_1APERMAG3ERR"),
        ("srcid", "RAJ2000", "DEJ2000", "Ks1ap3", "e_Ks1ap3"),
    ],
)
def test_magnitudes_of_vvv_are_found_by_any_of_its_names(tmp_path, names):
    path = tmp_path / "vvv.csv"
    path.write_text(",".join(names) + "\n7,265,-29,14.5,0.02\n8,265.1,-29,-999999500.0,0.02\n")
    rows = rows_of("vvv", [path])
    np.testing.assert_allclose(numbers(rows["mag"]), [14.5, np.nan])
    assert rows["mag_err"][0] == pytest.approx(0.02)


def test_units_of_the_file_are_followed(tmp_path):
    table = gaia_table(5)
    table["ra"], table["ra_error"] = table["ra"] / 15, table["ra_error"] / 1000
    table["ra"].unit, table["ra_error"].unit = "h", "arcsec"
    table["dec"].unit = "deg"
    original = gaia_table(5)
    rows = rows_of("gaia_dr3", [write_gaia(table, tmp_path / "hours.ecsv")])
    np.testing.assert_allclose(numbers(rows["ra"]), original["ra"], rtol=1e-14)
    np.testing.assert_allclose(numbers(rows["ra_err"]), original["ra_error"], rtol=1e-6)


def test_julian_dates_of_2mass_are_epochs(tmp_path):
    (tmp_path / "psc.csv").write_text(
        "designation,ra,dec,err_maj,err_min,j_m,j_msigcom,h_m,k_m,jdate\n"
        "17400000-2900000,265.0,-29.0,0.08,0.07,12.1,0.02,11.5,null,2451545.0\n"
    )
    rows = rows_of("twomass", [tmp_path / "psc.csv"])
    assert rows["epoch"] == [2000.0]
    assert rows["ra_err"] == rows["dec_err"] == [80.0]
    assert rows["mags"] == ["{12.1,11.5,NULL}"]


@pytest.mark.parametrize(
    "columns",
    [
        "objID,raMean,decMean,raMeanErr,decMeanErr,gMeanPSFMag,gMeanPSFMagErr,iMeanPSFMag,"
        "iMeanPSFMagErr",
        "objID,RAJ2000,DEJ2000,e_RAJ2000,e_DEJ2000,gmag,e_gmag,imag,e_imag",
    ],
)
def test_ps1_is_read_from_mast_and_from_vizier(tmp_path, columns):
    (tmp_path / "ps1.csv").write_text(
        f"{columns}\n73422650,265.0,-29.0,0.01,0.02,-999,-999,18.1,0.02\n"
    )
    rows = rows_of("ps1", [tmp_path / "ps1.csv"])
    assert (rows["ra_err"], rows["dec_err"]) == ([10.0], [20.0])
    assert rows["mags"] == ["{18.1,NULL,NULL,NULL,NULL}"]  # i is the main band
    assert rows["mag_err"] == [pytest.approx(0.02)] and rows["name"] == ["73422650"]


GSPC = "i_sdss_mag,i_sdss_flux,i_sdss_flux_error,y_ps1_mag,y_ps1_flux,y_ps1_flux_error,c_star"


def test_synthetic_photometry_has_its_errors_from_fluxes(tmp_path):
    (tmp_path / "gspc.csv").write_text(
        f"source_id,ra,dec,phot_g_mean_mag,{GSPC}\n"
        "7,265.0,-29.0,16.0,15.5,2e-29,2e-31,15.4,1e-29,null,0.01\n"
    )
    rows = rows_of("gaia_gspc", [tmp_path / "gspc.csv"])
    assert rows["mags"] == ["{16,NULL,NULL,15.5,NULL,15.4}"]
    errors = rows["mag_errs"][0].strip("{}").split(",")
    assert float(errors[3]) == pytest.approx(0.010857, rel=1e-3) and errors[5] == "NULL"


def test_positions_elsewhere_are_left_out_and_counted(tmp_path):
    table = gaia_table(300)
    table["ra"][3], table["dec"][7] = np.nan, np.nan
    table["ra"][11] = -95.0
    path = write_gaia(table, tmp_path / "gaia.fits")
    with open_table_file(path) as opened:
        mapping = mapping_of(KNOWN["gaia_dr3"], opened)
        (mapped,) = [mapping.mapped(part) for part in opened.parts(mapping.names)]
    assert mapped.n_left_out == 2
    assert mapped.rows.num_rows == 298
    # On another turn it is the same place.
    assert 265.0 in mapped.rows["ra"].to_pylist()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "the file is empty"),
        (
            "other.csv",
            "a,b\n1,2\n",
            r"gaia_source: no column for ra \(ra or RA_ICRS\).*: a, b",
        ),
        ("text.csv", "source_id,ra,dec\n1,2,north\n", "column dec has a value that is no number"),
        ("pixels.csv", "source_id,ra,dec\n1,4000,5\n2,1,300\n", "which are no degrees"),
        ("cut.parquet", "PAR1 and no more", "not readable as Parquet"),
        ("cut.vot", "<?xml version='1.0'?><VOTABLE><RESOURCE>", "not readable as VOTable"),
        ("cut.fits", "SIMPLE  =                    T", "FITS"),
        ("bytes.bin", "\0\1\2", "neither FITS, VOTable, Parquet, CSV nor text"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputFileError, match=message) as caught:
        rows_of("gaia_dr3", [path])
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_gzipped_file_that_is_cut_is_named_itself(tmp_path):
    path = write_gaia(gaia_table(), tmp_path / "gaia.fits.gz")
    with gzip.open(path) as file:
        content = file.read()
    with gzip.open(path, "wb") as file:
        file.write(content[: len(content) // 2])
    with pytest.raises(GalprojectError, match=r"gaia\.fits\.gz") as caught:
        rows_of("gaia_dr3", [path])
    assert str(path) in str(caught.value)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputFileError, match="ended before the end"):
        rows_of("gaia_dr3", [path])


def test_units_that_are_none_are_told(tmp_path):
    table = gaia_table(5)
    table["pmra"].unit = "km"
    with pytest.raises(InputFileError, match=r"unit of column pmra is 'km', which is none of mas"):
        rows_of("gaia_dr3", [write_gaia(table, tmp_path / "gaia.fits")])


def test_a_folder_without_tables_is_told(tmp_path):
    with pytest.raises(InputFileError, match="no table in it"):
        expanded([tmp_path])
    with pytest.raises(InputFileError, match="there is no such file"):
        expanded([tmp_path / "absent.fits"])
