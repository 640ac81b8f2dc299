"""The notebook of the examples runs against a server."""

import json
from pathlib import Path

import pytest

from galproject.site.tokens import make_token
from tests.builders.candidates import make_candidate
from tests.builders.people import make_person

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "light_curve.ipynb"


@pytest.mark.django_db(transaction=True)
def test_the_notebook_gets_a_light_curve(live_server, monkeypatch):
    candidate = make_candidate(3)
    _, key = make_token(make_person("annie"), "notebook", days=1)
    for name, value in {
        "GALPROJECT_URL": live_server.url,
        "GALPROJECT_TOKEN": key,
        "RA": candidate.ra,
        "DEC": candidate.dec,
    }.items():
        monkeypatch.setenv(name, str(value))
    names = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert len(names["curve"]) == 4 and set(names["curve"]["filter"]) == {"i"}
    assert len(names["ax"].containers) == 1
