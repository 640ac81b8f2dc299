"""Ids of sources: the catalogue, and the rank in it, in one number."""

# A source's id is galreference_id << RANK_BITS | rank: its catalogue, and so its partition of
# galsources, follow from the id alone.
RANK_BITS = 20
MAX_SOURCES = 1 << RANK_BITS  # of one catalogue


def id_range(catalogue_id):
    """The first and last possible id of a catalogue's sources."""
    return catalogue_id << RANK_BITS, (catalogue_id + 1 << RANK_BITS) - 1


def catalogue_of(refsource_id):
    """The id of the catalogue (galreferences) to which a source belongs."""
    return refsource_id >> RANK_BITS


def rank_of(refsource_id):
    """The number of a source in its catalogue, from 0, without gaps."""
    return refsource_id & (MAX_SOURCES - 1)


def catalogue_sql(refsource_id) -> str:
    """The same in SQL, of an expression such as a column's name."""
    return f"({refsource_id} >> {RANK_BITS})"
