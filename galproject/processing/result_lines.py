"""Results of chips in lines of text."""

import re
from collections.abc import Iterable, Iterator

from galproject.processing.chip_result import ChipResult, Outcome

# By which a header's WCS is off, where it is worth a word.
FAR_ARCSEC = 1.0


def result_line(result: ChipResult) -> str:
    """A line about a chip's result, with a dash for what was not measured."""

    def show(value: float | None, form: str, unit: str = "") -> str:
        return "-" if value is None else f"{value:{form}}{unit}"

    kind = "reference" if result.is_reference else "search"
    # What fell back, by name; the end of the run says how.
    fell_back = ", ".join(dict.fromkeys(note.partition(":")[0] for note in result.notes))
    offset = result.wcs_offset_arcsec or 0.0
    variables = "" if result.is_reference else f"  {show(result.n_variables, 'd')} variables"
    is_left = result.status in (Outcome.UNCHANGED, Outcome.BUSY)
    how_long = result.status if is_left else f"{result.seconds:.1f} s"
    return (
        f"{result.label} {kind}: {show(result.n_sources, ',d')} sources"
        f"  {show(result.fwhm_arcsec, '.2f', chr(34))}"
        f"  {show(result.astrometric_rms_mas, '.0f', ' mas')}"
        f"{f'  WCS {offset:.1f}{chr(34)} off' if offset >= FAR_ARCSEC else ''}"
        f"  zp {show(result.zero_point, '.2f')}"
        f"  chi2/nu {show(result.chi2_nu, '.2f')}"
        f"{variables}"
        f"  {how_long}"
        f"{'  DOUBTED' if result.is_doubted else ''}"
        f"{f'  [{fell_back}]' if fell_back else ''}"
    )


def note_lines(results: Iterable[ChipResult]) -> Iterator[str]:
    """Lines about fallbacks, one for each kind of note with the number of chips."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for result in results:
        for note in result.notes:
            # "order 1 from 34 stars" and "order 2 from 90 stars" are of one kind.
            kinds.setdefault(re.sub(r"\d+", "#", note), []).append((note, result.label))
    for found in sorted(kinds.values(), key=len, reverse=True):
        notes = sorted({note for note, _ in found})
        where = found[0][1] if len(found) == 1 else f"{len(found)} chips"
        yield f"[{where}] {' ... '.join(dict.fromkeys([notes[0], notes[-1]]))}"
