"""Locks on what is changed together; docs/architecture.md tells the order of all locks."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from zlib import crc32

from django.db import transaction

from exposures.errors import GalprojectError
from exposures.locks import Claimed, claim, locked
from exposures.models import GalImage
from galproject.processing.reference_choice import lock_sets_of
from variables.models import GalNewDetection
from variables.new_sources.association import lock_new_sources


def key_of(filter_name: str) -> int:
    """The second key of the lock on the references in a filter: 32 bits with a sign."""
    return int.from_bytes(crc32(filter_name.encode()).to_bytes(4), signed=True)


@contextmanager
def references_locked(images: Iterable[GalImage]) -> Iterator[None]:
    """Lock the references in the images' filters for this session, waiting for others.

    Rows of images may have changed while waiting, so they have to be read inside the block.
    """
    with locked(Claimed.REFERENCES, {key_of(image.exposure.filter) for image in images}):
        yield


@contextmanager
def one_change(images: Iterable[GalImage]) -> Iterator[None]:
    """A transaction with exclusive claims on images until its end.

    Raises GalprojectError if a worker is processing one of them.
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


def lock_results(
    images: Collection[GalImage], new_detections: Collection[GalNewDetection] = ()
) -> None:
    """Lock what images share before results of some are stored or deleted.

    It must be called before the transaction locks anything else, and locks until its end, in this
    order: the new sources of catalogues, including those of ``new_detections`` to be stored; then
    the catalogues of the reference sets that the images are in. What belongs to a single image is
    locked later, by those who write it.
    """
    lock_new_sources(images, new_detections)
    lock_sets_of(images)
