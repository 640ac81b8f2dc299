"""Light curves at a position: out of the database, as table, CSV and picture."""

import csv

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from matplotlib.axes import Axes
from matplotlib.image import imread

from exposures.errors import GalprojectError
from exposures.science.barycentre import ObservatoryOptions, bjd_tdb
from exposures.science.positions import read_position
from photometry.models import GalSource
from photometry.storage import storage
from tests.builders.survey_rows import make_image, make_sources
from variables.light_curves.light_curves import light_curves_at, plot_light_curves
from variables.models import GalVarObj

RA, DEC = 265.0, -29.0
EPOCHS = (60000.25, 60001.25, 60002.25, 60003.25)


def make_change(source, image, kind="brighter", failed_cuts=0):
    return GalVarObj.objects.create(
        refsource_id=source["refsource_id"].item(),
        image=image,
        ra=source["ra"].item(),
        dec=source["dec"].item(),
        kind=kind,
        delta_mag=-1.0,
        delta_mag_err=0.02,
        significance=50.0,
        reference_mag=17.0,
        flux=100.0,
        flux_err=2.0,
        failed_cuts=failed_cuts,
    )


@pytest.fixture
def star(db):
    """A source in i and g, brighter on the second search image in i, gone on the last."""
    for filter in "ig":
        reference = make_image(
            f"{filter} reference", RA, DEC, filter, mjd=60000.0, is_reference=True
        )
        rows = make_sources(1, RA, DEC)
        rows["ra"], rows["dec"], rows["mag"] = RA, DEC, 17.0
        storage.create_catalogue(reference, rows, {}, "test")
        sources = storage.reference_sources_in([reference])
        for i, mjd in enumerate(EPOCHS if filter == "i" else EPOCHS[:1]):
            search = make_image(f"{filter} {mjd}", RA, DEC, filter, mjd=mjd)
            sources["mag"] = 17.0 - (i == 1)
            storage.replace_measurements(search, sources if i < 3 else sources[:0])
            if i == 1:
                make_change(sources[0], search)
            if i == 2:
                make_change(sources[0], search, failed_cuts=1)
            if i == 3:
                make_change(sources[0], search, kind="vanished")


def command(capsys, *arguments):
    call_command("light_curve", *arguments)
    return capsys.readouterr().out


def test_every_filter_has_its_light_curve(star):
    curves = {c.filter: c for c in light_curves_at(RA, DEC, 1.0)}
    assert set(curves) == {"i", "g"}
    assert curves["g"].mjd.tolist() == [60000.0, 60000.25]
    i = curves["i"]
    assert i.mjd.tolist() == [60000.0, *EPOCHS[:3]]
    assert i.mag.tolist() == [17.0, 17.0, 16.0, 17.0]
    assert i.is_reference.tolist() == [True, False, False, False]
    assert i.distance_arcsec == pytest.approx(0, abs=1e-3)


def test_only_accepted_changes_are_variable_and_vanished_epochs_have_no_row(star):
    (i,) = (c for c in light_curves_at(RA, DEC, 1.0) if c.filter == "i")
    assert i.is_variable.tolist() == [False, False, True, False]
    assert i.vanished_mjd.tolist() == [EPOCHS[3]]


def test_light_curves_take_four_queries_however_many_sources(db, django_assert_num_queries):
    reference = make_image("reference", RA, DEC, is_reference=True)
    storage.create_catalogue(reference, make_sources(200, RA, DEC), {}, "test")
    with django_assert_num_queries(4):
        curves = light_curves_at(RA, DEC, 200)
    assert len(curves) > 20
    assert all(np.diff([c.distance_arcsec for c in curves]) >= 0)


def test_nothing_is_found_on_empty_sky(star):
    assert light_curves_at(RA + 90, DEC, 10) == []


@pytest.mark.parametrize(
    "position",
    [("265", "-29.0"), ("265.0", "-29:00:00"), ("17:40:00", "-29"), ("17h40m00s", "-29d00m00s")],
)
def test_a_position_may_be_degrees_or_sexagesimal_and_south(star, capsys, position):
    out = command(capsys, *position)
    assert "60001.250000   16.000   0.020" in out and out.count("source ") == 2
    assert "vanished" in out


def test_options_may_follow_a_negative_declination(star, capsys):
    assert "source" in command(capsys, "265.0003", "-29:00:00", "--radius", "2")


def test_a_position_without_a_source_is_one_clear_error(star):
    with pytest.raises(CommandError, match="no reference source within 1 arcsec"):
        call_command("light_curve", "10", "-29.0")


@pytest.mark.parametrize("position", [("abc", "1"), ("361", "1"), ("1", "91"), ("nan", "1")])
def test_what_is_no_position_is_refused(position):
    with pytest.raises(GalprojectError):
        read_position(" ".join(position))


def test_the_csv_has_a_line_for_each_measurement(star, capsys, tmp_path):
    lines = list(csv.DictReader(command(capsys, "265", "-29", "--csv").splitlines()))
    assert len(lines) == GalSource.objects.count() == 6
    assert [r["is_variable"] for r in lines].count("True") == 1
    command(capsys, "265", "-29", "--csv", str(tmp_path / "curve.csv"))
    assert len((tmp_path / "curve.csv").read_text().splitlines()) == 7
    with pytest.raises(CommandError, match="can't be written"):
        call_command("light_curve", "265", "-29", "--csv", str(tmp_path / "no" / "curve.csv"))


@pytest.fixture
def vanishing(db):
    """A star that has vanished on one image, is masked on another and not detected on a third."""
    reference = make_image("reference", RA, DEC, mjd=60000.0, is_reference=True)
    rows = make_sources(1, RA, DEC)
    rows["ra"], rows["dec"], rows["mag"] = RA, DEC, 17.0
    storage.create_catalogue(reference, rows, {}, "test")
    source = storage.reference_sources_in([reference])
    for mjd in EPOCHS[:3]:
        gone = source.copy()
        gone["flux"], gone["mag"], gone["flux_err"] = -5.0, np.nan, 20.0
        gone["quality"] = 0.01 if mjd == EPOCHS[1] else 1.0
        image = make_image(f"gone {mjd}", RA, DEC, mjd=mjd, zero_point=30.0)
        storage.replace_measurements(image, source[:0], gone)
        if mjd == EPOCHS[0]:
            make_change(source[0], image, kind="vanished")


LIMIT = 30 - 2.5 * np.log10(100)


def test_epochs_without_a_detection_are_in_the_csv_with_their_limits(vanishing, capsys):
    lines = list(csv.DictReader(command(capsys, "265", "-29", "--csv").splitlines()))
    kinds = ["detection", "non-detection", "unmeasured", "non-detection"]
    assert [line["kind"] for line in lines] == kinds
    assert [float(line["mjd"]) for line in lines] == [60000.0, *EPOCHS[:3]]
    assert [line["is_variable"] for line in lines] == ["False", "True", "False", "False"]
    for line in (lines[1], lines[3]):
        assert float(line["limit_mag"]) == pytest.approx(LIMIT, abs=1e-4)
        assert (line["mag"], line["flux"], line["flux_err"]) == ("", "-5.0", "20.0")
    assert lines[0]["limit_mag"] == lines[2]["limit_mag"] == ""


def test_the_table_counts_the_epochs_looked_at(vanishing, capsys):
    out = command(capsys, "265", "-29")
    assert "detected at 1 of 3 epochs" in out
    assert f"60000.250000  > {LIMIT:.2f}  vanished        V" in out
    assert f"60002.250000  > {LIMIT:.2f}  not detected" in out
    assert "60001.250000           too few usable pixels" in out


def test_arrows_stand_at_the_limits_of_the_star(vanishing, monkeypatch, tmp_path):
    drawn = {}
    plot = Axes.plot

    def keep(ax, x, y, *args, **style):
        drawn[style.get("label")] = (list(x), list(y))
        return plot(ax, x, y, *args, **style)

    monkeypatch.setattr(Axes, "plot", keep)
    plot_light_curves(light_curves_at(RA, DEC, 1.0), tmp_path / "curve.png")
    assert drawn["vanished"] == ([0.25], [pytest.approx(LIMIT, abs=1e-4)])
    assert drawn["upper limit"] == ([2.25], [pytest.approx(LIMIT, abs=1e-4)])


def test_a_picture_is_drawn_with_brighter_up(star, capsys, tmp_path):
    path = tmp_path / "curve.png"
    assert str(path) in command(capsys, "265", "-29", "--plot", str(path))
    assert imread(path).std() > 0
    with pytest.raises(CommandError, match="can't be drawn"):
        call_command("light_curve", "265", "-29", "--plot", str(tmp_path / "curve.nothing"))


def test_one_epoch_is_enough_for_a_picture(db, tmp_path):
    reference = make_image("reference", RA, DEC, is_reference=True)
    storage.create_catalogue(reference, make_sources(1, RA, DEC), {}, "test")
    plot_light_curves(light_curves_at(RA, DEC, 1000), tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 0


def test_each_epoch_says_when_it_was_at_the_barycentre(star, capsys):
    (i,) = (c for c in light_curves_at(RA, DEC, 1.0) if c.filter == "i")
    expected = bjd_tdb(i.mjd, RA, DEC, ObservatoryOptions())
    np.testing.assert_allclose(i.bjd_tdb, expected, atol=1e-9)
    missed = bjd_tdb(i.missed.mjd, RA, DEC, ObservatoryOptions())
    assert len(missed) == 1 and i.missed.bjd_tdb == pytest.approx(missed, abs=1e-9)
    told = command(capsys, str(RA), str(DEC))
    assert "MJD (UTC)" in told and "BJD (TDB)" in told and f"{expected[1]:.6f}" in told
