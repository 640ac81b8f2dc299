"""Definitions of published catalogues: those that come along, and those that people write."""

from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from numpy.polynomial import Polynomial

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


V = '[[tables.bands]]\nname = "V"\nmag = { from = ["V"] }\n'
BOTH = OWN + V + 'flux = { from = ["flux"] }\nflux_err = { from = ["e"] }\n'
TO_G = """
[[transformations]]
filter = "g"
band = "V"
colour = ["V", "V"]
coefficients = [0.1]
range = [2, 1]
scatter = 0.1
source = "ours"
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
        (OWN + '[[tables.bands]]\nname = "V"\n', r"bands\.0: a band has mag or flux"),
        (BOTH.replace("flux_err", "mag_err"), r"bands\.0: a band has either mag or flux, or both"),
        (OWN.replace('title = "list"', 'title = "list"\njoined = true'), "name is missing"),
        ('system = "ab"\n' + OWN, "system: Input should be 'AB' or 'Vega'"),
        (OWN + V + 'system = "vega"\n', r"bands\.0\.system: Input should be 'AB' or 'Vega'"),
        ('nearest = { g = "B" }\n' + OWN + V, "no band of its tables: B"),
        ('colour = ["B", "V"]\n' + OWN + V, "no band of its tables: B"),
        (OWN + V + TO_G, r"transformations\.0: the range of colours is empty"),
        (OWN + "= 3", "no TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, message):
    with pytest.raises(InputFileError, match=message) as caught:
        read(tmp_path, text)
    assert "own.toml" in str(caught.value) and "docs/catalogues.md" in str(caught.value)


def test_a_persons_definition_tells_what_its_magnitudes_are(tmp_path):
    text = f'system = "Vega"\n{OWN}{V}{V.replace("V", "g")}system = "AB"\n'
    photometry = read(tmp_path, text).photometry
    assert photometry.systems == {"V": "Vega", "g": "AB"}
    assert read(tmp_path, OWN + V).photometry.systems == {}


def test_gaias_way_to_our_filters_is_that_of_the_published_tables():
    # Documentation of Gaia DR3, table 5.9: G less SDSS's g, r, i, z by BP - RP.
    to_sdss = {
        "g": Polynomial([0.2199, -0.6365, -0.1548, 0.0064]),
        "r": Polynomial([-0.09837, 0.08592, 0.1907, -0.1701, 0.02263]),
        "i": Polynomial([-0.293, 0.6404, -0.09609, -0.002104]),
        "z": Polynomial([-0.4619, 0.8992, -0.08271, 0.005029]),
    }
    known = known_definitions()
    colour = np.linspace(0.5, 2.0, 16)
    sdss = {name: -polynomial(colour) for name, polynomial in to_sdss.items()}
    of_sdss = known["gaia_gspc"].photometry
    for one in known["gaia_dr3"].photometry.transformations:
        step = of_sdss.transformation_to(one.filter)
        blue, red = step.colour
        des = sdss[one.filter] + Polynomial(step.coefficients)(sdss[blue] - sdss[red])
        assert (one.band, one.colour) == ("G", ("BP", "RP")) and one.range == (0.5, 2.0)
        assert Polynomial(one.coefficients)(colour) == pytest.approx(des, abs=2e-5)
        assert one.scatter > step.scatter


def test_the_sun_has_its_colours_after_the_way_from_gaias_bands():
    # SDSS's g - r, r - i and i - z (https://www.sdss.org/dr16/algorithms/ugrizVegaSun/) as DES's.
    g, r, i, z = 0.44, 0.0, -0.11, -0.14
    des = {
        "g": g - 0.061 * (g - i) + 0.008,
        "r": r - 0.155 * (r - i) - 0.007,
        "i": i - 0.166 * (r - i) + 0.032,
        "z": z - 0.056 * (r - i) + 0.027,
    }
    gaia = known_definitions()["gaia_dr3"].photometry
    found = {name: Polynomial(gaia.transformation_to(name).coefficients)(0.82) for name in "griz"}
    for blue, red in ("gr", "ri", "iz"):
        assert found[blue] - found[red] == pytest.approx(des[blue] - des[red], abs=0.045)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputFileError, match="No such file"):
        read_definition(tmp_path / "absent.toml")


def test_the_example_of_the_documents_is_read(tmp_path):
    document = (Path(settings.BASE_DIR) / "docs" / "catalogues.md").read_text()
    example = document.partition("```toml\n")[2].partition("```")[0]
    definition = read(tmp_path, example)
    assert definition.bands == ["V", "i"]
    assert definition.tables[0].columns["period"].unless.values == ["<", ">"]
    assert definition.photometry.systems == {"V": "Vega", "i": "AB"}
    assert definition.photometry.transformation_to("r").coefficients == [0.3, -0.45, 0.02]
