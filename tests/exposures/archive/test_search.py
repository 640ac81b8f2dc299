"""Searches of the archive: pages, fields, regions, versions, refusals."""

from dataclasses import replace
from datetime import date

import pytest

from exposures.archive import Archive, ArchiveAccount, ArchiveError, Query, find
from exposures.archive.errors import LoginError, UnreachableError
from exposures.archive.queries import bodies
from exposures.archive.triplets import exposures_of
from exposures.errors import GalprojectError
from tests.exposures.archive.conftest import ALL, QUICK


def numbers(query, archive):
    return [exposure.expnum for exposure in find(query, archive)]


def file_row(kind, version="v1", expnum=610792, **fields):
    """A row as the archive gives it."""
    name = f"c4d_170119_085651_oo{kind}_r_{version}.fits.fz"
    return {
        "md5sum": f"{kind}-{version}-{expnum}",
        "archive_filename": f"/net/archive/pipe/20170118/ct4m/2016B-0279/{name}",
        "prod_type": {"i": "image", "w": "wtmap", "d": "dqmask"}[kind],
        "filesize": 1000,
        "ifilter": "r DECam SDSS c0002 6415.0 1480.0",
        "EXPNUM": expnum,
        **fields,
    }


def triplet(version, **fields):
    return [file_row(kind, version, **fields) for kind in "iwd"]


def test_every_page_is_read(server, archive):
    assert server.largest_page < len(server.files)
    assert numbers(ALL, archive) == [600000, 600001, 600002]
    asked = [query for _, path, query, _ in server.requests if path.endswith("/find/")]
    assert [int(query["offset"]) for query in asked] == [0, 4, 8, 9]


def test_pages_that_do_not_end_are_an_error(server, archive, monkeypatch):
    page = [{"PARAMETERS": {"last": 0}}, {"md5sum": "a"}]
    monkeypatch.setattr(archive, "_page", lambda *_: page)
    with pytest.raises(ArchiveError, match="pages don't end"):
        find(ALL, archive)


@pytest.mark.parametrize("prefixed", [False, True])
def test_fields_are_found_with_and_without_their_prefix(server, archive, prefixed):
    server.prefixed_keys = prefixed
    first = find(ALL, archive)[0]
    assert (first.expnum, first.filter, first.version) == (600000, "i", "v1")
    assert first.start == "2017-01-20T07:12:00"
    assert (first.exposure_seconds, first.proposal) == (30, "2017A-0000")
    assert first.is_complete and first.proprietary_until is None
    assert sorted(file.md5 for e in find(ALL, archive) for file in e.files) == sorted(server.files)


def test_a_search_says_what_the_archive_wants_to_hear(server, archive):
    (body,) = bodies(Query(date(2017, 1, 18), date(2017, 1, 20), filter="r", proposal="2016B-0279"))
    assert body["search"] == [
        ["instrument", "decam"],
        ["proc_type", "instcal"],
        ["prod_type", "image", "wtmap", "dqmask"],
        ["caldat", "2017-01-18", "2017-01-20"],
        ["ifilter", "r", "startswith"],
        ["proposal", "2016B-0279"],
    ]


def test_nights_filters_and_numbers_limit_what_is_found(archive):
    nights = [date.fromisoformat(e.start[:10]) for e in find(ALL, archive)]
    first = Query(date(2017, 1, 19))
    assert numbers(first, archive) == [600000]
    assert numbers(replace(first, last_night=nights[-1]), archive) == [600000, 600001, 600002]
    assert numbers(replace(first, filter="z"), archive) == []
    assert numbers(replace(first, filter="i"), archive) == [600000]
    assert numbers(Query(expnums=(600000, 600002, 7)), archive) == [600000, 600002]


def test_filters_that_begin_alike_are_told_apart(server, archive):
    for stored in list(server.files.values())[:3]:
        stored.row["ifilter"] = "VR DECam c0007 6300.0 2600.0"
    assert len(numbers(replace(ALL, filter="VR"), archive)) == 1
    assert numbers(replace(ALL, filter="V"), archive) == []


@pytest.mark.parametrize(
    ("ra", "dec", "place", "is_within"),
    [
        (265.0, -29.0, (265.5, -29.0), True),
        (265.0, -29.0, (266.1, -28.2), False),  # in a corner of the box
        (0.2, -60.0, (359.0, -60.0), True),
        (359.8, -60.0, (0.9, -60.0), True),
        (0.2, -60.0, (357.0, -60.0), False),
        (10.0, -89.5, (190.0, -89.7), True),
        (10.0, 89.5, (190.0, 89.4), False),
    ],
)
def test_region_is_a_circle_also_across_ra_0_and_at_the_pole(
    server, archive, ra, dec, place, is_within
):
    for stored in server.files.values():
        stored.row["ra_center"], stored.row["dec_center"] = place
    found = numbers(Query(region=(ra, dec, 1.0)), archive)
    assert len(found) == (3 if is_within else 0)


def test_the_highest_complete_version_is_taken():
    rows = [*triplet("v2"), *triplet("v10"), *triplet("ls9"), *triplet("v11")[:2]]
    (exposure,) = exposures_of(rows)
    assert (exposure.version, exposure.is_complete) == ("v10", True)
    assert {file.name.split("_")[-1] for file in exposure.files} == {"v10.fits.fz"}


def test_another_complete_version_is_better_than_half_a_numbered_one():
    (exposure,) = exposures_of([*triplet("v3")[:2], *triplet("a1"), *triplet("ls9")])
    assert (exposure.version, exposure.is_complete) == ("ls9", True)


def test_versions_are_not_mixed():
    (exposure,) = exposures_of([*triplet("v1")[:2], triplet("v2")[2]])
    assert exposure.missing == ("data quality",)
    (exposure,) = exposures_of(triplet("v1")[1:])
    assert exposure.missing == ("image",)


def test_a_file_made_again_under_its_name_replaces_the_older():
    again = [file_row(kind, md5sum=f"new-{kind}", updated="2020-05-01T00:00:00") for kind in "iwd"]
    (exposure,) = exposures_of([*again, *triplet("v1", updated="2018-01-01T00:00:00")])
    assert {file.md5 for file in exposure.files} == {"new-i", "new-w", "new-d"}


def test_files_off_the_pattern_are_named_and_left_out():
    odd = file_row("i", md5sum="odd", archive_filename="/net/archive/pipe/x/tu1645263.fits.fz")
    (exposure,) = exposures_of([odd, *triplet("v1")])
    assert (exposure.version, exposure.odd_names) == ("v1", ("tu1645263.fits.fz",))
    (exposure,) = exposures_of([odd])
    assert (exposure.version, exposure.is_complete) == ("", False)


def test_exposure_numbers_may_be_text_or_absent_in_a_sibling():
    rows = triplet("v1", expnum="0610792")
    rows[1]["EXPNUM"] = None
    (exposure,) = exposures_of(rows)
    assert (exposure.expnum, exposure.is_complete) == (610792, True)


def test_odd_values_do_not_stop_a_search():
    rows = triplet("v1", OBJECT=4321, seeing=None, ra_center=None, ifilter=None, release_date=None)
    (exposure,) = exposures_of(rows)
    assert (exposure.object_name, exposure.seeing, exposure.filter) == ("4321", None, "")


def test_the_archives_own_words_are_passed_on(archive):
    body = {"outfields": ["md5sum", "EXPNUM"], "search": [["instrument", "decam"]]}
    with pytest.raises(ArchiveError, match="AUX fields need both instrument and proc_type"):
        list(archive.search(body))
    with pytest.raises(ArchiveError, match=r"Bad fields \['seing'\]"):
        list(archive.search({"outfields": ["seing"], "search": []}))


def test_a_busy_archive_is_asked_again_when_it_says(server, archive, waits):
    server.busy_searches = [(429, {"Retry-After": "7"}), (503, {}), (503, {})]
    assert len(find(ALL, archive)) == 3
    assert waits == [7, 2, 4]


def test_waiting_is_bounded(server, archive, waits):
    server.busy_searches = [(429, {"Retry-After": "86400"})] + 20 * [(503, {})]
    with pytest.raises(ArchiveError, match="busy or broken: come again"):
        find(ALL, archive)
    assert len(waits) == QUICK.attempts - 1
    assert max(waits) == QUICK.longest_wait_seconds


def test_an_answer_that_breaks_off_is_asked_for_again(server, archive, waits):
    server.dropped_searches = 2
    assert len(find(ALL, archive)) == 3
    assert waits == [1, 2]


def test_an_archive_that_is_not_there_is_a_clear_error(waits):
    nowhere = Archive(ArchiveAccount("http://127.0.0.1:9"), QUICK)
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9 failed.*Check the network"):
        find(ALL, nowhere)
    assert len(waits) == QUICK.attempts - 1
    assert not nowhere.answers()


def test_an_address_that_is_no_archive_is_a_clear_error(server):
    with pytest.raises(ArchiveError, match="refused the search: Not Found"):
        find(ALL, Archive(ArchiveAccount(f"{server.url}/elsewhere"), QUICK))
    with pytest.raises(ArchiveError, match="GALPROJECT_ARCHIVE_URL"):
        ArchiveAccount.from_environment({"GALPROJECT_ARCHIVE_URL": "astroarchive.noirlab.edu"})


def test_the_account_comes_from_the_environment():
    assert ArchiveAccount.from_environment({}).url == "https://astroarchive.noirlab.edu"
    account = ArchiveAccount.from_environment(
        {
            "GALPROJECT_ARCHIVE_URL": "http://127.0.0.1:1/",
            "GALPROJECT_ARCHIVE_EMAIL": "a@b.c",
            "GALPROJECT_ARCHIVE_PASSWORD": "secret",
        }
    )
    assert account == ArchiveAccount("http://127.0.0.1:1", "a@b.c", "secret")
    assert "secret" not in repr(account)
    with pytest.raises(LoginError, match="GALPROJECT_ARCHIVE_PASSWORD"):
        ArchiveAccount.from_environment({"GALPROJECT_ARCHIVE_EMAIL": "a@b.c"})


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({"filter": "r"}, "name a night"),
        ({"last_night": date(2017, 1, 1), "proposal": "x"}, "needs a first"),
        ({"first_night": date(2017, 1, 2), "last_night": date(2017, 1, 1)}, "before the first"),
        ({"region": (10.0, -91.0, 1.0)}, "Dec within 90"),
        ({"region": (10.0, -9.0, 0.0)}, "more than 0"),
    ],
)
def test_what_can_not_be_looked_for_says_why(query, rule):
    with pytest.raises(GalprojectError, match=rule):
        Query(**query)
