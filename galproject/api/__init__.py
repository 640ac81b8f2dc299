"""The HTTP API for scripts and notebooks: JSON, CSV and Parquet."""
