"""Injection of artificial stars into exposures to test the pipeline."""
