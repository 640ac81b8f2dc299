"""A small provider of OpenID Connect: discovery, codes, signed tokens, userinfo and keys."""

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from mozilla_django_oidc.utils import generate_code_challenge

CLIENT, SECRET = "galproject", "a secret of the client"


def make_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """Who logs in next, and what it says of them."""

    issuer: str
    key: rsa.RSAPrivateKey
    person: dict = field(default_factory=dict)  # claims of userinfo
    token_claims: dict = field(default_factory=dict)  # in the place of those that are right
    signed_with: rsa.RSAPrivateKey | None = None  # in the place of its own
    algorithm: str = "RS256"
    codes: dict = field(default_factory=dict)  # {code: parameters of its request}
    asked: list = field(default_factory=list)  # paths

    def log_in(self, location) -> str:
        """Log the person in where a browser was sent to; returns where it is sent back to."""
        address = urlsplit(location)
        asked = {name: value[0] for name, value in parse_qs(address.query).items()}
        assert f"{address.scheme}://{address.netloc}" == self.issuer
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT
        code = f"code {len(self.codes)}"
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def get(self, path, headers):
        if path == "/.well-known/openid-configuration":
            ends = {
                **dict.fromkeys(("issuer",), self.issuer),
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/jwks",
                "end_session_endpoint": f"{self.issuer}/logout",
            }
            return 200, ends
        if path == "/jwks":
            jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return 200, {"keys": [jwk | {"kid": "one", "use": "sig", "alg": "RS256"}]}
        if path == "/userinfo" and headers["Authorization"] == "Bearer access":
            return 200, self.person
        return 404, {}

    def post(self, path, form):
        asked = self.codes.pop(form.get("code"), None)
        is_right = (
            path == "/token"
            and asked is not None
            and form["client_secret"] == SECRET
            and form["redirect_uri"] == asked["redirect_uri"]
            and generate_code_challenge(form["code_verifier"], "S256") == asked["code_challenge"]
        )
        if not is_right:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "access", "id_token": self.id_token(asked["nonce"])}

    def id_token(self, nonce):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": self.person["sub"], "nonce": nonce}
        claims |= {"iat": now, "exp": now + 300} | self.token_claims
        key = SECRET * 2 if self.algorithm == "HS256" else self.signed_with or self.key
        key = None if self.algorithm == "none" else key
        return jwt.encode(claims, key, self.algorithm, headers={"kid": "one"})


@contextmanager
def running_provider():
    """A Provider that answers on this host."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.provider = Provider(f"http://127.0.0.1:{server.server_port}", make_key())
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self._answer(self.server.provider.get(self.path, self.headers))

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: value[0] for name, value in parse_qs(text).items()}
        self._answer(self.server.provider.post(self.path, form))

    def _answer(self, answer):
        self.server.provider.asked.append(self.path)
        status, data = answer
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
