"""What several processes do with catalogues is what one does, and a dying one costs its own."""

import pytest
from django.conf import settings

from exposures.models import GalJob
from galproject.processing.cutouts import draw_cutouts
from galproject.queue import jobs, pooled, runs
from photometry.models import GalReference
from tests.builders.processed_night import pictures_in, process
from tests.galproject import dying
from variables.models import GalVariabilityRun

pytestmark = pytest.mark.django_db(transaction=True)


def files_in(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def measured():
    """Catalogues with what their statistics are of."""
    return set(GalVariabilityRun.objects.values_list("catalogue_id", "n_images", "n_sources"))


def test_two_processes_draw_and_measure_what_one_does(processed, tmp_path, monkeypatch, caplog):
    catalogues = GalReference.objects.filter(active=True)
    assert len(catalogues) == 2
    drawn = {}
    for n_workers in (1, 2):
        folder = tmp_path / str(n_workers)
        with pictures_in(folder):
            if n_workers == 1:
                drawn[1] = draw_cutouts(catalogues)
            else:
                drawn[2] = pooled.draw_cutouts_in_processes(catalogues, 2)
            assert str(folder) == settings.GALPROJECT_PICTURES
    assert drawn[1].n_tiles > 0
    assert drawn[1] == drawn[2]
    assert files_in(tmp_path / "1") == files_in(tmp_path / "2")

    alone = measured()
    assert len(alone) == 2
    GalVariabilityRun.objects.all().delete()
    process(processed, processed.searches, again=True, workers=2)
    assert measured() == alone
    assert not GalJob.objects.open().exists()

    monkeypatch.setattr(pooled, "draw_catalogue", dying.die_over_a_chip)
    monkeypatch.setenv("GALPROJECT_TEST_SIGNAL", "9")
    problems = pooled.draw_cutouts_in_processes(catalogues, 2).problems
    assert len(problems) == 2
    assert all("no cutouts" in one and "SIGKILL" in one for one in problems)

    GalVariabilityRun.objects.all().delete()
    monkeypatch.setattr(jobs, "measure_catalogue", dying.die_over_a_chip)
    results, _ = process(processed, processed.searches, again=True, workers=2)
    assert not any(result.failed for result in results)
    assert caplog.text.count("SIGKILL") == 2
    assert runs.__name__ in caplog.text
