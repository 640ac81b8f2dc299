"""Advisory locks: no two kinds share a number, and nobody waits for what is none of theirs."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from enum import IntEnum, unique
from functools import partial
from threading import Barrier

import psycopg2
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.transaction import TransactionManagementError

from exposures.fits import read_exposure
from exposures.ingest import ingest_exposure
from exposures.locks import (
    Claimed,
    ClaimLostError,
    check_claimed,
    claim,
    claimed,
    lock_to_end,
    locked,
    take,
)
from exposures.models import GalImage, Status
from galproject.processing import pipeline, storing
from galproject.processing.reference_choice import renew_sets_of
from galproject.queue import recovery
from galproject.queue.runs import prepare, run_chips
from galproject.validation.injection.temporary_database import _short
from photometry.models import GalReference, GalSource
from photometry.storage import storage
from photometry.storage.clustering import rewrite
from tests.builders.exposures_in_work import held_elsewhere
from tests.builders.fits_files import write_triplet
from tests.builders.processed_night import process, remove_survey
from tests.builders.survey_rows import make_image, make_sources
from tests.galproject.injecting import inject_and_wait
from variables.derived.refresh import refresh_candidates
from variables.flags.findings import Proposal
from variables.flags.proposals import store_proposals
from variables.models import Artifact, GalCandidate

KINDS = [pytest.param(kind, id=kind.name) for kind in Claimed]


def execute(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else None


def test_no_two_kinds_of_lock_can_have_one_number():
    assert len({int(kind) for kind in Claimed}) == len(Claimed.__members__)
    with pytest.raises(ValueError, match=r"duplicate values found in.*MORE -> CHIP"):
        unique(IntEnum("More", {**{k.name: k.value for k in Claimed}, "MORE": Claimed.CHIP.value}))


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_of_one_kind_holds_up_no_other(kind):
    free = set()
    with held_elsewhere(kind, 5):
        for other in Claimed:
            with claim(other, 5) as is_claimed:
                free |= {other} if is_claimed else set()
    assert free == set(Claimed) - {kind}


@pytest.mark.django_db
def test_a_number_that_is_no_kind_of_lock_is_refused():
    with pytest.raises(ValueError, match="is not a valid Claimed"):
        take(0x6A1FFFF, 5)


@pytest.mark.django_db(transaction=True)
def test_a_lock_to_the_end_of_a_transaction_is_of_no_use_outside_of_one():
    with pytest.raises(TransactionManagementError, match="CANDIDATES"):
        lock_to_end(Claimed.CANDIDATES, [1])


@pytest.mark.django_db
def test_locks_that_are_waited_for_are_given_back_whatever_happens():
    with pytest.raises(KeyError), locked(Claimed.CROSS_MATCH, {3, 1, 2}):
        assert claimed(Claimed.CROSS_MATCH) == {1, 2, 3}
        raise KeyError
    assert claimed(Claimed.CROSS_MATCH) == set()


@pytest.mark.django_db(transaction=True)
def test_who_is_interrupted_while_waiting_keeps_none_of_the_locks():
    execute("SET statement_timeout = '200ms'")
    try:
        with (
            held_elsewhere(Claimed.CROSS_MATCH, 3),
            pytest.raises(OperationalError, match="statement timeout"),
            locked(Claimed.CROSS_MATCH, {4, -1, 3, 1}),
        ):
            pass
    finally:
        execute("RESET statement_timeout")
    assert claimed(Claimed.CROSS_MATCH) == set()


@pytest.mark.django_db
def test_a_lock_with_one_key_is_no_claim():
    execute("SELECT pg_advisory_xact_lock(%s)", (int(Claimed.CHIP) << 32) + 7)
    assert claimed(Claimed.CHIP) == set()
    with pytest.raises(ClaimLostError):
        check_claimed(Claimed.CHIP, 7)


@contextmanager
def another_database():
    """A cursor in a database beside this one, on the same server."""
    parameters = connection.get_connection_params()
    kept = {k: v for k, v in parameters.items() if k not in ("cursor_factory", "context")}
    with closing(psycopg2.connect(**kept | {"dbname": "template1"})) as session:
        yield session.cursor()


@pytest.mark.django_db
def test_a_claim_in_another_database_of_the_server_is_none_here():
    with another_database() as cursor:
        assert take(Claimed.CHIP, 7, cursor)
        assert claimed(Claimed.CHIP) == set()
        with claim(Claimed.CHIP, 7) as is_claimed:
            assert is_claimed


def test_surveys_whose_long_names_begin_alike_have_databases_of_their_own():
    surveys = ["galproject", *(f"{'survey_of_the_southern_plane_and_bulge_' * 2}{n}" for n in "ab")]
    surveys += ["ü" * 30 + "1", "ü" * 30 + "2"]
    names = {f"{_short(survey)}_injection_16" for survey in surveys}
    assert len(names) == len(surveys) and "galproject_injection_16" in names
    assert all(len(name.encode()) <= 63 for name in names)


@contextmanager
def kinds_taken():
    """The first keys of all advisory locks that this session has after any of its statements."""
    seen = set()

    def watch(execute, sql, *rest):
        result = execute(sql, *rest)
        if "advisory" in sql.lower():
            with connection.connection.cursor() as cursor:
                cursor.execute(
                    "SELECT classid::bigint, objsubid FROM pg_locks"
                    " WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
                )
                seen.update(cursor.fetchall())
        return result

    with connection.execute_wrapper(watch):
        yield seen


@pytest.mark.django_db(transaction=True)
def test_every_lock_that_is_taken_is_of_the_enumeration(night):
    with kinds_taken() as seen:
        process_one_chip(night)
        catalogue = GalReference.objects.get()
        rewrite(catalogue)
        call_command("render_pictures", catalogue=[catalogue.pk], verbosity=0)
        store_proposals(
            [Proposal(Artifact.TRAIL, "a", "a line", GalImage.objects.get(is_reference=False))]
        )
        recovery.recover_lost_work()
    with_two_keys = {(int(kind), 2) for kind in Claimed}
    assert seen <= with_two_keys
    # An injection's is taken by a session of its own; new sources are not looked for by default;
    # published catalogues are loaded from files of their own, and only then is there one to match.
    # Numbers that are kept are put together by one statement in a hundred.
    others = {Claimed.INJECTION, Claimed.NEW_SOURCES, Claimed.PUBLISHED, Claimed.MATCHES}
    others |= {Claimed.ZERO_POINTS, Claimed.COUNTS}  # the former of what is matched
    others |= {Claimed.TRAINING, Claimed.SCORES}  # which take votes
    assert with_two_keys - seen <= {(int(kind), 2) for kind in others}


def process_one_chip(night):
    """A chip of the reference and of a search exposure through the whole pipeline."""
    for path in (night.reference, night.searches[0]):
        plan = prepare([path], night.options, path == night.reference, {35})
        (result,) = run_chips(plan.image_ids, night.options)
        assert not result.failed, result.error
    return result


@contextmanager
def injection(night):
    """An injection at work in another process; yields its outcome, to be had at the end."""
    context = multiprocessing.get_context("spawn")
    begun, go, outcome = context.Event(), context.Event(), context.Queue()
    database = connection.settings_dict["NAME"]
    files = night.reference, night.searches[0], night.options.catalogue
    child = context.Process(target=inject_and_wait, args=(database, files, begun, go, outcome))
    child.start()
    try:
        assert begun.wait(60)
        assert outcome.empty(), outcome.get()
        yield outcome
    finally:
        go.set()
        child.join(60)


@pytest.fixture
def catalogue_one(transactional_db):
    """The next catalogue has the number 1, as the first database of an injection."""
    ((before,),) = execute("SELECT nextval('galreferences_id_seq')")
    execute("DROP TABLE IF EXISTS galsources_1")  # emptied tables leave partitions behind
    execute("SELECT setval('galreferences_id_seq', 1, false)")
    yield
    remove_survey()
    execute("SELECT setval('galreferences_id_seq', %s)", before)


def test_a_pipeline_runs_beside_an_injection(night, catalogue_one):
    with injection(night) as outcome:
        execute("SET lock_timeout = '10s'")
        assert claimed(Claimed.INJECTION) == {1}
        result = process_one_chip(night)
        assert result.n_variables > 0
        catalogue = GalReference.objects.get()
        assert catalogue.pk == 1
        assert refresh_candidates([catalogue.pk]) == GalCandidate.objects.count() > 0
        assert outcome.empty()  # it is at work still
    assert outcome.get(timeout=10) == 5


# ---- rows


def in_sessions(*functions):
    """What functions return, each called in a session of its own, that waits for no lock."""

    def call(function):
        try:
            execute("SET lock_timeout = '1s'")
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(call, functions))


def chips_of_one_exposure(n=2):
    """Chips of a search exposure, and the sources of a reference under each."""
    exposure, chips = None, []
    for number in range(n):
        ra = 266.0 + number
        reference = make_image(f"reference {number}", ra=ra, is_reference=True)
        storage.create_catalogue(reference, make_sources(20, ra), {}, "test")
        image = make_image(f"search {number}", ra=ra, mjd=60001.0, ccdnum=1 + number)
        exposure = exposure or image.exposure
        GalImage.objects.filter(pk=image.pk).update(exposure=exposure)
        image.exposure = exposure
        chips.append((image, storage.reference_sources_in([reference])))
    return chips


@pytest.mark.django_db(transaction=True)
def test_two_sessions_store_two_chips_of_one_exposure_at_the_same_time():
    both_stored = Barrier(2, timeout=10)

    def store_measurements(image, sources):
        with transaction.atomic():
            storage.replace_measurements(image, sources)
            both_stored.wait()
        return GalSource.objects.measured_on(image).count()

    chips = chips_of_one_exposure()
    assert in_sessions(*(partial(store_measurements, *chip) for chip in chips)) == [20, 20]


@pytest.mark.django_db(transaction=True)
def test_two_chips_of_an_exposure_go_through_the_pipeline_at_the_same_time(night, monkeypatch):
    both_stored = Barrier(2, timeout=30)

    def wait_and_renew(image):
        both_stored.wait()
        return renew_sets_of(image)

    process(night, [night.reference], is_reference=True)
    plan = prepare(night.searches[:1], night.options)
    monkeypatch.setattr(storing, "renew_sets_of", wait_and_renew)
    chips = [partial(pipeline.process_chip, pk, night.options) for pk in plan.image_ids]
    results = in_sessions(*chips)
    assert [result.error for result in results] == ["", ""]
    assert {result.status for result in results} == {Status.DONE}


@pytest.mark.django_db(transaction=True)
def test_a_chip_that_is_being_stored_holds_up_nobody_who_enters_its_exposure_again(tmp_path):
    path = write_triplet(tmp_path, names=("N4", "S4"))
    facts = read_exposure(path)
    images = ingest_exposure(facts)
    nothing = storage.reference_sources_in([])

    def enter():
        try:
            return [image.pk for image in ingest_exposure(facts)]
        except OperationalError as error:
            return str(error)

    def mend_header():
        try:
            return ingest_exposure(replace(facts, mjd=facts.mjd + 0.5))
        except OperationalError as error:
            return str(error)

    with transaction.atomic():
        storage.replace_measurements(images[0], nothing)
        # One after the other: exposures of a camera are entered so.
        (entered,) = in_sessions(enter)
        (mended,) = in_sessions(mend_header)
    assert entered == [image.pk for image in images]
    # The epoch that is being stored with each measurement would be the old one.
    assert "lock timeout" in mended
