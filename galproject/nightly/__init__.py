"""The nightly report: what was observed, how well, what failed, and what is new."""
