"""Definitions of published catalogues: those that come along, and those that people write."""

from pathlib import Path

import pytest
from django.conf import settings

from exposures.errors import InputFileError
from exposures.published.definitions import known_definitions, read_definition
from exposures.published.targets import TARGETS

OWN = """
name = "own"
title = "Our list"
kind = "variables"
epoch = 2015.5
position_err = 0.2
[[tables]]
title = "list"
[tables.columns]
ra = { from = ["alpha"] }
dec = { from = ["delta"] }
"""


def read(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text)
    return read_definition(path)


def test_what_comes_along_is_whole():
    known = known_definitions()
    assert {"gaia_dr3", "vsx", "gcvs", "ogle_ocvs", "asassn", "vivace", "vvv"} <= set(known)
    assert {"twomass", "decaps2", "simbad"} <= set(known)
    for name, definition in known.items():
        assert definition.name == name
        assert definition.url.startswith("http") and len(definition.download) > 20
        stars = [table for table in definition.tables if not table.joined]
        assert all({"name", "ra", "dec"} <= set(table.columns) for table in stars)
        if definition.kind == "variables":
            has = {column for table in definition.tables for column in table.columns}
            assert {"period", "var_class"} <= has


def test_the_least_is_enough(tmp_path):
    definition = read(tmp_path, OWN)
    assert (definition.name, definition.version, definition.bands) == ("own", "", [])
    assert set(definition.tables[0].columns) <= set(TARGETS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OWN.replace("epoch = 2015.5\n", ""), "epoch: Field required"),
        (OWN.replace('"own"', '"Own list"'), "name: String should match"),
        (OWN.replace('"variables"', '"stars"'), "kind: Input should be 'astrometric'"),
        (OWN.replace("dec = {", "declination = {"), "tables.0: no column of published stars: decl"),
        (OWN.replace('dec = { from = ["delta"] }\n', ""), r"tables\.0: columns\.dec is missing"),
        (
            OWN.replace('["delta"]', "[]"),
            r"tables\.0\.columns\.dec\.from: List should have at least",
        ),
        (OWN.replace("from = [", "form = ["), r"columns\.ra\.form: Extra inputs are not permitted"),
        (OWN + '[[tables.bands]]\nname = "V"\n', r"bands\.0: a band has either mag or flux"),
        (OWN.replace('title = "list"', 'title = "list"\njoined = true'), "name is missing"),
        (OWN + "= 3", "no TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, message):
    with pytest.raises(InputFileError, match=message) as caught:
        read(tmp_path, text)
    assert "own.toml" in str(caught.value) and "docs/catalogues.md" in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputFileError, match="No such file"):
        read_definition(tmp_path / "absent.toml")


def test_the_example_of_the_documents_is_read(tmp_path):
    document = (Path(settings.BASE_DIR) / "docs" / "catalogues.md").read_text()
    example = document.partition("```toml\n")[2].partition("```")[0]
    definition = read(tmp_path, example)
    assert definition.bands == ["V", "i"]
    assert definition.tables[0].columns["period"].unless.values == ["<", ">"]
