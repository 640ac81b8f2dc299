"""The full survey of benchmarks: valid in all that constraints, triggers and derivations keep."""

import pytest
from django.db import connection

from benchmarks import survey
from benchmarks.survey_figures import candidate_lists, queue, sources_table
from benchmarks.survey_figures.figures import Figures
from benchmarks.survey_rows.filling import fill
from benchmarks.survey_rows.size import SurveySize
from exposures.kept_counts import OF_IMAGES
from exposures.models import GalImage, Status
from exposures.other_database import connected_to
from photometry.models import GalReference
from tests.builders.processed_night import copied
from variables.candidates.filters import CandidateFilter
from variables.derived.counts import OF_CANDIDATES
from variables.derived.refresh import refresh_candidates
from variables.derived.stars import refresh_stars
from variables.models import GalCandidate, GalCandidateCount, GalVarObj
from variables.votes.consensus import update_consensus

pytestmark = pytest.mark.django_db

SIZE = SurveySize.of_share(0.0005)
FOREIGN_KEYS = """
SELECT format('SELECT count(*) FROM %s AS c WHERE c.%I IS NOT NULL AND NOT EXISTS'
    ' (SELECT FROM %s AS p WHERE p.%I = c.%2$I)', conrelid::regclass, child.attname,
    confrelid::regclass, parent.attname)
FROM pg_constraint
JOIN pg_attribute AS child ON child.attrelid = conrelid AND child.attnum = conkey[1]
JOIN pg_attribute AS parent ON parent.attrelid = confrelid AND parent.attnum = confkey[1]
WHERE contype = 'f'
"""
# What is kept beside the rows that it follows from, each as rows that don't fit.
KEPT = {
    "epochs of coverages": """
        SELECT count(*) FROM galcoverages AS c JOIN galimages AS i ON i.id = c.image_id
        JOIN galexposures AS e ON e.id = i.exposure_id
        WHERE (c.mjd, c.filter, c.identifier) IS DISTINCT FROM (e.mjd, e.filter, e.identifier)""",
    "epochs of references": """
        SELECT count(*) FROM galreferences AS r JOIN galimages AS i ON i.id = r.image_id
        JOIN galexposures AS e ON e.id = i.exposure_id
        WHERE (r.mjd, r.filter, r.identifier) IS DISTINCT FROM (e.mjd, e.filter, e.identifier)""",
    "sources of references": """
        SELECT count(*) FROM galreferences AS r WHERE n_sources <> (SELECT count(*)
            FROM galsources AS s WHERE s.is_reference AND s.refsource_id >> 20 = r.id)""",
    "changes of images": """
        SELECT count(*) FROM galimages AS i WHERE NOT is_reference AND status = 'done'
        AND n_variables <> CASE WHEN is_doubted THEN 0 ELSE (SELECT count(*) FROM galvarobjs AS v
            WHERE v.galimage_id = i.id AND kind <> 'new' AND failed_cuts = 0 AND NOT is_flagged)
            END""",
    "votes in campaigns": """
        SELECT count(*) FROM galcampaignobjects AS o WHERE n_votes <> (SELECT count(*)
            FROM galdecisions AS d WHERE d.refsource_id = o.refsource_id AND d.action = 'vote'
            AND d.campaign_id = o.campaign_id
            AND NOT EXISTS (SELECT FROM galdecisions AS u WHERE u.undoes_id = d.id))""",
}
# Of candidates, what follows from changes, flags, stored statistics, votes and objects.
FOLLOWING = (
    *("kind", "catalogue_id", "filter", "ccdnum", "n_changes", "n_detections", "first_mjd"),
    *("last_mjd", "max_delta_mag", "max_significance", "has_vanished", "failed_cuts", "varies"),
    *("is_flagged", "consensus_id", "n_votes", "is_disputed", "period_days", "object_id"),
    *("object_part", "star_sources", "star_detections", "star_detections_in_filter"),
    *("star_changes", "star_changes_in_filter", "counted_as"),
)
KEYS = {
    *("first_plan_ms", "plan_ms", "cone_catalogues", "cone_rows", "cone_ms", "attach_ms"),
    *("n_partitions", "failed_statements", "wanted_max_locks_per_transaction"),
    *("select_without_id_seconds", "join_by_id_seconds", "create_index_seconds"),
    *("truncate_seconds", "drop_seconds", "failed_statements_by_default"),
    *("home_seconds", "repeat_detections_seconds", "repeat_detections_in_filter_seconds"),
    *("working_status_seconds", "exposure_seconds", "references_seconds"),
    *("references_of_patch_seconds", "reference_seconds", "list_seconds"),
    *(
        f"{kind}_{figure}"
        for kind in (
            *("other_pages", "exports", "api_lists", "api_cones", "late_pages", "tables"),
            *("filters", "columns", "three_filters", "sorts"),
        )
        for figure in ("worst_seconds", "worst", "median_seconds")
    ),
    *("n_filters", "n_three_filters", "n_sorts", "reprocess_dry_run_seconds"),
    *("crossmatch_filters_dry_run_seconds", "sweep_10_waiting_ms", "sweep_100_waiting_ms"),
    *("enqueue_seconds", "enqueue_wait_seconds", "n_enqueued", "chips_a_second"),
    "chip_of_workers_ms",
    *("propose_flags_seconds", "refresh_candidates_seconds", "refresh_candidates_again_seconds"),
    "interrupted",
}


@pytest.fixture(scope="module")
def filled(django_db_setup, django_db_blocker):
    """A filled database for the tests of this module; what they change there is rolled back."""
    name = connection.settings_dict["NAME"]
    with (
        django_db_blocker.unblock(),
        copied(name, f"{name}_filled_copy"),
        connected_to(f"{name}_filled_copy"),
    ):
        fill(SIZE, say=lambda text: None)
        yield


def count(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_every_foreign_key_of_the_filled_survey_holds(filled):
    with connection.cursor() as cursor:
        cursor.execute(FOREIGN_KEYS)
        statements = [statement for (statement,) in cursor.fetchall()]
    assert len(statements) > 40
    assert [statement for statement in statements if count(statement)] == []


@pytest.mark.parametrize("what", KEPT)
def test_what_the_filled_survey_keeps_is_what_its_rows_say(filled, what):
    assert count(KEPT[what]) == 0


def test_the_filled_survey_keeps_the_numbers_that_pages_show(filled):
    assert OF_IMAGES.differences() == OF_CANDIDATES.differences() == []
    assert GalCandidateCount.objects.by("of").get(of="star detections", known="")["n"] > 100


def test_derived_anew_the_filled_survey_has_the_same_candidates(filled):
    def candidates():
        rows = GalCandidate.objects.order_by("pk").values_list("pk", *FOLLOWING)
        return [[round(v, 4) if isinstance(v, float) else v for v in row] for row in rows]

    before = candidates()
    ids = [row[0] for row in before]
    refresh_candidates()
    refresh_stars(ids)
    update_consensus(ids)
    assert candidates() == before


def test_the_filled_survey_has_all_kinds_of_rows(filled):
    def kinds(rows, column):
        return set(rows.objects.order_by().values_list(column, flat=True).distinct())

    assert kinds(GalCandidate, "kind") == set(GalCandidate.Kind)
    assert kinds(GalVarObj, "kind") == set(GalVarObj.Kind)
    assert {Status.DONE, Status.FAILED, Status.WAITING, Status.QUEUED} <= kinds(GalImage, "status")
    assert kinds(GalCandidate, "is_disputed") == kinds(GalCandidate, "is_flagged") == {True, False}
    assert GalReference.objects.count() == SIZE.n_catalogues
    assert GalImage.objects.count() == SIZE.n_exposures * SIZE.n_chips


def test_a_full_survey_is_of_the_size_that_is_told():
    size = SurveySize.of_share(1)
    assert (size.n_exposures, size.n_exposures * size.n_chips) == (2000, 124_000)
    assert size.n_catalogues == 5952


def test_lists_are_measured_by_every_filter():
    # A line stands for others.
    things = {"object", "star_list", "upload", "position", "radius"}
    filters = {"line", *things, *candidate_lists.VALUES}
    assert filters == set(CandidateFilter.base_filters)


class Unmeasured(Figures):
    """Figures without the work that they are of."""

    def cost(self, name, work, *arguments, limit=0):
        return 0.0


def test_the_benchmark_tells_each_figure_by_its_name(filled, monkeypatch):
    ends = queue.Progress(0, 0.0, 0.0), queue.Progress(10, 1.0, 1.0)
    monkeypatch.setattr(queue, "work_off", lambda n_chips: ends)
    figures = Unmeasured()
    survey.measure(True, figures)
    sources_table.measure_default_locks(figures)
    assert set(figures.values) == KEYS
