"""Progress bars of backups."""

from tqdm import tqdm


def bar(what, total, unit):
    """A progress bar for one step, removed when it is done."""
    is_bytes = unit == "B"
    return tqdm(total=total, desc=what, unit=unit, unit_scale=is_bytes, disable=None, leave=False)
