"""Published catalogues loaded, interrupted, replaced, and by two processes at once."""

import os
import subprocess
import sys
import time
from importlib import import_module

import numpy as np
import pytest
from astropy.table import Table
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction

from exposures.errors import GalprojectError, InputFileError
from exposures.models import GalPublishedCatalogue, GalPublishedStar
from exposures.published import loading, stored
from exposures.published.coverage import is_covered
from exposures.published.definitions import known_definitions
from exposures.published.loading import LoadOptions, load_catalogue
from exposures.published.photometry import Photometry
from exposures.q3c import Q3CWithin
from exposures.science.coverage import cells_of
from tests.builders.published_files import (
    OGLE_ECL,
    OGLE_IDENT,
    OGLE_RRAB,
    gaia_table,
    write_gaia,
    write_vsx,
)
from tests.builders.survey_rows import make_image

pytestmark = pytest.mark.django_db

KNOWN = known_definitions()
GAIA = KNOWN["gaia_dr3"]


def all_tables():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'galpublishedstars%'"
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.fixture
def tables(db):
    """A function that gives the tables of stars made in a test, but the partitioned one.

    Tests that commit leave theirs, empty.
    """
    before = all_tables()
    return lambda: all_tables() - before


def gaia_files(folder, n_files=3, **how):
    return [
        write_gaia(gaia_table(100, seed=k, **how)[k * 10 : 100], folder / f"part{k}.parquet")
        for k in range(n_files)
    ]


def load_gaia(paths, **options):
    return load_catalogue(GAIA, paths, LoadOptions(**options))


def other_stars(table, first):
    """A table with other ids, as another part of the sky has."""
    table["source_id"] = first + np.arange(len(table))
    return table


def test_what_is_loaded_is_in_use_and_found_by_position(tmp_path, tables):
    table = gaia_table()
    report = load_gaia([write_gaia(table, tmp_path / "gaia.fits")])
    catalogue = report.catalogue
    assert (catalogue.in_use, catalogue.version, catalogue.n_rows) == (True, "DR3", 200)
    assert catalogue.loaded_at and catalogue.bands == ["G", "BP", "RP"]
    star = GalPublishedStar.objects.get(name=str(table["source_id"][5]))
    assert (star.ra, star.dec) == (table["ra"][5], table["dec"][5])
    assert star.id >> 40 == catalogue.pk == star.catalogue_id
    assert star.mags[0] == star.mag == pytest.approx(table["phot_g_mean_mag"][5], rel=1e-6)
    near = GalPublishedStar.objects.alias(
        near=Q3CWithin(float(star.ra), float(star.dec), "ra", "dec", 1e-7)
    )
    assert [s.pk for s in near.filter(near=True)] == [star.pk]
    assert tables() == {catalogue.partition}


def test_ids_are_those_of_the_catalogue_and_no_other(tmp_path):
    catalogue = load_gaia(gaia_files(tmp_path)).catalogue
    with pytest.raises(IntegrityError), transaction.atomic():
        stored.execute(f"UPDATE {catalogue.partition} SET id = 5")
    ids = GalPublishedStar.objects.values_list("id", flat=True)
    first, last = catalogue.id_range
    assert first <= min(ids) and max(ids) <= last and len(set(ids)) == catalogue.n_rows


def test_a_second_load_of_the_same_files_does_nothing_unless_asked(tmp_path, tables):
    paths = gaia_files(tmp_path)
    first = load_gaia(paths).catalogue
    again = load_gaia(paths)
    assert again.was_in_use and again.catalogue == first
    anew = load_gaia(paths, again=True).catalogue
    assert anew.pk != first.pk
    assert GalPublishedCatalogue.objects.get() == anew
    assert tables() == {anew.partition}


def test_a_new_version_takes_the_place_of_the_old_one(tmp_path, tables):
    old = load_gaia(gaia_files(tmp_path)).catalogue
    newer = write_gaia(gaia_table(50, seed=9), tmp_path / "dr4.fits")
    report = load_gaia([newer], version="DR4")
    assert report.replaced == ("DR3",)
    assert GalPublishedCatalogue.objects.get().version == "DR4"
    assert GalPublishedStar.objects.count() == 50
    assert not GalPublishedStar.objects.filter(catalogue_id=old.pk).exists()
    assert tables() == {report.catalogue.partition}


def test_the_old_version_stays_in_use_while_the_new_one_fails(tmp_path):
    old = load_gaia(gaia_files(tmp_path)).catalogue
    broken = tmp_path / "broken.csv"
    broken.write_text("source_id,ra,dec\n1,265,-29\n2,265,south\n")
    with pytest.raises(InputFileError, match="no number"):
        load_gaia([broken], version="DR4")
    assert GalPublishedCatalogue.objects.in_use().get() == old
    assert GalPublishedStar.objects.count() == old.n_rows


def test_an_interrupted_load_goes_on_with_the_next_file(tmp_path, monkeypatch):
    paths = gaia_files(tmp_path)
    read = []
    real = loading.mapping_of

    def interrupted(definition, table):
        read.append(table.path.name)
        if len(read) == 2:
            raise KeyboardInterrupt
        return real(definition, table)

    monkeypatch.setattr(loading, "mapping_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_gaia(paths)
    begun = GalPublishedCatalogue.objects.get()
    assert not begun.in_use and begun.n_rows == 100 and begun.loaded_at is None
    # Nothing half is in use: nobody sees its rows.
    assert GalPublishedStar.objects.count() == 0
    report = load_gaia(paths)
    assert read == ["part0.parquet", "part1.parquet", "part1.parquet", "part2.parquet"]
    assert report.n_files_before == 1 and report.catalogue == begun
    monkeypatch.undo()
    resumed = sorted(GalPublishedStar.objects.values_list("name", "ra", "mag"))
    load_gaia(paths, again=True)
    assert sorted(GalPublishedStar.objects.values_list("name", "ra", "mag")) == resumed


def test_a_load_that_cannot_go_on_starts_over(tmp_path, monkeypatch, tables):
    paths = gaia_files(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(loading, "_finished", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            load_gaia(paths)
    # A file is another since.
    write_gaia(other_stars(gaia_table(30), 77), paths[0])
    report = load_gaia(paths)
    assert report.n_files_before == 0
    assert GalPublishedCatalogue.objects.get() == report.catalogue
    assert tables() == {report.catalogue.partition}


def test_rows_that_come_twice_are_kept_once_and_told(tmp_path):
    first, second = gaia_table(100), gaia_table(100)[90:]
    second["ra"][5] += 1e-4  # another star of that name
    paths = [write_gaia(t, tmp_path / f"{k}.fits") for k, t in enumerate((first, second))]
    report = load_gaia(paths)
    assert (report.n_removed, report.n_alike) == (9, 1)
    assert report.catalogue.n_rows == GalPublishedStar.objects.count() == 101


def test_tables_of_variables_add_to_stars_by_their_names(tmp_path):
    table = gaia_table(20)
    ids = table["source_id"]
    source = write_gaia(table, tmp_path / "gaia.fits")
    classes = tmp_path / "vari_classifier_result.csv"
    classes.write_text(
        "solution_id,source_id,classifier_name,best_class_name,best_class_score\n"
        f"1,{ids[0]},n,RR,0.9\n1,{ids[1]},n,ECL,0.8\n1,999,n,LPV,0.5\n"
    )
    rrlyrae = tmp_path / "vari_rrlyrae.csv"
    rrlyrae.write_text(
        "solution_id,source_id,pf,p1_o,best_classification,peak_to_peak_g,num_clean_epochs_g\n"
        f"1,{ids[0]},0.55,null,RRab,0.7,31\n"
    )
    eclipsing = tmp_path / "vari_eclipsing_binary.csv"
    eclipsing.write_text(
        "solution_id,source_id,global_ranking,frequency,derived_primary_ecl_depth\n"
        f"1,{ids[1]},0.6,0.5,0.3\n"
    )
    report = load_gaia([classes, source, rrlyrae, eclipsing])
    assert (report.n_joined, report.catalogue.n_rows) == (5, 20)
    rr, ecl, none = (GalPublishedStar.objects.get(name=str(ids[k])) for k in range(3))
    # The table of RR Lyrae knows better than the classifier.
    assert (rr.var_class, rr.period, rr.mag) == (
        "RRab",
        0.55,
        pytest.approx(table[0]["phot_g_mean_mag"]),
    )
    assert rr.extras["best_class_score"] == 0.9 and rr.extras["num_clean_epochs_g"] == 31
    assert (ecl.var_class, ecl.period) == ("ECL", 2.0)
    assert (none.var_class, none.period) == (None, None)


def test_synthetic_photometry_is_added_to_stars_of_gaia_band_by_band(tmp_path):
    table = gaia_table(20)
    ids = table["source_id"]
    gspc = tmp_path / "gspc.csv"
    gspc.write_text(
        "source_id,g_sdss_mag,i_sdss_mag,i_sdss_flux,i_sdss_flux_error\n"
        f"{ids[0]},16.5,15.5,2e-29,2e-31\n"
    )
    source = write_gaia(table, tmp_path / "gaia.fits")
    load_catalogue(KNOWN["gaia_gspc"], [gspc, source])
    star, other = (GalPublishedStar.objects.get(name=str(ids[k])) for k in range(2))
    own = pytest.approx(table[0]["phot_g_mean_mag"])
    assert star.mags == [own, 16.5, None, 15.5, None, None]
    assert star.mag == own and star.mag_errs[3] == pytest.approx(0.010857, rel=1e-3)
    assert other.mags == [pytest.approx(table[1]["phot_g_mean_mag"]), *[None] * 5]


def test_what_magnitudes_are_is_told_without_reading_files_again(tmp_path, tables):
    paths = gaia_files(tmp_path, 1)
    catalogue = load_gaia(paths).catalogue
    assert catalogue.photometry == GAIA.photometry.model_dump(mode="json")
    changed = GAIA.model_copy(update={"system": "AB", "transformations": []})
    report = load_catalogue(changed, paths, LoadOptions())
    assert report.was_in_use and report.catalogue.pk == catalogue.pk
    stored_now = GalPublishedCatalogue.objects.get().photometry
    assert set(stored_now["systems"].values()) == {"AB"} and not stored_now["transformations"]


@pytest.mark.parametrize("name", ["gaia_dr3", "twomass", "vvv", "decaps2", "ps1"])
def test_catalogues_that_were_loaded_before_are_told_as_those_loaded_now(name):
    migration = import_module("exposures.migrations.0025_photometry_of_catalogues")
    GalPublishedCatalogue.objects.create(
        name=name, version="1", kind="photometric", epoch=2016, position_err=0.1,
        bands=KNOWN[name].bands,
    )  # fmt: skip
    other = GalPublishedCatalogue.objects.create(
        name="own", version="1", kind="photometric", epoch=2016, position_err=0.1, bands=["g"]
    )
    migration.tell(apps, None)
    told = Photometry.model_validate(GalPublishedCatalogue.objects.get(name=name).photometry)
    assert told == KNOWN[name].photometry
    other.refresh_from_db()
    assert other.photometry == {}


def test_files_of_ogle_become_one_row_a_star(tmp_path):
    for name, text in (("ident", OGLE_IDENT), ("RRab", OGLE_RRAB), ("ecl", OGLE_ECL)):
        (tmp_path / f"{name}.dat").write_text(text)
    load_catalogue(KNOWN["ogle_ocvs"], [tmp_path], LoadOptions(version="4"))
    stars = GalPublishedStar.objects.order_by("name")
    assert [s.period for s in stars] == [0.54321, 0.31234, 1.234567]
    assert [s.var_class for s in stars] == ["RRab", "RRc", "RRd"]
    assert stars[0].mags == [15.5, pytest.approx(16.7)] and stars[0].mag == 15.5


def test_the_day_of_the_newest_file_is_the_version_of_what_grows(tmp_path):
    path = write_vsx(tmp_path)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert load_catalogue(KNOWN["vsx"], [path]).catalogue.version == "2023-11-14"


def test_files_without_a_position_are_no_catalogue(tmp_path, tables):
    path = tmp_path / "none.csv"
    path.write_text("source_id,ra,dec\n1,,\n2,,-29\n")
    with pytest.raises(GalprojectError, match="none of 2 rows has a position"):
        load_gaia([path])
    assert not GalPublishedCatalogue.objects.exists() and tables() == set()


def test_other_catalogues_are_read_by_columns_that_people_write(tmp_path, capsys, tables):
    definition = tmp_path / "own.toml"
    definition.write_text(
        'name = "own"\ntitle = "Our list"\nkind = "variables"\nepoch = 2015.5\nposition_err = 0.2\n'
        '[[tables]]\ntitle = "list"\n[tables.columns]\n'
        'ra = { from = ["alpha"], unit = "hms" }\ndec = { from = ["delta"], unit = "dms" }\n'
        'name = { from = ["star"] }\nperiod = { from = ["P_hours"], unit = "h" }\n'
    )
    stars = tmp_path / "stars.csv"
    stars.write_text("star,alpha,delta,P_hours\nA,17 40 00,-29 00 36,12\n")
    call_command("load_catalogue", "own", str(stars), columns=definition, release="1")
    star = GalPublishedStar.objects.get()
    assert (star.ra, star.dec) == (265.0, pytest.approx(-29.01))
    assert star.period == pytest.approx(0.5)
    assert "own 1: 1 rows. It is in use" in capsys.readouterr().out
    call_command("load_catalogue", list=True)
    assert "own: read by columns of your own" in capsys.readouterr().out
    call_command("load_catalogue", "own", remove=True)
    assert not GalPublishedStar.objects.exists() and tables() == set()


def test_the_command_says_where_files_are_to_be_had(capsys):
    call_command("load_catalogue", list=True)
    listed = capsys.readouterr().out
    for definition in KNOWN.values():
        assert definition.url in listed and definition.title in listed
    with pytest.raises(CommandError, match=r"Name the files of vsx\. Get them so: https"):
        call_command("load_catalogue", "vsx")
    with pytest.raises(CommandError, match=r"no such catalogue\. There are asassn, decaps2"):
        call_command("load_catalogue", "vxs", "a.csv")


# Says that all files are read, and waits before it puts them into use.
LOADING = """
import sys, django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from exposures.published import loading
from exposures.published.definitions import known_definitions
def finished(*arguments):
    print("read", flush=True)
    sys.stdin.read()
loading._finished = finished
loading.load_catalogue(known_definitions()["gaia_dr3"], sys.argv[2:])
"""
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def process(paths):
    """Another process that loads files."""
    command = [sys.executable, "-c", LOADING, connection.settings_dict["NAME"], *map(str, paths)]
    return subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "galproject.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_until_alone():
    """Wait for the end of others' sessions: that of a process ends a moment after the process."""
    end = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute(OTHERS)
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.02)
    raise TimeoutError("another session goes on")


# A process takes four seconds until it has imported what it needs.
@pytest.mark.django_db(transaction=True)
def test_of_two_processes_one_loads_and_what_it_leaves_when_killed_is_gone_on_with(tmp_path):
    paths = gaia_files(tmp_path)
    with process(paths) as first:
        try:
            assert first.stdout.readline() == "read\n"
            with pytest.raises(GalprojectError, match="being loaded by another process"):
                load_gaia(paths)
            # Others are loaded meanwhile.
            load_catalogue(KNOWN["vsx"], [write_vsx(tmp_path)])
        finally:
            first.kill()
    wait_until_alone()
    assert GalPublishedCatalogue.objects.in_use().get().name == "vsx"
    assert GalPublishedStar.objects.count() == 4
    report = load_gaia(paths)
    assert report.n_files_before == 3 and report.catalogue.n_rows == 270
    assert GalPublishedStar.objects.count() == 274


def test_tiles_that_images_were_placed_by_are_loaded(real_data, capsys):
    folder = real_data / "decam_legacypipe_triplets" / "testcase3" / "gaia"
    with pytest.raises(CommandError, match="No image was placed by a catalogue"):
        call_command("load_catalogue", "gaia_dr3", tiles=True)
    for name in ("a", "b"):
        make_image(name, options={"catalogue": str(folder)})
    call_command("load_catalogue", "gaia_dr3", tiles=True, release="tiles")
    assert "gaia_dr3 tiles: 709 rows. It is in use" in capsys.readouterr().out
    star = GalPublishedStar.objects.order_by("mag").first()
    assert star.epoch == 2015.5 and star.pmra is not None and star.mags[0] == star.mag


def test_what_a_catalogue_covers_is_stated_on_the_command_line(tmp_path):
    path = write_vsx(tmp_path)
    call_command("load_catalogue", "vsx", str(path), "--box", "260", "270", "-35", "-25")
    ra, dec = np.array([265.0, 250.0]), np.array([-29.0, -29.0])
    assert is_covered(GalPublishedCatalogue.objects.get(), ra, dec).tolist() == [True, False]
    moc = tmp_path / "moc.fits"
    Table({"UNIQ": 4 * 4**6 + cells_of(ra[:1], dec[:1], 6)}).write(moc)
    stated = ("--moc", str(moc), "--depth", "18")
    call_command("load_catalogue", "vsx", str(path), "--again", *stated)
    catalogue = GalPublishedCatalogue.objects.get()
    assert is_covered(catalogue, ra, dec, np.full(2, 17.9)).tolist() == [True, False]
    assert not is_covered(catalogue, ra, dec, np.full(2, 18.1)).any()


@pytest.mark.django_db(transaction=True)
def test_a_catalogue_that_is_read_on_is_not_dropped_and_says_so(tmp_path, tables):
    catalogue = load_gaia(gaia_files(tmp_path)).catalogue
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"SELECT count(*) FROM {catalogue.partition}")
            with pytest.raises(GalprojectError, match="a long query reads"):
                stored.drop_catalogue(catalogue, lock_seconds=0.1)
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert GalPublishedStar.objects.count() == catalogue.n_rows
    stored.drop_catalogue(catalogue)
    assert not GalPublishedCatalogue.objects.exists() and tables() == set()
