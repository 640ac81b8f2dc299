"""What measuring pages for Prometheus costs a page, and what Prometheus's own look costs.

.venv/bin/python benchmarks/page_metrics.py [--quick]

Pages are those of nothing, so that the middleware is all there is; by processor time, with what is
counted shared by processes, as under ``manage.py serve``.
"""

import argparse
import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
TOKEN = "of-the-benchmark-0123456789"
N_VIEWS = 150  # that were asked for, as many as there are


def seconds_a_call(call, n):
    started = time.process_time()
    for _ in range(n):
        call()
    return (time.process_time() - started) / n


def measure(n):
    from django.http import HttpResponse
    from django.test import Client, RequestFactory
    from django_prometheus.middleware import PrometheusBeforeMiddleware

    from galproject.metrics.middleware import PageMetricsMiddleware

    def page(_):
        return HttpResponse(b"x" * 10_000)

    measured = PrometheusBeforeMiddleware(PageMetricsMiddleware(page))
    request = RequestFactory().get("/login/")
    for number in range(N_VIEWS):
        request.resolver_match = Match(f"view-{number}")
        measured(request)
    plain, with_numbers = (seconds_a_call(partial(view, request), n) for view in (page, measured))
    client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {TOKEN}"})
    assert client.get("/metrics").status_code == 200
    return {
        "page_ms": 1e3 * (with_numbers - plain),
        "scrape_ms": 1e3 * seconds_a_call(lambda: client.get("/metrics"), max(5, n // 500)),
        "scrape_kb": len(client.get("/metrics").content) / 1e3,
    }


class Match:
    def __init__(self, view_name):
        self.view_name = view_name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with TemporaryDirectory() as folder:
        os.environ.update(
            PROMETHEUS_MULTIPROC_DIR=folder,
            GALPROJECT_METRICS_TOKEN=TOKEN,
            DJANGO_SETTINGS_MODULE="galproject.settings",
        )
        import django

        django.setup()
        found = measure(1000 if quick else 10_000)
        print(
            json.dumps({"benchmark": "page_metrics"} | {k: round(v, 3) for k, v in found.items()})
        )
