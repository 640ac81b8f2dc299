"""Template tags that format candidates."""

from datetime import date, timedelta

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from variables.candidates import positions
from variables.candidates.columns import OPINIONS
from variables.candidates.known import known_as, known_label, known_text
from variables.models import GalCandidate
from variables.models.causes import Cause

register = template.Library()
UNKNOWN = "–"
LEAST_PER_MILLION = 0.01
LEAST_PROBABILITY = 1e-3
LEAST_PERCENT = 1e-3
MJD_0 = date(1858, 11, 17)
FIRST_DAY, LAST_DAY = (date.min - MJD_0).days, (date.max - MJD_0).days  # that have a date


@register.filter
def sexagesimal(candidate):
    """Right ascension in hours and declination in degrees, to be read and copied."""
    return positions.sexagesimal(candidate.ra, candidate.dec)


@register.filter
def galactic(candidate):
    """Galactic longitude and latitude in degrees."""
    longitude, latitude = positions.galactic(candidate.ra, candidate.dec)
    return f"l {longitude:.3f}° b {latitude:+.3f}°"


@register.filter
def date_of(mjd):
    """The date of an MJD (UTC)."""
    if mjd is None or not FIRST_DAY <= mjd <= LAST_DAY:  # as NaN isn't
        return UNKNOWN
    return (MJD_0 + timedelta(days=mjd)).isoformat()


@register.filter
def per_million(share):
    """A share as a number in a million, such as 30, 0.2 or, below a hundredth, less than 0.01."""
    number = 1e6 * share
    if number < LEAST_PER_MILLION:
        return f"less than {LEAST_PER_MILLION}"
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


@register.filter
def probability(value):
    """A probability to two digits, in powers of ten where it is small."""
    return f"{value:.2g}" if value >= LEAST_PROBABILITY else f"{value:.0e}"


@register.filter
def percentage(value):
    """A probability in percent; "< 0.1%" and "> 99.9%" at its ends."""
    if value < LEAST_PERCENT:
        return f"< {LEAST_PERCENT:.1%}"
    return f"> {1 - LEAST_PERCENT:.1%}" if value > 1 - LEAST_PERCENT else f"{value:.1%}"


@register.filter
def significant(days):
    """A period to six digits."""
    return f"{days:.6g}"


register.filter(known_text)


@register.simple_tag
def cells(candidate, columns, may_vote=False):
    """The cells of a candidate's row, made here because a template takes four times as long.

    To those who may not vote a class that is not shown yet is not promised after their vote.
    """
    return format_html_join(
        "",
        '<td data-label="{}" class="{}">{}</td>',
        ((column.heading, column.css, cell(candidate, column, may_vote)) for column in columns),
    )


def cell(candidate, column, may_vote=False):
    """The value of a Column in a list."""
    if column.name == "consensus__slug":
        return _class(candidate, may_vote)
    if column.name == "n_votes":
        return UNKNOWN if candidate.opinion.n_votes is None else candidate.opinion.n_votes
    if column.name == "cause":
        return _cause(candidate)
    if column.name == "known":
        return _known(candidate)
    if column.name == "ccdnum":
        return _chip(candidate)
    if column.name in OPINIONS:
        return _opinion(candidate, column)
    if column.name == "failed_cuts":
        return labels(candidate.cuts()) or UNKNOWN
    value = getattr(candidate, column.name)
    if column.name.endswith("_mjd"):
        return date_of(value)
    if value is None:
        return _change(candidate) if column.name == "max_delta_mag" else UNKNOWN
    return _written(value, column)


def _written(value, column):
    if isinstance(value, bool):
        return "yes" if value else UNKNOWN
    if column.digits is None:
        return value
    sign = "+" if "delta" in column.name else ""
    return f"{value:{sign},.{column.digits}f}".replace("-", "−")


def _opinion(candidate, column):
    """What people said of it beside their class, as far as the user may see that."""
    opinion = candidate.opinion
    seen = {
        "is_disputed": opinion.is_disputed,
        "agreed_period_days": opinion.period_days,
        "agreed_period_err": opinion.period_err,
    }
    value = seen[column.name]
    return UNKNOWN if value is None else _written(value, column)


def _cause(candidate):
    if candidate.cause == Cause.REAL:
        return UNKNOWN
    return format_html('<abbr title="{}">{}</abbr>', candidate.get_cause_display(), candidate.cause)


def _known(candidate):
    label = known_label(candidate)
    if not label:
        return UNKNOWN
    text = known_text(candidate)
    said = format_html('<span title="{}">{}</span>', text, label)
    if not (name := known_as(candidate)):
        return said
    return format_html('{}<small class="known-as" title="{}">{}</small>', said, text, name)


def _change(candidate):
    """The text in place of a change without a size."""
    kind = candidate.kind
    return "vanished" if kind == GalCandidate.Kind.CHANGED else kind


def _chip(candidate):
    url = reverse("image", args=[candidate.catalogue.image_id])
    return format_html('<a href="{}" title="chip of the reference">{}</a>', url, candidate.ccdnum)


def _class(candidate, may_vote):
    if not candidate.shows_class:
        when = "shown after your own vote" if may_vote else "shown when its campaign is closed"
        return format_html('<span title="{}">blind</span>', when)
    opinion = candidate.opinion
    if opinion.is_disputed:
        return "disputed"
    return opinion.choice.label if opinion.choice else UNKNOWN


@register.filter
def labels(cuts):
    """The names of cuts, joined."""
    return ", ".join(cut.label for cut in cuts)
