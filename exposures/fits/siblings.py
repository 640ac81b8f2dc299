"""Checks that image, weight and data quality of an InstCal exposure belong together."""

import numpy as np

from exposures.chip import UNUSABLE
from exposures.errors import InputFileError
from exposures.fits.cards import first_text
from exposures.fits.codes import known_codes
from exposures.fits.pixels import some_rows

KINDS = {"i": "image", "w": "weight", "d": "data quality"}
# PRODTYPE of each. Cut-outs have the image's primary header in all three, so that "image" says
# nothing of a weight and data quality; the pixels do.
PRODUCTS = {"image": "i", "wtmap": "w", "dqmask": "d"}
FULL_SHAPE, UNTRIMMED_SHAPE = (4094, 2046), (4096, 2048)
ADVICE = "Fetch image, weight and data quality of the same version"
# Of the pixels, beyond which two files hold the same, weights are negative, or codes are none.
MOST = 0.5
SAME_TIME_CHARACTERS = 19  # of a date, to the second


def check_product(file, kind):
    """Raise InputFileError if PRODTYPE says that a file is another of the three."""
    product = first_text(("PRODTYPE",), *_headers(file)).lower()
    is_of = PRODUCTS.get(product, kind)
    if is_of != kind and not (is_of == "i" and kind in "wd"):
        is_named = f"under the name of the {KINDS[kind]}"
        problem = f"PRODTYPE is {product!r}: it is the {KINDS[is_of]}, {is_named}"
        raise InputFileError(file.path, problem, ADVICE)


def check_is_same_exposure(file, kind, image_file):
    """Raise InputFileError if a sibling is of another exposure or camera than the image."""
    check_product(file, kind)
    for key, length in (("DATE-OBS", SAME_TIME_CHARACTERS), ("INSTRUME", None)):
        own, theirs = (first_text((key,), *_headers(f))[:length] for f in (file, image_file))
        if own and theirs and own.lower() != theirs.lower():
            name = image_file.path.name
            raise InputFileError(file.path, f"{key} is {own}, of its image {name} {theirs}", ADVICE)


def sibling_image(file, name, kind, shape, ccdnum=None):
    """The named chip in a sibling, trimmed to the image's shape if it has a rim."""
    image = file.named(name)
    if image is None:
        raise missing_chip(file, name)
    number = image.cards.number("CCDNUM")
    if ccdnum is not None and np.isfinite(number) and number != ccdnum:
        problem = f"CCDNUM of this {KINDS[kind]} is {number:g}, of the image {ccdnum}"
        raise InputFileError(file.path, problem, ADVICE, hdu=name)
    if image.shape == shape or (image.shape == UNTRIMMED_SHAPE and shape == FULL_SHAPE):
        return image
    raise InputFileError(
        file.path,
        f"the {KINDS[kind]} has {_size(image.shape)} pixels, the image {_size(shape)}",
        ADVICE,
        hdu=name,
    )


def missing_chip(file, name):
    """The error that a file has no chip of that name."""
    there = ", ".join((*(image.name for image in file.images), *file.others)) or "none"
    return InputFileError(
        file.path,
        f"no chip {name}; there: {there}",
        "Fetch image, weight and data quality of the same version, or leave this chip out",
        hdu=name,
    )


def trimmed(pixels, shape):
    """Pixels without the outermost ring, which some weights keep and images lack."""
    if pixels.shape == UNTRIMMED_SHAPE and shape == FULL_SHAPE:
        return pixels[1:-1, 1:-1]
    return pixels


def check_weight(path, name, weight, data):
    """Raise InputFileError if a weight, (ny, nx), can't be one.

    It is the image itself, or mostly negative. What is zero everywhere is told of as a chip that
    is masked.
    """
    data, weight = some_rows(data), some_rows(weight)
    compared = np.isfinite(data) & (data != 0)
    if compared.any() and np.mean(weight[compared] == data[compared]) > MOST:
        problem = "the weight holds the pixels of the image"
    elif np.mean(weight < 0) > MOST:
        problem = "most of the weight is negative, which no inverse variance is"
    else:
        return
    raise InputFileError(path, problem, ADVICE, hdu=name)


def check_codes(path, name, codes, pipeline_version):
    """Raise InputFileError if most of the data quality, (ny, nx), isn't in the pipeline's codes."""
    codes = some_rows(codes)
    unknown = ~known_codes(codes, pipeline_version)
    if np.mean(unknown) > MOST:
        example = int(codes[unknown][0])
        shown = f"values such as {example}" if example < 1 << 30 else "values that aren't whole"
        problem = f"the data quality holds {shown}, which are no codes of {pipeline_version}"
        raise InputFileError(path, problem, ADVICE, hdu=name)


def nothing_usable(facts, name, data, weight, mask):
    """The error that no pixel of a chip is usable, naming the file at fault.

    ``data``, ``weight`` and ``mask`` (MaskBit) are as the three files have them, (ny, nx).
    """
    valued, weighted = np.isfinite(data), weight > 0
    flagged = (mask & np.uint8(UNUSABLE)) != 0
    if not weighted.any():
        path, why = facts.weight_path, "the weight is nowhere above 0"
    elif flagged.all():
        path, why = facts.mask_path, "the data quality flags every one"
    elif not valued.any():
        path, why = facts.image_path, "none has a value (NaN, or BLANK)"
    else:
        shares = [np.mean(~valued), np.mean(~weighted), np.mean(flagged)]
        without = "{:.0%} have no value, {:.0%} no weight, {:.0%} a flag of the data quality"
        path, why = facts.image_path, f"{without.format(*shares)}, and others none that can be"
    advice = "Fetch image, weight and data quality again, or leave this chip out with --ccds"
    return InputFileError(path, f"all pixels are masked: {why}", advice, hdu=name)


def _headers(file):
    return (file.primary, *(image.cards for image in file.images[:1]))


def _size(shape):
    return f"{shape[1]} x {shape[0]}"
