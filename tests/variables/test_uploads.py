"""Lists of ids or positions that people upload, and the candidates that they match."""

import io
from datetime import timedelta

import numpy as np
import pytest
from astropy.table import Table
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from tests.builders.candidates import make_candidate
from tests.builders.people import make_person
from variables.candidates import filters
from variables.candidates.positions import sexagesimal
from variables.models import UploadedList
from variables.uploads import lines, matching
from variables.uploads.files import entries_of
from variables.uploads.lines import UploadError
from variables.uploads.lines import entries_of as entries_of_text

PLACE = 266.41683, -29.00781
WRITTEN = "17:45:40.04 -29:00:28.1"


@pytest.mark.parametrize(
    "text",
    [
        "266.41683 -29.00781",
        "266.41683, -29.00781",
        WRITTEN,
        "17 45 40.04 -29 00 28.1",
        "17h45m40.04s -29d00m28.1s",
        "ra,dec\n266.41683,-29.00781",
        "name\tRAJ2000\tDEJ2000\nV1\t17 45 40.04\t-29 00 28.1",
        "# a comment\n\nRA_ICRS;mag;DE_ICRS\n266.41683;17.2;-29.00781\n",
        '"dec","ra"\n"-29.00781","266.41683"',
        "359.94423 -0.04616 gal",
    ],
)
def test_positions_are_read_as_people_write_them(text):
    (entry,) = entries_of_text(text)
    assert entry.place == pytest.approx(PLACE, abs=2e-3 if "gal" in text else 3e-5)


@pytest.mark.parametrize(
    "text", ["4194306", "refsource_id\n4194306", "ra,dec,refsource_id\n1,2,4194306", "ID\n4194306"]
)
def test_ids_are_read_and_go_before_positions(text):
    (entry,) = entries_of_text(text)
    assert entry.refsource_id == 4194306


def written(table, format):
    out = io.BytesIO()
    table.write(out, format=format)
    return out.getvalue()


@pytest.mark.parametrize("format", ["fits", "votable", "ascii.csv"])
def test_tables_of_any_format_have_the_same_positions(format):
    table = Table({"name": ["a", "b"], "RA": [10.5, 350.25], "Dec": [-5.0, 60.125]})
    if format == "ascii.csv":
        out = io.StringIO()
        table.write(out, format=format)
        content = out.getvalue().encode()
    else:
        content = written(table, format)
    assert [entry.place for entry in entries_of("list", content)] == [(10.5, -5), (350.25, 60.125)]


def test_ids_of_a_table_are_whole_numbers():
    content = written(Table({"refsource_id": np.array([2**40 + 1], "i8")}), "fits")
    assert entries_of("list", content)[0].refsource_id == 2**40 + 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no line with an id or a position"),
        (b"266 -29\nsomewhere\n267 -29", "Line 2: “somewhere” is no position"),
        (b"ra,dec\n10,20\n10", "Line 3: it has 1 columns, fewer than the heading"),
        (b"ra,dec\n10,200", "Line 2: “10 200” is no position: the second angle"),
        (b"refsource_id\n12.5", "Line 2: '12.5' is not a whole number"),
        (b"17:65:40 -29:00:28", "Line 1: “17:65:40 -29:00:28” is no position"),
        (b"name,mag\nV1,12", "Line 1: “name mag” is no position"),
        (b"266 -29\n\xff\xfe", "line 2 has letters that are not UTF-8"),
        (b"\x1f\x8b\x08", "unpack it first"),
        (b"PAR1\0\0", "neither FITS, VOTable, CSV nor plain text"),
        (b"SIMPLE  = nonsense", "the table"),
        (b"<VOTABLE><broken", "not readable as VOTable"),
        (written(Table({"flux": [1.0]}), "fits"), "none of its columns flux is known"),
    ],
)
def test_a_bad_file_is_told_by_its_name_and_line(content, told):
    with pytest.raises(UploadError) as error:
        entries_of("my list.csv", content)
    assert str(error.value).startswith("my list.csv: ") and told in str(error.value)


def test_a_list_of_too_many_lines_is_refused(monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINES", 2)
    with pytest.raises(UploadError, match="3 lines, and at most 2"):
        entries_of_text("1\n2\n3")


@pytest.fixture
def reader(client):
    client.force_login(make_person("annie"))
    return client


def sent(client, content="", **fields):
    file = {"file": SimpleUploadedFile("list.csv", content.encode())} if content else {}
    return client.post(reverse("uploads"), {"name": "mine", **file, **fields})


@pytest.mark.django_db
def test_an_uploaded_list_is_filtered_exported_and_tells_what_matched_nothing(reader):
    near, far = make_candidate(2), make_candidate(2, ra=200.0, dec=10.0)
    place = sexagesimal(near.ra, near.dec)
    content = f"ra,dec\n{','.join(place.split())}\n200,50\n{far.ra},{far.dec}\n"
    answer = sent(reader, content, radius="2")
    assert answer.status_code == 302, answer.content.decode()[-1500:]
    kept = UploadedList.objects.get()
    assert answer.url == kept.get_absolute_url()
    assert kept.refsource_ids == sorted([near.pk, far.pk])
    assert (kept.n_lines, kept.n_matched, kept.unmatched) == (3, 2, [[3, "200,50"]])
    page = reader.get(answer.url).content.decode()
    assert "<code>200,50</code>" in page and f"upload={kept.pk}" in page
    unmatched = reader.get(reverse("upload_unmatched", args=[kept.pk])).content.decode()
    assert unmatched.split() == ["line,text", '3,"200,50"']
    found = reader.get("/api/candidates/", {"upload": kept.pk, "position": "200 10"}).json()
    assert [row["refsource_id"] for row in found["results"]] == [far.pk]
    found = reader.get("/api/candidates/", {"line": f"upload:{kept.pk} filter:i"}).json()
    assert len(found["results"]) == 2


@pytest.mark.django_db
def test_ids_are_pasted_and_those_of_no_candidate_are_told(reader):
    candidate = make_candidate(2)
    sent(reader, text=f"{candidate.pk}\n7\n{candidate.pk}")
    kept = UploadedList.objects.get()
    assert kept.refsource_ids == [candidate.pk] and kept.unmatched == [[2, "7"]]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "Choose a file, or paste lines"),
        ({"text": "nowhere at all"}, "Line 1: “nowhere at all” is no position"),
        ({"text": "1", "radius": "1e9"}, "from 0.1 to 60"),
        ({"text": "1", "name": ""}, "required"),
    ],
)
def test_what_is_wrong_with_a_list_is_told_in_the_form(reader, fields, told):
    answer = sent(reader, **fields)
    assert answer.status_code == 400 and told in answer.content.decode()
    assert not UploadedList.objects.exists()


@pytest.mark.django_db
def test_lists_are_deleted_by_who_made_them_and_go_after_a_time(reader, client):
    make_candidate(2)
    sent(reader, text="1")
    old = UploadedList.objects.get()
    client.force_login(make_person("bob"))
    assert client.post(reverse("delete_upload", args=[old.pk])).status_code == 404
    UploadedList.objects.update(made=timezone.now() - timedelta(days=91))
    sent(client, text="2")
    (kept,) = UploadedList.objects.all()
    assert kept.user.username == "bob"
    assert client.post(reverse("delete_upload", args=[kept.pk])).status_code == 302
    assert not UploadedList.objects.exists()


@pytest.mark.django_db
def test_a_long_list_finds_the_same_as_a_short_one(reader, monkeypatch):
    candidates = [make_candidate(2), make_candidate(3), make_candidate(4)]
    sent(reader, text="\n".join(str(c.pk) for c in candidates[1:]))
    asked = {"upload": UploadedList.objects.get().pk, "filter": "i"}
    short = reader.get("/api/candidates/", asked).json()["results"]
    monkeypatch.setattr(filters, "MANY_UPLOADED", 1)
    assert reader.get("/api/candidates/", asked).json()["results"] == short
    assert {row["refsource_id"] for row in short} == {c.pk for c in candidates[1:]}


@pytest.mark.django_db
def test_more_matches_or_lists_than_are_kept_are_refused(reader, monkeypatch):
    candidate = make_candidate(2)
    monkeypatch.setattr(matching, "MAX_MATCHES", 0)
    answer = sent(reader, text=f"{candidate.ra} {candidate.dec}")
    assert "take a smaller radius" in answer.content.decode()
    monkeypatch.setattr(matching, "MAX_LISTS", 0)
    assert "delete one first" in sent(reader, text="1").content.decode()
