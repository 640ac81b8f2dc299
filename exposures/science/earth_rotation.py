"""Tables of the Earth's rotation as they come with astropy: nothing is fetched."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from astropy.utils import iers
from astropy.utils.exceptions import AstropyWarning
from erfa import ErfaWarning


@contextmanager
def tables_offline() -> Iterator[None]:
    """Use astropy's own tables, however old they are, without a warning.

    Beyond them UT1 is taken for UTC, from which it is never further than 0.9 seconds: 400 m of the
    Earth's rotation. Nor do warnings say that leap seconds of later years are not known yet.
    """
    with ExitStack() as stack:
        stack.enter_context(iers.conf.set_temp("auto_download", False))
        stack.enter_context(iers.conf.set_temp("auto_max_age", None))
        stack.enter_context(iers.conf.set_temp("iers_degraded_accuracy", "ignore"))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.simplefilter("ignore", ErfaWarning)
        yield
