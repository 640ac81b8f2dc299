"""Ids of new sources, which follow those of their catalogue's own sources."""


def new_ids(catalogue):
    """The range of ids of a catalogue's new sources, as (first, last)."""
    return catalogue.reference_id_range[1] + 1, catalogue.id_range[1]
