"""Options as a table, as a TOML file and as documentation."""

import json
from operator import attrgetter
from textwrap import wrap

WIDTH = 100
MARKDOWN_HEAD = """# Options

Every option of the pipeline, with its unit and default; each is stored with the results that it
made (`galimages.options`). This page is what `manage.py options --markdown` prints.

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
"""


def as_table(sections, options, said):
    """Each option with its value now, a line each and its meaning below."""
    lines = []
    for section in sections:
        lines += [f"[{section.name or 'general'}] {section.meaning}"]
        for option in section.options:
            value = attrgetter(option.name)(options)
            origin = said[option.name].origin if option.name in said else "default"
            default = "" if origin == "default" else f", default {show(option.default)}"
            name = option.name.rpartition(".")[2]
            unit = "" if option.unit in ("text", "count", "order") else f" {option.unit}"
            lines.append(f"  {name} = {show(value)}{unit}  ({origin}{default})")
            lines += wrap(option.meaning, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
        lines.append("")
    return "\n".join(lines).rstrip()


def as_toml(sections):
    """A file that sets every option to its default; options without one are commented out."""
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
    """A page with a table of each section."""
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
    """A value as TOML writes it; a dash for none."""
    return "-" if value is None else json.dumps(value)


def _comment(text):
    return wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ")
