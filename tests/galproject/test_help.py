"""Help: the glossary, the keys and the pages in it, and the field guide, which keeps gold blind."""

import re
from pathlib import Path

import numpy as np
import pytest
from django.template import Context, Template
from django.urls import get_resolver

from galproject.help.curve_drawings import HEIGHT, WIDTH, drawing_of
from galproject.help.field_guide import known_examples, simulated_example
from galproject.help.glossary import GlossaryError, glossary, read_glossary, term_called
from galproject.help.keys import key_lists
from galproject.help.pages import PAGES, help_for
from galproject.help.simulated_curves import SIMULATED
from tests.builders.campaigns import make_campaign
from tests.builders.candidates import make_candidate
from tests.builders.people import make_person
from variables.models import Campaign, CampaignObject, Taxonomy

STATIC = Path(__file__).parents[2] / "static"
PROJECT = STATIC.parent


@pytest.fixture
def reader(client, db):
    client.force_login(make_person("annie"))
    return client


def test_the_page_has_every_word_of_the_glossary_and_no_other(reader):
    words = re.findall(
        r"^\*\*([^*]+)\*\*", (PROJECT / "docs/glossary.md").read_text(), re.MULTILINE
    )
    page = reader.get("/help/").content.decode()
    shown = [term.name for section in glossary() for term in section.terms]
    assert shown == [word.rstrip(",") for word in words] and len(shown) > 80
    assert all(f'id="word-{term_called(name).slug}"' in page for name in shown)
    assert len({term_called(name).slug for name in shown}) == len(shown)


def test_a_word_is_shown_as_it_is_written_without_markdown_and_without_tags_of_its_own():
    text = "# G\n\n## One\n\n**a word** (of `x`): see\n[there](a.md), *never* `<b>`."
    ((term,),) = (section.terms for section in read_glossary(text))
    assert term.qualifier == "of <code>x</code>"
    assert term.html == "see there, <em>never</em> <code>&lt;b&gt;</code>."
    with pytest.raises(GlossaryError, match="no entry"):
        read_glossary("## One\n\nJust a paragraph.")


def test_words_of_pages_lead_to_their_entries_and_an_unknown_one_is_an_error():
    html = Template('{% load help_texts %}{% word "gold" "known ones" %}').render(Context())
    assert 'href="/help/#word-gold"' in html and ">known ones</a>" in html
    with pytest.raises(GlossaryError, match="no word “quark”"):
        Template('{% load help_texts %}{% word "quark" %}').render(Context())


@pytest.mark.parametrize("name", list(PAGES))
def test_what_is_told_of_a_page_is_of_one_that_there_is_in_words_of_the_glossary(name):
    assert name in get_resolver().reverse_dict
    told = help_for(name)
    assert all(term.html for term in told.terms) and told.key_lines


def test_help_opens_on_any_page_and_knows_the_keys_of_its_own(reader):
    told = reader.get("/help/page/candidate/").content.decode()
    assert "<kbd>j</kbd>" in told and "twice" in told and "<html" not in told
    assert "Nothing more is told" in reader.get("/help/page/no-such-page/").content.decode()
    assert 'data-page="/help/page/candidates/"' in reader.get("/candidates/").content.decode()


@pytest.mark.parametrize(
    ("page", "scripts"),
    [
        ("candidate", ["candidate", "favourites"]),
        ("card", ["vetting-card"]),
        ("sheet", ["vetting-sheet"]),
    ],
)
def test_each_key_that_help_names_is_a_command_of_the_page_s_scripts(page, scripts):
    text = "".join((STATIC / f"{script}.js").read_text() for script in scripts)
    listed = re.findall(r'"keys": (\{.*?\}), "name"', section_of(page))
    names = {name for keys in listed for name in re.findall(r': "(\w+)"', keys)}
    assert names and len(key_lists()[page]) == len(listed)
    for name in names:
        assert re.search(rf"[\s{{,]{name}(:|,|\}})", text), name


def section_of(page):
    return re.search(rf'"{page}": \[(.*?)\n  \]', (STATIC / "key-lists.js").read_text(), re.S)[1]


@pytest.mark.parametrize("kind", SIMULATED.values())
def test_simulated_curves_have_the_amplitude_that_they_are_said_to_have(kind):
    example = simulated_example(kind)
    drawing = example.drawing
    assert drawing.faintest_mag - drawing.brightest_mag == pytest.approx(
        example.amplitude_mag, abs=0.2
    )
    assert drawing.is_folded == (example.period_days is not None)


def test_a_folded_curve_is_drawn_twice_with_brighter_up_within_its_frame():
    days, mag = np.array([0, 0.25, 1.5]), np.array([16.0, 17.0, 18.0])
    x, y = np.transpose(drawing_of(days, mag, 1.0).points)
    assert len(x) == 6 and np.allclose(x[3:] - x[:3], x[3] - x[0])
    assert y[0] < y[1] < y[2] and x.min() >= 0 and x.max() <= WIDTH and y.max() <= HEIGHT
    assert not drawing_of(days, mag).is_folded


def known_one(slug="rr-lyrae"):
    taxonomy = Taxonomy.objects.get(is_current=True)
    candidate, choice = make_candidate(3), taxonomy.classes.get(slug=slug)
    campaign = make_campaign(candidates=[candidate])
    CampaignObject.objects.filter(campaign=campaign).update(gold=choice)
    return candidate, choice, campaign


@pytest.mark.django_db
def test_gold_is_an_example_once_its_campaign_is_closed_and_while_no_other_has_it(reader):
    candidate, choice, campaign = known_one()
    link = f"/candidates/{candidate.pk}/"
    assert known_examples([choice]) == {}
    assert link not in reader.get("/help/classes/").content.decode()
    Campaign.objects.filter(pk=campaign.pk).update(closed="2026-01-01T00:00Z")
    assert [e.candidate.pk for e in known_examples([choice])[choice.pk]] == [candidate.pk]
    assert link in reader.get("/help/classes/").content.decode()
    make_campaign(candidates=[candidate])
    assert link not in reader.get("/help/classes/").content.decode()
