"""Writing of stacks, chip by chip and then as an InstCal triplet with a map of clips.

A chip's four images lie in a file of its own until all chips are done, so that a run that is
interrupted goes on where it stopped. Every file appears under its name only when it is whole.
"""

import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.time import Time

from exposures.chip import ExposureFacts, MaskBit
from exposures.errors import GalprojectError, InputFileError
from exposures.fits.boundary import quiet
from exposures.fits.checksums import add_sums
from exposures.fits.codes import ENUMERATION
from exposures.fits.files import open_hdus
from exposures.fits.time_scales import SECONDS_A_DAY
from exposures.whole_files import whole_file

KEY = "STACKKEY"  # what a chip was made from and how, as a digest
# From here on data quality is an enumeration, as which it is written.
CODES_OF = "V3.5"
# Of several reasons the first of these is written: a pixel has one code.
ORDER = (
    MaskBit.SATURATED,
    MaskBit.BLEED,
    MaskBit.BAD,
    MaskBit.NO_VALUE,
    MaskBit.COSMIC_RAY,
    MaskBit.STREAK,
    MaskBit.LOW_WEIGHT,
)


@dataclass(frozen=True)
class StackFiles:
    """Paths of a stack of exposures and of its parts."""

    folder: Path
    name: str  # "stack_600000_5"
    filter: str

    @property
    def paths(self) -> dict[str, Path]:
        """Image, weight, quality and clips, by their letter in the name."""
        kinds = {"i": "ooi", "w": "oow", "d": "ood", "c": "clip"}
        band = in_file_name(self.filter)
        return {k: self.folder / f"{self.name}_{n}_{band}_v1.fits.fz" for k, n in kinds.items()}

    def part(self, ccdnum: int) -> Path:
        """The file of one chip."""
        parts = f"{self.name}_{in_file_name(self.filter)}.parts"
        return self.folder / parts / f"{ccdnum:02d}.fits"


def in_file_name(text: str) -> str:
    """The name of a filter, which may have blanks and slashes, as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", text)


def codes_of(mask):
    """(ny, nx) int16 data-quality codes of a MaskBit image."""
    code_of = {bit: code for code, bit in ENUMERATION.items() if bit}
    codes = np.zeros(mask.shape, np.int16)
    for bit in reversed(ORDER):
        codes[(mask & np.uint8(bit)) != 0] = code_of[bit]
    return codes


def write_part(path: Path, header: fits.Header, stack) -> None:
    """Write one chip: data, weight, mask and clipped of a Stack, in this order."""
    images = (stack.data, stack.weight, codes_of(stack.mask), stack.clipped)
    hdus = fits.HDUList([fits.PrimaryHDU(), *(_image_hdu(pixels, header) for pixels in images)])
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(hdus, path)


def _image_hdu(pixels, header):
    """Compressed as the archive's are: floats to a sixteenth of the noise, zeros kept zero."""
    lossy = {"quantize_level": 16, "quantize_method": 2, "dither_seed": 1}
    options = lossy if pixels.dtype.kind == "f" else {}
    return fits.CompImageHDU(pixels, header.copy(), compression_type="RICE_1", **options)


def read_keys(files: StackFiles) -> dict[int, tuple[str, Path, int]]:
    """Digest, file and index of each chip's image, from its part or else from the stack.

    What can't be read isn't there. In a whole stack all four files must have the chip.
    """
    found = _keys_of(files.paths["i"])
    for kind in "wdc":
        others = _keys_of(files.paths[kind])
        found = {n: value for n, value in found.items() if others.get(n, [""])[0] == value[0]}
    for path in sorted(files.part(0).parent.glob("*.fits")):
        found |= _keys_of(path)
    return found


def read_inputs(files: StackFiles) -> list[str]:
    """Names of the exposures in the existing stack; empty without a stack."""
    path = files.paths["i"]
    if not path.is_file():
        return []
    try:
        with open_hdus(path) as file:
            header = file.hdus[0].header
            return [header[f"IMCMB{n:03d}"] for n in range(1, header.get("NCOMBINE", 0) + 1)]
    except InputFileError:
        return []


def _keys_of(path):
    if not path.is_file():
        return {}
    try:
        with open_hdus(path, disable_image_compression=True) as file:
            return {
                hdu.header["CCDNUM"]: (hdu.header[KEY], path, index)
                for index, hdu in reversed(list(enumerate(file.hdus)))
                if KEY in hdu.header
            }
    except InputFileError:
        return {}


def assemble(files: StackFiles, primary: fits.Header, sources: dict[int, tuple[Path, int]]):
    """Write the four files from the chips in ``sources``: file and index of the image of each.

    Then the parts are removed. The image comes last: who finds it finds its siblings.
    """
    with storage_errors(files.folder):
        for kind in "wdci":
            with quiet(), _opened_once() as opened:
                hdus = fits.HDUList([fits.PrimaryHDU(header=primary)])
                for ccdnum, (path, index) in sorted(sources.items()):
                    hdus.append(_hdu_of(opened, files, path, index, kind, ccdnum))
                _write(hdus, files.paths[kind])
        for part in files.part(0).parent.glob("*.fits"):
            part.unlink()
        files.part(0).parent.rmdir()


@contextmanager
def _opened_once():
    """A function that opens files once and closes all of them at the end."""
    opened = {}
    with ExitStack() as files:

        def open_once(path):
            if path not in opened:
                file = open_hdus(path, disable_image_compression=True, memmap=False)
                opened[path] = files.enter_context(file).hdus
            return opened[path]

        yield open_once


def _hdu_of(opened, files, path, index, kind, ccdnum):
    """The compressed HDU of one chip and kind, from its part or from the earlier stack."""
    if path == files.paths["i"]:
        whole = opened(files.paths[kind])
        return next(hdu for hdu in whole[1:] if hdu.header["CCDNUM"] == ccdnum)
    return opened(path)[index + "iwdc".index(kind)]


def primary_header(inputs: tuple[ExposureFacts, ...]) -> fits.Header:
    """HDU 0 of a stack: the first exposure's cards, and the names of its inputs."""
    first, header = inputs[0], fits.Header()
    mjd = np.mean([facts.mjd for facts in inputs])
    start = float(mjd) - first.exposure_seconds / 2 / SECONDS_A_DAY
    header["OBJECT"] = (first.object_name, "of the first input")
    header["INSTRUME"] = (first.instrument, "of the first input")
    header["PROCTYPE"] = "Stacked"
    header["FILTER"] = first.filter
    header["EXPTIME"] = (first.exposure_seconds, "[s] of input 1, whose fluxes these are")
    header["EXPTOTAL"] = (sum(facts.exposure_seconds for facts in inputs), "[s] of all inputs")
    header["MJD-OBS"] = (start, "EXPTIME / 2 before the mean time")
    header["DATE-OBS"] = Time(start, format="mjd").isot
    header["PROPID"] = first.proposal
    header["PLVER"] = (CODES_OF, "data-quality codes are those of it")
    header["NCOMBINE"] = (len(inputs), "exposures")
    for number, facts in enumerate(inputs, 1):
        header[f"IMCMB{number:03d}"] = facts.image_path.name
    return header


def _write(hdus, path):
    with whole_file(path) as partial:
        hdus.writeto(partial)
        add_sums(partial)


@contextmanager
def storage_errors(path):
    """A folder that can't be written, or a disk that is full, is the user's to mend."""
    try:
        yield
    except OSError as error:
        raise GalprojectError(
            f"{error.filename or path}: {error.strerror or error}. "
            "Choose a folder that you may write to, with room for the stack (--to)"
        ) from error
