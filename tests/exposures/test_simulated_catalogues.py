"""Published catalogues of a simulated sky: in the forms of real ones, and as wrong as these."""

import json
from dataclasses import replace

import numpy as np
import pytest

from exposures.published.definitions import known_definitions
from exposures.published.files import expanded, open_table_file
from exposures.published.mapping import mapping_of
from exposures.science.motion import separation_degrees
from exposures.simulation import SimulationOptions
from exposures.simulation.catalogue import distances_pc, write_catalogue
from exposures.simulation.published import (
    EPOCH_MJD,
    FAINTEST_MAG,
    OF_OID,
    VSX_TYPES,
    published_files,
    write_published,
)
from exposures.simulation.stars import make_stars, positions_at

OPTIONS = SimulationOptions(
    seed=3, n_chips=1, chip_shape=(1024, 1024), stars_per_chip=40_000, variable_fraction=0.2
)


@pytest.fixture(scope="module")
def stars():
    return make_stars(OPTIONS, [57773.0 + night for night in range(4)])


@pytest.fixture(scope="module")
def files(stars, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    write_catalogue(folder / "catalogue", stars, OPTIONS)
    write_published(folder, stars, OPTIONS.seed)
    return published_files(folder, folder / "catalogue")


def rows_of(files, name):
    """All rows of a catalogue's files, by the titles of the tables that they are."""
    found = {}
    definition = known_definitions()[name]
    patterns = [table.lines for table in definition.tables if table.lines]
    for path in expanded(list(files[name])):
        with open_table_file(path, patterns) as table:
            mapping = mapping_of(definition, table)
            for part in table.parts(mapping.names):
                found.setdefault(mapping.table.title, []).extend(
                    mapping.mapped(part).rows.to_pylist()
                )
    return found


def test_old_entries_of_the_vsx_are_off_and_some_periods_are_aliases(stars, files):
    rows = rows_of(files, "vsx")["vsx"]
    assert len(rows) > 50
    ra, dec = (np.array([row[name] for row in rows]) for name in ("ra", "dec"))
    known = stars[[json.loads(row["extras"])["OID"] - OF_OID for row in rows]]
    assert known["mag"].max() < FAINTEST_MAG["vsx"]
    off = 3600 * separation_degrees(ra, dec, *positions_at(known, EPOCH_MJD))
    is_old = np.array([row["name"].startswith("NSV") for row in rows])
    assert 0.35 < is_old.mean() < 0.65
    assert off[~is_old].max() < 0.6 and np.all((off[is_old] > 0.45) & (off[is_old] < 3.05))
    types = [row["var_class"] for row in rows]
    assert types == [VSX_TYPES[kind] for kind in known["kind"]]
    ratio = np.array([row["period"] or np.nan for row in rows]) / known["period"]
    is_right = np.abs(ratio - 1) < 1e-4
    assert 0.2 < 1 - is_right[np.isfinite(ratio)].mean() < 0.4
    assert {0.5, 2.0} <= set(np.round(ratio[np.isfinite(ratio)], 3))


def test_ogle_s_parts_have_their_own_files_and_right_periods(stars, files):
    rows = rows_of(files, "ogle_ocvs")
    named = {row["name"]: row for row in rows["ident.dat"]}
    assert {row["var_class"] for row in named.values()} == {"RRab", "F", "NC", "Mira"}
    more = rows["parameters of pulsating stars"] + rows["parameters of others"]
    assert {row["name"] for row in more} == set(named)
    periods = np.array([row["period"] for row in more])
    true = np.sort(stars["period"][np.isfinite(stars["period"])])
    near = true[np.clip(np.searchsorted(true, periods), 1, len(true) - 1)]
    assert np.median(np.abs(near - periods)) < 1e-3


def test_gaia_has_positions_for_all_classes_of_some_and_parallaxes_of_the_disc(stars, files):
    rows = rows_of(files, "gaia_dr3")
    by_name = {row["name"]: row for row in rows["gaia_source"]}
    classes = {row["name"]: row["var_class"] for row in rows["vari_classifier_result"]}
    assert classes and set(classes) <= set(by_name)
    assert set(classes.values()) <= {"RR", "CEP", "ECL", "LPV"}
    parallax, error = (
        np.array([row[name] for row in by_name.values()]) for name in ("parallax", "parallax_err")
    )
    chosen = stars[[int(name) for name in by_name]]
    true = 1000 / distances_pc(chosen["mag"] + 0.6 * chosen["bp_rp"], chosen["bp_rp"])
    assert np.std((parallax - true) / error) == pytest.approx(1, abs=0.1)
    assert np.sum(parallax > 5 * error) > 10


def test_the_same_seed_writes_the_same_lists_and_nothing_known_writes_none(stars, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        write_published(tmp_path / name, stars, 3)
    first, again = (
        {p.relative_to(tmp_path / n): p.read_text() for p in (tmp_path / n).rglob("*.*")}
        for n in "ab"
    )
    assert first == again and len(first) > 8
    (tmp_path / "c").mkdir()
    constant = make_stars(replace(OPTIONS, variable_fraction=0), [57773.0])
    write_published(tmp_path / "c", constant, 3)
    assert published_files(tmp_path / "c", tmp_path / "none") == {}
