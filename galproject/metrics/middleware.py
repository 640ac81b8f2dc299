"""django-prometheus's measurement of pages, with labels that no visitor can make up."""

from django_prometheus.middleware import PrometheusAfterMiddleware


class PageMetricsMiddleware(PrometheusAfterMiddleware):
    """Count and time requests by view, method and status.

    The library labels times with whatever method a request names, each of which would have numbers
    of its own for as long as the server runs.
    """

    def label_metric(self, metric, request, response=None, **labels):
        """Add one to a number that has no labels but those of known methods."""
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)
