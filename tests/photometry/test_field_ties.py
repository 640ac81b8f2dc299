"""Fields that overlap are tied to each other."""

from threading import Event, Thread
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from django.db import connection

from exposures.models import GalExposure, GalPublishedStar
from photometry.absolute import calibrating, ties
from photometry.absolute.calibrating import calibrate_field
from photometry.models import GalMatchRun, GalZeroPoint
from photometry.science.absolute.ties import SharedStars, differences, sampled, solve_ties
from photometry.storage import storage
from tests.photometry.test_calibrate_references import Field

N_FIELDS, N_CHIPS, N_SHARED = 5, 12, 60
FIELD = np.repeat(np.arange(N_FIELDS), N_CHIPS)


def row_of_fields(seed):
    """Errors of the zero points of fields in a row, and the stars that neighbours share.

    Each field's own is off by 30 mmag, each chip's by 3.
    """
    rng = np.random.default_rng(seed)
    off = rng.normal(0, 0.03, N_FIELDS)[FIELD] + rng.normal(0, 0.003, len(FIELD))
    pairs = [
        (N_CHIPS * k + i, N_CHIPS * (k + 1) + j)
        for k in range(N_FIELDS - 1)
        for i, j in ((9, 0), (10, 1), (11, 2), (11, 1))
    ]
    shared = [[] for _ in FIELD]
    for number, (first, second) in enumerate(pairs):
        star = number * N_SHARED + np.arange(N_SHARED)
        mag = rng.uniform(15, 18, N_SHARED)
        for chip in (first, second):
            noise = rng.normal(0, 0.01, N_SHARED) + rng.normal(0, 0.5, N_SHARED) * (
                rng.random(N_SHARED) < 0.05  # variables
            )
            shared[chip].append((star, mag + off[chip] + noise))
    stars = [
        sampled(*map(np.concatenate, zip(*parts, strict=True)), 10_000)
        if parts
        else SharedStars(np.zeros(0, np.int64), np.zeros(0, np.float32))
        for parts in shared
    ]
    return off, stars, np.array(pairs)


def tied(off, stars, pairs, field_error=0.03):
    between = differences(stars, pairs, 10)
    errors = np.full(N_FIELDS, field_error), np.full(len(off), 0.004)
    return between, solve_ties(between, FIELD, *errors)


def test_fields_agree_where_they_overlap():
    before, after, apart = [], [], []
    for seed in range(5):
        off, stars, pairs = row_of_fields(seed)
        _, offsets = tied(off, stars, pairs)
        fixed = off + offsets
        before += np.abs(off[pairs[:, 0]] - off[pairs[:, 1]]).tolist()
        after += np.abs(fixed[pairs[:, 0]] - fixed[pairs[:, 1]]).tolist()
        apart.append(abs(offsets.mean()))
    assert np.quantile(before, 0.95) > 0.04 and np.quantile(after, 0.95) < 0.005
    assert max(apart) < 0.005  # the published stars hold the whole


def test_chips_without_an_overlap_go_with_their_field():
    off, stars, pairs = row_of_fields(1)
    _, offsets = tied(off, stars, pairs)
    alone = np.setdiff1d(np.arange(len(off)), pairs)
    for number in range(N_FIELDS):
        own = number == FIELD
        assert np.ptp(offsets[alone[FIELD[alone] == number]]) < 1e-9
        assert np.abs(offsets[own] - offsets[own].mean()).max() < 0.01


def test_fields_that_are_sure_of_themselves_are_hardly_moved():
    off, stars, pairs = row_of_fields(2)
    _, free = tied(off, stars, pairs)
    _, held = tied(off, stars, pairs, field_error=0.0005)
    alone = np.setdiff1d(np.arange(len(off)), pairs)
    assert np.abs(held[alone]).max() < 0.1 * np.abs(free[alone]).max()


def test_without_differences_nothing_is_moved():
    none = differences([], np.zeros((0, 2), int), 10)
    assert len(none) == 0
    assert not solve_ties(none, FIELD, np.full(N_FIELDS, 0.01), np.full(len(FIELD), 0.01)).any()


def test_two_chips_keep_the_same_of_many_stars():
    rng = np.random.default_rng(3)
    star = rng.choice(2**40, 6000, replace=False)
    one = sampled(star[:4000], np.zeros(4000), 500)
    other = sampled(star[1000:], np.zeros(5000), 500)
    common = np.intersect1d(one.star, other.star)
    assert len(one.star) == len(other.star) == 500
    # Three quarters of the first are on the second, which keeps the tenth part of its own.
    assert len(common) > 0.9 * 500 * 0.6
    assert np.all(np.diff(one.star) > 0)


def test_overlapping_references_are_those_whose_circles_touch():
    rng = np.random.default_rng(4)
    n = 300
    # Round 0 h, and at the pole; a few circles are no chip's.
    ra, dec = rng.uniform(-1, 1, n) % 360, np.where(rng.random(n) < 0.5, 89.5, -29.0)
    dec = np.minimum(dec + rng.normal(0, 0.3, n), 90)
    radius = np.where(rng.random(n) < 0.02, 120.0, rng.uniform(0.1, 0.2, n))
    pk, field = rng.permutation(n), rng.integers(0, 5, n)
    images = [
        SimpleNamespace(pk=k, ra=a, dec=d, radius=r)
        for k, a, d, r in zip(pk.tolist(), ra, dec, radius, strict=True)
    ]
    zero_points = [SimpleNamespace(reference=SimpleNamespace(image=image)) for image in images]
    where = SkyCoord(ra, dec, unit="deg")
    apart = where[:, None].separation(where).deg
    touch = (apart < radius[:, None] + radius) & (field[:, None] != field)
    touch &= (radius[:, None] < 100) & (radius < 100) & (pk[:, None] < pk)
    found = ties.overlaps(zero_points, field)
    assert len(found) > 1000
    assert {*map(tuple, found.tolist())} == {*map(tuple, np.argwhere(touch).tolist())}


class Neighbours(Field):
    """Two references that share stars, of exposures a degree apart.

    The stars that only one of them has are published 40 mmag too faint.
    """

    def __init__(self):
        super().__init__()
        exposures = GalExposure.objects.filter(images=self.images[1])
        exposures.update(ra=267.0)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self.published.partition} SET mags[3] = mags[3] + 0.04,"
                " mags[2] = mags[2] + 0.04 WHERE id - %s < 100",
                [GalPublishedStar.objects.order_by("pk").first().pk],
            )

    def calibrate(self, *numbers):
        """Calibrate these of the fields, one after the other."""
        return [calibrate_field([self.images[k]])[0] for k in numbers]

    def differ(self):
        """By how much both make the stars in common different, mag: at one colour."""
        zero_points = [one.fitted for one in self.zero_points()]
        at = [z.zero_point + z.colour_correction(np.array([1.0]))[0] for z in zero_points]
        true = 0.31 - -0.12
        return abs(at[0] - at[1] - true)


@pytest.fixture
def neighbours():
    return Neighbours()


@pytest.mark.django_db
def test_references_of_different_fields_agree_and_say_so(neighbours):
    first, second = neighbours.calibrate(0, 1)
    assert first.tied is None
    assert (second.tied.n_fields, second.tied.n_overlaps) == (2, 1)
    assert "2 fields tied by 1 overlaps" in str(second)
    assert second.tied.before > 0.01 and second.tied.after < 0.005
    assert neighbours.differ() < 0.005
    ties = [one.tie for one in neighbours.zero_points()]
    assert ties[0] * ties[1] < 0 and max(map(abs, ties)) < 0.03


@pytest.mark.django_db
def test_the_order_in_which_fields_are_calibrated_makes_no_difference(neighbours):
    neighbours.calibrate(0, 1)
    one = [(z.zero_point, z.tie) for z in neighbours.zero_points()]
    neighbours.calibrate(1)
    again = [(z.zero_point, z.tie) for z in neighbours.zero_points()]
    assert again == pytest.approx(np.array(one), abs=1e-7)
    GalZeroPoint.objects.all().delete()
    neighbours.calibrate(1, 0)
    other = [(z.zero_point, z.tie) for z in neighbours.zero_points()]
    assert other == pytest.approx(np.array(one), abs=1e-7)


@pytest.mark.django_db
def test_a_field_whose_neighbour_is_gone_is_as_it_was_fitted(neighbours):
    neighbours.calibrate(0)
    (alone,) = neighbours.zero_points()
    neighbours.calibrate(1)
    assert neighbours.zero_points()[0].tie != 0
    storage.drop_catalogue(neighbours.catalogues[1])
    neighbours.calibrate(0)
    (left,) = neighbours.zero_points()
    assert (left.tie, left.zero_point) == (0, pytest.approx(alone.zero_point, abs=1e-9))


@pytest.mark.django_db
def test_a_neighbour_that_goes_meanwhile_is_left_alone(neighbours, monkeypatch):
    neighbours.calibrate(0, 1)
    read = ties.read_stars

    def gone(reference, *arguments):
        if reference.pk == neighbours.catalogues[1].pk:
            storage.drop_catalogue(reference)
        return read(reference, *arguments)

    monkeypatch.setattr(ties, "read_stars", gone)
    (found,) = neighbours.calibrate(0)
    (left,) = neighbours.zero_points()
    assert found.tied is None and left.tie == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_processes_the_one_that_knows_more_has_the_last_word(monkeypatch):
    field = Field()
    late = GalMatchRun.objects.get(reference=field.catalogues[1])
    GalMatchRun.objects.filter(pk=late.pk).delete()
    fitting, go_on = Event(), Event()
    fit = calibrating.fit_zero_points

    def slow_at_first(*arguments):
        if not fitting.is_set():
            fitting.set()
            assert go_on.wait(30)
        return fit(*arguments)

    monkeypatch.setattr(calibrating, "fit_zero_points", slow_at_first)

    def calibrate():
        try:
            calibrate_field(field.images)
        finally:
            connection.close()

    first, second = Thread(target=calibrate), Thread(target=calibrate)
    first.start()
    assert fitting.wait(30)
    late.save(force_insert=True)  # matched after the first had looked
    second.start()
    second.join(0.7)  # it waits for the first, or would be done by now
    go_on.set()
    first.join()
    second.join()
    assert [one.n_common > 0 for one in field.zero_points()] == [True, True]
