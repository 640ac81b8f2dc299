"""The actions of the admin put chips on the queue, for those who may."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from exposures.models import GalExposure, GalImage, Status
from tests.builders.exposures_in_work import make_exposure

pytestmark = pytest.mark.django_db

LISTS = ["exposures_galexposure", "exposures_galimage"]


def staff(client, *permissions):
    user = User.objects.create_user("operator", is_staff=True)
    names = ["view_survey", "view_galexposure", "view_galimage", "view_galjob", *permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


@pytest.fixture
def operator(client):
    return staff(client, "add_galjob")


@pytest.fixture
def act(operator, sent, django_capture_on_commit_callbacks):
    """Do an action on rows; the messages that it left."""

    def run(action, rows):
        model = rows[0]._meta.model_name
        chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
        with django_capture_on_commit_callbacks(execute=True):
            response = operator.post(
                reverse(f"admin:exposures_{model}_changelist"), chosen, follow=True
            )
        return [str(message) for message in response.context["messages"]]

    return run


def statuses(exposure):
    return list(exposure.images.order_by("ccdnum").values_list("status", flat=True))


@pytest.mark.parametrize("name", LISTS)
def test_who_may_only_look_has_no_actions(client, name):
    make_exposure("1", [Status.FAILED], closed=5)
    rows = {"exposures_galexposure": GalExposure, "exposures_galimage": GalImage}[name].objects
    chosen = {"action": "process", "_selected_action": [rows.get().pk]}
    url = reverse(f"admin:{name}_changelist")
    visitor = staff(client)
    assert b"Process on the queue" not in visitor.get(url).content
    visitor.post(url, chosen)
    assert GalImage.objects.get().status == Status.FAILED


@pytest.mark.parametrize("name", LISTS)
def test_operators_have_the_three_actions(operator, name):
    make_exposure("1", [Status.DONE])
    page = operator.get(reverse(f"admin:{name}_changelist")).content.decode()
    for action in ("Process on the queue", "Process again (do over)", "Make reference and process"):
        assert action in page
    assert "Delete selected" not in page


def test_process_queues_all_chips_but_those_in_hand(act, sent):
    exposure = make_exposure("1", [Status.PENDING, Status.FAILED, Status.WORKING])
    exposure.images.filter(ccdnum=3).update(job=None)
    (message,) = act("process", [exposure])
    assert statuses(exposure) == [Status.QUEUED, Status.QUEUED, Status.WORKING]
    assert message.startswith("3 chips asked for.") and "Working status" in message
    job = exposure.jobs.first()
    assert sorted(chip for *chip, of in sent if of == job.pk and chip) == sorted(
        [pk] for pk in job.images.values_list("pk", flat=True)
    )
    assert job.images.count() == 2 and job.requested_by == "operator"


def test_single_chips_are_processed_alone(act, sent):
    exposure = make_exposure("1", [Status.PENDING, Status.PENDING], closed=5)
    (message,) = act("process", [exposure.images.get(ccdnum=2)])
    assert statuses(exposure) == [Status.PENDING, Status.QUEUED]
    assert message.startswith("1 chip asked for.")


def test_what_stands_is_done_over_only_when_asked(act, sent):
    exposure = make_exposure("1", [Status.DONE], closed=5)
    exposure.images.update(is_reference=True)  # whose result stands whatever the options
    act("process", [exposure])
    assert statuses(exposure) == [Status.DONE] and not exposure.jobs.filter(closed=None).exists()
    assert "nothing to do" in exposure.checkpoints.last().note
    act("process_again", [exposure])
    assert statuses(exposure) == [Status.QUEUED] and exposure.jobs.first().again


def test_searches_wait_for_the_reference_that_is_made(act, sent):
    reference = make_exposure("1", [Status.PENDING], closed=5)
    search = make_exposure("2", [Status.PENDING, Status.PENDING], closed=5)
    elsewhere = make_exposure("3", [Status.PENDING], closed=5, ra=100.0)
    act("make_reference", [reference])
    assert reference.images.get().is_reference and statuses(reference) == [Status.QUEUED]
    act("process", [search, elsewhere])
    assert statuses(search) == [Status.WAITING] * 2 and statuses(elsewhere) == [Status.QUEUED]


def test_a_chip_in_hand_is_not_made_a_reference(act, sent):
    exposure = make_exposure("1", [Status.WORKING, Status.PENDING])
    exposure.images.filter(ccdnum=1).update(job=None)
    act("make_reference", [exposure])
    chips = exposure.images.order_by("ccdnum").values_list("status", "is_reference")
    assert list(chips) == [(Status.WORKING, False), (Status.QUEUED, True)]


def test_the_catalogue_is_that_of_the_site(act, sent, settings):
    settings.GALPROJECT_CATALOGUE = "/catalogues/gaia"
    exposure = make_exposure("1", [Status.PENDING], closed=5)
    act("process", [exposure])
    assert exposure.jobs.first().options["catalogue"] == "/catalogues/gaia"


def test_jobs_can_be_looked_at_and_not_changed(operator):
    job = make_exposure("1", [Status.DONE]).jobs.get()
    assert operator.get(reverse("admin:exposures_galjob_changelist")).status_code == 200
    page = operator.get(reverse("admin:exposures_galjob_change", args=[job.pk]))
    assert page.status_code == 200 and b'name="_save"' not in page.content
    # Who may ask for a job asks by an action, not by filling in its row.
    assert operator.get(reverse("admin:exposures_galjob_add")).status_code == 403
