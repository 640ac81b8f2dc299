"""When references are matched with published catalogues: after jobs, loads, by the command."""

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from exposures.binary_copy import copy_in
from exposures.locks import Claimed
from exposures.models import GalJob, GalPublishedCatalogue, GalPublishedStar
from exposures.published.definitions import known_definitions
from exposures.published.loading import LoadOptions, load_catalogue
from exposures.published.stored import drop_catalogue as drop_published
from exposures.science.motion import moved, years_after
from galproject.queue import jobs
from galproject.queue.tasks import match_catalogues, match_unmatched
from photometry.models import GalMatch, GalMatchRun
from photometry.science.matching.states import MatchState
from photometry.storage import storage
from photometry.storage.storage import drop_catalogue
from tests.builders.candidates import add_epoch
from tests.builders.exposures_in_work import held_elsewhere
from tests.builders.published_files import CENTRE, gaia_table, write_gaia
from tests.builders.queue_messages import kept_messages
from tests.builders.survey_rows import make_image, make_sources
from variables.derived.refresh import refresh_candidates
from variables.models import (
    GalBinnedStatistic,
    GalCandidate,
    GalVariability,
    GalVariabilityRun,
)
from variables.variability.storage import VARIABILITY_DTYPE

N, N_NEW = 400, 20
MJD = 60000.0
GAIA = known_definitions()["gaia_dr3"]
OLD_VARIABLES = """
name = "old"
version = "1"
title = "Variables of old plates"
kind = "variables"
epoch = 2000.0
position_err = 1.0
footprint = "all sky"

[[tables]]
title = "list"

[tables.columns]
name = { from = ["star"] }
ra = { from = ["ra"], unit = "deg" }
dec = { from = ["dec"], unit = "deg" }

[[tables.bands]]
name = "V"
mag = { from = ["V"] }
"""


@pytest.fixture
def table():
    """Gaia's stars, the more of them the fainter, up to its limit."""
    stars = gaia_table(N, width=0.15)
    rng = np.random.default_rng(3)
    stars["phot_g_mean_mag"] = 20.5 + np.log10(rng.uniform(1e-3, 1, N)) / 0.3
    return stars


@pytest.fixture
def reference(db, table):
    """A reference catalogue of Gaia's stars where they are at its epoch, and of some others."""
    image = make_image("reference", *CENTRE, mjd=MJD, is_reference=True, fwhm_arcsec=1.0)
    rows, rng = make_sources(N + N_NEW, *CENTRE), np.random.default_rng(2)
    years = years_after(2016.0, MJD)
    motions = (np.ma.filled(table[name], 0.0) for name in ("pmra", "pmdec"))
    rows["ra"][:N], rows["dec"][:N] = moved(table["ra"], table["dec"], *motions, years)
    rows["mag"][:N] = table["phot_g_mean_mag"] - 0.5
    rows["mag"][N:] = rng.uniform(13, 19, N_NEW)
    rows["dec"] += rng.normal(0, 0.01, len(rows)) / 3600
    rows["flux"] = 10 ** (-0.4 * (rows["mag"] - 30))
    rows["flux_err"] = 0.02 * rows["flux"]
    return storage.create_catalogue(image, rows, {}, "test")


@pytest.fixture
def messages(monkeypatch):
    return kept_messages(monkeypatch)


def load(table, folder, name="gaia.fits", **options):
    path = write_gaia(table, folder / name)
    return load_catalogue(GAIA, [path], LoadOptions(**options)).catalogue


def states(reference):
    best = GalMatch.objects.in_reference(reference.pk).best()
    return np.array(best.order_by("refsource_id").values_list("state", flat=True))


def test_sources_are_matched_with_their_stars_and_others_are_new(reference, table, tmp_path):
    published = load(table, tmp_path)
    call_command("match_catalogues")
    ids = storage.catalogue_sources(reference)
    assert len(states(reference)) == N + N_NEW
    matched = GalMatch.objects.filter(state=MatchState.MATCHED, rank=1)
    stars = dict(matched.values_list("refsource_id", "star_id"))
    where = {position: k for k, position in enumerate(zip(table["ra"], table["dec"], strict=True))}
    assert len(stars) > 0.98 * N and set(published_ids(stars.values())) == {published.pk}
    for source, star in list(stars.items())[:50]:
        own = ids[ids["refsource_id"] == source]
        found = published_position(star)
        assert where[found] is not None
        assert abs(found[1] - own["dec"][0]) < 0.5 / 3600
    run = GalMatchRun.objects.get()
    assert (run.n_matched, run.n_stars) == (len(stars), N)
    assert run.mag_offset == pytest.approx(-0.5, abs=0.02)
    none = GalMatch.objects.filter(state=MatchState.NO_COUNTERPART)
    assert none.count() == run.n_no_counterpart > 0.8 * N_NEW
    assert not none.exclude(star_id=None, probability=None, separation=None).exists()


def published_ids(star_ids):
    return [star_id >> 40 for star_id in star_ids]


def published_position(star_id):
    star = GalPublishedStar.objects.get(pk=star_id)
    return star.ra, star.dec


def test_once_matched_candidates_and_the_plane_have_the_published_colour(
    reference, table, tmp_path, django_capture_on_commit_callbacks
):
    add_epoch(reference, MJD + 1, dict.fromkeys(range(5), -0.9))
    refresh_candidates()
    assert not GalCandidate.objects.exclude(colour_mag=None).exists()
    published = load(table, tmp_path)
    with django_capture_on_commit_callbacks(execute=True):
        call_command("match_catalogues")
    star = GalCandidate.objects.exclude(colour_mag=None).first()
    (star_id,) = matched_with(star.pk)
    _, blue, red = GalPublishedStar.objects.get(pk=star_id).mags
    assert star.colour_mag == pytest.approx(blue - red, abs=1e-4)
    binned = GalBinnedStatistic.objects.get(catalogue=reference, statistic="colour_mag")
    assert binned.n_stars > 0.85 * N  # a tenth has no BP
    with django_capture_on_commit_callbacks(execute=True):
        drop_published(published)
    assert not GalCandidate.objects.exclude(colour_mag=None).exists()
    assert not GalBinnedStatistic.objects.filter(statistic="colour_mag").exists()


def matched_with(refsource_id):
    matches = GalMatch.objects.filter(refsource_id=refsource_id, state=MatchState.MATCHED, rank=1)
    return matches.values_list("star_id", flat=True)


def test_where_a_catalogue_does_not_reach_nothing_is_new(reference, table, tmp_path):
    elsewhere = {"ra_min": 10.0, "ra_max": 20.0, "dec_min": -5.0, "dec_max": 5.0}
    load(table[:100], tmp_path, footprint=elsewhere)
    call_command("match_catalogues")
    assert set(states(reference)) <= {MatchState.MATCHED, MatchState.NOT_COVERED}


def test_what_is_matched_as_it_is_is_left_out(reference, table, tmp_path, capsys):
    load(table, tmp_path)
    call_command("match_catalogues")
    first = GalMatchRun.objects.get()
    assert f"{first.n_matched} matched" in capsys.readouterr().out
    call_command("match_catalogues")
    assert capsys.readouterr().out == "1 references are matched as they are\n"
    assert GalMatchRun.objects.get().pk == first.pk
    call_command("match_catalogues", "gaia_dr3", "--again")
    assert GalMatchRun.objects.get().pk != first.pk
    assert len(states(reference)) == N + N_NEW


def test_matches_go_with_either_catalogue(reference, table, tmp_path):
    load(table, tmp_path)
    call_command("match_catalogues")
    other = load(table[:300], tmp_path, "other.fits", version="DR3b")
    assert not GalMatch.objects.exists() and not GalMatchRun.objects.exists()
    call_command("match_catalogues")
    assert GalMatchRun.objects.get().published_id == other.pk
    drop_published(other)
    assert not GalMatch.objects.exists()
    load(table, tmp_path, "again.fits", version="DR3c")
    call_command("match_catalogues")
    drop_catalogue(reference)
    assert not GalMatch.objects.exists() and not GalMatchRun.objects.exists()


def test_of_two_sources_that_may_be_a_known_variable_the_one_that_varies_is_named(db, tmp_path):
    image = make_image("reference", *CENTRE, mjd=MJD, is_reference=True, fwhm_arcsec=1.0)
    rows = make_sources(N, *CENTRE)
    rows["ra"][:2], rows["dec"][:2], rows["mag"][:2] = CENTRE[0], CENTRE[1], 17.0
    rows["dec"][:2] += np.array([-0.5, 0.5]) / 3600
    reference = storage.create_catalogue(image, rows, {}, "test")
    published = publish_variable(tmp_path, *CENTRE)
    call_command("match_catalogues")
    near = GalMatch.objects.filter(star_id__isnull=False)
    assert [match.state for match in near] == [MatchState.CANT_BE_TOLD] * 2
    assert [match.n_possible for match in near] == [2, 2]
    varying, constant = (match.refsource_id for match in near)
    vary(reference, {varying: 1e-5, constant: 0.6})
    assert match_unmatched()["references"] == [reference.pk]
    call_command("match_catalogues")
    best = GalMatch.objects.get(refsource_id=varying)
    assert best.state == MatchState.MATCHED and best.star_id >> 40 == published.pk
    assert GalMatch.objects.get(refsource_id=constant).state == MatchState.NO_COUNTERPART


def publish_variable(folder, ra, dec):
    """A catalogue of one variable star, whose position is as good as an old one's."""
    definition, path = folder / "old.toml", folder / "old.csv"
    definition.write_text(OLD_VARIABLES)
    path.write_text(f"star,ra,dec,V\nOLD 1,{ra},{dec},17.2\n")
    call_command("load_catalogue", "old", str(path), columns=definition)
    return GalPublishedCatalogue.objects.get()


def vary(reference, false_alarms):
    """Stored statistics with probabilities that constant stars vary as much, by source."""
    rows = np.zeros(len(false_alarms), VARIABILITY_DTYPE)
    rows["refsource_id"] = sorted(false_alarms)
    rows["false_alarm"] = [false_alarms[pk] for pk in sorted(false_alarms)]
    copy_in(GalVariability._meta.db_table, rows)
    GalVariabilityRun.objects.create(
        catalogue=reference, digest="measured", n_images=9, n_sources=2
    )


def test_a_job_leaves_it_to_the_workers(reference, table, tmp_path, messages):
    load(table, tmp_path)
    job = GalJob.objects.create(exposure=reference.image.exposure, queued=True)
    type(reference.image).objects.filter(pk=reference.image_id).update(job=job)
    jobs.follow_up_job(job)
    assert ("match_catalogues", (reference.pk, False)) in messages
    done = match_catalogues(reference.pk, False)
    assert done["catalogues"] == 1 and done["matched"] > 0.98 * N
    messages.clear()
    jobs.follow_up_job(job)
    assert "match_catalogues" not in {task for task, _ in messages}


def test_a_catalogue_that_is_loaded_has_references_matched(
    reference, table, tmp_path, messages, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        load(table, tmp_path)
    assert messages == [("match_catalogues", (reference.pk, False))]
    messages.clear()
    assert match_unmatched()["references"] == [reference.pk]  # the message was lost
    call_command("match_catalogues")
    assert match_unmatched()["references"] == []


def test_one_process_at_a_time_matches_a_reference(reference, table, tmp_path):
    load(table, tmp_path)
    with held_elsewhere(Claimed.MATCHES, reference.pk):
        assert match_catalogues(reference.pk, False) == {"catalogues": 0, "matched": 0}


def test_the_command_says_what_is_missing(reference, table, tmp_path):
    with pytest.raises(CommandError, match="Load one with load_catalogue"):
        call_command("match_catalogues")
    load(table, tmp_path)
    with pytest.raises(CommandError, match="No catalogue vsx is in use; there: gaia_dr3"):
        call_command("match_catalogues", "vsx")
    GalPublishedCatalogue.objects.update(in_use=False)
    assert match_catalogues(reference.pk, False) == {"catalogues": 0, "matched": 0}
    assert match_catalogues(reference.pk + 1, False) == {"catalogues": 0, "matched": 0}
