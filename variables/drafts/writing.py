"""Drafts as files, for a page and for a folder."""

from pathlib import Path

from exposures.errors import GalprojectError
from variables.drafts.chart import finding_chart
from variables.drafts.curves import light_curve_text
from variables.drafts.draft import Draft
from variables.drafts.facts import Facts
from variables.drafts.plot import light_curve_plot
from variables.drafts.tns import tns_draft, tns_json
from variables.drafts.vsx import vsx_draft

LIGHT_CURVE, CHART, ENTRY, REPORT = "light-curve.txt", "chart.png", "entry.txt", "at-report.json"
PLOT = "light-curve.png"
DRAFTS = {"vsx": vsx_draft, "tns": tns_draft}


def draft_for(to: str, facts: Facts) -> Draft:
    """The Draft for "vsx" or "tns"."""
    return DRAFTS[to](facts)


def files_of(to: str) -> tuple[str, ...]:
    """Names of the files of a draft for "vsx" or "tns"."""
    return (ENTRY, *((REPORT,) if to == "tns" else ()), LIGHT_CURVE, PLOT, CHART)


def content_of(name: str, to: str, facts: Facts) -> bytes:
    """A file of a draft. Raises GalprojectError if it can't be made."""
    if name == CHART:
        return finding_chart(facts.candidate, facts.name, facts.options.chart_arcsec)
    if name == LIGHT_CURVE:
        return light_curve_text(facts.name, facts.curves).encode()
    if name == PLOT:
        return light_curve_plot(facts.name, facts.curves, facts.period_days)
    text = tns_json(facts) if name == REPORT else draft_for(to, facts).text
    return text.encode()


def write_draft(to: str, facts: Facts, folder: Path) -> list[Path]:
    """Write the files of a draft into a folder, which is made; the paths.

    All are made before the first is written. Raises GalprojectError if one can't be.
    """
    contents = {name: content_of(name, to, facts) for name in files_of(to)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise GalprojectError(f"{folder} can't be written to ({error.strerror})") from error
    return [folder / name for name in contents]
