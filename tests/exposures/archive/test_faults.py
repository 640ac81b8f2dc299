"""What the archive, the line and the disk do wrong while files are fetched."""

import contextlib
import hashlib
import shutil
import subprocess
import time

import pytest

from exposures.archive import Archive, ArchiveAccount, FetchOptions, fetch_all
from exposures.archive.errors import StorageError, UnreachableError
from exposures.archive.partial import hidden
from tests.exposures.archive.conftest import QUICK
from tests.exposures.archive.test_fetching import fetched, name_of, names


def is_whole(result, server):
    """Whether all three files are what the archive has."""
    return not result.failed and all(
        hashlib.md5(file.path.read_bytes()).hexdigest() in server.files for file in result.files
    )


@pytest.fixture
def image(exposures):
    """The name of the first exposure's image."""
    return name_of(exposures[0], "i")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a megabyte."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no mount command")
    if done.returncode:
        pytest.skip(f"a small disk can't be mounted: {done.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("fault", [{"drops": 2}, {"hang_ups": 2}, {"stalls": 2}])
def test_a_lost_connection_is_taken_up_again(
    server, archive, exposures, image, tmp_path, waits, fault
):
    server.faulty(image, **fault)
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert is_whole(result, server)
    assert waits == [1, 2]
    assert len(names(tmp_path)) == 3


def test_a_file_that_is_always_cut_off_is_given_up_and_the_next_goes_on(
    server, archive, exposures, image, tmp_path, waits
):
    server.faulty(image, drops=100)
    results = fetched(exposures, tmp_path, archive)
    assert [result.failed for result in results] == [True, False, False]
    assert "what is fetched is kept" in str(results[0].error)
    assert waits == [1, 2, 4, 8, 16]
    assert image not in names(tmp_path) and hidden(tmp_path / image).name not in names(tmp_path)


def test_a_busy_archive_is_asked_again_when_it_says(
    server, archive, exposures, image, tmp_path, waits
):
    server.faulty(image, busy=[(429, {"Retry-After": "9"}), (503, {}), (502, {})])
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert is_whole(result, server)
    assert waits == [9, 2, 4]


def test_a_broken_file_fails_alone_after_bounded_waiting(
    server, archive, exposures, image, tmp_path, waits
):
    server.faulty(image, busy=[(500, {})] * 100)
    results = fetched(exposures[:2], tmp_path, archive)
    assert [result.failed for result in results] == [True, False]
    assert f"{image}: the archive is busy or broken" in str(results[0].error)
    assert len(waits) == QUICK.attempts - 1


def test_a_slow_archive_is_waited_for(server, archive, exposures, image, tmp_path, waits):
    server.faulty(image, seconds_a_chunk=0.05)
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert is_whole(result, server)
    assert result.seconds > 0.3 and waits == []


def test_an_archive_that_goes_down_ends_the_night(server, exposures, tmp_path):
    archive = Archive(ArchiveAccount(server.url), QUICK)
    results = fetch_all(exposures, tmp_path, FetchOptions(margin_bytes=0), archive=archive)
    assert not next(results).failed
    for name in (file.name for exposure in exposures for file in exposure.files):
        server.faulty(name, hang_ups=100)
    archive.answers = lambda: False
    with pytest.raises(UnreachableError, match="Check the network"):
        next(results)
    assert len(names(tmp_path)) == 3


def test_wrong_bytes_are_refused_and_nothing_is_left(
    server, archive, exposures, image, tmp_path, waits
):
    server.faulty(image, content=b"SIMPLE  = " + b" " * 5000)
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert f"{image}: what came has md5" in str(result.error)
    assert "--accept-wrong-md5" in str(result.error)
    assert len(waits) == QUICK.content_attempts - 1
    assert sorted(name.split("_")[3] for name in names(tmp_path)) == ["ood", "oow"]


def test_bytes_that_are_wrong_once_are_fetched_again(
    server, archive, exposures, image, tmp_path, waits
):
    faults = server.faulty(image, content=b"SIMPLE  = " + b" " * 5000)
    faults.midway = lambda: setattr(faults, "content", None)
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert is_whole(result, server)


def with_wrong_record(server, exposures, image, content=None):
    """An image in the archive whose md5 is not that of its bytes."""
    file = exposures[0].files[-1]
    server.faulty(image, content=content or server.files[file.md5].content + bytes(2880))


def test_a_wrong_record_is_taken_for_its_content_only_where_asked_for(
    server, archive, exposures, image, tmp_path
):
    with_wrong_record(server, exposures, image)
    (refused,) = fetched(exposures[:1], tmp_path, archive)
    assert refused.failed
    (taken,) = fetched(exposures[:1], tmp_path, archive, accept_wrong_md5=True)
    assert not taken.failed
    assert any("taken for its content" in note for note in taken.notes)


def test_another_exposures_content_is_never_taken(server, archive, exposures, image, tmp_path):
    other = server.files[exposures[1].files[-1].md5].content
    with_wrong_record(server, exposures, image, other)
    (result,) = fetched(exposures[:1], tmp_path, archive, accept_wrong_md5=True)
    assert "is of exposure 600001, not 600000" in str(result.error)
    assert image not in names(tmp_path)


@pytest.mark.parametrize("ccdnums", [None, [21]])
def test_what_is_not_fits_is_refused(server, archive, exposures, image, tmp_path, ccdnums):
    server.faulty(image, content=b"<html>Sorry</html>" * 1000)
    (result,) = fetched(exposures[:1], tmp_path, archive, ccdnums)
    assert f"{image}: what came is not FITS: it begins with '<html>Sorry" in str(result.error)
    assert image not in names(tmp_path) and len(names(tmp_path)) == 2


def test_the_rest_alone_is_fetched_where_the_archive_can_do_that(
    server, archive, exposures, image, tmp_path
):
    server.honours_range = True
    server.faulty(image, drops=1)
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert is_whole(result, server)
    assert result.n_bytes == exposures[0].size  # none twice
    (start,) = [h["Range"] for _, _, _, h in server.requests if "Range" in h]
    half = exposures[0].files[-1].size // 2
    assert 0 <= half - int(start.removeprefix("bytes=").removesuffix("-")) < 1024


def test_what_a_crash_left_is_gone_on_with_or_fetched_again(
    server, archive, exposures, image, tmp_path
):
    file = exposures[0].files[-1]
    for honours_range, left, n_bytes in (
        (True, server.files[file.md5].content[:9000], file.size - 9000),
        (False, server.files[file.md5].content[:9000], file.size),
        (True, b"x" * 9000, 2 * file.size - 9000),  # no beginning of it: once more
        (True, bytes(file.size + 10), file.size),  # 416, or nothing: from the start
    ):
        server.honours_range = honours_range
        (tmp_path / image).unlink(missing_ok=True)
        hidden(tmp_path / image).write_bytes(left)
        (result,) = fetched(exposures[:1], tmp_path, archive)
        assert is_whole(result, server)
        assert result.files[-1].n_bytes == n_bytes
        assert len(names(tmp_path)) == 3


def test_an_interrupt_leaves_no_half_file(server, archive, exposures, image, tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    progress = type("P", (), {"expect": interrupt, "update": lambda *_: None})()
    results = fetch_all(exposures[:1], tmp_path, FetchOptions(margin_bytes=0), progress, archive)
    with pytest.raises(KeyboardInterrupt):
        next(results)
    assert names(tmp_path) == []


def test_an_interrupt_keeps_what_can_be_gone_on_with(server, archive, exposures, image, tmp_path):
    server.honours_range = True
    size = exposures[0].files[0].size

    def interrupt(_, n_bytes):
        if n_bytes:
            raise KeyboardInterrupt

    progress = type("P", (), {"expect": lambda *_: None, "update": interrupt})()
    with pytest.raises(KeyboardInterrupt):
        next(fetch_all(exposures[:1], tmp_path, FetchOptions(margin_bytes=0), progress, archive))
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".") and 0 < left.stat().st_size <= size


def test_a_disk_without_room_is_known_before_anything_is_fetched(
    server, archive, exposures, small_disk
):
    margin = FetchOptions(margin_bytes=2**20 - 20_000)
    with pytest.raises(StorageError, match=r"no room for .* kB: 1\.05 MB are free") as error:
        list(fetch_all(exposures, small_disk, margin, archive=archive))
    assert str(small_disk) in str(error.value)
    assert server.retrieved() == [] and names(small_disk) == []


def test_a_disk_that_is_filled_by_others_is_known_before_the_next_file(
    server, archive, exposures, image, small_disk
):
    for stored in server.files.values():
        stored.row["filesize"] = 10
    results = fetch_all(exposures, small_disk, FetchOptions(margin_bytes=0), archive=archive)
    next(results)
    fill(small_disk, but=1000)
    with pytest.raises(StorageError, match="no room for"):
        next(results)
    assert len(names(small_disk)) == 4


def test_a_disk_that_fills_up_in_the_middle_leaves_nothing_half_written(
    server, archive, exposures, image, small_disk
):
    server.honours_range = True  # so that the half would be worth keeping

    def fill_when_some_is_written():
        part = hidden(small_disk / image)
        while not part.stat().st_size:
            time.sleep(0.01)
        fill(small_disk, but=4096)

    server.faulty(image, midway=fill_when_some_is_written)
    with pytest.raises(StorageError, match=r"the disk is full.*what is fetched is kept"):
        fetched(exposures, small_disk, archive)
    assert sorted(name.split("_")[3] for name in names(small_disk) if "c4d" in name) == [
        "ood",
        "oow",
    ]
    (small_disk / "filling").unlink()
    assert all(is_whole(result, server) for result in fetched(exposures, small_disk, archive))


def fill(folder, but):
    """Fill a disk, but for some bytes, or fewer where somebody else writes."""
    with contextlib.suppress(OSError), open(folder / "filling", "wb", buffering=0) as file:
        file.write(bytes(shutil.disk_usage(folder).free - but))


def test_a_folder_that_can_not_be_written_is_a_clear_error(archive, exposures, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match=r"file/night: .*[Nn]ot a directory"):
        fetched(exposures, tmp_path / "file" / "night", archive)
