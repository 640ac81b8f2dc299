"""Artificial stars put into exposures, to see how the pipeline finds and measures them."""
