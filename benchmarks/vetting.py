"""How quickly the pages of vetting answer, in a real browser before the real server.

A survey of 40,000 candidates and a million measurements is made up in a database of its own and
served as ``manage.py serve`` does; a headless Chromium votes by keyboard. Ends with one JSON line:
``key_to_card_p95_ms`` (from a key to the frame after the next card's text and cutouts are painted),
``contact_sheet_ms`` (from a click to the frame after the pictures of all tiles of a window of
1280 x 800 are decoded, median), ``contact_sheet_kb`` (of those pictures),
``list_p95_ms`` (of lists of candidates over filters and orders, as the browser waits for them).
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.chromium import chromium_program
from benchmarks.seeded_site import seeded_site

CARDS, SHEET = "Detected three times or more", "One-offs in i"
N_KEYS, N_SHEETS, N_LISTS = 120, 8, 60
PAUSE_MS = 300  # between two keys; a vetter is slower
# A key's time is when the browser had it, before any script.
WATCH_CARDS = """() => {
  const painted = () => new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(done)));
  const card = document.getElementById("card");
  window.drawn = [];
  addEventListener("keydown", async (event) => {
    const before = card.dataset.shown;
    while (card.dataset.shown === before) await new Promise(requestAnimationFrame);
    const pictures = [...card.querySelectorAll("svg image")];
    await Promise.all(pictures.map((picture) => picture.decode().catch(() => {})));
    await painted();
    window.drawn.push([performance.now() - event.timeStamp, pictures.length]);
  }, {capture: true});
}"""
CLICK = """(link) => {
  sessionStorage.setItem("clicked", performance.timeOrigin + performance.now());
  link.click();
}"""
SHEET_DRAWN = """async () => {
  const tiles = () => [...document.querySelectorAll("#sheet .tile-button")];
  while (!tiles().length) await new Promise(requestAnimationFrame);
  const pictures = [...document.querySelectorAll("#sheet svg image")];
  await Promise.all(pictures.map((picture) => picture.decode().catch(() => {})));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const now = performance.timeOrigin + performance.now();
  const addresses = new Set(pictures.map((picture) => picture.href.baseVal));
  const sizes = performance.getEntriesByType("resource")
    .filter(({name}) => addresses.has(new URL(name).pathname + new URL(name).search))
    .map(({encodedBodySize}) => encodedBodySize);
  const kb = sizes.reduce((sum, size) => sum + size, 0) / 1000;
  return [now - Number(sessionStorage.getItem("clicked")), tiles().length, addresses.size, kb];
}"""
NAVIGATION = """() => {
  const [entry] = performance.getEntriesByType("navigation");
  return [entry.responseEnd - entry.requestStart, entry.loadEventEnd];
}"""


def log_in(page, site, name):
    page.goto(f"{site.url}/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(site.passwords[name])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}/")


def campaign_url(page, site, name):
    page.goto(f"{site.url}/vetting/")
    link = page.get_by_role("link", name=name, exact=True).first
    return site.url + link.get_attribute("href")


def measure_cards(page, site, n):
    """Milliseconds from each of ``n`` keys to the next card."""
    page.goto(campaign_url(page, site, CARDS) + "vet/")
    page.wait_for_selector("body[data-ready]")
    page.evaluate(WATCH_CARDS)
    for k in range(n):
        page.wait_for_timeout(PAUSE_MS)
        page.keyboard.press("reu"[k % 3])
        page.wait_for_function("(n) => window.drawn.length === n", arg=k + 1)
    drawn = page.evaluate("window.drawn")
    n_pictures = statistics.median(pictures for _, pictures in drawn)
    print(f"{len(drawn)} cards, of {n_pictures:.0f} cutouts each", file=sys.stderr)
    return [ms for ms, _ in drawn]


def measure_sheets(page, site, n):
    """Milliseconds from the click on a campaign's lane to its contact sheet, kB; ``n`` times."""
    times, sizes = [], []
    campaign = campaign_url(page, site, SHEET)
    for _ in range(n):
        page.goto(campaign)
        page.locator("a[href$='/vet/']").first.evaluate(CLICK)
        page.wait_for_selector("#sheet .tile-button")
        ms, n_tiles, n_pictures, kb = page.evaluate(SHEET_DRAWN)
        times.append(ms)
        sizes.append(kb)
        # The next sheet has other tiles, which the browser has not got yet.
        page.wait_for_selector(f"#sheet[data-seen='{n_pictures}']")
        page.locator("#batch button").click()
        page.wait_for_function("() => document.getElementById('unsaved').hidden")
    print(f"{len(times)} sheets of {n_tiles} tiles, {n_pictures} pictures", file=sys.stderr)
    return times, sizes


def list_queries(n):
    """Queries of lists: every order with every kind of filter, in turn."""
    filters = [
        {},
        {"detections_min": 2},
        {"detections_min": 1, "detections_max": 1, "filter": "i"},
        {"filter": "g", "mag_min": 16, "mag_max": 19},
        {"sigma_min": 40},
        {"change_min": 0.5, "vetted": "not-me"},
        {"cause": "edge"},
        {"artifact": "both", "chip": 28},
        {"position": "270.5 -30.1", "radius": 600},
        {"vetted": "nobody", "detections_min": 3},
    ]
    orders = ["-n_detections", "-max_significance", "reference_mag", "-last_mjd", "ra", "-rms_mag"]
    return [
        urlencode(filters[k % len(filters)] | {"sort": orders[k // len(filters) % len(orders)]})
        for k in range(n)
    ]


def measure_lists(page, site, n):
    """Milliseconds until lists have come, and until they are drawn, ``n`` of them."""
    page.goto(f"{site.url}/candidates/")  # what is cached is cached
    times = []
    for query in list_queries(n):
        page.goto(f"{site.url}/candidates/?{query}", wait_until="load")
        page.wait_for_function(
            "() => performance.getEntriesByType('navigation')[0].loadEventEnd > 0"
        )
        times.append(page.evaluate(NAVIGATION))
        print(f"{times[-1][0]:6.0f} {times[-1][1]:6.0f}  {query}", file=sys.stderr)
    return zip(*times, strict=True)


def p95(times):
    return round(float(np.percentile(times, 95)), 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small survey, to try it out")
    quick = parser.parse_args().quick
    size = (2000, 40_000, 1000) if quick else (40_000, 1_000_000, 4000)
    n_keys, n_sheets, n_lists = (20, 3, 10) if quick else (N_KEYS, N_SHEETS, N_LISTS)
    program = chromium_program()
    if program is None:
        raise SystemExit("There is no Chromium here: scripts/browser installs it")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, seeded_site(folder, *size) as site:
        print(f"seeded in {time.monotonic() - started:.0f} s", file=sys.stderr)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            log_in(page, site, "vetter")
            lists, drawn = measure_lists(page, site, n_lists)
            cards = measure_cards(page, site, n_keys)
            sheets, sizes = measure_sheets(page, site, n_sheets)
            browser.close()
    result = {
        "key_to_card_p95_ms": p95(cards),
        "contact_sheet_ms": round(statistics.median(sheets), 1),
        "contact_sheet_kb": round(statistics.median(sizes)),
        "list_p95_ms": p95(lists),
        "key_to_card_median_ms": round(statistics.median(cards), 1),
        "list_median_ms": round(statistics.median(lists), 1),
        "list_drawn_p95_ms": p95(drawn),
        "candidates": size[0],
        "measurements": size[1],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
