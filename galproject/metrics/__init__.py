"""Numbers for Prometheus: of pages, by django-prometheus, and of the survey's work."""
