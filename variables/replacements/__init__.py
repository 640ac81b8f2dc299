"""The transfer of annotations from a source to its replacement."""
