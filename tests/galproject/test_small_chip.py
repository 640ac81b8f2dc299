"""Whoever changes numbers raises the version of the results: else stored ones would stay."""

import copy
import os

import pytest

from galproject.processing import version
from tests.galproject import small_chip

CURE = (
    "If that is meant, run `make results`, which raises RESULTS_VERSION (stored results are then "
    "made over by manage.py reprocess), and commit galproject/processing/version.py and "
    "tests/galproject/small_chip.json. If not, mend it."
)


@pytest.mark.django_db
def test_numbers_change_only_with_the_version_of_the_results(tmp_path):
    now = small_chip.measured(tmp_path / "night")
    if os.environ.get("GALPROJECT_WRITE_RESULTS"):
        print(small_chip.record(now))
        return
    before = small_chip.recorded()
    assert small_chip.has_same_pixels(before, now), (
        "the simulation makes another chip. Run `make results`, which keeps RESULTS_VERSION"
    )
    differ = small_chip.differences(before, now)
    assert not differ, "\n".join(["the numbers of a small chip have changed:", *differ, CURE])
    assert before["results_version"] == version.RESULTS_VERSION, (
        "RESULTS_VERSION was changed. Run `make results` and commit what it writes"
    )


def changed(change):
    numbers = copy.deepcopy(small_chip.recorded())
    change(numbers)
    return small_chip.differences(small_chip.recorded(), numbers)


def scale(table, key, factor):
    table[key] = [value and value * factor for value in table[key]]


def shift(table, key, error, sigma):
    table[key] = [v and v + sigma * e for v, e in zip(table[key], table[error], strict=True)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda n: n["images"]["search"].update(sky=n["images"]["search"]["sky"] + 0.1), "sky of"),
        (lambda n: n["images"]["search"].update(chi2_nu=None), "chi2_nu of the search image"),
        (lambda n: scale(n["sources"]["reference"], "flux_err", 1.01), "flux_err of 301 of 301"),
        (lambda n: scale(n["sources"]["search"], "rchi2", 1.02), "rchi2 of"),
        (lambda n: shift(n["sources"]["search"], "mag", "mag_err", 0.05), "mag of"),
        (lambda n: shift(n["sources"]["search"], "flux", "flux_err", 0.05), "flux of"),
        (lambda n: [v.pop() for v in [*n["sources"]["search"].values()] for _ in "1234"], "4 sour"),
        (lambda n: n["changes"].pop(), "changes, were"),
        (lambda n: n["changes"][0].update(failed_cuts=16384), "failed_cuts of the change"),
    ],
)
def test_a_change_of_the_numbers_is_seen(change, told):
    (line,) = changed(change)
    assert told in line


@pytest.mark.parametrize(
    "change",
    [
        lambda n: n["images"]["search"].update(sky=n["images"]["search"]["sky"] + 1e-3),
        lambda n: shift(n["sources"]["search"], "flux", "flux_err", 0.005),
        lambda n: scale(n["sources"]["reference"], "flux_err", 1.00005),
        lambda n: [v.pop() for v in n["sources"]["search"].values()],
    ],
)
def test_how_processors_round_is_no_change(change):
    assert changed(change) == []


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The version and the numbers in files of their own."""
    source = tmp_path / "version.py"
    source.write_text(f"VERSION = '1'\nRESULTS_VERSION = {version.RESULTS_VERSION}\n")
    numbers = tmp_path / "small_chip.json"
    numbers.write_text(small_chip.FILE.read_text())
    monkeypatch.setattr(version, "__file__", str(source))
    monkeypatch.setattr(small_chip, "FILE", numbers)
    return source, numbers


def test_the_version_is_raised_by_one_where_the_numbers_changed(copies):
    source, _numbers = copies
    now = small_chip.recorded()
    del now["results_version"]
    assert "as before" in small_chip.record(now)
    scale(now["sources"]["reference"], "flux_err", 1.01)
    raised = version.RESULTS_VERSION + 1
    assert f"results version {raised}" in small_chip.record(now)
    assert source.read_text().endswith(f"\nRESULTS_VERSION = {raised}\n")
    assert small_chip.recorded() == {"results_version": raised, **now}


def test_another_simulated_chip_is_no_other_result(copies):
    source, _ = copies
    now = small_chip.recorded()
    del now["results_version"]
    now["pixels"][0] *= 1.01
    scale(now["sources"]["reference"], "flux_err", 1.01)
    before = source.read_text()
    small_chip.record(now)
    assert source.read_text() == before
    assert small_chip.recorded()["results_version"] == version.RESULTS_VERSION


def test_after_a_merge_the_version_is_one_that_neither_had(copies):
    _source, numbers = copies
    now = small_chip.recorded()
    numbers.write_text("<<<<<<< ours\n")
    small_chip.record({k: v for k, v in now.items() if k != "results_version"})
    assert small_chip.recorded()["results_version"] == version.RESULTS_VERSION + 1
