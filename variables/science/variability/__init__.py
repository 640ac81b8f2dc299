"""Statistics of all light curves of a catalogue at once, and what constant stars would have."""
