"""Safe reading of tasks' pickled arguments and results in django-q2's tables."""

import io
import pickle
import zlib
from base64 import b64decode
from binascii import Error as NotBase64Error
from typing import Any, NoReturn

from picklefield import fields

REFUSED = "(can't be read)"


class PlainUnpickler(pickle.Unpickler):
    """An unpickler of numbers, texts, lists, tuples and dictionaries, without any class."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        """Refuse every class and function: to load one may run code."""
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is neither text nor number")


def decoded(value: str | bytes, compress_object: bool = False) -> Any:
    """The plain value of a picklefield's column, or a placeholder for another."""
    try:
        data = b64decode(value)
        return PlainUnpickler(io.BytesIO(zlib.decompress(data) if compress_object else data)).load()
    except (NotBase64Error, zlib.error, pickle.UnpicklingError, ValueError, EOFError, IndexError):
        return REFUSED
    except (KeyError, TypeError, AttributeError, OverflowError, MemoryError):
        return REFUSED  # a pickle that is damaged


def install() -> None:
    """Make django-q2's results be read safely, so that their rows can't run code."""
    fields.dbsafe_decode = decoded
