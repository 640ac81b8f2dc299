"""Candidates for variable stars: their columns, lists, exports and pages."""
