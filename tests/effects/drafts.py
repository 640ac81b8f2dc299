"""Drafts of entries for others' lists, by the options in force."""

from types import SimpleNamespace
from unittest.mock import patch

import numpy as np

from tests.builders.campaigns import make_voter, vote
from tests.builders.candidates import make_candidate
from variables.drafts import chart
from variables.drafts.facts import facts_of
from variables.drafts.tns import tns_draft, tns_json
from variables.drafts.vsx import vsx_draft
from variables.drafts.writing import CHART, content_of


def entries(options):
    """What is written for VSX and TNS of a star that somebody has voted on."""
    facts = _facts()
    return vsx_draft(facts).text, tns_draft(facts).text, tns_json(facts)


def finding_chart(options):
    """The chart of a star on pixels of noise."""
    data = np.random.default_rng(1).normal(100, 5, (4000, 2000)).astype("f4")
    with patch.object(chart, "pixels_of_image", lambda image: SimpleNamespace(data=data)):
        return content_of(CHART, "vsx", _facts())


def _facts():
    star = make_candidate(ra=266.0, dec=-29.0)
    vote(make_voter(), star.pk)
    return facts_of(star.pk)
