"""Reference sets on a simulated night: what they change, and that nothing is fitted for it."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, GalExposure, GalImage
from exposures.steps import LogStep
from galproject.processing import pipeline
from galproject.processing.removal import remove
from galproject.processing.storing import delete_results
from galproject.references import sets
from galproject.references.withdrawal import withdraw_references
from photometry.models import GalReferenceMag, GalReferenceMember, GalReferenceSet
from tests.builders.processed_night import ONE_CCD, process
from tests.galproject.test_pipeline import contents
from variables.models import GalCandidate, GalFlag, GalNewSource, GalVarObj

pytestmark = pytest.mark.django_db


def exposure(identifier):
    return GalExposure.objects.get(identifier=identifier)


def add(*identifiers, is_added=True):
    find = sets.possible_pairs if is_added else sets.pairs_now
    for pairs in find([exposure(identifier) for identifier in identifiers]):
        sets.change_sets(pairs, is_added, "tester", "to try")


def derived():
    """Rows that depend on sets, but for when and under which number they were written."""
    rows = contents()[1]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(c) - 'refreshed' FROM galcandidates c ORDER BY refsource_id"
        )
        candidates = cursor.fetchall()
    images = GalImage.objects.order_by("pk").values_list("pk", "n_variables")
    return rows, candidates, list(images)


@pytest.fixture
def with_set(processed):
    add("600001", "600002")
    return processed


def test_a_set_of_three_has_means_of_most_sources(with_set):
    found = sets.summary(exposure("600000"))
    assert [m.exposure.identifier for m in found.members] == ["600001", "600002"]
    assert found.n_chips == 2 and found.n_sources > 300
    assert (
        GalReferenceMag.objects.filter(n_used=3).count() > 0.6 * found.n_sources
    )  # the small chips are dithered
    assert (
        GalCheckpoint.objects.filter(exposure=found.primary, step=LogStep.MEMBER_ADDED).count() == 1
    )


def test_what_the_primary_alone_has_otherwise_is_its_fault_and_the_image_is_named(with_set):
    primaries = set(GalImage.objects.references().values_list("pk", flat=True))
    faulty = GalReferenceMag.objects.filter(flags=1)
    assert {m.outlying_image_id for m in faulty} <= primaries
    assert faulty.count() == sets.summary(exposure("600000")).n_at_fault > 0
    flags = GalFlag.objects.proposed().filter(refsource_id__in=[m.pk for m in faulty])
    assert flags.count() == faulty.count()
    assert all("decam 600000 i" in flag.reason for flag in flags)
    # A change on the primary itself is left of it: a star may have varied just then.
    own = GalVarObj.objects.filter(image__in=primaries)
    assert set(own.values_list("refsource_id", flat=True)) == {m.pk for m in faulty}
    assert GalCandidate.objects.filter(pk__in=[m.pk for m in faulty]).count() == faulty.count()


def test_added_and_removed_leaves_every_row_as_it_was(processed):
    before, proposed = derived(), set(GalFlag.objects.values_list("refsource_id", "reason"))
    add("600001", "600002")
    assert derived() != before
    add("600001", "600002", is_added=False)
    assert derived() == before
    assert not GalReferenceSet.objects.exists() and not GalReferenceMag.objects.exists()
    assert set(GalFlag.objects.values_list("refsource_id", "reason")) == proposed


def test_selected_anew_from_stored_rows_as_if_processed_anew(with_set):
    before, sources = derived(), contents()[0]
    process(with_set, with_set.searches, again=True, ccds=ONE_CCD)
    assert derived() == before
    assert contents()[0] == sources


def test_with_a_set_run_twice_does_nothing(with_set):
    results, _ = process(with_set, with_set.searches)
    assert {result.status for result in results} == {"unchanged"}


def test_members_measured_with_a_reference_made_again_are_its_set_again(with_set):
    # Of sources that were added the members tell more once they are done again.
    added = set(GalNewSource.objects.values_list("pk", flat=True))
    means = GalReferenceMag.objects.filter(n_used__gt=1).exclude(pk__in=added)
    n_sources, n_means = means.count(), GalReferenceMag.objects.count()
    process(with_set, [with_set.reference], is_reference=True, again=True, ccds=ONE_CCD)
    assert 0 < GalReferenceMag.objects.count() < n_means  # of the other chip
    process(with_set, with_set.searches)
    again = GalNewSource.objects.values("pk")
    assert GalReferenceMag.objects.filter(n_used__gt=1).exclude(pk__in=again).count() == n_sources


def test_a_member_that_is_forgotten_counts_no_more(with_set):
    remove(exposure("600002"))
    assert [m.exposure.identifier for m in sets.summary(exposure("600000")).members] == ["600001"]
    assert set(GalReferenceMag.objects.values_list("n_images", flat=True)) == {2}
    assert not GalReferenceMag.objects.filter(flags=1).exists()  # two can't outvote anybody
    assert not GalVarObj.objects.filter(image__is_reference=True).exists()


def test_a_member_made_a_reference_leaves_the_set(with_set):
    pipeline.make_references(list(exposure("600002").images.all()))
    assert set(GalReferenceMember.objects.values_list("image__exposure__identifier")) == {
        ("600001",)
    }


def test_a_primary_that_is_withdrawn_takes_its_set_along(with_set):
    process(with_set, with_set.searches[1:], is_reference=True)
    GalFlag.objects.all().delete()  # else its catalogues would be retired, with their means
    withdraw_references(list(exposure("600000").images.all()))
    assert not GalReferenceSet.objects.filter(image__exposure=exposure("600000")).exists()
    assert not GalReferenceMag.objects.exists()


def test_what_can_not_be_a_member_is_told_why(processed):
    with pytest.raises(GalprojectError, match="it is a reference itself"):
        sets.possible_pairs([exposure("600000")])
    with pytest.raises(GalprojectError, match="it is the primary itself"):
        sets.possible_pairs([exposure("600000")], exposure("600000"))
    with pytest.raises(GalprojectError, match="600002 i is no reference"):
        sets.possible_pairs([exposure("600001")], exposure("600002"))
    with pytest.raises(GalprojectError, match="is not in any reference set"):
        sets.pairs_now([exposure("600001")])
    delete_results(exposure("600001").images.first())
    delete_results(exposure("600001").images.last())
    with pytest.raises(GalprojectError, match="not measured yet"):
        sets.possible_pairs([exposure("600001")])


def test_the_command_lists_adds_removes_and_suggests(processed, capsys):
    def run(*words):
        call_command("reference_set", *words)
        return capsys.readouterr().out

    assert "There is no reference set" in run("list")
    assert "600001" in run("suggest", "600000")
    said = run("add", "600001", "600002", "--primary", "600000")
    assert "added to the set of decam 600000 i: 2 chips" in said
    assert "variables selected anew on 4 images" in said
    assert "600001 i: 2 chips" in run("list", "--filter", "i")
    assert "no reference set" in run("list", "--filter", "r")
    assert "0 images" in run("update", "600000")  # nothing differs
    assert "removed from" in run("remove", "600002")
    with pytest.raises(CommandError, match="there is no such exposure"):
        run("add", "1")
