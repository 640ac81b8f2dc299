"""Drafts for VSX, the index of variable stars of the AAVSO."""

import math

from variables.drafts.draft import Draft, DraftValue
from variables.drafts.facts import Facts
from variables.drafts.vsx_types import vsx_type
from variables.science.extrema import extremum_time

FEW_DIGITS = 6  # of a period whose error is not known


def vsx_draft(facts: Facts) -> Draft:
    """The Draft of a new variable star for VSX."""
    kind = vsx_type(facts.slugs, facts.period_days is not None)
    own = facts.curves[0]
    values = (
        DraftValue("Name", facts.name),
        DraftValue("Other names", ", ".join(facts.other_names) or "–"),
        DraftValue("Position (J2000)", facts.position),
        DraftValue("Type", kind.name or "–", kind.note),
        DraftValue("Range", _range(own), "" if own.offset else own.scale),
        DraftValue("Passband", own.passband),
        DraftValue("Period", period_text(facts)),
        *_epochs(facts, kind),
        DraftValue("Discoverer", facts.options.reporter or "–"),
        DraftValue("Remarks", _remarks(facts)),
    )
    return Draft("vsx", values, tuple(_missing(facts, kind)))


def period_text(facts) -> str:
    """The period that people agree on, in days, with as many digits as its error allows."""
    if facts.period_days is None:
        return "–"
    if facts.period_err is None or not facts.period_err > 0:
        return f"{facts.period_days:.{FEW_DIGITS}g} d"
    digits = min(max(1 - math.floor(math.log10(facts.period_err)), 0), 10)
    return f"{facts.period_days:.{digits}f} ± {facts.period_err:.{digits}f} d"


def _range(curve):
    brightest, faintest = curve.range
    if math.isnan(brightest):
        return "–"
    return f"{brightest:.2f} – {faintest:.2f} {curve.passband}"


def _epochs(facts, kind):
    """Times of a maximum or a minimum at the Sun and at the barycentre."""
    word = "minimum" if kind.from_minimum else "maximum"
    for scale, name in (("HJD (UTC)", "hjd"), ("BJD (TDB)", "bjd_tdb")):
        yield DraftValue(f"Epoch of {word}, {scale}", _epoch(facts, name, kind.from_minimum))


def _epoch(facts, name, is_minimum):
    if facts.period_days is None:
        return "–"
    own = facts.curves[0]
    columns = getattr(own, name), own.mag, own.mag_err
    found = extremum_time(*columns, facts.period_days, is_minimum)
    return "–" if math.isnan(found) else f"{found:.5f}"


def _remarks(facts):
    n = len(facts.curves[0])
    others = [f"{len(one)} in {one.filter}" for one in facts.curves[1:]]
    epochs = ", ".join([f"{n} in {facts.curves[0].filter}", *others])
    votes = f"{facts.n_votes} {'person' if facts.n_votes == 1 else 'people'}"
    return f"Measurements: {epochs}. Class {facts.choice.label}, by {votes}."


def _missing(facts, kind):
    if not kind.name:
        yield f"type: {kind.note}"
    if not facts.options.reporter:
        yield "discoverer: set drafts.reporter in galproject.toml, or write it in"
    if not facts.other_names:
        yield "names in other catalogues: none is matched; look it up"
    if facts.curves[0].offset is None:
        yield "calibrated magnitudes: load a published catalogue and run calibrate_references"
    elif facts.curves[0].offset.zero_point.is_other_band:
        yield "a zero point of the filter itself: that of a band near it is weaker"
    if facts.period_days is None:
        yield "period and epoch: people agree on none; leave them out where it has none"
    yield "references: add what was published about it"
