"""The pages of flags and chips: who may do what, and what they cost."""

import re
from functools import partial

import numpy as np
import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests.builders.flagged_field import SIDE, make_field
from tests.builders.people import make_person
from tests.builders.queries import n_queries_of
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import flag_image, flag_source
from variables.models import Artifact, GalFlag, GalVarObj

pytestmark = pytest.mark.django_db
CORNER = "0,0 900,0 900,900 0,900"


@pytest.fixture
def field():
    x, y = np.random.default_rng(1).uniform(0, SIDE, (2, 60))
    x[0], y[0] = 500, 600
    field = make_field(x, y, changed=range(4))
    refresh_candidates(refsource_ids=field.ids)
    return field


@pytest.fixture
def reader(client):
    client.force_login(make_person("reader"))
    return client


@pytest.fixture
def curator(client):
    user = make_person("curator")
    user.user_permissions.add(Permission.objects.get(codename="add_galflag"))
    client.force_login(user)
    client.user = user
    return client


def text(response):
    """A page with one blank wherever a browser shows one."""
    return " ".join(response.content.decode().split())


def propose(field, n=3, group="bleeds"):
    flags = [
        GalFlag(image=field.search, region=[0, 0, 9 + i, 0, 9, 9], artifact="bleed")
        for i in range(n)
    ]
    for flag in flags:
        flag.state, flag.group = "proposed", group
    return GalFlag.objects.bulk_create(flags)


def actions(field):
    (flag,) = propose(field, 1)
    return [
        (reverse("decide_flags"), {"action": "accept", "flag": flag.pk}),
        (reverse("decide_flag", args=[flag.pk]), {"action": "accept"}),
        (
            reverse("decide_flag_group"),
            {"action": "accept", "group": "bleeds", "artifact": "bleed", "last": flag.pk},
        ),
        (reverse("flag_source", args=[field.ids[0]]), {"artifact": "other"}),
        (reverse("flag_image", args=[field.search.pk]), {"artifact": "other", "whole": "on"}),
    ]


def pages(field):
    return [
        reverse("flags"),
        *(reverse("image", args=[i.pk]) for i in (field.search, field.reference)),
    ]


def test_readers_see_and_have_no_buttons(reader, field):
    for url, data in actions(field):
        assert reader.post(url, data).status_code == 403
        assert reader.get(url).status_code == 405
    assert set(GalFlag.objects.values_list("state", flat=True)) == {"proposed"}
    for url in pages(field):
        page = text(reader.get(url))
        assert 'value="accept"' not in page and "flag-form" not in page


def test_curators_may_do_each(curator, field):
    for url, data in actions(field):
        assert curator.post(url, data).status_code == 302
        assert GalFlag.objects.standing().exists()
        GalFlag.objects.update(state="proposed")


def test_a_region_is_flagged_on_the_page_of_its_chip_and_undone_there(curator, field):
    url = reverse("image", args=[field.search.pk])
    data = {"artifact": "ghost", "reason": "round <b>and</b> large", "region": CORNER}
    page = text(curator.post(reverse("flag_image", args=[field.search.pk]), data, follow=True))
    assert "A region of the chip is flagged: ghost or reflection." in page
    assert 'points="0,0 900,0 900,900 0,900"' in page and "round &lt;b&gt;" in page
    flag = GalFlag.objects.get()
    assert flag.made_by == curator.user
    assert GalVarObj.objects.filter(is_flagged=True).exists()
    data = {"action": "undo", "reason": "no", "next": url}
    response = curator.post(reverse("decide_flag", args=[flag.pk]), data, follow=True)
    assert response.redirect_chain[-1][0] == url and "undone by curator" in text(response)
    assert not GalVarObj.objects.filter(is_flagged=True).exists()


@pytest.mark.parametrize("region", ["", "1 2 3 4", "a b c d e f", "0 0 9 9 18 18"])
def test_a_region_that_is_none_is_explained_and_nothing_is_flagged(curator, field, region):
    data = {"artifact": "bleed", "region": region}
    response = curator.post(reverse("flag_image", args=[field.search.pk]), data, follow=True)
    assert re.search('role="alert"|class="error"', text(response))
    assert not GalFlag.objects.exists()


def test_what_a_region_covers_is_said_before_it_is_saved(curator, field):
    url = reverse("image_covered", args=[field.search.pk])
    said = text(curator.get(url, {"region": "400,500 600,500 600,700 400,700"}))
    assert "<b>1</b> change on this image, of which <b>1</b> is accepted" in said
    assert "<b>60</b> sources" in text(curator.get(url, {"whole": "on"}))
    assert "3 to 60 corners" in text(curator.get(url, {"region": "1 2"}))


def test_a_group_is_accepted_in_one_batch_but_for_what_came_after(curator, field):
    seen = propose(field, 200)
    later = propose(field, 1)
    page = text(curator.get(reverse("flags")))
    assert "Accept all 201" in page
    data = {"action": "accept", "group": "bleeds", "artifact": "bleed", "last": seen[-1].pk}
    response = curator.post(reverse("decide_flag_group"), data, follow=True)
    assert "200 flags accepted" in text(response)
    assert set(GalFlag.objects.proposed()) == set(later)


def test_all_of_an_artifact_are_declined_in_one_batch(curator, field):
    last = [*propose(field, 3, "a"), *propose(field, 3, "b")][-1].pk
    data = {"action": "decline", "artifact": "bleed", "last": last}
    curator.post(reverse("decide_flag_group"), data)
    assert GalFlag.objects.filter(state="declined").count() == 6


def test_what_can_t_be_decided_any_more_is_said(curator, field):
    (flag,) = propose(field, 1)
    url = reverse("decide_flag", args=[flag.pk])
    curator.post(url, {"action": "decline"})
    assert "is declined by curator" in text(curator.post(url, {"action": "undo"}, follow=True))
    assert curator.post(url, {"action": "eat"}).status_code == 400
    nothing = curator.post(reverse("decide_flags"), {"action": "undo"}, follow=True)
    assert "No flag was chosen" in text(nothing)


def test_the_way_back_stays_here(curator, field):
    (flag,) = propose(field, 1)
    data = {"action": "accept", "next": "https://elsewhere.example/"}
    assert curator.post(reverse("decide_flag", args=[flag.pk]), data).url == reverse("flags")


def test_flags_are_listed_by_state_artifact_person_exposure_and_group(curator, field):
    propose(field, 1, "some group")
    flag_image(field.reference, Artifact.GHOST, "round", curator.user)
    flag_source(field.ids[0], Artifact.COSMIC, "one pixel", curator.user)

    def shown(query):
        rows = re.findall(
            r'<tr id="flag-\d+">.*?</tr>', text(curator.get("/flags/?" + query)), re.S
        )
        return [re.search(r'row">(.*?)</th>', row)[1] for row in rows]

    assert shown("") == ["Cosmic ray", "Ghost or reflection", "Bleed trail"]
    assert shown("state=proposed") == ["Bleed trail"] == shown("group=some group")
    assert shown("artifact=ghost") == ["Ghost or reflection"] == shown("exposure=1r")
    assert shown("who=curator&state=standing") == ["Cosmic ray", "Ghost or reflection"]
    assert shown("who=nobody") == []
    assert 'role="alert"' in text(curator.get("/flags/?artifact=ufo"))


def test_pages_of_the_list_follow_each_other(curator, field):
    propose(field, 120)
    seen, url = [], "/flags/"
    while url:
        page = text(curator.get(url))
        seen += re.findall(r'id="flag-(\d+)"', page)
        older = re.search(r'href="(\?before=\d+)#flags">Older', page)
        url = older and "/flags/" + older[1]
    assert len(seen) == len(set(seen)) == 120


def test_pages_take_few_queries_however_much_there_is(curator, field):
    n_queries = []
    for numbers in (range(3), range(3, 30)):
        propose(field, len(numbers) * 3)
        for i in numbers:
            flag_source(field.ids[i], Artifact.OTHER, "", curator.user)
        n_queries.append([n_queries_of(partial(curator.get, url)) for url in pages(field)])
    assert n_queries == [[9, 13, 13]] * 2


def test_an_empty_list_says_what_to_do(reader):
    assert "manage.py propose_flags" in text(reader.get("/flags/"))


def test_a_chip_that_was_never_reduced_has_a_page(curator, field):
    columns = {"width": None, "height": None, "footprint": None, "n_sources": None}
    type(field.search).objects.update(**columns)
    page = text(curator.get(reverse("image", args=[field.search.pk])))
    assert "never reduced" in page
    assert curator.get(reverse("image", args=[987654])).status_code == 404


def test_pages_need_nothing_from_elsewhere_and_nothing_inline(curator, field):
    propose(field)
    for url in pages(field):
        page = text(curator.get(url))
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', page)
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))


def test_what_a_flag_says_is_chosen_by_somebody_and_nothing_before(curator, field):
    on_source = reverse("flag_source", args=[field.ids[0]])
    on_region = reverse("flag_image", args=[field.search.pk])
    for page, form, region in (
        (reverse("candidate", args=[field.ids[0]]), on_source, {}),
        (reverse("image", args=[field.search.pk]), on_region, {"region": CORNER}),
    ):
        choices = text(curator.get(page)).partition('name="artifact"')[2].partition("</select>")[0]
        assert re.match(r'[^>]*required[^>]*>\s*<option value=""', choices), page
        assert not re.search('value="[^"]+" selected', choices), page
        refused = curator.post(form, {"artifact": "", "reason": "?", **region}, follow=True)
        assert "Choose what it is." in text(refused)
    assert not GalFlag.objects.exists()
