"""Mermaid's flow charts drawn as SVG when the site is built: boxes in rows, arrows downwards.

Only of what docs/architecture.md has, ``a["text"] --> b["text"]``; other drawings stay as text.
"""

import re
from html import escape
from itertools import pairwise

from docutils import nodes
from pygments.lexers.special import TextLexer

ARROW = re.compile(r'\s*(\w+)\["([^"]+)"\] --> (\w+)\["([^"]+)"\]')
ROW_HEIGHT, BOX_HEIGHT, LETTER, GAP = 70, 30, 8, 22  # pixels
SWEEPS = 12  # over the rows, to bring boxes near to those that they are connected with
STYLE = "fill:none;stroke:currentColor"


def setup(app):
    app.add_lexer("mermaid", TextLexer)
    app.connect("doctree-read", draw)
    return {"parallel_read_safe": True}


def draw(app, doctree):
    """Put pictures in place of the flow charts of a document."""
    for block in list(doctree.findall(nodes.literal_block)):
        if block.get("language") == "mermaid" and (arrows := arrows_of(block.astext())):
            block.replace_self(nodes.raw("", picture(*arrows), format="html"))


def arrows_of(text):
    """{name: text} of the boxes and (from, to) of the arrows; None where there is anything else."""
    lines = [line for line in text.splitlines()[1:] if line.strip()]
    matches = [ARROW.fullmatch(line) for line in lines]
    if not matches or not all(matches):
        return None
    labels = {m[i]: m[i + 1] for m in matches for i in (1, 3)}
    return labels, [(m[1], m[3]) for m in matches]


def picture(labels, arrows) -> str:
    """The drawing as HTML."""
    paths = _paths(labels, arrows)
    rows = _rows(paths)
    x, width = _places(rows, labels)
    y = {box: 8 + i * ROW_HEIGHT for i, row in enumerate(rows) for box in row}
    parts = [_line(path, x, y) for path in paths]
    parts += [_box(labels[name], x[name], y[name]) for name in labels]
    height = 16 + (len(rows) - 1) * ROW_HEIGHT + BOX_HEIGHT
    told = "; ".join(f"{labels[a]} imports {labels[b]}" for a, b in arrows)
    return (
        f'<div style="overflow-x:auto"><svg width="{width:.0f}" height="{height}" role="img"'
        f' aria-label="{escape(told)}" style="font:14px sans-serif">{"".join(parts)}</svg></div>'
    )


def _paths(labels, arrows):
    """Each arrow as what it passes in every row: its ends, and (from, to, row) in between."""
    row = dict.fromkeys(labels, 0)
    for _ in labels:
        for a, b in arrows:
            row[b] = max(row[b], row[a] + 1)
    return [
        [(row[a], a), *((k, (a, b, k)) for k in range(row[a] + 1, row[b])), (row[b], b)]
        for a, b in arrows
    ]


def _rows(paths):
    """What is in each row, in an order in which arrows cross little."""
    steps = [(one[1], other[1]) for path in paths for one, other in pairwise(path)]
    row = {box: k for path in paths for k, box in path}
    rows = [[box for box in row if row[box] == k] for k in range(max(row.values()) + 1)]
    above, below = {}, {}
    for one, other in steps:
        below.setdefault(one, []).append(other)
        above.setdefault(other, []).append(one)
    for sweep in range(SWEEPS):
        place = {box: (i + 0.5) / len(own) for own in rows for i, box in enumerate(own)}
        near = below if sweep % 2 else above
        for own in reversed(rows) if sweep % 2 else rows:
            own.sort(key=lambda b: _mean([place[n] for n in near.get(b, [b])]))
            place.update({box: (i + 0.5) / len(own) for i, box in enumerate(own)})
    return rows


def _mean(values):
    return sum(values) / len(values)


def _places(rows, labels):
    """{box: x of its middle} with each row in the middle of the drawing, and the width of that."""
    widths = {b: _width(labels.get(b, "")) for row in rows for b in row}
    totals = [sum(widths[b] + GAP for b in row) for row in rows]
    x = {}
    for row, total in zip(rows, totals, strict=True):
        left = (max(totals) - total + GAP) / 2
        for box in row:
            x[box] = left + widths[box] / 2
            left += widths[box] + GAP
    return x, max(totals)


def _width(label):
    return len(label) * LETTER + 20 if label else 0


def _line(path, x, y):
    """An arrow; past the boxes of the rows between its ends it goes straight down."""
    line = f"M{x[path[0][1]]:.0f} {y[path[0][1]] + BOX_HEIGHT}"
    for (_, one), (_, other) in pairwise(path):
        top, end = y[one] + BOX_HEIGHT, y[other]
        middle = (top + end) / 2
        line += f"L{x[one]:.0f} {top}C{x[one]:.0f} {middle} {x[other]:.0f} {middle}"
        line += f" {x[other]:.0f} {end}"
    tip = x[path[-1][1]], y[path[-1][1]]
    head = f"M{tip[0] - 4:.0f} {tip[1] - 7}L{tip[0]:.0f} {tip[1]}L{tip[0] + 4:.0f} {tip[1] - 7}"
    return f'<path d="{line}{head}" style="{STYLE};opacity:0.6"/>'


def _box(label, x, y):
    width = _width(label)
    return (
        f'<rect x="{x - width / 2:.0f}" y="{y}" width="{width}" height="{BOX_HEIGHT}" rx="4"'
        f' style="{STYLE}"/><text x="{x:.0f}" y="{y + 20}" text-anchor="middle"'
        f' fill="currentColor">{escape(label)}</text>'
    )
