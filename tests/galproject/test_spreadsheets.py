"""No cell of any CSV is a formula, whatever is in the database and whatever ends a cell."""

import csv
import io
import re

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command

from exposures.models import GalExposure, GalImage
from exposures.tables import plain
from tests.galproject.addresses import addresses, make_things
from variables.models import Campaign, GalCandidate, GalFlag, GalUnblinding
from variables.vetting.decisions import DecisionInput, decide

pytestmark = pytest.mark.django_db

# One of each kind; test_tables.py has more.
HOSTILE = ["=HYPERLINK(1)", "\uff1d1", "\t=1", "M 8;=1+1", 'M 8\r\n"@A1']
COMPUTED = re.compile(r"[\s\"\ufeff\xa0]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?")
# Addresses without a CSV of their own are no part of this; these have one, at least.
KNOWN = {
    "export_candidates",
    "export_decisions",
    "api-cone",
    "api-curve",
    *(f"api-{thing}-list" for thing in ("exposure", "image", "candidate", "flag", "vote")),
    *(f"api-{thing}-detail" for thing in ("exposure", "image", "candidate", "flag", "vote")),
}


def fill(text, things, user):
    """Put a text wherever people, headers and the pipeline put theirs."""
    GalExposure.objects.update(object_name=text, proposal=text, filter=text[:80], instrument=text)
    GalImage.objects.update(
        chip_name=text, error=text, code_version=text, data_version=text, doubts=[text]
    )  # fmt: skip
    GalCandidate.objects.update(filter=text)
    GalFlag.objects.update(reason=text, made_by=user)
    Campaign.objects.update(name=text)
    User.objects.filter(pk=user.pk).update(username=text)
    user.refresh_from_db()
    campaign = Campaign.objects.get(pk=things["campaign"])
    GalUnblinding.objects.all().delete()  # or who has read the tables may not vote again
    decide(user, DecisionInput(things["candidate"], choice="flare", comment=text), campaign)


def computed_in(text):
    """Cells of a CSV that a spreadsheet would compute, whatever ends a cell to it."""
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    for end in (";", "\t", "|"):
        # Quotes count only where a cell begins with one.
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=end):
            cells += [part for cell in row for part in re.split("[\r\n]", cell)]
    return [one for one in cells if COMPUTED.match(one) and not NUMBER.match(one)]


@pytest.fixture
def things():
    cache.clear()
    return make_things()


def csv_of(client, path, asked):
    """What an address answers as CSV; None where it answers something else."""
    answer = client.get(path, asked)
    is_csv = answer.get("Content-Type", "").startswith("text/csv")
    return answer.getvalue().decode() if is_csv else None


def test_no_cell_of_any_address_is_a_formula(things, client):
    user = User.objects.create_superuser("somebody")
    client.force_login(user)
    place = GalCandidate.objects.values("ra", "dec").get(pk=things["candidate"])
    asked = {"format": "csv", **place, "undetected": "both"}
    paths = {one.key: one for one in addresses() if not one.route.startswith("admin/")}
    wrong = {}
    for text in HOSTILE:
        fill(text, things, user)
        things["vote"] = user.decisions.order_by("pk").first().pk
        tables = {key: csv_of(client, one.path(things), asked) for key, one in paths.items()}
        # Those that answer otherwise do so whatever the text is.
        paths = {key: one for key, one in paths.items() if tables[key] is not None}
        wrong |= {
            (key, text): cells
            for key, table in tables.items()
            if table is not None and (cells := computed_in(table))
        }
    assert wrong == {} and paths.keys() >= KNOWN


def test_tables_of_the_administration_are_no_csv(client, things):
    client.force_login(User.objects.create_superuser("root"))
    for table in ("variables/galdecision", "exposures/galexposure"):
        answer = client.get(f"/admin/{table}/", {"format": "csv"})
        assert answer.status_code == 400
        assert answer["Content-Type"].startswith("text/html")


def test_what_people_said_is_read_back_whole(client, things):
    user = User.objects.create_superuser("somebody")
    said = ["=HYPERLINK(1)", "it rose; -3 mag", "'=quoted", "-1.5", "two\n=lines"]
    campaign = Campaign.objects.get()
    for comment in said:
        decide(
            user, DecisionInput(things["candidate"], action="comment", comment=comment), campaign
        )
    Campaign.objects.update(closed="2026-01-01T00:00:00Z")
    client.force_login(user)
    text = client.get(f"/vetting/{campaign.pk}/decisions.csv").content.decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [plain(row["comment"]) for row in rows] == said
    assert [row["comment"] for row in rows][3] == "-1.5"
    assert all(float(row["dec"]) < 0 for row in rows)


@pytest.mark.parametrize("command", ["light_curve", "repeat_detections"])
def test_no_cell_of_a_command_is_a_formula(command, things, capsys):
    fill("M 8;=1+1", things, User.objects.create_superuser("somebody"))
    place = GalCandidate.objects.get(pk=things["candidate"])
    where = [str(place.ra), str(place.dec)] if command == "light_curve" else []
    call_command(command, *where, "--csv")
    text = capsys.readouterr().out
    assert len(text.splitlines()) > 1 and computed_in(text) == []
