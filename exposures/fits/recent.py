"""What was found out of the files that were asked for last."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Recent(Generic[Found]):
    """Findings by a key that is another where a file has changed, of the last ``n_kept`` keys."""

    def __init__(self, n_kept: int):
        self._found: OrderedDict[Hashable, Found] = OrderedDict()
        self._n_kept = n_kept

    def get(self, key: Hashable, find: Callable[[], Found]) -> Found:
        """What ``find()`` returned for this key; what it raises is not kept."""
        if key not in self._found:
            self._found[key] = find()
            while len(self._found) > self._n_kept:
                self._found.popitem(last=False)
        return self._found[key]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._found
