"""The variability of every star of a catalogue, from all its epochs, measured and stored."""
