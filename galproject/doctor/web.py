"""Examinations of the site as a visitor sees it: its answer, its certificate, what is public."""

import os
import socket
import ssl
import time
from urllib.parse import urljoin, urlsplit

import requests

from galproject.doctor.findings import fails, ok, warning

SECONDS = 15  # that a page may take
CERTIFICATE_DAYS, LAST_DAYS = 21, 3  # before its end; renewed by then where it renews itself
PROXY = "See the logs of the proxy and of galproject-web, and docs/deploy.md"


def site(address):
    """Findings on the site at an ``address``, by a look at its login page."""
    login = urljoin(address.rstrip("/") + "/", "login/")
    try:
        page = requests.get(login, timeout=SECONDS)
        metrics = requests.get(urljoin(page.url, "/metrics"), timeout=SECONDS)
        is_https = urlsplit(page.url).scheme == "https"
        days = certificate_days(page.url) if is_https else None
    except OSError as error:  # those of requests and of TLS are, too
        yield fails("site", f"{login} does not answer: {_short(error)}", PROXY)
        return
    if page.status_code == requests.codes.ok:
        yield ok("site", f"{login} answers within {page.elapsed.total_seconds():.1f} s")
    else:
        yield fails("site", f"{login} answers {page.status_code}", PROXY)
    if is_https:
        yield certificate_finding(days)
        yield strict_finding(page.headers)
    yield metrics_finding(metrics.status_code)


def certificate_days(address):
    """Days until the certificate of an address ends."""
    parts = urlsplit(address)
    trusted = os.environ.get("REQUESTS_CA_BUNDLE") or requests.certs.where()
    context = ssl.create_default_context(cafile=trusted)
    with (
        socket.create_connection((parts.hostname, parts.port or 443), SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as encrypted,
    ):
        ends = ssl.cert_time_to_seconds(encrypted.getpeercert()["notAfter"])
    return (ends - time.time()) / 86_400


def certificate_finding(days):
    """A finding on a certificate that ends in so many ``days``."""
    words, advice = f"ends in {days:.0f} days", "Renew it: certbot renew, then reload the proxy"
    if days < LAST_DAYS:
        return fails("certificate", words, advice)
    if days < CERTIFICATE_DAYS:
        return warning("certificate", words, advice)
    return ok("certificate", words)


def strict_finding(headers):
    """A finding on whether browsers are told to come back by HTTPS alone."""
    if "Strict-Transport-Security" in headers:
        return ok("https", "browsers are told to come back by nothing else")
    words = "browsers are not told to come back by HTTPS alone"
    return warning("https", words, "Set GALPROJECT_HTTPS=true and GALPROJECT_PROXIES")


def metrics_finding(status):
    """A finding on the ``status`` that a visitor without a token gets of the metrics."""
    if status == requests.codes.ok:
        words = "/metrics is open to everybody"
        return fails(
            "metrics", words, "Take it away in the proxy, and see GALPROJECT_METRICS_TOKEN"
        )
    return ok("metrics", "not public")


def _short(error):
    return " ".join(str(error).split())[:200]
