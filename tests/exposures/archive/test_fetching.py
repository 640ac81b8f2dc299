"""Files fetched from the archive: whole, as single chips, again, and with a login."""

import hashlib
import threading
from dataclasses import replace

import pytest
from astropy.io import fits

from exposures.archive import (
    Archive,
    ArchiveAccount,
    ArchiveError,
    FetchOptions,
    fetch,
    fetch_all,
    find,
)
from exposures.archive.errors import LoginError
from exposures.archive.partial import hidden, writing
from exposures.fits import read_chip, read_exposure
from tests.exposures.archive.conftest import ALL, QUICK
from tests.exposures.archive_server import reversed_chips

EXAMPLE = ("astronomer@example.org", "right")


def fetched(exposures, folder, archive, ccdnums=None, **options):
    options = FetchOptions(frozenset(ccdnums) if ccdnums else None, margin_bytes=0, **options)
    return list(fetch_all(exposures, folder, options, archive=archive))


def names(folder):
    """Of everything in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def chips_of(path):
    with fits.open(path) as hdus:
        return [hdu.header["CCDNUM"] for hdu in hdus[1:]]


def sibling(path, kind):
    return path.with_name(path.name.replace("_ooi_", f"_oo{kind}_"))


def name_of(exposure, kind):
    return next(file.name for file in exposure.files if file.kind == kind)


def test_a_night_is_fetched_as_it_is_in_the_archive(server, archive, exposures, tmp_path):
    results = fetched(exposures, tmp_path, archive)
    assert [result.error for result in results] == [None] * 3
    md5s = {hashlib.md5(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert md5s == set(server.files)
    assert len(names(tmp_path)) == 9  # and no temporary one
    facts = read_exposure(results[0].path)
    assert [read_chip(facts, entry).ccdnum for entry in facts.chips] == [21, 28, 35]
    assert sum(result.n_bytes for result in results) == sum(e.size for e in exposures)


def test_the_image_comes_last_as_it_promises_its_siblings(server, archive, exposures, tmp_path):
    fetch(exposures[0], tmp_path, archive=archive)
    assert [name.split("_")[3] for name, _ in server.retrieved()] == ["ood", "oow", "ooi"]


def test_what_is_there_is_not_fetched_again(server, archive, exposures, tmp_path):
    first = fetched(exposures, tmp_path, archive)
    again = fetched(exposures, tmp_path, archive)
    assert not any(result.was_in_place for result in first)
    assert all(result.was_in_place for result in again)
    assert len(server.retrieved()) == 9
    assert [result.path for result in again] == [result.path for result in first]


def test_a_night_goes_on_where_it_stopped(server, archive, exposures, tmp_path):
    results = fetch_all(exposures, tmp_path, FetchOptions(margin_bytes=0), archive=archive)
    next(results)
    results.close()
    fetched(exposures, tmp_path, archive)
    assert len(server.retrieved()) == 9


def test_a_file_that_was_damaged_is_fetched_again(server, archive, exposures, tmp_path):
    path = fetch(exposures[0], tmp_path, archive=archive)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100] + b"\1" * 100)
    assert fetch(exposures[0], tmp_path, archive=archive) == path
    assert path.read_bytes() == whole
    assert len(server.retrieved()) == 4


def test_single_chips_are_cut_though_their_order_differs(server, archive, exposures, tmp_path):
    path = fetch(exposures[0], tmp_path, ccdnums=[28, 21], archive=archive)
    cuts = {name.split("_")[3]: query["hdus"] for name, query in server.retrieved()}
    assert cuts == {"ood": "0,1,2", "oow": "0,2,3", "ooi": "0,1,2"}
    assert [set(chips_of(sibling(path, kind))) for kind in "iwd"] == [{21, 28}] * 3
    facts = read_exposure(path)
    assert [read_chip(facts, entry).ccdnum for entry in facts.chips] == [21, 28]


@pytest.mark.parametrize("prefixed", [False, True])
def test_chips_are_found_with_and_without_prefixes(server, archive, exposures, tmp_path, prefixed):
    server.prefixed_keys = prefixed
    assert chips_of(fetch(exposures[0], tmp_path, ccdnums=[35], archive=archive)) == [35]


def test_cut_chips_that_are_there_are_not_fetched_again(server, archive, exposures, tmp_path):
    fetch(exposures[0], tmp_path, ccdnums=[28, 35], archive=archive)
    (result,) = fetched(exposures[:1], tmp_path, archive, ccdnums=[35])
    assert result.was_in_place
    assert len(server.retrieved()) == 3


def test_more_chips_keep_those_that_were_fetched_before(server, archive, exposures, tmp_path):
    fetch(exposures[0], tmp_path, ccdnums=[28], archive=archive)
    path = fetch(exposures[0], tmp_path, ccdnums=[35], archive=archive)
    assert set(chips_of(path)) == {28, 35}


def test_whole_files_replace_cuts_and_serve_for_them(server, archive, exposures, tmp_path):
    path = fetch(exposures[0], tmp_path, ccdnums=[28], archive=archive)
    fetch(exposures[0], tmp_path, archive=archive)
    assert len(chips_of(path)) == 3
    (result,) = fetched(exposures[:1], tmp_path, archive, ccdnums=[28])
    assert result.was_in_place


def test_chips_that_an_exposure_lacks_are_noted(server, archive, exposures, tmp_path):
    (result,) = fetched(exposures[:1], tmp_path, archive, ccdnums=[28, 61, 62])
    assert result.notes == ("without chips 61-62: it has none",)
    assert chips_of(result.path) == [28]
    (again,) = fetched(exposures[:1], tmp_path, archive, ccdnums=[28, 61, 62])
    assert again.was_in_place
    (none,) = fetched(exposures[:1], tmp_path, archive, ccdnums=[61])
    assert "none of the chips 61. Choose --ccds from those it has: 21,28,35" in str(none.error)


def test_where_the_archive_can_not_cut_the_whole_file_is_cut_here(
    server, archive, exposures, tmp_path, waits
):
    server.faulty(name_of(exposures[0], "w"), cannot_cut=True)
    (result,) = fetched(exposures[:1], tmp_path, archive, ccdnums=[21])
    assert [set(chips_of(sibling(result.path, kind))) for kind in "iwd"] == [{21}] * 3
    assert any("weight fetched whole" in note and "Server Error" in note for note in result.notes)
    assert waits == []
    assert not [name for name in names(tmp_path) if name.startswith(".")]
    # The cut made here is, byte for byte, the one that the archive makes.
    here = sibling(result.path, "w").read_bytes()
    server.faults.clear()
    fetch(exposures[0], tmp_path / "other", ccdnums=[21], archive=archive)
    assert (tmp_path / "other" / name_of(exposures[0], "w")).read_bytes() == here


def test_other_chips_than_were_asked_for_are_not_taken(server, archive, exposures, tmp_path):
    server.faulty(name_of(exposures[0], "i"), wrong_cut=True)
    (result,) = fetched(exposures[:1], tmp_path, archive, ccdnums=[21])
    assert any("it lacks chips 21; there: 28" in note for note in result.notes)
    assert chips_of(result.path) == [21]


def test_an_unlisted_file_is_cut_here(server, archive, exposures, tmp_path):
    for stored in server.files.values():
        stored.chips = []
    (result,) = fetched(exposures[:1], tmp_path, archive, ccdnums=[21])
    assert chips_of(result.path) == [21]
    assert any("does not say where its chips are" in note for note in result.notes)


def test_proprietary_data_need_a_login(server, exposures, tmp_path):
    for stored in server.files.values():
        stored.row["release_date"] = "2096-08-12"
    (result,) = fetched(exposures[:1], tmp_path, Archive(ArchiveAccount(server.url), QUICK))
    assert "not available to the public until 2096-08-12" in str(result.error)
    assert names(tmp_path) == []
    known = Archive(ArchiveAccount(server.url, *EXAMPLE), QUICK)
    (result,) = fetched(exposures[:1], tmp_path, known)
    assert not result.failed
    assert server.n_requests("/api/get_token/") == 1
    tokens = {h.get("Authorization") for _, path, _, h in server.requests if "retrieve" in path}
    assert tokens == {None, *server.tokens}  # alone, without "Bearer"


def test_a_proprietary_file_says_how_to_log_in(server, archive, tmp_path):
    for stored in server.files.values():
        stored.row["release_date"] = "2096-08-12"
    (first, *_) = find(ALL, archive)
    assert str(first.proprietary_until) == "2096-08-12"
    with pytest.raises(ArchiveError, match=r"2096-08-12.*GALPROJECT_ARCHIVE_EMAIL"):
        fetch(first, tmp_path, archive=archive)


def test_a_token_that_has_expired_is_renewed(server, exposures, tmp_path):
    policy = replace(QUICK, fresh_token_seconds=0)
    archive = Archive(ArchiveAccount(server.url, *EXAMPLE), policy)
    fetched(exposures[:1], tmp_path, archive)
    server.tokens.clear()
    (result,) = fetched(exposures[1:2], tmp_path, archive)
    assert not result.failed
    assert server.n_requests("/api/get_token/") == 2


def test_a_token_that_is_refused_at_once_is_not_asked_for_endlessly(
    server, exposures, tmp_path, monkeypatch
):
    monkeypatch.setattr(server, "tokens", Refusing())
    archive = Archive(ArchiveAccount(server.url, *EXAMPLE), QUICK)
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert "Token is invalid" in str(result.error)
    assert server.n_requests("/api/get_token/") == 1


class Refusing(set):
    """Tokens of which none is good."""

    def __contains__(self, token):
        return False


def test_a_wrong_login_ends_the_night_in_the_archives_words(server, exposures, tmp_path):
    archive = Archive(ArchiveAccount(server.url, EXAMPLE[0], "wrong"), QUICK)
    with pytest.raises(LoginError, match=r"No active account found.*ARCHIVE_PASSWORD") as error:
        fetched(exposures, tmp_path, archive)
    assert "wrong;" not in str(error.value)
    assert server.retrieved() == []


def test_two_that_fetch_the_same_file_do_not_mix(server, archive, exposures, tmp_path):
    final = tmp_path / name_of(exposures[0], "d")
    with writing(final) as held:
        held.write(b"somebody else's")
        other = threading.Thread(target=fetch, args=(exposures[0], tmp_path, None, archive))
        other.start()
        other.join(0.2)
        assert other.is_alive() and not final.exists()
        held.shorten(0)
        held.write(server.files[exposures[0].files[0].md5].content)
        held.finish()
    other.join(5)
    assert not other.is_alive()
    asked = [name for name, _ in server.retrieved()]
    assert final.name not in asked and len(asked) == 2


def test_leftovers_of_a_crash_are_cleaned(server, archive, exposures, tmp_path):
    mine = hidden(tmp_path / name_of(exposures[0], "i"))
    other = hidden(tmp_path / "c4d_200101_000000_ooi_r_v1.fits.fz")
    held = hidden(tmp_path / "c4d_200101_000001_ooi_r_v1.fits.fz")
    for path in (mine, other):
        path.write_bytes(b"half")
    with writing(tmp_path / held.name[1:].removesuffix(".part")):
        fetched(exposures[:1], tmp_path, archive)
        assert [path.exists() for path in (mine, other, held)] == [False, False, True]


def test_reversing_a_file_reverses_its_chips(night, tmp_path):
    path = next(night.glob("*_oow_*"))
    (tmp_path / "reversed.fits").write_bytes(reversed_chips(path))
    assert chips_of(tmp_path / "reversed.fits") == chips_of(path)[::-1]
