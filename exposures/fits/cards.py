"""Tolerant look-up of header values, and the cards of the WCS."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyError
from astropy.wcs import WCS

from exposures.errors import InputFileError
from exposures.science.wcs_axes import right_ascension_first, with_wrapped_ra

# All that makes a WCS; the rest of a header, with its illegal cards, never meets the parser.
_WCS_CARD = re.compile(
    r"((CTYPE|CRVAL|CRPIX|CUNIT|CDELT|CROTA)[12]|(CD|PC)[12]_[12]|PV[12]_\d+"
    r"|LONPOLE|LATPOLE|(A|B|AP|BP)_(ORDER|DMAX|\d+_\d+))"
)


_TEXTS = ("CTYPE", "CUNIT")
MAX_SIP_ORDER = 9  # by the convention

_FORBIDDEN = re.compile(r"[^ -~]")  # whatever is not printable ASCII


def without_control_characters(text: str) -> str:
    """Text without control characters, which the database refuses, and with single blanks."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def in_ascii(header: fits.Header) -> fits.Header:
    """A writable copy of a header, with blanks for characters that FITS forbids."""
    cards = []
    for card in header.cards:
        image = _text_of(card)
        if image and _FORBIDDEN.search(image):
            card = fits.Card.fromstring(_FORBIDDEN.sub(" ", image))
        cards.append(card)
    return fits.Header(cards)


def _text_of(card):
    """A card as it stands in the file; None if it was made here.

    ``str(card)`` would write the card anew, and refuse what FITS forbids.
    """
    return card._image  # noqa: SLF001


@dataclass(frozen=True)
class Cards:
    """A header's cards; what is absent, unreadable or the text 'NaN' is undefined."""

    path: Path | None
    hdu: int
    header: fits.Header

    def value(self, *keys):
        """The value of the first of ``keys`` that has one; None if none has."""
        for key in keys:
            try:
                value = self.header.get(key)
            except VerifyError:  # a card that is no FITS card
                value = self._mended(key)
            if value is not None and not isinstance(value, fits.card.Undefined):
                return value
        return None

    def text(self, *keys) -> str:
        """The value as printable text with single blanks; "" if absent."""
        value = self.value(*keys)
        return "" if value is None else without_control_characters(str(value))

    def comment(self, key) -> str:
        """The comment of a card; "" if the card is absent or unreadable."""
        try:
            return str(self.header.comments[key])
        except (KeyError, VerifyError):
            return ""

    def _mended(self, key):
        """The value of a card with characters that FITS forbids, as if they were blanks."""
        try:
            image = _text_of(self.header.cards[key])
            return fits.Card.fromstring(_FORBIDDEN.sub(" ", image)).value
        except (AttributeError, TypeError, ValueError, VerifyError):
            return None

    def number(self, *keys) -> float:
        """The value as a finite number, also from text; NaN if there is none."""
        for key in keys:
            value = self.value(key)
            try:
                number = np.nan if isinstance(value, bool) else float(value)
            except (TypeError, ValueError, OverflowError):
                continue
            if np.isfinite(number):
                return number
        return np.nan


def first_number(keys, *headers) -> float:
    """The first number under any of ``keys``, in the first header that has one; else NaN."""
    numbers = (header.number(*keys) for header in headers)
    return next((number for number in numbers if np.isfinite(number)), np.nan)


def number_within(limits, keys, *headers) -> tuple[float, list[str]]:
    """The first number under any of ``keys`` within a Range, and notes on those that aren't.

    Keys in turn, in each the headers in turn; NaN where there is none. What is no number, or 0,
    which many write where they don't know, is passed over in silence.
    """
    notes = []
    for key in keys:
        number = first_number((key,), *headers)
        if limits.holds(number):
            return number, notes
        if np.isfinite(number) and number != 0:
            notes.append(f"header: {key} = {number:g} is not taken, {limits}")
    return np.nan, notes


def shown_values(keys, *headers) -> str:
    """The values under some keys, for messages: "GAINA = 1e+300"."""
    found = {key: next(filter(None, (h.text(key) for h in headers)), None) for key in keys}
    return ", ".join(f"{key} = {text[:40]}" for key, text in found.items() if text)


def first_text(keys, *headers) -> str:
    """The first non-empty text under any of ``keys``; else ""."""
    return next(filter(None, (header.text(*keys) for header in headers)), "")


def celestial_wcs(path: Path, label: str, cards: Cards) -> WCS:
    """The WCS of one HDU's own cards, in ICRS, right ascension first.

    Only this HDU's: the primary header of a DECam file says FK5, and a WCS of both is off by
    30 mas. J2000 in FK5 differs from ICRS by less, and is taken as ICRS. Nothing branches on
    ``ctype`` after parsing, where TPV reads as TAN. Right ascensions that it gives are near
    0 to 360, but for rounding: ``wrap_ra`` takes the last of it.
    """
    try:
        wcs = WCS(wcs_cards(path, label, cards))
        sky = wcs.all_pix2world([0.0], [0.0], 0)
    except (ValueError, MemoryError) as error:  # wcslib's errors are ValueErrors
        raise _no_wcs(path, label, f"the WCS can't be used ({error})") from error
    if not np.all(np.isfinite(sky)) or abs(sky[1][0]) > 90:
        raise _no_wcs(path, label, "the WCS has no solution on the image")
    return wcs


def wcs_cards(path: Path, label: str, cards: Cards) -> fits.Header:
    """The cards of a header that make its WCS and no others, in ICRS, right ascension first.

    Raises InputFileError if the axes are no right ascension and declination of J2000.
    """
    own = fits.Header()
    for key in filter(_WCS_CARD.fullmatch, dict.fromkeys(cards.header)):
        value = cards.value(key)
        if value is not None:
            own[key] = value if key.startswith(_TEXTS) else _number(path, label, key, value)
    axes = [str(own.get(key, "")).strip().upper() for key in ("CTYPE1", "CTYPE2")]
    names = [axis[:4].rstrip("-") for axis in axes]
    if sorted(names) != ["DEC", "RA"]:
        are = f", but in {' and '.join(axes)}" if all(axes) else ""
        raise _no_wcs(path, label, f"no WCS in right ascension and declination{are}")
    _check_frame(path, label, cards)
    _check_orders(path, label, own)
    own["RADESYS"] = "ICRS"
    own["CTYPE1"], own["CTYPE2"] = axes  # wcslib takes "ra---tan" for no projection
    try:
        own = right_ascension_first(own) if names[0] == "DEC" else own
        return with_wrapped_ra(own)
    except (TypeError, ValueError, MemoryError) as error:
        raise _no_wcs(path, label, f"the WCS can't be used ({error})") from error


def _number(path, label, key, value):
    """A number, also from text; wcslib would silently ignore what isn't one."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    try:
        number = value if is_whole else float(str(value))
    except ValueError:
        number = np.nan
    if not abs(number) < np.inf:
        raise _no_wcs(
            path, label, f"{key} is {without_control_characters(str(value))!r}, no finite number"
        )
    return number


def _check_orders(path, label, own):
    """Check the orders of SIP polynomials, by which wcslib allocates before reading terms."""
    for key in ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER"):
        order = own.get(key, 0)
        if isinstance(order, bool) or order not in range(MAX_SIP_ORDER + 1):
            raise _no_wcs(path, label, f"{key} is {order!r}, not 0 to {MAX_SIP_ORDER}")


def _check_frame(path, label, cards):
    frame = cards.text("RADESYS", "RADECSYS").upper()
    equinox = cards.number("EQUINOX")
    if frame.startswith("ICRS"):
        return  # and EQUINOX means nothing
    if frame.startswith("FK4") or abs(equinox - 2000) > 0.5:
        raise _no_wcs(path, label, f"the WCS is in {frame} of equinox {equinox:g}, not of J2000")


def _no_wcs(path, label, problem):
    advice = "Solve its astrometry first, with astrometry.net or SCAMP, in ICRS"
    return InputFileError(path, problem, advice, hdu=label)
