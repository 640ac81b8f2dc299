"""Options rendered as a table, a TOML file and documentation."""

import json
from operator import attrgetter
from textwrap import wrap

WIDTH = 100
MARKDOWN_HEAD = """# Options

Every option of the pipeline, with its unit and default; results refer to the set that they were
made with (`galoptionsets`). This page is what `manage.py options --markdown` prints.

Set them in one TOML file, `galproject.toml` in the project's folder or wherever
`GALPROJECT_OPTIONS` says (`manage.py options --toml` prints a complete one),

```toml
[selection]
threshold_sigma = 12
```

or in the environment, which counts more than the file:

```
GALPROJECT_OPTION_SELECTION__THRESHOLD_SIGMA=12
```

`manage.py options` shows what is in force and where it was set; `--check FILE` checks a file.
A dash is None: leave the option out.

## Which options count, and when

- What is made of pixels goes by the options of its run, which are stored with the image: `input`,
  `catalogue`, `catalogue_cuts`, `reduction`, `quality`, `selection`, and `new_sources` where stars
  are searched. After a change of these `manage.py reprocess` makes over what was made with others.
- Variables that are selected anew, because their reference's set has changed, are selected with the
  options that their image was processed with; means of a set are made with those that are stored
  with the set, until `manage.py reference_set update`.
- What is derived from stored rows goes by the options in force whenever it is derived: `causes`
  (`manage.py refresh_candidates` derives all anew), `artifacts` (proposals that are there stay;
  `propose_flags` adds to them), `consensus` (with the next vote), `ranking`, `fields`, `periods`,
  `drafts`, `absolute` (`calibrate_references`), `matching` (`match_catalogues`), `crossmatch`
  (`crossmatch_filters`), `stack` (a stack is made again when it is asked for), and `pictures`
  (cutouts that are there stay as they were drawn). Their change makes no image out of date.
- `files` says what a file may ask for, and whether its checksums count: it goes by the options in
  force where and when a file is read, and its change makes no image out of date either.

## What is no option

- Where sums and fits end: tolerances and damping of solvers, iterations that need only be enough,
  ridges against singular matrices, sizes of batches, cells and tables. Results don't depend on them
  beyond the last digits.
- What defines a figure or a model: the 19 x 19 pixels of `rchi2`, `fracflux` and `quality`, the 5
  sigma of a limiting magnitude, percentiles of an amplitude, the bounds of a PSF's shape (on which
  a fit is doubted), orders of splines, conversions of units, formats of files.
- Thresholds that are tied to a method, with their values. Of the search: sources of the last pass
  stay above 0.6 of the threshold, or 1e5 ADU, as in crowdsource. Of the sky: a skewness above 0.2
  counts as 0.2, and a box of 30 pixels needs 20 usable ones. Of a set's means: wings of stars are
  cut at 0.05 sigma of a pixel. Of errors beside a plain image: the stars' photons are in them where
  the variance of 20 pixels or more above 30 sigma is 1.15 of the sky's, and a weight is relative
  where it is a factor of 10 from the noise. Of impossible pixels: the darkest sky is that of boxes
  of 64 pixels, half usable. Of trails: strips of 80 pixels to either side, background beyond 48.
- What bounds work: the longest lists, pages and answers, times that locks are waited for.
- What is only shown: greys, colours, ranges of plots, radii of neighbours on a page.
- What simulations and `inject` do: their commands have arguments, which `--help` tells.
"""


def as_table(sections, options, configured):
    """A table of all options with current values, each with its meaning below."""
    lines = []
    for section in sections:
        lines += [f"[{section.name or 'general'}] {section.meaning}"]
        for option in section.options:
            value = attrgetter(option.name)(options)
            origin = configured[option.name].origin if option.name in configured else "default"
            default = "" if origin == "default" else f", default {show(option.default)}"
            name = option.name.rpartition(".")[2]
            unit = "" if option.unit in ("text", "count", "order") else f" {option.unit}"
            lines.append(f"  {name} = {show(value)}{unit}  ({origin}{default})")
            lines += wrap(option.meaning, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
        lines.append("")
    return "\n".join(lines).rstrip()


def as_toml(sections):
    """A TOML file of all defaults; options without a default are commented out."""
    lines = []
    for section in sections:
        lines += ["", *_comment(section.meaning)]
        lines += [f"[{section.name}]"] if section.name else []
        for option in section.options:
            allowed = f"; {option.allowed}" if option.allowed else ""
            lines += ["", *_comment(f"{option.meaning} [{option.unit}{allowed}]")]
            name = option.name.rpartition(".")[2]
            is_unset = option.default is None or option.name == "catalogue"
            lines.append(f"# {name} =" if is_unset else f"{name} = {show(option.default)}")
    return "\n".join(lines).strip()


def as_markdown(sections):
    """A Markdown page with a table for each section."""
    parts = [MARKDOWN_HEAD]
    for section in sections:
        rows = [
            f"| `{o.name.rpartition('.')[2]}` | {show(o.default)} | {o.unit} | "
            f"{o.allowed} | {o.meaning} |"
            for o in section.options
        ]
        head = ["| option | default | unit | allowed | meaning |", "|---|---|---|---|---|"]
        title = f"`[{section.name}]`" if section.name else "At the top"
        parts.append("\n".join([f"## {title}", "", section.meaning, "", *head, *rows, ""]))
    return "\n".join(parts).rstrip()


def show(value):
    """A value in TOML; a dash for None."""
    return "-" if value is None else json.dumps(value)


def _comment(text):
    return wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ")
