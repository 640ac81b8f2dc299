"""Template tags for exposures side by side, with sortable headings."""

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.html import format_html

from galproject.references.quality import COLUMNS

register = template.Library()
ABOUT = {name: (unit, digits, end) for name, _, unit, digits, end in COLUMNS}


@register.simple_tag
def reference_value(quality, name, best, bare=False):
    """A value with its unit unless ``bare``, starred if it is the best of all."""
    value = getattr(quality, name)
    unit, digits, _ = ABOUT[name]
    if value is None:
        return format_html('<span class="faint">{}</span>', "–")
    text = intcomma(f"{value:.{digits}f}")
    if name == "n_done":
        text = f"{value} of {quality.n_chips}"
    space = "" if unit in ("″", "") else "\N{NO-BREAK SPACE}"
    text += "" if bare else f"{space}{unit}"
    if value != best.get(name):
        return text
    return format_html(
        '<b class="best">{}<span class="star" title="best of all">★</span></b>', text
    )


@register.inclusion_tag("galproject/_reference_heading.html", takes_context=True)
def reference_heading(context, name, label, unit, sort):
    """A heading that sorts by its column, best first, then reversed."""
    is_up = name in ("rank", "mjd") or ABOUT[name][2] is min
    first = name if is_up else f"-{name}"
    other = f"-{name}" if is_up else name
    return {
        "request": context["request"],
        "label": label,
        "unit": unit,
        "is_number": name not in ("mjd",),
        "next": other if sort == first and name != "rank" else first,
        "direction": {name: "ascending", f"-{name}": "descending"}.get(sort),
    }
