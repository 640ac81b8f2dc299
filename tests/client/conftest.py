"""A survey as its client sees it, answered by Django's test client in place of a server."""

import pytest
import requests
from django.core.cache import cache
from galproject_client import Patience, Survey

from galproject.site.tokens import make_token
from tests.builders.django_adapter import DjangoAdapter
from tests.builders.people import make_person

QUICK = Patience(tries=3, first_wait_seconds=0.0)


@pytest.fixture
def server(client):
    return DjangoAdapter(client)


@pytest.fixture
def survey_of(server):
    """A survey as somebody with this name and group asks it."""
    cache.clear()

    def make(name="annie", group="readers"):
        session = requests.Session()
        session.mount("http://localhost", server)
        _, key = make_token(make_person(name, group), "notebook", days=1)
        return Survey("http://localhost/", key, QUICK, session)

    return make


@pytest.fixture
def survey(survey_of):
    return survey_of()
