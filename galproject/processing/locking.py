"""One change of references at a time: whoever comes second sees what the first has done."""

from contextlib import ExitStack, contextmanager
from zlib import crc32

from django.db import transaction

from exposures.errors import GalprojectError
from exposures.locks import Claimed, claim, locked


def key_of(filter_name) -> int:
    """The second key of the lock on the references in a filter: 32 bits with a sign."""
    return int.from_bytes(crc32(filter_name.encode()).to_bytes(4), signed=True)


@contextmanager
def references_locked(images):
    """Have the references in the images' filters for this session alone, having waited for others.

    Whoever waits can't know what images are by then: they are to be read inside.
    """
    with locked(Claimed.REFERENCES, {key_of(image.exposure.filter) for image in images}):
        yield


@contextmanager
def one_change(images):
    """A transaction in which nobody else has the images in hand, to its very end.

    Raises GalprojectError if a worker has one of them.
    """
    with ExitStack() as held:
        for image in images:
            if not held.enter_context(claim(Claimed.CHIP, image.pk)):
                kind = "reference" if image.is_reference else "search image"
                raise GalprojectError(
                    f"{image} is being worked on as a {kind}, on {image.host}. Change it when "
                    "that has ended"
                )
        with transaction.atomic():
            yield
