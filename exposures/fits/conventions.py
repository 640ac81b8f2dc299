"""Observatories' conventions for naming science, noise and mask extensions, as data."""

from dataclasses import dataclass
from enum import StrEnum

from exposures.chip import MaskBit


class ExtensionKind(StrEnum):
    """The contents of an extension."""

    SCIENCE = "science"
    ERROR = "error"  # one sigma, in the unit of the science
    VARIANCE = "variance"
    WEIGHT = "weight"  # inverse variance, or in proportion to it
    MASK = "mask"
    OTHER = "other"  # known, and of no use here


# Names of extensions, in capitals and without what tells chips apart.
NAMES = {
    # HST, JWST, LCO's BANZAI, Gemini's DRAGONS, LSST, ESO, DES
    ExtensionKind.SCIENCE: "SCI SCIENCE IMAGE DATA PRIMARY SIGNAL IMG INTENSITY",
    ExtensionKind.ERROR: "ERR ERROR ERRORS SIGMA UNCERT UNCERTAINTY STD STDDEV STDEV RMS NOISE "
    "ERRORMAP",
    # STAT is MUSE's
    ExtensionKind.VARIANCE: "VAR VARIANCE STAT VARMAP",
    ExtensionKind.WEIGHT: "WHT WEIGHT WEIGHTS WGT WT WTMAP WEIGHTMAP IVAR INVVAR IVM "
    "INVERSEVARIANCE INVVARMAP",
    ExtensionKind.MASK: "DQ MASK MSK BPM BADPIX BADPIXEL BADPIXELS BADPIXMASK FLAG FLAGS "
    "FLAGMAP QUALITY DATAQUALITY DQMASK BAD QUAL QMASK",
    # Drizzle's context and HST's lookup tables, counts of samples, models, catalogues, objects
    ExtensionKind.OTHER: "CTX CON CONTEXT EXP EXPMAP EXPTIME COVERAGE NPIX NEXP SAMP TIME AREA "
    "SKY BKG BKGD BACKGROUND BACK SEG SEGM SEGMENTATION OBJMASK OBJECTS CAT PSF PSFIMAGE MODEL "
    "RESIDUAL CHI2 "
    "D2IMARR WCSDVARR VARPOISSON VARRNOISE VARFLAT VARSKY MDRIZSKY HDRLET ASDF TEMPLATE REF DIFF "
    "UNMASKED VIGNETTING FLAT BIAS DARK GAIN RDNOISE",
}  # fmt: skip
KIND_OF = {name: kind for kind, names in NAMES.items() for name in names.split()}

# Cards that say what an extension holds, and what their values mean; they count more than names.
CARDS = {
    "UTYPE": {  # astropy's CCDData, of its uncertainty
        "STDDEVUNCERTAINTY": ExtensionKind.ERROR,
        "VARIANCEUNCERTAINTY": ExtensionKind.VARIANCE,
        "INVERSEVARIANCE": ExtensionKind.WEIGHT,
        "UNKNOWNUNCERTAINTY": ExtensionKind.OTHER,
    },
    "HDUCLAS3": {  # ESO
        "RMSE": ExtensionKind.ERROR,
        "MSE": ExtensionKind.VARIANCE,
        "INVMSE": ExtensionKind.WEIGHT,
        "FLAG32BIT": ExtensionKind.MASK,
        "FLAG16BIT": ExtensionKind.MASK,
        "FLAG8BIT": ExtensionKind.MASK,
        "MASKZERO": ExtensionKind.MASK,
    },
    "HDUCLAS2": {
        "DATA": ExtensionKind.SCIENCE,
        "ERROR": ExtensionKind.ERROR,
        "QUALITY": ExtensionKind.MASK,
    },  # ESO
    "DES_EXT": {
        "IMAGE": ExtensionKind.SCIENCE,
        "MASK": ExtensionKind.MASK,
        "WEIGHT": ExtensionKind.WEIGHT,
    },
    "EXTTYPE": {
        "IMAGE": ExtensionKind.SCIENCE,
        "MASK": ExtensionKind.MASK,
        "VARIANCE": ExtensionKind.VARIANCE,
    },  # LSST
    "PRODTYPE": {"DQMASK": ExtensionKind.MASK, "WTMAP": ExtensionKind.WEIGHT},  # NOIRLab
}

BAD, NO_VALUE = MaskBit.BAD, MaskBit.NO_VALUE
SATURATED, COSMIC_RAY = MaskBit.SATURATED, MaskBit.COSMIC_RAY
BLEED, STREAK, GOOD = MaskBit.BLEED, MaskBit.STREAK, MaskBit(0)


@dataclass(frozen=True)
class Bits:
    """The meanings of a mask's bits; bits without a meaning are bad."""

    cards: dict[str, str]  # of the headers; what their values begin with
    meanings: dict[int, MaskBit]  # a code with all bits of the key has it


BITS = (
    Bits(  # ACS and WFC3: warm pixels, charge-transfer tails and ghosts can be used
        {"TELESCOP": "HST"},
        {
            16: BAD,
            32: GOOD,
            64: GOOD,
            256: SATURATED,
            2048: SATURATED,
            4096: COSMIC_RAY,
            8192: COSMIC_RAY,
            16384: GOOD,
        },
    ),
    Bits(  # all else is told by DO_NOT_USE, the first bit
        {"TELESCOP": "JWST"},
        {1: BAD, 3: SATURATED, **{1 << bit: GOOD for bit in range(1, 32)}},
    ),
    Bits(
        {"OBSERVAT": "GEMINI"},
        {2: GOOD, 4: SATURATED, 8: COSMIC_RAY, 16: NO_VALUE, 32: GOOD},
    ),
    Bits({"ORIGIN": "LCOGT"}, {1: BAD, 2: SATURATED, 4: BAD, 8: COSMIC_RAY}),
    Bits(  # edges, stars and what was corrected can be used
        {"DES_EXT": "MASK"},
        {
            2: SATURATED,
            16: COSMIC_RAY,
            32: GOOD,
            64: BLEED,
            128: BLEED,
            256: GOOD,
            512: GOOD,
            1024: STREAK,
            2048: GOOD,
            4096: GOOD,
            8192: GOOD,
        },
    ),
)

# Planes of masks whose headers name their bits (LSST, HSC: MP_SAT = 1; ZTF: MSKBIT08). A plane
# with none of these words marks what can be used: DETECTED, EDGE, CLIPPED, ...
PLANE_WORDS = {
    **dict.fromkeys(("BAD", "DEAD", "HOT", "COLD", "INTRP", "INTERP", "NOISY"), BAD),
    **dict.fromkeys(("SAT", "SATURATED", "SATURATION"), SATURATED),
    **dict.fromkeys(("CR", "COSMIC", "CRAY"), COSMIC_RAY),
    **dict.fromkeys(("NODATA", "NAN", "UNMASKEDNAN"), NO_VALUE),
    **dict.fromkeys(("STREAK", "SATELLITE", "TRAIL"), STREAK),
    "BLEED": BLEED,
}
