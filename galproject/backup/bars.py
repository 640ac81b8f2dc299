"""Progress of a backup, on a terminal."""

from tqdm import tqdm


def bar(what, total, unit):
    """A bar for one step, which goes when it is done."""
    is_bytes = unit == "B"
    return tqdm(total=total, desc=what, unit=unit, unit_scale=is_bytes, disable=None, leave=False)
