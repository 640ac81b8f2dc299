"""Filters of candidates as a line of text: what it says, and that it says what the form says."""

import pytest
from django.http import QueryDict
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exposures.models import GalExposure
from tests.builders.candidates import make_candidate
from tests.builders.people import make_person
from variables.candidates.filter_columns import Asked, filter_columns
from variables.candidates.filters import CandidateFilter
from variables.candidates.line import LineError
from variables.candidates.line_names import RANGES, SHORT, WORDS, line_of, with_line

pytestmark = pytest.mark.django_db
FILTERS = CandidateFilter.base_filters


def form_of(line):
    return with_line({"line": line}, FILTERS)


@pytest.fixture
def in_filters():
    make_candidate(2, "i")
    make_candidate(2, "g")


@pytest.mark.parametrize(
    ("line", "query"),
    [
        ("class:rr-lyrae,cepheid", "consensus_in=rr-lyrae&consensus_in=cepheid"),
        ("class:rr-lyrae", "cls=rr-lyrae"),
        ('class:"RR Lyrae"', "cls=rr-lyrae"),
        ("-cause:edge", "cause_in=edge&not=cause"),
        ("period:0.2..0.8", "period_min=0.2&period_max=0.8"),
        ("-period:0.2..0.8", "period_days_min=0.2&period_days_max=0.8&not=period_days"),
        ("n_epochs:>=5", "n_epochs_min=5"),
        ("n_epochs:5", "n_epochs_min=5&n_epochs_max=5"),
        ("sigma:>=20", "sigma_min=20"),
        ("sigma:20..50", "max_significance_min=20&max_significance_max=50"),
        ("not:vetted", "vetted=nobody"),
        ("is:varies,vanished", "varies_in=yes&has_vanished_in=yes"),
        ("not:varies", "varies_in=yes&not=varies"),
        ("period:none", "period_days_has=no"),
        ("known_name:any", "known_name_has=yes"),
        ('known_class:"none"', "known_class=none"),
        ('position:"266.0 -29.0" radius:30', "position=266.0+-29.0&radius=30"),
        ("chip:3", "chip=3"),
        ("chip:3..5", "ccdnum_min=3&ccdnum_max=5"),
        ("cuts:near-saturated,edge", "failed_cuts_in=near-saturated&failed_cuts_in=edge"),
        ("  CAUSE:EDGE  ", "cause=edge"),
        ("", ""),
    ],
)
def test_a_line_says_what_the_form_says(line, query):
    assert sorted(form_of(line).lists()) == sorted(QueryDict(query).lists())
    assert dict(form_of(line_of(form_of(line)))) == dict(form_of(line))


def test_the_line_of_the_documents_can_be_read(in_filters):
    line = "class:rr-lyrae,cepheid -cause:crowd period:0.2..0.8 n_epochs:>=5 not:vetted filter:i"
    assert CandidateFilter({"line": line}).is_valid()
    assert line_of(form_of(line)).split() != line.split()  # in the order of the form
    assert sorted(line_of(form_of(line)).split()) == sorted(line.split())


@pytest.mark.parametrize(
    ("line", "word", "place", "right"),
    [
        ("cause:real perod:3", "perod:3", 12, "period"),
        ("bright", "bright", 1, "a name, a colon and a value"),
        ("cause:ghoul", "cause:ghoul", 1, "reference, missing"),
        ("period:soon", "period:soon", 1, "not a number"),
        ("n_epochs:2.5", "n_epochs:2.5", 1, "not a whole number"),
        ("period:>3", "period:>3", 1, ">=5"),
        ("n_epochs:", "n_epochs:", 1, "a value has to follow"),
        ("cause:edge,", "cause:edge,", 1, "a value has to follow"),
        ('known_name:"V1', 'known_name:"V1', 1, "quotes have to end"),
        ('known_name:"V1"x', 'known_name:"V1"x', 1, "a blank or a comma"),
        ("n_epochs:3 n_epochs:4", "n_epochs:4", 12, "twice"),
        ("n_epochs:>=3 -n_epochs:<=9", "-n_epochs:<=9", 14, "into one term"),
        ("is:bright", "is:bright", 1, "vetted"),
        ("-vetted:me", "-vetted:me", 1, "can't be turned round"),
        ("-detections:3", "-detections:3", 1, "range"),
    ],
)
def test_a_line_that_makes_no_sense_says_which_word_and_what_would_be_right(
    line, word, place, right
):
    with pytest.raises(LineError) as error:
        form_of(line)
    assert f"“{word}” at character {place}:" in str(error.value)
    assert right in str(error.value)


NUMBERS = st.sampled_from(["0", "5", "-1.5", "12.25", "1e-3", ".5", "3.", "+2"])
TEXTS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8
).map(str.strip)


def _conditions():
    """Parameters of one column, as a form may have them."""
    for key, column in filter_columns().items():
        ends = {f"{key}_min": NUMBERS, f"{key}_max": NUMBERS}
        if column.asked is Asked.WHOLE:
            ends = {name: st.integers(-99, 99).map(str) for name in ends}
        if column.is_text:
            ends = {f"{key}_begins": TEXTS | st.sampled_from(["any", "none"])}
        elif not column.is_range:
            choices = (
                ["none", "disputed", "flare"] if column.asked is Asked.CHOICES else ["yes", "no"]
            )
            if column.listed_choices is not filter_columns()["filter"].listed_choices:
                choices = _values_of(column) or choices
            ends = {f"{key}_in": st.lists(st.sampled_from(choices), unique=True, max_size=3)}
        if column.may_be_empty:
            ends[f"{key}_has"] = st.sampled_from(["yes", "no", ""])
        yield key, st.fixed_dictionaries({}, optional=ends | {"not": st.just(key)})


def _values_of(column):
    is_of_rows = column.key in ("filter", "consensus")
    return [] if is_of_rows else [value for value, _ in column.choices]


CONDITIONS = [one for key, one in _conditions() if key not in ("filter",)]
USUAL = st.fixed_dictionaries(
    {},
    optional={
        **{end: NUMBERS for name in RANGES for end in RANGES[name] if end and "tions" not in end},
        **dict.fromkeys(("known_class", "exposure", "position"), TEXTS),
        **{name: st.integers(1, 99).map(str) for name in ("chip", "object", "star_list")},
        "vetted": st.sampled_from(["me", "not-me", "nobody"]),
        "cause": st.sampled_from(["real", "edge"]),
        "cls": st.sampled_from(["none", "rr-lyrae"]),
        "radius": st.just("30"),
    },
)


@settings(
    deadline=None,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(usual=USUAL, columns=st.lists(st.sampled_from(CONDITIONS), max_size=4), draw=st.data())
def test_from_a_line_to_the_form_and_back_it_stays_the_same(usual, columns, draw):
    form = QueryDict(mutable=True)
    for one in [usual, *(draw.draw(column) for column in columns)]:
        for name, value in one.items():
            for each in value if isinstance(value, list) else [value]:
                form.appendlist(name, each)
    line = line_of(form)
    again = form_of(line)
    assert line_of(again) == line
    assert line_of(form_of(line_of(again))) == line


def test_all_names_of_addresses_are_different_and_stand_in_the_form():
    columns = [f"{key}{end}" for key in filter_columns() for end in ("_min", "_max", "_in", "_has")]
    assert not set(columns) & set(FILTERS)
    parameters = {end for ends in RANGES.values() for end in ends if end} | set(WORDS.values())
    assert set(FILTERS) - {"line"} <= parameters
    assert set(SHORT) <= set(filter_columns())
    assert GalExposure.objects.count() == 0


def test_the_list_turns_a_line_into_an_address_and_shows_it(client):
    make_candidate(2)
    client.force_login(make_person("annie"))
    answer = client.get(
        reverse("candidates"), {"line": "detections:>=2 -cause:edge", "sort": "cause"}
    )
    assert answer.status_code == 302
    assert answer.url.endswith("?sort=cause&detections_min=2&cause_in=edge&not=cause")
    page = client.get(answer.url).content.decode()
    assert 'value="detections:&gt;=2 -cause:edge"' in page


def test_a_wrong_line_is_kept_and_told(client):
    client.force_login(make_person("annie"))
    answer = client.get(reverse("candidates"), {"line": "colour:blue"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert 'value="colour:blue"' in page and "“colour:blue” at character 1" in page


def test_the_api_and_exports_take_a_line(client):
    few, many = make_candidate(2), make_candidate(4)
    client.force_login(make_person("annie"))
    found = client.get("/api/candidates/", {"line": "detections:>=3"}).json()
    assert [row["refsource_id"] for row in found["results"]] == [many.pk]
    exported = client.get(reverse("export_candidates"), {"line": "-detections:>=3"})
    exported = client.get(reverse("export_candidates"), {"line": "-n_detections:>=3"})
    text = b"".join(exported.streaming_content).decode()
    assert str(few.pk) in text and str(many.pk) not in text
    assert client.get("/api/candidates/", {"line": "nonsense"}).status_code == 400
