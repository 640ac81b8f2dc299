"""Answers of an archive with anything changed in them: clear errors, and never a wrong file."""

import copy
import json
import random
from dataclasses import replace

import pytest

from exposures.archive import Archive, ArchiveAccount, ArchiveError, FetchOptions, fetch_all, find
from exposures.archive.triplets import file_name
from tests.exposures.archive.conftest import (  # noqa: F401
    ALL,
    QUICK,
    night,
    no_account,
    server,
    stored,
    waits,
)
from tests.exposures.archive_server import raw_answer
from tests.fuzz import SEED, n_cases

FIND = "/api/adv_search/find/"
ODD = (
    None, True, False, 0, -1, 1.5, 10**20, 10**400, 1e308, "", "x", "NaN", "9" * 5000, "\x00",
    "../x", "/etc/passwd", "\ud800", "\x1b]0;x\x07", "a" * 10**4, [], {}, [[]], [{}], {"a": [None]},
    "2017-13-99",
)  # fmt: skip
POLICY = replace(QUICK, attempts=2, most_pages=20, most_answer_bytes=2**20)


def paths_in(value, path=()):
    """The paths of all that is in a structure, itself included."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from paths_in(value[key], (*path, key))


def changed(page, chance):
    """A page with something else at one to four places."""
    page = copy.deepcopy(page)
    for _ in range(chance.randint(1, 4)):
        *path, last = chance.choice([p for p in paths_in(page) if p] or [("",)])
        place = page
        for key in path:
            place = place[key]
        if not isinstance(place, dict | list) or last == "":
            continue
        if chance.random() < 0.2:
            del place[last]
        else:
            place[last] = chance.choice(ODD)
    return page


def spoilt(content, chance):
    """Bytes with some others among them, cut off, or as they were."""
    content = bytearray(content)
    for _ in range(chance.choice([0, 0, 1, 20])):
        if content:
            content[chance.randrange(len(content))] = chance.randrange(256)
    if chance.random() < 0.1:
        del content[chance.randrange(len(content) + 1) :]
    return bytes(content)


@pytest.fixture
def pages(server):  # noqa: F811
    """An honest page of files, and what they are by name."""
    rows = [dict(file.row) for file in server.files.values()]
    by_name = {file_name(s.row): s.content for s in server.files.values()}
    return [{"PARAMETERS": {"last": len(rows)}}, *rows], by_name


@pytest.mark.parametrize("batch", range(4))
def test_changed_answers_give_clear_errors_and_no_wrong_file(server, pages, tmp_path, batch):  # noqa: F811
    page, contents = pages
    n_found = n_fetched = 0
    for number in range(batch, n_cases(120), 4):
        chance = random.Random(f"{SEED} {number}")
        first = spoilt(json.dumps(changed(page, chance)).encode(), chance)
        last = spoilt(json.dumps(page[:1]).encode(), chance)
        answers = iter([first, last])
        server.raw_answers[FIND] = lambda answers=answers: [raw_answer(next(answers, b"[{}]"))]
        archive = Archive(ArchiveAccount(server.url), POLICY)
        folder = tmp_path / str(number)
        try:
            exposures = find(ALL, archive)
        except ArchiveError as error:
            assert server.url in str(error), f"case {number}"  # noqa: PT017  or none is raised
            continue
        n_found += len(exposures)
        if number % 4 == 0 and exposures:
            options = FetchOptions(margin_bytes=0)
            results = list(fetch_all(exposures, folder, options, archive=archive))
            n_fetched += sum(not result.failed for result in results)
            for path in folder.iterdir():
                assert contents[path.name] == path.read_bytes(), f"case {number}"
    assert n_found and (n_fetched or batch)


@pytest.mark.parametrize("part", ["head", "body"])
def test_changed_bytes_of_a_file_s_answer_give_no_wrong_file(server, pages, tmp_path, part):  # noqa: F811
    exposures = find(ALL, Archive(ArchiveAccount(server.url), POLICY))[:1]
    image = exposures[0].files[0]
    content = server.files[image.md5].content
    head = raw_answer(
        Content_Type="application/fits", Content_Length=len(content), Accept_Ranges="bytes"
    )
    for number in range(n_cases(40)):
        chance = random.Random(f"{SEED} {part} {number}")
        answer = (
            spoilt(head, chance) + content if part == "head" else head + spoilt(content, chance)
        )
        server.raw_answers[f"/api/retrieve/{image.md5}"] = answer
        archive = Archive(ArchiveAccount(server.url), POLICY)
        folder = tmp_path / str(number)
        for _ in fetch_all(exposures, folder, FetchOptions(margin_bytes=0), archive=archive):
            pass
        path = folder / image.name
        assert not path.exists() or path.read_bytes() == content, f"case {number}"
