"""Ids of sources: the catalogue, and the rank in it, in one number."""

# A source's id is galreference_id << RANK_BITS | rank: its catalogue, and so its partition of
# galsources, follow from the id alone.
RANK_BITS = 20
MAX_SOURCES = 1 << RANK_BITS  # of one catalogue
BLOCK_BITS = 6  # of a catalogue's id: 64 of them share a block of partitions


def id_range(catalogue_id):
    """The first and last possible id of a catalogue's sources."""
    return catalogue_id << RANK_BITS, (catalogue_id + 1 << RANK_BITS) - 1


def block_of(catalogue_id):
    """The number of the block of partitions in which a catalogue has its own."""
    return catalogue_id >> BLOCK_BITS


def block_id_range(catalogue_id):
    """The first and last possible id of the sources in a catalogue's block."""
    first = block_of(catalogue_id) << BLOCK_BITS
    return id_range(first)[0], id_range(first + (1 << BLOCK_BITS) - 1)[1]


def catalogue_of(refsource_id):
    """The id of the catalogue (galreferences) to which a source belongs."""
    return refsource_id >> RANK_BITS


def rank_of(refsource_id):
    """The number of a source in its catalogue, from 0, without gaps."""
    return refsource_id & (MAX_SOURCES - 1)


def catalogue_sql(refsource_id) -> str:
    """The same in SQL, of an expression such as a column's name."""
    return f"({refsource_id} >> {RANK_BITS})"
