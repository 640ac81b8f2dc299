"""Answers that can't be: each is one clear error with the address, and the rest goes on."""

import gzip
import itertools
import json
import threading
import time
from dataclasses import replace

import pytest

from exposures.archive import Archive, ArchiveAccount, ArchiveError, FetchOptions, fetch_all, find
from exposures.archive import download as download_module
from exposures.archive.answers import parsed
from exposures.archive.errors import SlowError, StorageError
from exposures.archive.pace import WATCHER
from exposures.archive.partial import check_space, hidden
from exposures.archive.triplets import exposures_of
from tests.exposures.archive.conftest import ALL, QUICK
from tests.exposures.archive.test_fetching import EXAMPLE, fetched, name_of, names
from tests.exposures.archive.test_search import file_row, triplet
from tests.exposures.archive_server import ArchiveServer, raw_answer

FIND, TOKEN, RETRIEVE = "/api/adv_search/find/", "/api/get_token/", "/api/retrieve/"
HTML = b"<html><body>\nMaintenance\n</body></html>"
NESTED = b"[" * 200_000
LONG = b"9" * 5000
PAGES = {
    "nothing": b"",
    "HTML": HTML,
    "no JSON": b"{'a': 1}",
    "not UTF-8": b'[{"a": "\xff\xfe"}]',
    "null": b"null",
    "a number": b"7",
    "a text": b'"come again"',
    "an object": b'{"rows": []}',
    "an empty list": b"[]",
    "a list of lists": b"[[], []]",
    "a list of numbers": b"[{}, 3]",
    "NaN": b'[{"PARAMETERS": {"last": NaN}}, {"md5sum": "a"}]',
    "Infinity": b'[{"PARAMETERS": {"last": Infinity}}, {"md5sum": "a"}]',
    "1e999": b'[{"PARAMETERS": {"last": 1e999}}, {"md5sum": "a"}]',
    "a fraction": b'[{"PARAMETERS": {"last": 1.5}}, {"md5sum": "a"}]',
    "a page in words": b'[{"PARAMETERS": {"last": "3"}}, {"md5sum": "a"}]',
    "a page that is a list": b'[{"PARAMETERS": {"last": [1]}}, {"md5sum": "a"}]',
    "true": b'[{"PARAMETERS": {"last": true}}, {"md5sum": "a"}]',
    "a page of 5000 digits": b'[{"PARAMETERS": {"last": ' + LONG + b'}}, {"md5sum": "a"}]',
    "nested": NESTED,
    "nested in a row": b'[{}, {"md5sum": ' + NESTED,
    "cut off": b'[{"PARAMETERS": {"last": 1}}, {"md5sum": "a',
}


def with_answer(server, path, content=b"", status="200 OK", **headers):
    server.raw_answers[path] = raw_answer(content, status, **headers)


def error_of(call, *arguments):
    with pytest.raises(ArchiveError) as error:
        call(*arguments)
    text = str(error.value)
    assert "\n" not in text and len(text) < 1000
    return text


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_none_is_told_with_its_address(server, archive, name):
    with_answer(server, FIND, PAGES[name], Content_Type="application/json")
    assert server.url in error_of(find, ALL, archive)


@pytest.mark.parametrize("head", [{}, {"PARAMETERS": None}, {"PARAMETERS": []}, {"PARAMETERS": 3}])
def test_a_page_without_parameters_is_followed_by_the_next(server, archive, head):
    pages = [json.dumps([head, {"md5sum": "a"}]), json.dumps([head])]
    contents = iter(raw_answer(page.encode()) for page in pages)
    server.raw_answers[FIND] = lambda: [next(contents)]
    assert [exposure.files for exposure in find(ALL, archive)] == [()]


@pytest.mark.parametrize("status", ["500 Oh", "503 Oh", "404 No", "302 Away", "418 Tea", "204 No"])
@pytest.mark.parametrize("content", [b"", HTML, b"[]", b'{"message": {"a": [1]}}', NESTED, b"\xff"])
def test_a_refusal_in_any_form_is_told(server, archive, status, content):
    with_answer(server, FIND, content, status)
    assert server.url in error_of(find, ALL, archive)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n[]",
        b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n[]",
        raw_answer(b"[]", Content_Length="many"),
        raw_answer(b"[]", Content_Length="-5"),
        raw_answer(b"[]", Content_Length="2, 7"),
        raw_answer(b"[]", Content_Length="9" * 5000),
        raw_answer(b"zz\r\n[]\r\n", Transfer_Encoding="chunked"),
        raw_answer(b"-2\r\n[]\r\n", Transfer_Encoding="chunked"),
        raw_answer(b"-1\r\n[]\r\n", Transfer_Encoding="chunked"),
        raw_answer(b"no gzip at all", Content_Encoding="gzip"),
        raw_answer(gzip.compress(b"[{}" + b" " * 10**5 + b"]")[:-20], Content_Encoding="gzip"),
        raw_answer(b"[]", Content_Encoding="gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip"),
    ],
    ids=range(18),
)
def test_what_is_hardly_http_is_told(server, archive, waits, answer):
    server.raw_answers[FIND] = answer
    assert server.url in error_of(find, ALL, archive)
    assert len(waits) <= QUICK.attempts - 1


@pytest.mark.parametrize(
    "asked", ["soon", "", "-5", "1e9", "9" * 5000, "Sun, 99 Foo 2017", "\xff", "NaN"]
)
def test_a_retry_after_that_says_nothing_is_no_answer(server, archive, waits, asked):
    with_answer(server, FIND, b"{}", "503 Busy", Retry_After=asked)
    assert "busy or broken" in error_of(find, ALL, archive)
    assert len(waits) == QUICK.attempts - 1 and max(waits) <= QUICK.longest_wait_seconds


def test_pages_without_end_are_given_up(server):
    number = itertools.count(1)

    def page():
        n = next(number)
        row = file_row("i", expnum=n)
        yield raw_answer(json.dumps([{"PARAMETERS": {"last": n}}, row]).encode())

    server.raw_answers[FIND] = page
    archive = Archive(ArchiveAccount(server.url), replace(QUICK, most_pages=30))
    assert "pages don't end" in error_of(find, ALL, archive)
    assert server.n_requests(FIND) == 30
    archive = Archive(ArchiveAccount(server.url), replace(QUICK, most_rows=7))
    assert "pages don't end" in error_of(find, ALL, archive)
    assert server.n_requests(FIND) == 30 + 8


def endless(piece, **headers):
    """An answer that never ends."""

    def pieces():
        yield raw_answer(**headers)
        while True:
            yield piece

    return pieces


def chunked(content):
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


@pytest.mark.parametrize(
    ("piece", "headers"),
    [
        (b" " * 2**16, {}),
        (b" " * 2**16, {"Content_Length": 10**15}),
        (chunked(b" " * 2**16), {"Transfer_Encoding": "chunked"}),
    ],
)
@pytest.mark.parametrize("path", [FIND, TOKEN, "/api/version/"])
def test_answers_without_end_are_read_so_far_and_no_further(server, piece, headers, path):
    server.raw_answers[path] = endless(piece, **headers)
    policy = replace(QUICK, most_answer_bytes=2**20)
    archive = Archive(ArchiveAccount(server.url, *EXAMPLE), policy)
    if path == "/api/version/":
        assert not archive.answers()
    else:
        with pytest.raises(ArchiveError, match="more than 1,048,576 bytes"):
            find(ALL, archive) if path == FIND else archive.log_in()
    assert server.n_raw_bytes < 2**24


def test_an_answer_that_unpacks_to_gigabytes_is_no_further_unpacked(server, archive):
    bomb = gzip.compress(gzip.compress(b" " * 10**8))
    with_answer(server, FIND, bomb, Content_Encoding="gzip, gzip")
    assert "more than 16,777,216 bytes" in error_of(find, ALL, archive)


@pytest.mark.parametrize(
    "changes",
    [
        {"md5sum": None},
        {"md5sum": 7},
        {"md5sum": ["a"]},
        {"md5sum": {"a": 1}},
        {"md5sum": "../../../etc/passwd"},
        {"md5sum": "a" * 31},
        {"md5sum": "a" * 31 + "\n"},
        {"md5sum": "x" * 10**6},
        {"md5sum": ""},
    ],
)
def test_a_record_without_md5_fails_alone(server, archive, tmp_path, changes, exposures):
    image = exposures[0].files[-1]
    server.files[image.md5].row.update(changes)
    results = fetched(find(ALL, archive), tmp_path, archive)
    assert [result.failed for result in results] == [True, False, False]
    text = str(results[0].error)
    assert f"{image.name}: the archive's record has no md5 of it" in text and server.url in text
    assert len(text) < 1000


@pytest.mark.parametrize(
    "size", [None, -1, "many", [], {}, 1e300, 10**400, True, "NaN", "9" * 5000]
)
def test_a_size_that_can_not_be_is_none(size):
    (exposure,) = exposures_of(triplet("v1", filesize=size))
    assert exposure.size in (0, 3)


@pytest.mark.parametrize(
    "value",
    [None, [], {}, [[[]]], 10**400, -1, 1e300, "", "x" * 10**6, "\ud800", "\x00", True, 0.5],
)
def test_any_value_in_any_field_leaves_an_exposure(value):
    for name in file_row("i"):
        if name in ("md5sum", "archive_filename"):
            continue
        found = exposures_of([row | {name: value} for row in triplet("v1")])
        assert [e.is_complete for e in found] == [True]
        assert len(repr(found)) < 3000
        repr(found).encode()


TIMES = ("../../../tmp", "/etc/cron.d/x", "2017-01-19/../../x", "..", "2017-01-1\x00T07:12:00", 5)


@pytest.mark.parametrize("start", TIMES)
def test_no_folder_is_named_by_a_time_that_is_none(start):
    (exposure,) = exposures_of(triplet("v1", dateobs_min=start))
    assert exposure.start == ""


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        "c4d_170119_085651_ooi_r_../v1.fits.fz",
        "c4d_170119_085651_ooi_r_v1.fits.fz/..",
        "c4d_170119_085651_ooi_r_v1\x00.fits.fz",
        "c4d_170119_085651_ooi_r_v1.fits\n.fz",
        "c4d_170119_085651_ooi_r_..\\v1.fits.fz",
        f"c4d_170119_085651_ooi_r_{'v' * 300}.fits.fz",
        "c4d_१७०११९_085651_ooi_r_v1.fits.fz",
        ["c4d_170119_085651_ooi_r_v1.fits.fz"],
        {},
        7,
        None,
    ],
)
def test_a_name_that_leads_elsewhere_is_never_one_of_a_file(name):
    others = triplet("v1")[1:]
    (exposure,) = exposures_of([*others, file_row("i", archive_filename=name)])
    assert [file.kind for file in exposure.files] == ["d", "w"]
    assert all("/" not in file.name and "\x00" not in file.name for file in exposure.files)


def test_other_exposures_than_were_asked_for_are_not_taken(archive, monkeypatch):
    rows = [*triplet("v1"), *(row | {"md5sum": "b" + row["md5sum"]} for row in triplet("v1"))]
    for row in rows[3:]:
        row["EXPNUM"] = 7
        row["archive_filename"] = row["archive_filename"].replace("085651", "085652")
    monkeypatch.setattr(archive, "search", lambda body: rows)
    assert [e.expnum for e in find(replace(ALL, expnums=(7,)), archive)] == [7]


@pytest.fixture
def image(exposures):
    return exposures[0].files[-1]


def with_file_answer(server, image, answer):
    server.raw_answers[f"{RETRIEVE}{image.md5}"] = answer


START = b"SIMPLE  =" + b" " * 2**16


@pytest.mark.parametrize(
    ("piece", "headers"),
    [
        (START, {}),
        (chunked(START), {"Transfer_Encoding": "chunked"}),
        (START, {"Content_Length": 10**15}),
        (START, {"Content_Length": "9" * 30}),
        (START, {"Content_Length": "none"}),
    ],
)
@pytest.mark.parametrize("accepts", [False, True])
def test_a_file_ends_at_the_size_that_was_told(
    server, archive, exposures, image, tmp_path, piece, headers, accepts
):
    with_file_answer(server, image, endless(piece, **headers))
    results = fetched(exposures, tmp_path, archive, accept_wrong_md5=accepts)
    assert [result.failed for result in results] == [True, False, False]
    assert image.name in str(results[0].error) and "bytes" in str(results[0].error)
    assert server.n_raw_bytes < 2**25
    assert image.name not in names(tmp_path) and len(names(tmp_path)) == 8


def test_a_file_of_untold_size_ends_somewhere(server, archive, exposures, image, tmp_path):
    server.files[image.md5].row["filesize"] = None
    with_file_answer(server, image, endless(START))
    found = find(ALL, archive)[:1]
    assert found[0].files[-1].size == 0
    (result,) = fetched(found, tmp_path, archive, largest_file_bytes=10**6)
    assert "more than 1,000,000 bytes come" in str(result.error)


def test_a_file_that_unpacks_to_gigabytes_is_no_further_unpacked(
    server, archive, exposures, image, tmp_path
):
    bomb = gzip.compress(START + b" " * 10**8)
    with_file_answer(server, image, raw_answer(bomb, Content_Encoding="gzip"))
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert f"more than {image.size:,} bytes come" in str(result.error)
    assert len(names(tmp_path)) == 2


def test_a_file_that_comes_byte_by_byte_is_taken(server, archive, exposures, image, tmp_path):
    content = server.files[image.md5].content

    def pieces():
        yield raw_answer(Transfer_Encoding="chunked")
        for start in range(20):
            yield chunked(content[start : start + 1])
        yield chunked(content[20:]) + b"0\r\n\r\n"

    with_file_answer(server, image, pieces)
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert not result.failed and result.path.read_bytes() == content


@pytest.mark.parametrize(
    "content_range",
    [
        "",
        "bytes */1000",
        "bytes 0-8999/9000",
        "bytes 900-1000/2000",
        "bytes 90000-100/1000",
        "bytes 9000-8999/9000",
        "bytes -1-5/6",
        "bytes 9000-99999999999999999999999/*",
        "items 9000-9999/10000",
        "bytes 9000",
        "9000",
        "bytes x-y/z",
    ],
)
def test_another_part_than_was_asked_for_is_not_put_behind_the_first(
    server, archive, exposures, image, tmp_path, content_range
):
    content = server.files[image.md5].content
    hidden(tmp_path / image.name).write_bytes(content[:9000])
    n = itertools.count()
    part = raw_answer(b"x" * 100, "206 Partial", Content_Length=100, Content_Range=content_range)
    whole = raw_answer(content, Content_Length=len(content))
    with_file_answer(server, image, lambda: [part if next(n) == 0 else whole])
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert not result.failed and result.path.read_bytes() == content


def test_html_in_place_of_a_file_fails_alone(server, archive, exposures, image, tmp_path):
    for content in (HTML, b"", b"S", NESTED):
        with_file_answer(server, image, raw_answer(content, Content_Length=len(content)))
        results = fetched(exposures[:2], tmp_path, archive)
        assert [result.failed for result in results] == [True, False]
        assert image.name in str(results[0].error)


def slow(piece, **headers):
    def pieces():
        yield raw_answer(**headers)
        while True:
            yield piece
            time.sleep(0.05)

    return pieces


def slow_headers():
    for byte in itertools.chain(b"HTTP/1.1 200 OK\r\n", itertools.cycle(b"A: b\r\n")):
        yield bytes([byte])
        time.sleep(0.05)


DRIP = b"SIMPLE  ="
SLOW = replace(QUICK, pace_seconds=0.4, slowest_bytes_per_second=5000)


@pytest.mark.parametrize("answer", [slow(DRIP), slow_headers, slow(DRIP, Content_Length=50_000)])
def test_a_server_that_drips_is_not_waited_for(server, exposures, image, tmp_path, answer):
    archive = Archive(ArchiveAccount(server.url), SLOW)
    start = time.monotonic()
    server.raw_answers[FIND] = answer
    with pytest.raises(SlowError, match="less than 5 kB a second") as error:
        find(ALL, archive)
    assert server.url in str(error.value)
    with_file_answer(server, image, answer)
    results = fetched(exposures, tmp_path, archive)
    assert [result.failed for result in results] == [True, False, False]
    assert "less than 5 kB a second" in str(results[0].error)
    assert time.monotonic() - start < 5
    watchers = [thread for thread in threading.enumerate() if thread.name == WATCHER]
    for watcher in watchers:
        watcher.join(5)
    assert not any(watcher.is_alive() for watcher in watchers)


def test_room_on_the_disk_is_looked_at_while_a_file_comes(server, exposures, tmp_path, monkeypatch):
    archive = Archive(ArchiveAccount(server.url), replace(QUICK, space_step_bytes=2048))
    looks = []

    def look(folder, n_bytes, margin_bytes):
        looks.append(n_bytes)
        check_space(folder, n_bytes if len(looks) < 20 else 10**18, margin_bytes)

    monkeypatch.setattr(download_module, "check_space", look)
    with pytest.raises(StorageError, match="no room for"):
        fetched(exposures, tmp_path, archive)
    assert len(looks) == 20 and looks[1] < looks[0]
    assert not [name for name in names(tmp_path) if name.startswith(".")]


# --- Redirects -------------------------------------------------------------------------------


@pytest.fixture
def other():
    """Another host."""
    with ArchiveServer() as server:
        yield server


def told(server):
    """All that a server was told that is secret."""
    headers = [headers for _, _, _, headers in server.requests]
    names = {"authorization", "cookie", "proxy-authorization"}
    return [h for h in headers if names & {name.lower() for name in h}]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_password_goes_to_no_other_host(server, other, status):
    with_answer(server, TOKEN, status=f"{status} Away", Location=f"{other.url}{TOKEN}")
    archive = Archive(ArchiveAccount(server.url, *EXAMPLE), QUICK)
    assert f"{server.url}{TOKEN}" in error_of(archive.log_in)
    assert other.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_token_goes_to_no_other_host(server, other, exposures, image, tmp_path, status):
    other.add(server.files[image.md5])
    target = f"{other.url}{RETRIEVE}{image.md5}/"
    with_file_answer(
        server, image, raw_answer(b"", f"{status} Away", Location=target, Set_Cookie="secret=1")
    )
    archive = Archive(ArchiveAccount(server.url, *EXAMPLE), QUICK)
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert not result.failed  # what is public there comes without a token
    assert len(other.requests) == 1 and told(other) == []
    assert told(server)


def test_a_token_stays_on_its_own_host(server, exposures, image, tmp_path):
    target = f"/api/retrieve/{image.md5.upper()}/"
    server.files[image.md5.upper()] = server.files[image.md5]
    server.files[image.md5.upper()].row["release_date"] = "2096-08-12"
    with_file_answer(server, image, raw_answer(b"", "302 There", Location=target))
    archive = Archive(ArchiveAccount(server.url, *EXAMPLE), QUICK)
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert not result.failed


@pytest.mark.parametrize("path", [FIND, TOKEN])
def test_what_was_asked_is_asked_again_only_where_it_is_kept(server, path):
    archive = Archive(ArchiveAccount(server.url, *EXAMPLE), QUICK)
    for status in (301, 302, 303):
        with_answer(server, path, status=f"{status} Away", Location=f"{path}?again")
        ask = archive.log_in if path == TOKEN else lambda: find(ALL, archive)
        assert "without what was asked" in error_of(ask)
    n = itertools.count()
    first = raw_answer(b"", "308 There", Location=f"{path}?again")
    server.raw_answers[path] = lambda: [first] if next(n) == 0 else [raw_answer(b'"a.b.c"')]
    if path == TOKEN:
        archive.log_in()
        assert archive._auth.token == "a.b.c"  # noqa: SLF001  which no answer shows


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://example.org/x",
        "gopher://127.0.0.1:6379/_x",
        "data:text/plain,SIMPLE",
        "javascript:alert(1)",
        "http://",
        "http:///x",
        "http://user:password@127.0.0.1:1/",
        "http://[::1/",
        "http://127.0.0.1:99999999/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:x/",
        f"http://{'a' * 300}/",
        "http://a..b/",
        "http://\xff\xfe/",
        "http://127.0.0.1\\@example.org/",
        "//",
        "http://%00/",
    ],
)
@pytest.mark.parametrize("path", [FIND, RETRIEVE])
def test_a_redirect_to_what_is_no_web_address_is_told(
    server, archive, exposures, image, tmp_path, location, path
):
    with_answer(server, path, status="307 Away", Location=location)
    if path == FIND:
        error_of(find, ALL, archive)
        return
    (result,) = fetched(exposures[:1], tmp_path, archive)
    assert result.failed


def test_redirects_are_bounded(server, archive):
    with_answer(server, FIND, status="307 Away", Location=FIND)
    assert f"{server.url}{FIND}: more than 5 redirects" in error_of(find, ALL, archive)
    assert server.n_requests(FIND) == QUICK.most_redirects + 1


def test_the_body_of_a_redirect_is_not_read(server, archive):
    server.raw_answers[FIND] = endless(b"x" * 2**16, status="307 Away", Location="/nowhere")
    assert "Not Found" in error_of(find, ALL, archive)
    assert server.n_raw_bytes < 2**24


def test_encryption_is_never_left():
    from exposures.archive.transport import _check_redirect, _is_same_origin

    with pytest.raises(ArchiveError, match="without encryption"):
        _check_redirect("GET", "https://a.org/x", "http://a.org/x", 302, False)
    _check_redirect("POST", "http://a.org/x", "https://a.org/x", 308, True)
    assert _is_same_origin("https://a.org/x", "https://a.org:443/y")
    assert not _is_same_origin("https://a.org/x", "https://a.org:8443/y")
    assert not _is_same_origin("https://a.org/x", "https://b.a.org/y")


@pytest.mark.parametrize(
    "token",
    ["a b", "a\r\nX: y", "\x00", "\xe9", "\ud800", "", "x" * 10**5, 7, None, ["a"], {"a": 1}],
)
def test_a_token_that_is_no_header_is_no_login(server, token):
    with_answer(server, TOKEN, json.dumps(token).encode())
    archive = Archive(ArchiveAccount(server.url, *EXAMPLE), QUICK)
    assert f"{server.url}{TOKEN}" in error_of(archive.log_in)


@pytest.mark.parametrize(
    "url",
    ["https://me:secret@a.org", "https://", "http:///x", "https://a.org:99999", "https://[::1"],
)
def test_an_address_that_can_not_be_is_told_without_its_password(url):
    with pytest.raises(ArchiveError, match="is no archive's address") as error:
        ArchiveAccount(url)
    assert "secret" not in str(error.value)


def test_json_that_python_alone_would_read_is_none():
    assert parsed(b"[1, -2.5e3]") == [1, -2500.0]
    for content in (b"NaN", b"[-Infinity]", b"1e400", b"1" * 31, b"[" * 10**5, b"\xff"):
        assert parsed(content) is None


def test_wrong_indices_of_chips_are_not_asked_for(server, archive, exposures, tmp_path):
    for index in (-5, 10**20, "x", None, 1e308, [1]):
        rows = [{}, {"hdu:CCDNUM": 21, "hdu:hdu_idx": index}]
        n = itertools.count()

        def page(rows=rows, n=n):
            yield raw_answer(json.dumps(rows if next(n) % 2 == 0 else rows[:1]).encode())

        server.raw_answers[FIND] = page
        (result,) = fetched(exposures[:1], tmp_path / str(index)[:9], archive, ccdnums=[21])
        assert not result.failed and any("fetched whole" in note for note in result.notes)


def test_the_night_goes_on_after_each_kind_of_fault(server, archive, exposures, tmp_path):
    with_file_answer(server, exposures[0].files[-1], endless(START))
    with_file_answer(server, exposures[1].files[-1], raw_answer(HTML))
    results = list(fetch_all(exposures, tmp_path, FetchOptions(margin_bytes=0), archive=archive))
    assert [result.failed for result in results] == [True, True, False]
    assert name_of(exposures[2], "i") in names(tmp_path)
