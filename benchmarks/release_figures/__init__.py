"""The figures of benchmarks/release.py, a module for each part of what leaves the survey."""

import benchmarks.scratch  # noqa: F401  (sets Django up before its models are imported)
