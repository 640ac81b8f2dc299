"""The web server: processes, limits, reading of requests, and access."""
