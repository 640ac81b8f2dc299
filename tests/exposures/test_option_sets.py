"""Options are stored once a set, whoever stores them, and go when nothing refers to them."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from exposures.models import GalImage, GalJob, GalOptionSet
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.configuration.stored import options_of
from tests.builders.survey_rows import make_image

pytestmark = pytest.mark.django_db
STRICT = {"selection": {"threshold_sigma": 30.0, "é \\ \" '": [1e-5, None, True]}}


def test_rows_made_alike_refer_to_one_set():
    images = [make_image(name, options=STRICT) for name in "123"]
    job = GalJob.objects.create(exposure=images[0].exposure, options=dict(reversed(STRICT.items())))
    stored = GalOptionSet.objects.get()
    assert stored.options == STRICT
    assert {row.option_set_id for row in (*images, job)} == {stored.hash}
    assert GalImage.objects.get(pk=images[0].pk).options == STRICT
    assert GalImage.objects.filter(option_set__options__selection__threshold_sigma=30).count() == 3


def test_a_row_without_options_has_none_and_gives_the_defaults():
    image = make_image()
    image.options = STRICT
    image.clear_results()
    image.save()
    assert GalImage.objects.get().options is None
    assert options_of(image) == PipelineOptions()


def test_other_options_of_a_row_leave_those_of_others():
    first, second = (make_image(name, options=STRICT) for name in "12")
    first.options = PipelineOptions().as_json()
    first.save()
    assert GalImage.objects.get(pk=second.pk).options == STRICT
    assert options_of(GalImage.objects.get(pk=first.pk)) == PipelineOptions()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_kept", [True, False])
def test_two_processes_that_store_the_same_set_at_once_store_one(is_kept):
    """The second waits for the first, which may still roll back."""
    hashes = []

    def store():
        hashes.append(GalOptionSet.objects.of(STRICT).hash)
        connection.close()

    second = threading.Thread(target=store)
    with transaction.atomic():
        hashes.append(GalOptionSet.objects.of(STRICT).hash)
        second.start()
        second.join(0.2)
        assert second.is_alive()
        transaction.set_rollback(not is_kept)
    second.join(10)
    # Other tests of this database may have left sets of their own.
    assert [one.hash for one in GalOptionSet.objects.filter(options=STRICT)] == [*set(hashes)]
    assert len(hashes) == 2


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_whoever_stores_a_set_that_is_there():
    GalOptionSet.objects.of(STRICT)
    with transaction.atomic():
        GalJob.objects.create(exposure=make_image().exposure, options=STRICT)
        other = threading.Thread(
            target=lambda: (GalOptionSet.objects.of(STRICT), connection.close())
        )
        other.start()
        other.join(5)
        assert not other.is_alive()


def forgotten(days):
    """Nothing happens for some days, of a set that was found to be unused."""
    GalOptionSet.objects.exclude(unused_since=None).update(
        unused_since=timezone.now() - timedelta(days=days)
    )


def test_a_set_goes_a_day_after_the_last_row_that_refers_to_it():
    image = make_image(options=STRICT)
    assert GalOptionSet.objects.remove_unused() == 0
    forgotten(2)
    assert GalOptionSet.objects.remove_unused() == 0
    image.delete()
    assert GalOptionSet.objects.remove_unused() == 0  # is marked
    assert GalOptionSet.objects.remove_unused() == 0  # somebody may be about to refer to it
    forgotten(2)
    assert GalOptionSet.objects.remove_unused() == 1
    assert not GalOptionSet.objects.exists()


def test_a_set_that_is_stored_again_stays():
    GalOptionSet.objects.of(STRICT)
    GalOptionSet.objects.remove_unused()
    forgotten(2)
    GalOptionSet.objects.of(STRICT)  # and a row that refers to it comes later
    assert GalOptionSet.objects.remove_unused() == 0
    assert GalOptionSet.objects.exists()
