"""Waiting for a database server that restarts or fails over."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

# A server that is restarted is back within seconds; one that fails over, within minutes.
DATABASE_WAITS = (1, 2, 4, 8, 15, 30, 30, 60, 60, 120, 240)  # seconds


Result = TypeVar("Result")


def through_restarts(
    function: Callable[..., Result],
    *arguments: Any,
    **named: Any,
) -> Result:
    """Call an idempotent function until it succeeds without losing the database."""
    for wait in DATABASE_WAITS:
        try:
            return function(*arguments, **named)
        except (InterfaceError, OperationalError) as error:
            logger.warning("the database is away (%s); trying again in %d s", error, wait)
            connection.close()
            time.sleep(wait)
    return function(*arguments, **named)
