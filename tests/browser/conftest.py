"""A browser, and pages in it that tell of whatever goes wrong on them."""

import os
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.chromium import chromium_program
from benchmarks.seeded_site import Site, seeded_site

DESKTOP = {"width": 1280, "height": 800}
# Not even a name is looked up.
NO_OTHER_HOST = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
QUIET_MS = 40
# As long as anything may take on a machine that is busy; what is so already is not waited for.
expect.set_options(timeout=15_000)


@dataclass
class Visit:
    """A page of somebody who is logged in, and what went wrong on it so far."""

    site: Site
    page: Page
    faults: list = field(default_factory=list)
    open_requests: set = field(default_factory=set)

    def go(self, address):
        """Open an address of the site; waits until all that it needs is there."""
        response = self.page.goto(self.site.url + address)
        self.wait_until_quiet()
        assert response.status == 200, f"{address}: {response.status}"
        return self.page

    def wait_until_quiet(self):
        """Wait until two looks find no request going on."""
        quiet = 0
        while quiet < 2:
            self.page.wait_for_timeout(QUIET_MS)
            quiet = 0 if self.open_requests else quiet + 1

    def log_in(self, name):
        self.go("/login/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(self.site.passwords[name])
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.site.url}/")

    def watch(self):
        """Note errors of scripts and of the security policy, and requests that fail or leave."""
        page, note = self.page, self.faults.append
        page.on("console", lambda m: m.type == "error" and note(f"{page.url}: {m.text}"))
        page.on("pageerror", lambda error: note(f"{page.url}: {error}"))
        # Playwright marks the functions that it calls, which those of a set don't allow.
        page.on("request", lambda request: self.open_requests.add(request))
        page.on("requestfinished", lambda request: self.open_requests.discard(request))
        page.on("requestfailed", self._note_failed)
        page.on("response", lambda r: r.status >= 400 and note(f"{r.status} of {r.url}"))
        page.route(lambda url: not self._is_here(url), self._refuse)

    def _is_here(self, url):
        return url.startswith((self.site.url, "data:", "blob:"))

    def _refuse(self, route):
        self.faults.append(f"{self.page.url} asks for {route.request.url}")
        route.abort()

    def _note_failed(self, request):
        self.open_requests.discard(request)
        # What a page has not got yet when one leaves it is not wanted any more.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"{request.url}: {request.failure}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fail where a test of the pages is skipped and GALPROJECT_REQUIRE_BROWSER forbids it."""
    report = yield
    if report.skipped and os.environ.get("GALPROJECT_REQUIRE_BROWSER"):
        *_, reason = report.longrepr
        report.outcome, report.longrepr = (
            "failed",
            f"skipped, where a browser is required: {reason}",
        )
    return report


# Of the package: a browser that is driven from here forbids Django to ask a database of its own,
# so that the template is there before it.
@pytest.fixture(scope="package")
def browser(template):
    program = chromium_program()
    if program is None:
        pytest.skip("there is no Chromium: scripts/browser installs it where it can")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", NO_OTHER_HOST]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(template, browser, tmp_path_factory):
    with seeded_site(tmp_path_factory.mktemp("pictures"), template=template) as site:
        yield site


@pytest.fixture(scope="package")
def sessions():
    """Cookies of those who have logged in, by name."""
    return {}


@pytest.fixture
def visit(browser, site, sessions):
    """Logs somebody in: ``visit(name, **of the browser's context)``; nothing may go wrong.

    Who was logged in before still is, unless ``is_new``.
    """
    visits = []

    def begin(name, is_new=False, viewport=DESKTOP, **options):
        known = None if is_new else sessions.get(name)
        context = browser.new_context(viewport=viewport, storage_state=known, **options)
        visits.append(Visit(site, context.new_page()))
        visits[-1].page.set_default_timeout(15_000)
        visits[-1].watch()
        if not known:
            visits[-1].log_in(name)
            sessions[name] = context.storage_state()
        return visits[-1]

    yield begin
    for visit in visits:
        visit.page.context.close()
    assert [fault for visit in visits for fault in visit.faults] == []
