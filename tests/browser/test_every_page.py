"""Every page of the site, found by its address pattern: axe finds nothing, and none is too wide."""

import re
from collections import defaultdict
from functools import partial

import psycopg2
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.template.loader import render_to_string
from playwright.sync_api import TimeoutError

from tests.browser.conftest import DESKTOP
from tests.browser.site_pages import addresses

PHONE, SMALL_PHONE = {"width": 390, "height": 844}, {"width": 320, "height": 640}
TABLET = {"width": 820, "height": 1180}
PEOPLE = ("root", "curator", "vetter", "reader")
# Rules of axe that see what differs between colours, and between widths; all others see the same.
OF_LAYOUT = [
    *("color-contrast", "link-in-text-block"),
    *("scrollable-region-focusable", "target-size"),
]
# What Django's own tables have, in templates and scripts that are not ours.
OF_DJANGO_TABLES = {
    "aria-prohibited-attr",  # the help icons of choices that move between two boxes
    "empty-table-header",  # of tabular inlines, above the links to rows
    "label",  # the second box of a date and time
    "link-in-text-block",  # links of the trail and of filters, which have no underline
    "scrollable-region-focusable",  # tabular inlines on a phone
    "target-size",  # filters of a list on a phone: 20 pixels high, and 24 are wanted
}
# Of rows, marks and cutouts that one template writes many times, the first are enough.
ALIKE = [
    *("tbody tr:nth-of-type(n+7)", ".strip li:nth-of-type(n+7)"),
    *("g[class^=marks-] a:nth-of-type(n+7)", ".mark-list li:nth-of-type(n+7)"),
    "dl.options > div:nth-of-type(n+7)",
    *("fieldset.more-filter:nth-of-type(n+4)", ".column-choice label:nth-of-type(n+7)"),
    "section.chip-log:nth-of-type(n+9)",  # the API's operations
]
# Not preloaded: axe would fetch style sheets for an experimental rule, which is not asked for.
AXE = """async ([rules, alike]) => {
  for (const animation of document.getAnimations()) animation.finish();
  const runOnly = rules && {runOnly: {type: "rule", values: rules}};
  const options = {resultTypes: ["violations"], preload: false, ...runOnly};
  const {violations} = await axe.run({exclude: alike}, options);
  const said = ({any, all, none}) => [...any, ...all, ...none].map((check) => check.message);
  return violations.flatMap(({id, nodes}) =>
    nodes.map((node) => [id, `${node.target.join(" ")}: ${said(node).join("; ")}`]));
}"""
# The width gives text no colour that is not readable anywhere, as tests below hold: so each scheme
# at one width, and each width in one scheme, show all. The first that see a kind of page see it in
# all ways; of what is otherwise in others of its kind two ways are enough, and of what is left to
# those who may less one, beside the width.
ALL_WAYS = (("light", DESKTOP, None), ("dark", TABLET, OF_LAYOUT), ("dark", PHONE, OF_LAYOUT))
TWO_WAYS, ONE_WAY = ALL_WAYS[::2], ALL_WAYS[:1]
# Colours of the site: of text, and of what is behind it.
TEXTS = ("text", "faint", "accent", "done", "left", "mark", "failed")
GROUNDS = ("page", "card", "done-page", "left-page", "failed-page")
STYLES = sorted((settings.BASE_DIR / "static").glob("*.css"))
OPEN_ALL = "() => document.querySelectorAll('details').forEach((part) => { part.open = true; })"
# On a phone lists of Django's tables scroll in a box of their own.
FITS = """() => [
  document.documentElement,
  ...(innerWidth < 1280 ? [] : document.querySelectorAll("#changelist .results")),
].every((part) => part.scrollWidth <= part.clientWidth)"""
DRAWN_MS = 2000  # for what scripts draw anew in another window
# What is in the head of each page goes by who looks at it; what differs between elements alike.
HEAD = re.compile("<header.*?</header>", re.DOTALL)
TAG = re.compile(r"<(/?)(\w[^\s/>]*)([^>]*)>")
VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
ATTRIBUTE = re.compile(r'([\w:-]+)(?:="([^"]*)")?')
TELLING = ("class", "role", "type")  # attributes whose values make another kind of element
# Pages that no address shows: what they say is all that matters.
STATIC = {
    "500.html": {},
    "500.html of the database": {"is_database": True},
    "400.html": {"detail": "The form is not complete"},
    "403_csrf.html": {"cause": "cookie"},
    "405.html": {},
}


MAKE_ADMINISTRATOR = """
INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active,
    first_name, last_name, email, date_joined)
VALUES (%s, %s, true, true, true, '', '', '', now())
"""


class Pages:
    """Looks at pages in one browser context, as one person after the other."""

    def __init__(self, page, url):
        self.page, self.url = page, url
        self.faults, self.open_requests = {}, set()
        # Kinds of elements of our pages, and of Django's tables, which have styles of their own.
        self.looked_at = defaultdict(set)
        self.shown = set()  # patterns of addresses that show a page
        self.drawn_ms = DRAWN_MS
        page.on("request", lambda request: self.open_requests.add(request))
        for end in ("requestfinished", "requestfailed"):
            page.on(end, lambda request: self.open_requests.discard(request))

    def log_in(self, name, password):
        self.page.context.clear_cookies()
        self.page.goto(f"{self.url}/login/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.url}/")

    def make_token(self, who):
        """Make a token, and look at the page that shows its key once."""
        self.page.goto(f"{self.url}/api/tokens/")
        self.page.get_by_label("What it is for").fill("a notebook")
        self.page.get_by_role("button", name="Make a token").click()
        self.page.get_by_text("Keep it now").wait_for()
        self.examine(who, "/api/tokens/")

    def save_search(self, who):
        """Save a search, and look at the list with the message about it."""
        self.page.goto(f"{self.url}/candidates/")
        self.page.get_by_label("Name of the search").fill("all of them")
        self.page.get_by_role("button", name="Save").click()
        self.page.locator(".messages").wait_for()
        self.examine(who, "/candidates/ with a message")

    def new_and_known(self, known):
        """Of addresses, those that are to be looked at, and all that show a page.

        To be looked at are the first of a pattern, and others with elements of kinds that nobody
        has looked at on any page.
        """
        new, shown = [], []
        for address in known:
            text = self.text_of(address.path)
            if text is not None:
                shown.append(address)
                kinds = kinds_of(text)
                looked_at = self.looked_at[address.pattern.startswith("admin/")]
                if address.pattern not in self.shown or kinds - looked_at:
                    new.append(address)
                looked_at |= kinds
                self.shown.add(address.pattern)
        return new, shown

    def text_of(self, path):
        """The HTML of a page; None where an address shows none."""
        response = self.page.request.get(self.url + path, max_redirects=0)
        assert response.status < 500, path
        kind = response.headers.get("content-type", "")
        text = response.text() if response.ok and kind.startswith("text/html") else ""
        return text if "<html" in text else None

    def look(self, who, path, ways=ALL_WAYS):
        """Open an address, and run axe in light and dark, on a desktop, a tablet and a phone."""
        self.page.goto(self.url + path, wait_until="load")
        self.wait_until_quiet()
        self.examine(who, path, ways)

    def wait_until_quiet(self):
        for _ in range(200):
            self.page.wait_for_timeout(25)
            if not self.open_requests:
                break

    def examine(self, who, path, ways=ALL_WAYS):
        self.page.evaluate(OPEN_ALL)
        self.page.evaluate(AXE_SCRIPT)
        known = OF_DJANGO_TABLES if path.startswith("/admin/") else set()
        for scheme, viewport, rules in ways:
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.page.set_viewport_size(viewport)
            for rule, said in self.page.evaluate(AXE, [rules, ALIKE]):
                if rule not in known:
                    self.faults.setdefault((who, path), {})[f"{rule}: {said}"] = scheme, viewport
            self.measure(who, path, viewport)
        measured = [viewport for _, viewport, _ in ways]
        for viewport in (TABLET, PHONE, SMALL_PHONE):
            if viewport not in measured:
                self.page.set_viewport_size(viewport)
                self.measure(who, path, viewport)
        self.page.set_viewport_size(DESKTOP)

    def told(self):
        """A line for each fault: who saw it where, and how."""
        found = ((place, *one) for place, faults in self.faults.items() for one in faults.items())
        return [f"{who} {path} {how}: {said}" for (who, path), said, how in found]

    def measure(self, who, path, viewport):
        """Django's tables scroll sideways by themselves; no page of ours does."""
        if path.startswith("/admin/"):
            return
        try:
            # To wait for what is so already takes as long as several looks.
            if not self.page.evaluate(FITS):
                self.page.wait_for_function(FITS, timeout=self.drawn_ms)
        except TimeoutError:
            self.faults.setdefault((who, path), {})["too wide"] = viewport


def kinds_of(html):
    """The kinds of elements of a page but for its head, and what each stands in.

    An element is of the kind of others with the same attributes, whatever their values are, and
    classes; its colours and its place go by those and by what it stands in.
    """
    kinds, open_elements = set(), []
    for end, name, attributes in TAG.findall(HEAD.sub("", html)):
        if end:
            while open_elements and open_elements.pop()[0] != name:
                pass
            continue
        given = sorted((n, v if n in TELLING else "") for n, v in ATTRIBUTE.findall(attributes))
        kind = f"{name}{given}"
        kinds.add((open_elements[-1][1] if open_elements else "", kind))
        if name not in VOID and not attributes.endswith("/"):
            open_elements.append((name, kind))
    return kinds


@pytest.fixture
def pages(browser, site):
    context = browser.new_context(viewport=DESKTOP)
    yield Pages(context.new_page(), site.url)
    context.close()


@pytest.fixture(scope="package")
def passwords(site):
    """Of all people, and of an administrator, who sees Django's tables too."""
    with psycopg2.connect(site.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(MAKE_ADMINISTRATOR, ["root", make_password("of the tests")])
    return site.passwords | {"root": "of the tests"}


def test_axe_finds_nothing_and_nothing_is_too_wide_on_every_page_for_everybody(
    pages, site, passwords
):
    known = [a for a in addresses(site.database_url) if a.pattern != "logout/"]
    seen = set()
    for path in ("/login/", "/nowhere/"):
        pages.look("nobody", path)
    for who in PEOPLE:
        pages.log_in(who, passwords[who])
        if who == PEOPLE[0]:
            pages.make_token(who)
            pages.save_search(who)
        # Who may less sees no other pages, but some of them otherwise.
        new, known = pages.new_and_known(known)
        for address in new:
            pages.look(who, address.path, ways_of(address, who, seen))
            seen.add(address.pattern)
    pages.look("reader", "/vetting/new/")  # a refusal
    assert pages.told() == []
    assert {"", "candidates/<pk>/", "vetting/<pk>/vet/", "flags/images/<pk>/"} <= seen
    assert len(seen) >= 25, sorted(seen)


def ways_of(address, who, seen):
    """In which ways a person looks at a page, where pages of the patterns ``seen`` are known."""
    if address.pattern in seen:
        return TWO_WAYS if who == PEOPLE[0] else ONE_WAY
    return TWO_WAYS if address.pattern.startswith("admin/") else ALL_WAYS


def test_axe_finds_nothing_on_pages_for_what_fails(pages, passwords):
    for name, context in STATIC.items():
        answer = {"body": render_to_string(name.partition(" ")[0], context)}
        pages.page.route("**/fails/", partial(_fulfill, answer))
        pages.look("nobody", "/fails/")
        pages.page.unroute("**/fails/")
    for _ in range(11):
        pages.page.goto(f"{pages.url}/login/")
        pages.page.get_by_label("Username").fill("mallory")
        pages.page.get_by_label("Password").fill("wrong")
        with pages.page.expect_navigation():
            pages.page.keyboard.press("Enter")
    assert "Too many wrong passwords" in pages.page.title()
    pages.examine("nobody", "/login/")
    assert pages.told() == []


def _fulfill(answer, route):
    route.fulfill(**answer)


def test_axe_would_find_a_text_that_is_too_pale_and_a_page_that_is_too_wide(pages):
    body = "<html lang=en><title>t</title><main><h1>h</h1><p>pale</p><div></div></main>"
    style = "<style>p { color: #aaa; } div { width: 900px; height: 1px; }</style>"
    pages.page.route("**/pale/", lambda route: route.fulfill(body=body + style))
    pages.drawn_ms = 100  # it is too wide, however long one waits
    pages.look("nobody", "/pale/")
    ((_, found),) = pages.faults.items()
    assert any(said.startswith("color-contrast") for said in found) and "too wide" in found


def test_the_width_gives_text_no_colour_but_those_that_are_readable_anywhere(pages):
    styles = [path.read_text() for path in STYLES]
    assert len(styles) >= 8
    given = [one for style in styles for one in pages.page.evaluate(COLOURS_BY_WIDTH, style)]
    readable = [["color", f"var(--{text})"] for text in TEXTS]
    assert given and [one for one in given if one not in readable] == []
    style = "@media (max-width: 9px) { p { color: red } } @media print { p { color: red } }"
    assert pages.page.evaluate(COLOURS_BY_WIDTH, style) == [["color", "red"]]


def test_every_colour_of_text_is_readable_on_every_background(pages):
    pages.page.goto(f"{pages.url}/login/")
    pale = {}
    for scheme in ("light", "dark"):
        pages.page.emulate_media(color_scheme=scheme)
        colours = pages.page.evaluate(COLOURS, [*TEXTS, *GROUNDS])
        for text in TEXTS:
            for ground in GROUNDS:
                contrast = _contrast(colours[text], colours[ground])
                if contrast < 4.5:
                    pale[scheme, text, ground] = round(contrast, 2)
    assert pale == {}


COLOURS_BY_WIDTH = """(style) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  const ofWidth = [...sheet.cssRules].filter((rule) => /width|height/.test(rule.conditionText));
  return ofWidth.flatMap(({cssRules}) => [...cssRules]).flatMap(({style}) => [...style]
    .filter((property) => /^--|^color$|^background-(color|image)$|opacity|filter/.test(property))
    .map((property) => [property, style.getPropertyValue(property)]));
}"""
COLOURS = """(names) => Object.fromEntries(names.map((name) => {
  const probe = document.createElement("p");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const numbers = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  return [name, numbers];
}))"""


def _contrast(one, other):
    """The contrast of two colours, as WCAG 2 defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _shares(colour)]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _shares(colour):
    return [value / 255 for value in colour]
