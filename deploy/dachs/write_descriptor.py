#!/usr/bin/env python3
"""Write q.rd, the descriptor of a release for DaCHS, by the columns that exports have.

Run it with the project's Python when these change; a test fails where q.rd is out of date.
"""

import os
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")
import django  # noqa: E402

django.setup()

from galproject.export.columns import CELL, FLAT, NESTED, ExportColumn  # noqa: E402
from galproject.export.provenance import IMAGE_COLUMNS  # noqa: E402

DESCRIPTOR = Path(__file__).with_name("q.rd")
TYPES = {"int64": "bigint", "int32": "integer", "int16": "smallint", "bool": "boolean"}
TYPES |= {"string": "text", "float": "real", "double": "double precision"}
KEY = "source_id"
NO_NUMBER = -32768  # of whole numbers in VOTables, where there is none
KEY_COLUMN = next(column for column in FLAT if column.name == KEY)
IMAGE_UCDS = {
    "catalogue_id": "meta.id",
    "image_id": "meta.id;meta.main",
    "instrument": "meta.id;instr",
    "exposure": "meta.id;obs",
    "filter": "meta.id;instr.filter",
    "mjd": "time.epoch;obs.exposure",
    "exposure_seconds": "time.duration;obs.exposure",
    "zero_point": "phot.mag;arith.zp",
}
# Each with what it is, the column of its index beside positions and keys, and its columns.
TABLES = {
    "sources": (
        "Sources of reference images with statistics over all epochs, in each filter by itself",
        "object_id",
        [column for column in FLAT if column.name != CELL],
    ),
    "epochs": (
        "Measurements of all sources, one row an epoch",
        KEY,
        [KEY_COLUMN, *NESTED["lightcurve"]],
    ),
    "nondetections": (
        "Epochs at which a source was looked for in vain, with upper limits",
        KEY,
        [KEY_COLUMN, *NESTED["nondetections"]],
    ),
    "images": (
        "Images that epochs are of, for each reference catalogue",
        "image_id",
        [
            ExportColumn(name, kind, unit, IMAGE_UCDS.get(name, ""), said)
            for name, kind, unit, said in IMAGE_COLUMNS
        ],
    ),
}
HEAD = """<?xml version="1.0" encoding="utf-8"?>
<!-- TAP over a release of a survey, for GAVO DaCHS: docs/virtual-observatory.md.

write_descriptor.py writes this file by the columns of exports, load_release.py fills the tables by
what stands here. -->
<resource schema="galproject">
  <meta name="title">galproject: variable stars in the Galactic plane</meta>
  <meta name="creationDate">2026-11-30T00:00:00Z</meta>
  <meta name="description">Light curves of all stars in crowded fields of the Galactic plane, by
    forced photometry at the positions of reference images, with statistics of their variability,
    periods, and cross-matches between filters.</meta>
  <meta name="creator">The galproject survey</meta>
  <meta name="subject">variable-stars</meta>
  <meta name="subject">time-domain-astronomy</meta>
  <meta name="subject">surveys</meta>
  <meta name="coverage.waveband">Optical</meta>
"""
TAIL = """
  <data id="import" updating="True">
{makes}
  </data>

  <service id="cone" allowed="scs.xml,form">
    <meta name="title">galproject sources cone search</meta>
    <meta name="shortName">galproject cone</meta>
    <meta name="testQuery.ra">266.0</meta>
    <meta name="testQuery.dec">-29.0</meta>
    <meta name="testQuery.sr">0.01</meta>
    <scsCore queriedTable="sources">
      <FEED source="//scs#coreDescs"/>
    </scsCore>
  </service>
</resource>
"""


def descriptor() -> str:
    """The descriptor as it should be."""
    tables = [_table(name, *facts) for name, facts in TABLES.items()]
    makes = "\n".join(f'    <make table="{name}"/>' for name in TABLES)
    return "\n".join([HEAD, *tables]) + TAIL.format(makes=makes)


def _table(name, said, indexed, columns):
    is_main = columns[0].name == KEY and name == "sources"
    more = f' mixin="//scs#q3cindex" primary="{KEY}"' if is_main else ""
    lines = [
        f'  <table id="{name}" onDisk="True" adql="True"{more}>',
        f'    <meta name="description">{said}.</meta>',
        f'    <index columns="{indexed}"/>',
        *map(_column, columns),
    ]
    if not is_main and columns[0].name == KEY:
        lines.append(f'    <foreignKey source="{KEY}" inTable="sources" metaOnly="True"/>')
    return "\n".join([*lines, "  </table>", ""])


def _column(column):
    facts = {"name": column.name, "type": TYPES[str(column.type)], "unit": column.unit}
    facts |= {"ucd": column.ucd}
    told = " ".join(f"{name}={quoteattr(value)}" for name, value in facts.items() if value)
    own = f"    <column {told}\n        description={quoteattr(column.description)}"
    if column.name == KEY:
        return f'{own} required="True"/>'
    if "int" in str(column.type):
        return f'{own}>\n      <values nullLiteral="{NO_NUMBER}"/>\n    </column>'
    return f"{own}/>"


if __name__ == "__main__":
    DESCRIPTOR.write_text(descriptor())
