"""Who may ask for what: every address by every method, as everybody that there is."""

import logging

import pytest
from django.contrib.auth.models import Group, User
from django.template.backends.django import Template
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from galproject.site.groups import MAY, permissions_of
from galproject.site.survey_access import FIRST_PAGE, VIEW_SURVEY
from galproject.site.tokens import make_token
from tests.builders.people import make_person
from tests.galproject.addresses import addresses, make_things
from tests.galproject.roles import LOGGED_IN, OPEN, Role, by_browser, by_token, taken_back

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
OF_PAGES = ("GET", "HEAD", "POST")
VOTE, CAMPAIGN, FLAG = (
    "variables.add_galdecision",
    "variables.add_campaign",
    "variables.add_galflag",
)
EDIT = "variables.change_galtag"
CHOOSE, JUDGE, ENQUEUE = (
    "exposures.choose_reference",
    "exposures.overrule_quality",
    "exposures.add_galjob",
)

# --- What each address takes: a new one belongs into one of these, or the first test fails.

# By GET and HEAD, of whoever may see the survey.
PAGES = [
    "home",
    "find",
    "help",
    "help_of_page",
    "field_guide",
    "working_status",
    "exposure",
    "focal_plane",
    "quality",
    "coverage",
    "completeness",
    "completeness_of",
    "diagrams",
    "diagram_points",
    "gallery",
    "coverage_exposures",
    "coverage_chips",
    "candidates",
    "export_candidates",
    "repeat_detections",
    "candidate",
    "candidate_data",
    "candidate_thumbnails",
    "upload",
    "upload_unmatched",
    "candidate_cutouts",
    "candidate_field",
    "candidate_published",
    "candidate_periodogram",
    "candidate_periods",
    "candidate_comments",
    "people",
    "tags",
    "notices",
    "watches",
    "watch",
    "nights",
    "night",
    "plane",
    "plane_density",
    "star_list",
    "vetting",
    "campaign",
    "cutouts",
    "strip",
    "image_picture",
    "small_picture",
    "flags",
    "image",
    "image_covered",
    "references",
    "references_blink",
    "references_preview",
    "api_documentation",
]
# By POST, of whoever has the permission besides.
FORMS = {
    **dict.fromkeys(("run_failed", "run_failed_of_exposure"), ENQUEUE),
    **dict.fromkeys(
        (
            "save_search",
            "delete_search",
            "choose_columns",
            "delete_upload",
            "delete_star_list",
            "end_token",
        ),
        VIEW_SURVEY,
    ),
    # Who made a campaign may run it, too, while nobody has voted.
    **dict.fromkeys(("close_campaign", "reopen_campaign", "rename_campaign"), CAMPAIGN),
    "follow_up_campaign": CAMPAIGN,
    **dict.fromkeys(
        tuple(f"comment_on_{subject}" for subject in ("candidate", "exposure", "image")),
        VOTE,
    ),
    **dict.fromkeys(("read_notices", "choose_notices"), VIEW_SURVEY),
    **dict.fromkeys(
        ("make_watch", "tell_watch", "see_watch", "end_watch", "renew_feeds"), VIEW_SURVEY
    ),
    **dict.fromkeys(("favourite", "tag_candidate", "untag_candidate"), VIEW_SURVEY),
    **dict.fromkeys(("rename_tag", "delete_tag"), EDIT),
    **dict.fromkeys(("change_comment", "withdraw_comment"), VOTE),
    **dict.fromkeys(("begin_practice", "answer_practice"), VOTE),
    **dict.fromkeys(
        ("vet_decide", "vet_decide_group", "vet_undo", "vet_release", "vote", "new_star_list"), VOTE
    ),
    **dict.fromkeys(("draw_check", "check_undo", "vote_on_rest", "take_back_rest"), VOTE),
    **dict.fromkeys(("flag_artifacts", "flag_source", "flag_image"), FLAG),
    **dict.fromkeys(("decide_flags", "decide_flag_group", "decide_flag"), FLAG),
    "image_quality": JUDGE,
    **dict.fromkeys(("choose_reference", "withdraw_reference", "change_reference_set"), CHOOSE),
}
API = [
    "api-curve",
    "api-cone",
    "api-candidate-light-curve",
    "api-candidate-cutouts",
    "api-object-detail",
    "api-object-light-curve",
    "api-schema",
    "vo_search",
] + [
    f"api-{thing}-{kind}"
    for thing in ("exposure", "image", "reference", "candidate", "flag", "vote", "comment")
    for kind in ("list", "detail")
]
OTHERS = {
    "new_campaign": dict.fromkeys(OF_PAGES, CAMPAIGN),
    "vet_list": dict.fromkeys(OF_PAGES, VOTE),
    **{
        name: {"GET": VOTE, "HEAD": VOTE}
        for name in (
            "candidate_draft",
            *("draft_entry", "draft_report", "draft_light_curve", "draft_chart"),
            "draft_plot",
        )
    },
    **{name: dict.fromkeys(OF_PAGES, VIEW_SURVEY) for name in ("tokens", "uploads")},
    "export_decisions": {"GET": CAMPAIGN, "HEAD": CAMPAIGN},
    "vet": {"GET": VOTE, "HEAD": VOTE},
    "vet_next": {"GET": VOTE},
    "practice": {"GET": VOTE, "HEAD": VOTE},
    "practice_curve": {"GET": VOTE, "HEAD": VOTE},
    "vet_group": {"GET": VOTE},
    "invitation": dict.fromkeys(OF_PAGES, OPEN),
    "check": {"GET": VOTE, "HEAD": VOTE},
    "check_next": {"GET": VOTE},
    "login": dict.fromkeys(OF_PAGES, OPEN),
    **{key: {"GET": OPEN} for key in ("sign_on", "sign_on_callback")},
    "signed_out": {"GET": OPEN, "HEAD": OPEN},
    "unsubscribe": dict.fromkeys(OF_PAGES, OPEN),
    **{key: {"GET": OPEN, "HEAD": OPEN} for key in ("watches_feed", "watch_feed", "nights_feed")},
    **{
        key: {"GET": OPEN, "HEAD": OPEN}
        for key in ("vo_capabilities", "vo_availability", "vo_tables")
    },
    "logout": {"POST": LOGGED_IN},
    "password_change": dict.fromkeys(OF_PAGES, LOGGED_IN),
    "password_change_done": {"GET": LOGGED_IN, "HEAD": LOGGED_IN},
    "password_change_of_tables": dict.fromkeys(OF_PAGES, LOGGED_IN),
}
TAKES = {
    **{name: dict.fromkeys(("GET", "HEAD"), VIEW_SURVEY) for name in PAGES},
    **{name: {"POST": permission} for name, permission in FORMS.items()},
    **{name: dict.fromkeys(("GET", "HEAD", "OPTIONS"), VIEW_SURVEY) for name in API},
    **OTHERS,
}
TAKES["api-flag-list"] = TAKES["api-flag-list"] | {"POST": FLAG}
TAKES["api-vote-list"] = TAKES["api-vote-list"] | {"POST": VOTE}
TAKES["api-comment-list"] = TAKES["api-comment-list"] | {"POST": VOTE}

# Of Django's tables: what can be done in each beside looking at it, by whoever has its permission.
ALL = {"add", "change", "delete"}
WRITTEN = {
    "auth.user": ALL,
    "auth.group": ALL,
    "exposures.galfield": ALL,
    "galproject.signonidentity": {"delete"},
    "variables.taxonomy": {"change"},  # and deleted, while it is neither current nor used
    "variables.campaign": {"change"},
    **dict.fromkeys(
        ("axes.accessattempt", "axes.accesslog", "axes.accessfailurelog"),
        frozenset({"change", "delete"}),
    ),
    **dict.fromkeys(("django_q.success", "django_q.failure", "django_q.ormq"), ALL),
    "django_q.schedule": ALL,
}
# Of the queue's tables superusers alone may write, as far as the tables themselves let them.
OF_QUEUE = "django_q."
LOOKED_AT = [
    "galproject.apitoken",
    "galproject.invitation",
    "exposures.galexposure",
    "exposures.galimage",
    "exposures.galpublishedcatalogue",
    "exposures.galoptionset",
    "exposures.galqualitydecision",
    "exposures.galjob",
    "exposures.galcheckpoint",
    "photometry.galreference",
    "photometry.galreferenceset",
    "photometry.galreferencemember",
    "photometry.galmatchrun",
    "photometry.galzeropoint",
    "variables.galvarobj",
    "variables.galcandidate",
    "variables.galnewsource",
    "variables.galflag",
    "variables.galdecision",
    "variables.galcomment",
    "variables.galtag",
    "variables.galnotice",
    "variables.savedsearch",
    "variables.galwatch",
    "variables.galwatchnews",
]
# Of these each member of the staff gets an answer, if only that there is nothing.
OF_STAFF = {"index", "login", "logout", "jsi18n", "autocomplete", "app_list", "view_on_site"}
OF_STAFF |= {"password_change", "password_change_done"}

WHAT_TO_DO = (
    "Say what these addresses take in PAGES, FORMS, API or OTHERS, or of a table in WRITTEN or "
    "LOOKED_AT, and in addresses.py what fills their places"
)


def table_of(address):
    """The table of Django's that an address is about, as "app.model"; else None."""
    words = address.route.split("/")
    is_table = words[0] == "admin" and len(words) > 3 and "<" not in words[1] + words[2]
    return ".".join(words[1:3]) if is_table and words[1] not in ("r", "password_change") else None


def is_of_admin(address):
    return address.route.startswith("admin/") and address.key not in TAKES


def is_known(address):
    if not is_of_admin(address):
        return address.key in TAKES
    table = table_of(address)
    return (
        table in {*WRITTEN, *LOOKED_AT}
        if table
        else (address.name.removeprefix("admin:") in OF_STAFF | {""})
    )


def test_it_is_said_of_every_address_what_it_takes():
    unknown = [address.key for address in addresses() if not is_known(address)]
    assert unknown == [], WHAT_TO_DO
    there = {address.key for address in addresses()}
    assert set(TAKES) - there == set(), "These are no addresses any more"


# --- What they get

DONE = {200, 201, 204, 302, 400, 404, 409, 422}  # by whoever may: there may be nothing to do


def expected(role, address, method) -> set:
    """The statuses that are right."""
    if is_of_admin(address):
        return expected_of_admin(role, address, method)
    takes = TAKES[address.key]
    if method not in OF_PAGES and not address.is_api:
        return {405}
    if role.key and not address.is_api:
        role = Role("a token opens no page", role.client)
    open_to = takes.get(method, takes.get("GET", takes.get("POST")))
    if open_to in (OPEN, LOGGED_IN):
        is_refused = not role.may(open_to)
        return {302} if is_refused else DONE if method in takes else {405}
    if role.user is None:
        return {401} if address.is_api else {302}
    if not role.may(VIEW_SURVEY):
        return {200, 405} if address.key == FIRST_PAGE else {403}
    if method not in takes:
        return {405}
    return DONE if role.may(takes[method]) else {403}


def expected_of_admin(role, address, method):
    if method not in OF_PAGES:
        return {405}
    name, table = address.name.removeprefix("admin:"), table_of(address)
    if name == "login":
        return {200, 302}
    if not role.is_staff:
        return {302}
    if table is None or not address.name.removeprefix("admin:"):
        return DONE | {405} | ({403} if name == "autocomplete" else set())
    if may_in_table(role, table, name, method):
        return DONE | ({403} if table.startswith(OF_QUEUE) else set())
    # The history of what isn't there leads back, whoever asks.
    return {302, 403} if name.endswith("_history") else {403}


def may_in_table(role, table, name, method):
    app, model = table.split(".")
    action = name.removeprefix(f"{app}_{model}_")
    written = {
        what: what in WRITTEN.get(table, ()) and role.may(f"{app}.{what}_{model}") for what in ALL
    }
    if action in ("add", "delete"):
        return written[action]
    if action == "password_change" or (action == "change" and method == "POST"):
        return written["change"]
    return role.may(f"{app}.view_{model}") or written["change"]


def is_right(response, wanted):
    """Whether an answer is as wanted; a way to a login is no answer to whoever may."""
    status = response.status_code
    if wanted == {302}:
        ways = ("/admin/", "/password/")  # of the tables' own way out, and to a new password
        return status == 302 and ("login" in response.url or response.url in ways)
    return status in wanted


def asked_by(role, address):
    """The methods that a role is asked with: what is the same to all is asked of some."""
    if address.is_api:
        kinds = ("nobody", "no group", "superuser")
        return METHODS if role.name.removeprefix("token of ") in kinds else ("GET", "POST")
    if role.name == "superuser":
        return METHODS
    if is_of_admin(address) and not role.is_staff and role.name != "no group":
        return ("GET",)
    return OF_PAGES if role.name in ("nobody", "no group", "readers") else ("GET", "POST")


def wrong_answers(roles, known, things):
    """{(role, method, address): what was answered and what was wanted} of what is not right."""
    wrong = {}
    for role in roles:
        for address in known:
            with taken_back():
                wrong |= wrong_at(role, address, address.path(things))
    return wrong


def wrong_at(role, address, path):
    """Of one role and address: first what only looks is asked for, and then what may change."""
    wrong = {}
    for method in asked_by(role, address):
        response, wanted = role.ask(method, path), expected(role, address, method)
        if not is_right(response, wanted):
            wrong[role.name, method, address.key] = (response.status_code, wanted)
        if "logout" in address.key and role.user and not role.key:
            role.client.force_login(role.user, "django.contrib.auth.backends.ModelBackend")
    return wrong


@pytest.fixture
def things():
    things = make_things()
    owner = User.objects.get(username="maker")
    things["token"] = make_token(owner, "of the maker", 1)[0].pk
    return things


@pytest.fixture
def unrendered(monkeypatch):
    """Pages without their text, which other tests look at as everybody."""
    monkeypatch.setattr(Template, "render", lambda *_, **__: "")
    monkeypatch.setattr(SchemaGenerator, "get_schema", lambda *_, **__: {"paths": {}})
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def test_everybody_gets_what_they_may_and_nothing_else(things, unrendered, known_people):
    known = [address for address in addresses() if not is_of_admin(address)]
    assert wrong_answers(by_browser(), known, things) == {}


def test_everybody_gets_of_django_s_tables_what_they_may(things, unrendered, known_people):
    known = [address for address in addresses() if is_of_admin(address)]
    assert wrong_answers(by_browser(), known, things) == {}


def test_a_token_opens_the_api_alone_and_what_its_owner_may(things, unrendered):
    pages = [a for a in addresses() if a.key in ("home", "candidates", "tokens", "run_failed")]
    known = [address for address in addresses() if address.is_api]
    assert wrong_answers(by_token(), [*known, *pages], things) == {}


def test_who_is_in_no_group_gets_no_format_either(things):
    client = Client()
    client.force_login(User.objects.create_user("somebody"))
    shown = [a for a in addresses() if not is_of_admin(a) and "GET" in TAKES[a.key]]
    closed = [a for a in shown if TAKES[a.key]["GET"] not in (OPEN, LOGGED_IN)]
    assert len(closed) > 30
    for address in closed:
        if address.key == FIRST_PAGE:
            continue
        for kind in ("csv", "parquet", "json", "api", "exe"):
            response = client.get(address.path(things), {"format": kind, "ra": 266, "dec": -29})
            assert response.status_code == 403, address.key
            assert "waits for a group" in response.content.decode()


def test_a_page_for_who_waits_says_who_can_help_and_shows_nothing(things):
    User.objects.create_superuser("henrietta")
    client = Client()
    client.force_login(User.objects.create_user("annie"))
    page = client.get("/").content.decode()
    assert "waits for a group" in page and "annie" in page and "henrietta" in page
    assert all(group in page for group in MAY)
    assert 'href="/candidates/"' not in page and 'href="/password/"' in page
    told = client.get("/api/candidates/").json()["detail"]
    assert "henrietta" in told and "readers" in told


def test_an_address_that_nobody_thought_of_is_closed(things, settings):
    settings.ROOT_URLCONF = "tests.galproject.forgotten_urls"
    somebody, reader = Client(), Client()
    somebody.force_login(User.objects.create_user("somebody"))
    reader.force_login(make_person("reader"))
    for path in ("/page/", "/open/", "/api-page/"):
        assert Client().get(path).status_code in (302, 401)
        assert somebody.get(path).status_code == 403
        assert reader.get(path).status_code == 200
        assert reader.delete(path).status_code == 405


def test_a_post_without_its_token_is_refused(things):
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    posted = [a for a in addresses() if not is_of_admin(a) and "POST" in TAKES[a.key]]
    assert len(posted) > 30
    statuses = {a.key: client.post(a.path(things), {}).status_code for a in posted}
    assert {key: status for key, status in statuses.items() if status != 403} == {}


def test_groups_may_no_more_than_they_should():
    for name in MAY:
        held = {
            f"{app}.{codename}"
            for app, codename in Group.objects.get(name=name).permissions.values_list(
                "content_type__app_label", "codename"
            )
        }
        beyond_viewing = {p for p in held if ".view_" not in p}
        assert beyond_viewing == permissions_of(name)
        assert {"variables.view_galcandidate", VIEW_SURVEY} <= held
        assert not any(p.startswith(("auth.", "authtoken.", "galproject.")) for p in held)
