"""The notebooks of the client run against a server, over HTTP, on stars whose truth is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from django.core.cache import cache
from django.core.management import call_command

from exposures.models import GalImage
from galproject.site.tokens import make_token
from photometry.storage import storage
from tests.builders.candidates import add_epoch, crossmatch_all, make_catalogue, numbers
from tests.builders.people import make_person
from tests.builders.survey_rows import make_image
from variables.derived.refresh import refresh_candidates
from variables.light_curves.times import barycentric_times
from variables.models import GalCandidate

NOTEBOOKS = Path(__file__).resolve().parents[2] / "client" / "examples"
PERIOD_DAYS = 0.5687


def cells_of(name):
    return json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]


def run(name) -> dict:
    """The names that a notebook leaves, after all its cells."""
    names = {}
    for cell in cells_of(name):
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    return names


def make_pulsating_star():
    """A candidate that pulsates, by barycentric time, on 40 images of a season."""
    catalogue = make_catalogue(5)
    add_epoch(catalogue, 60001.3, {2: 0.8})
    reference = GalImage.objects.select_related("exposure").get(pk=catalogue.image_id)
    rng = np.random.default_rng(7)
    for mjd in 60002 + np.sort(rng.uniform(0, 90, 40)):
        rows = storage.catalogue_sources(catalogue)
        at = barycentric_times(*(np.array([x]) for x in (mjd, rows["ra"][2], rows["dec"][2])))
        rows["mag"][2] += 0.4 * np.sin(2 * np.pi * at[0] / PERIOD_DAYS) + rng.normal(0, 0.01)
        place = reference.ra, reference.dec
        image = make_image(f"s{next(numbers)}", *place, "i", mjd, reference=reference)
        storage.replace_measurements(image, rows)
    refresh_candidates([catalogue.pk])
    star = GalCandidate.objects.filter(catalogue=catalogue)
    star.update(period_days=PERIOD_DAYS)
    return star.get()


@pytest.mark.django_db(transaction=True)
def test_notebooks_find_what_is_there(live_server, monkeypatch):
    cache.clear()
    star = make_pulsating_star()
    _, key = make_token(make_person("annie"), "notebook", days=1)
    for name, value in {
        "GALPROJECT_URL": live_server.url,
        "GALPROJECT_TOKEN": key,
        "RA": star.ra,
        "DEC": star.dec,
    }.items():
        monkeypatch.setenv(name, str(value))
    drawn = run("light_curve")
    assert [curve.refsource_id for curve in drawn["curves"]] == [star.pk]
    assert len(drawn["curves"][0]) == 42 and len(drawn["ax"].containers) == 1
    assert run("period")["period"].to_value("day") == pytest.approx(PERIOD_DAYS, rel=1e-3)
    make_catalogue(5, "g")
    crossmatch_all()
    diagram = run("colour_magnitude")
    assert (diagram["blue"], diagram["red"]) == ("mag_g", "mag_i")
    star.refresh_from_db()
    assert diagram["varying"]["id"].tolist() == [str(star.object_id)]
    assert len(diagram["stars"]) > 1 and np.allclose(diagram["stars"]["colour"], 0)


@pytest.mark.django_db
def test_the_rr_lyrae_of_a_field_are_found_in_a_release(monkeypatch, tmp_path):
    pytest.importorskip("lsdb", reason="needs requirements-bulk.txt")
    star = make_pulsating_star()
    GalCandidate.objects.filter(pk=star.pk).update(known_class="RRAB")
    words = ("--title=T", "--creator=A", "--publisher=P", "--rights=CC0-1.0")
    call_command("export_catalogue", tmp_path, "--release=dr1", *words, verbosity=0)
    monkeypatch.setenv("GALPROJECT_RELEASE", str(tmp_path / "releases/dr1"))
    monkeypatch.setenv("RA", str(star.ra))
    monkeypatch.setenv("DEC", str(star.dec))
    stars = run("rr_lyrae")["stars"]
    assert stars["source_id"].tolist() == [star.pk]
    assert len(stars["lightcurve"].iloc[0]) == 42


@pytest.mark.parametrize("name", sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")))
def test_notebooks_are_kept_without_what_they_showed(name):
    code = [cell for cell in cells_of(name) if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
