"""Requests of HTTP libraries, answered by Django's test client in place of a server."""

import io

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse


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
        response.raw = HTTPResponse(io.BytesIO(body), preload_content=False)
        return response

    def close(self):
        pass
