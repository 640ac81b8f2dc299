"""Contact sheets: what is sent of each tile, and that only what was seen is marked in a batch."""

import io
from time import time

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from PIL import Image

from tests.builders.campaigns import ids_of, make_campaign, make_voter, post_json
from tests.builders.survey_rows import make_image
from variables.models import GalVarObj
from variables.pictures.sprite import TILE, Sprite, write_sprite
from variables.vetting import shown

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return make_voter("ann")


@pytest.fixture
def login(client):
    def as_user(user):
        client.force_login(user)
        return client

    return as_user


def said(pk, choice="flare", **columns):
    return {"refsource_id": str(pk), "choice": choice, "how": "key", **columns}


def test_a_sheet_has_as_many_tiles_as_the_window_has_room_for(login, ann):
    campaign = make_campaign(130, lane="sheet")
    client, address = login(ann), reverse("vet_next", args=[campaign.pk])
    for asked, given in (("7", 7), ("90", 90), ("9999", 120), ("", 60)):
        assert len(client.get(address, {"n": asked}).json()["objects"]) == given, asked
    for nonsense in ("-3", "x", "1_0", "9" * 5000):
        assert client.get(address, {"n": nonsense}).status_code == 400
    cards = make_campaign(candidates="those")
    answer = client.get(reverse("vet_next", args=[cards.pk]), {"n": 50})
    assert len(answer.json()["objects"]) == 4


def draw(refsource_id, *image_ids):
    """Cutouts of a candidate, of some epochs; each tile of a grey of its own."""
    tiles = np.arange(1 + 2 * len(image_ids), dtype="u1")[:, None, None] * np.ones(
        (TILE, TILE), "u1"
    )
    search, difference = tuple(tiles[1::2]), tuple(tiles[2::2])
    write_sprite(refsource_id, Sprite(tiles[0], image_ids, search, difference))


def draw_changes(campaign):
    for pk in ids_of(campaign):
        draw(pk, *GalVarObj.objects.filter(refsource_id=pk).values_list("image", flat=True))


@pytest.fixture
def own_pictures(settings, tmp_path):
    settings.GALPROJECT_PICTURES = str(tmp_path)


def test_a_tile_sends_three_tiles_of_the_epoch_of_its_greatest_detection(login, ann, own_pictures):
    campaign = make_campaign(1, lane="sheet")
    (pk,) = ids_of(campaign)
    one = GalVarObj.objects.filter(refsource_id=pk).latest("significance")
    failing = GalVarObj.objects.get(pk=one.pk)
    failing.pk, failing.significance, failing.failed_cuts = None, 10 * one.significance, 1
    failing.image = make_image("failing", mjd=60009.0)
    failing.save()
    draw(pk, 999, one.image_id, failing.image_id)
    client = login(ann)
    (tile,) = client.get(reverse("vet_next", args=[campaign.pk])).json()["objects"]
    assert f"/{pk}/{one.image_id}.png" in tile["cutouts"]["url"]
    answer = client.get(tile["cutouts"]["url"])
    assert "immutable" in answer["Cache-Control"] and "private" in answer["Cache-Control"]
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (3 * TILE, TILE)
        assert [picture.getpixel((TILE * k + 5, 5)) for k in range(3)] == [0, 3, 4]
    assert client.get(tile["cutouts"]["url"]).content == answer.content
    draw(pk, one.image_id)
    renewed = client.get(reverse("strip", args=[pk, one.image_id]))
    with Image.open(io.BytesIO(renewed.content)) as picture:
        assert picture.getpixel((TILE + 5, 5)) == 1
    assert client.get(reverse("strip", args=[pk, 5])).status_code == 404


def test_another_epoch_than_those_of_its_changes_is_no_picture_of_a_candidate(
    login, ann, own_pictures
):
    campaign = make_campaign(2, lane="sheet")
    draw(ids_of(campaign)[0], 998, 999)
    tiles = login(ann).get(reverse("vet_next", args=[campaign.pk])).json()["objects"]
    assert [(tile["cutouts"], tile["stamp"]) for tile in tiles] == [(None, None)] * 2


@pytest.fixture
def seen(login, ann, own_pictures, monkeypatch):
    """A sheet that ann looked at for a while: campaign, client and what she says of its tiles."""
    campaign = make_campaign(6, lane="sheet")
    draw_changes(campaign)
    client, address = login(ann), reverse("vet_next", args=[campaign.pk])
    tiles = client.get(address).json()["objects"]
    monkeypatch.setattr(shown.time, "time", lambda: time() + 9)
    rows = [
        said(t["refsource_id"], "artifact", how="bulk", key=f"k{t['rank']}")
        | {"shown": {"lane": "sheet", "batch": "s1", "tiles": 6, "more": "x" * 99}}
        for t in tiles
    ]
    for row, tile in zip(rows, tiles, strict=True):
        row["shown"] |= {"stamp": tile["stamp"], "seconds": 0.8}
    return campaign, client, rows


def test_what_was_seen_is_marked_in_one_batch_and_taken_back_in_one(seen):
    campaign, client, rows = seen
    assert post_json(client, "vet_decide", campaign, decisions=rows).json() == {"saved": 6}
    for decision in campaign.decisions.filter(how="bulk", shown__tiles=6):
        image = GalVarObj.objects.filter(refsource_id=decision.refsource_id).latest("significance")
        assert decision.shown["image"] == image.image_id and decision.shown["seconds"] == 0.8
        assert not {"stamp", "more"} & decision.shown.keys()
    assert post_json(client, "vet_undo", campaign).json() == {"undone": 6, "after": 0}
    assert not campaign.decisions.votes_standing().exists()


def forged(stamp):
    return stamp[:-2] + ("AA" if stamp[-2:] != "AA" else "BB")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda row, _: row["shown"].pop("stamp"), "not shown to you with a picture"),
        (lambda row, _: row["shown"].update(stamp=None), "not shown to you with a picture"),
        (lambda row, _: row["shown"].update(stamp=forged(row["shown"]["stamp"])), "not shown"),
        (lambda row, other: row["shown"].update(stamp=other["shown"]["stamp"]), "not shown"),
        (lambda row, _: row.update(shown={}), "not shown to you with a picture"),
        (lambda row, _: (row.update(how="key"), row["shown"].pop("stamp")), "not shown to you"),
        (lambda row, _: row["shown"].update(seconds=0.1), "not on the screen long enough"),
        (lambda row, _: row["shown"].update(seconds=99), "not on the screen long enough"),
        (lambda row, _: row["shown"].update(seconds="1"), "not on the screen long enough"),
        (lambda row, _: row["shown"].update(seconds=None), "not on the screen long enough"),
    ],
)
def test_a_batch_over_what_was_not_seen_is_refused_as_a_whole(seen, change, reason):
    campaign, client, rows = seen
    change(rows[2], rows[3])
    answer = post_json(client, "vet_decide", campaign, decisions=rows)
    assert answer.status_code == 409 and reason in answer.json()["error"]
    assert not campaign.decisions.exists()


def test_a_stamp_is_for_one_person_and_one_campaign(seen, login):
    campaign, _, rows = seen
    bob, again = make_voter("bob"), make_campaign(lane="sheet", candidates="those")
    assert post_json(login(bob), "vet_decide", campaign, decisions=rows).status_code == 409
    ann = User.objects.get(username="ann")
    assert post_json(login(ann), "vet_decide", again, decisions=rows).status_code == 409


def test_tiles_without_a_picture_are_decided_one_by_one_or_skipped(login, ann, own_pictures):
    campaign = make_campaign(3, lane="sheet")
    one, *others = ids_of(campaign)
    assert post_json(login(ann), "vet_decide", campaign, decisions=[said(one)]).json()["saved"] == 1
    rows = [said(pk, None, how="bulk", action="skip") for pk in others]
    assert post_json(login(ann), "vet_decide", campaign, decisions=rows).json() == {"saved": 2}
