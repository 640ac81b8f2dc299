"""Periods of a catalogue's stars, found in all filters together, and stored."""
