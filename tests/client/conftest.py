"""A survey as its client sees it, answered by Django's test client in place of a server."""

import io

import pytest
import requests
from django.core.cache import cache
from galproject_client import Patience, Survey
from requests.adapters import BaseAdapter

from galproject.site.tokens import make_token
from tests.builders.people import make_person

QUICK = Patience(tries=3, first_wait_seconds=0.0)


class DjangoAdapter(BaseAdapter):
    """Answers requests by Django's test client; ``troubles`` are answers that come before it."""

    def __init__(self, client):
        super().__init__()
        self.client, self.troubles, self.asked = client, [], []

    def send(self, request, **options):
        self.asked.append((request.method, request.url))
        if self.troubles:
            trouble = self.troubles.pop(0)
            if isinstance(trouble, Exception):
                raise trouble
            status, headers, body = trouble
        else:
            path = "/" + request.url.split("/", 3)[3]
            kind = request.headers.get("Content-Type", "")
            answer = self.client.generic(
                request.method, path, request.body or b"", kind, headers=dict(request.headers)
            )
            status, headers, body = answer.status_code, dict(answer.items()), answer.getvalue()
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url, request
        response.headers.update(headers)
        response.raw = io.BytesIO(body)
        return response

    def close(self):
        pass


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
