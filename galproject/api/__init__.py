"""The HTTP API for scripts and notebooks: JSON and tables."""
