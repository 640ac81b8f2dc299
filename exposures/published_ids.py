"""Ids of published stars: the published catalogue, and the row in it, in one number."""

# The id of a published star is galpublishedcatalogue_id << ROW_BITS | row: its catalogue, and so
# its partition of galpublishedstars, follow from the id alone. Ids are below 2^53, beyond which
# browsers can't tell whole numbers apart, for the first 8,191 loads.
ROW_BITS = 40


def published_id_range(catalogue_id: int) -> tuple[int, int]:
    """The first and last possible id of a published catalogue's stars."""
    return catalogue_id << ROW_BITS, (catalogue_id + 1 << ROW_BITS) - 1


def published_catalogue_of(star_id):
    """The id of the published catalogue of a star; a number, or an array of them."""
    return star_id >> ROW_BITS


def partition_of(catalogue_id: int) -> str:
    """The name of the partition of galpublishedstars with a catalogue's stars."""
    return f"galpublishedstars_{catalogue_id:d}"
