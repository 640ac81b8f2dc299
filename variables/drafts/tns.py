"""Drafts for TNS, the Transient Name Server: its report of an astronomical transient (AT)."""

import json
from datetime import datetime, timedelta

import numpy as np

from exposures.errors import GalprojectError
from exposures.models import GalImage
from variables.drafts.curves import DraftCurve
from variables.drafts.draft import Draft, DraftValue
from variables.drafts.facts import DraftError, Facts
from variables.models import GalVarObj

MJD_0 = datetime(1858, 11, 17)
AB_MAG = "1"  # TNS's number of the unit
OTHER_ARCHIVE = "0"  # TNS's number of none that it lists
TAKEN = ("microlensing", "qso", "other")  # classes of what may be a transient
# As its page for beginners has it, https://www.wis-tns.org/content/tns-getting-started.
NOT_TAKEN = (
    "a class that TNS takes: it wants no variable stars, nor novae and cataclysmic variables of "
    "the Galaxy, which VSX does"
)
UNITS = "number of the unit: ABMag is 1; look up others, or calibrate the reference"


def tns_draft(facts: Facts) -> Draft:
    """The Draft of a report for TNS. Raises DraftError where nothing was detected."""
    report = _Report(facts)
    values = (
        DraftValue("Internal name", facts.name),
        DraftValue("Position (J2000)", facts.position),
        DraftValue("Discovery", date_text(report.discovery_mjd), "UTC"),
        DraftValue("Last non-detection", report.non_detection_text),
        DraftValue("Brightest", report.brightest_text, facts.curves[0].scale),
        DraftValue("Photometry", f"{report.n_measured} measurements since then"),
        DraftValue("Class of the survey", facts.choice.label),
        DraftValue("Reporter", facts.options.reporter or "–"),
    )
    return Draft("tns", values, tuple(report.missing()))


def tns_json(facts: Facts) -> str:
    """The report in the form of TNS's bulk reports, JSON; what is not known is an empty text.

    Raises DraftError where nothing was detected.
    """
    report = {"at_report": {"0": _Report(facts).as_json()}}
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def date_text(mjd) -> str:
    """An MJD as date and time to the second."""
    return f"{MJD_0 + timedelta(days=float(mjd)):%Y-%m-%d %H:%M:%S}"


def filter_numbers(text: str) -> dict[str, str]:
    """{filter: TNS's number} of the option: "g=1, r=2". Raises GalprojectError for all else."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    numbers = {name.strip(): number.strip() for name, _, number in pairs}
    if not all(name and number.isdecimal() for name, number in numbers.items()):
        raise GalprojectError(f"drafts.tns_filters is {text!r}: write it as g=1, r=2")
    return numbers


class _Report:
    """What a report has, found once."""

    def __init__(self, facts):
        self.facts, self.options = facts, facts.options
        self.filters = filter_numbers(self.options.tns_filters)
        changes = GalVarObj.objects.accepted().filter(refsource_id=facts.candidate.pk)
        times = changes.values_list("image__exposure__mjd", flat=True)
        self.discovery_mjd = times.order_by("image__exposure__mjd").first()
        if self.discovery_mjd is None:
            raise DraftError(
                f"{facts.candidate} was detected on no single image, as a transient would be: "
                "write a draft for VSX"
            )
        self.non_detection = max(self._limits_before(), default=None)
        self.n_measured = sum(int(self._since(curve).sum()) for curve in facts.curves)

    def _since(self, curve) -> np.ndarray:
        """(n,) which measurements are of the discovery or later."""
        return curve.mjd >= self.discovery_mjd

    def _limits_before(self):
        """(mjd, limit, number of the curve) of upper limits before the discovery."""
        for number, curve in enumerate(self.facts.curves):
            for mjd, limit in zip(curve.limit_mjd, curve.limit_mag, strict=True):
                if mjd < self.discovery_mjd:
                    yield float(mjd), float(limit), number

    @property
    def non_detection_text(self) -> str:
        if self.non_detection is None:
            return "–"
        mjd, limit, number = self.non_detection
        return f"{date_text(mjd)}, fainter than {limit:.2f} {self.facts.curves[number].passband}"

    @property
    def brightest_text(self) -> str:
        own = self.facts.curves[0]
        since = self._since(own)
        if not since.any():
            return "–"
        place = np.flatnonzero(since)[np.argmin(own.mag[since])]
        return f"{own.mag[place]:.2f} {own.passband} on {date_text(own.mjd[place])}"

    def as_json(self) -> dict:
        """The report as JSON values, with TNS's own names."""
        facts, options = self.facts, self.options
        return {
            "ra": {"value": f"{facts.candidate.ra:.6f}", "error": "", "units": ""},
            "dec": {"value": f"{facts.candidate.dec:.6f}", "error": "", "units": ""},
            "reporting_group_id": options.tns_reporting_group,
            "discovery_data_source_id": options.tns_data_source,
            "reporter": options.reporter,
            "discovery_datetime": date_text(self.discovery_mjd),
            "at_type": options.tns_at_type,
            "internal_name": facts.name,
            "remarks": " ".join(curve.scale for curve in facts.curves),
            "non_detection": self._non_detection_json(),
            "photometry": {"photometry_group": self._photometry()},
        }

    def _non_detection_json(self):
        if self.non_detection is None:
            return {"archiveid": OTHER_ARCHIVE, "archival_remarks": ""}
        mjd, limit, number = self.non_detection
        curve = self.facts.curves[number]
        return {
            "obsdate": date_text(mjd),
            "limiting_flux": f"{limit:.2f}",
            **self._camera(curve),
        }

    def _photometry(self):
        """{number: a measurement}, oldest first."""
        images = {i for curve in self.facts.curves for i in curve.image_id.tolist()}
        seconds = dict(
            GalImage.objects.filter(pk__in=images).values_list("pk", "exposure__exposure_seconds")
        )
        rows = sorted(self._measured(seconds), key=lambda row: row["obsdate"])
        return {str(number): row for number, row in enumerate(rows)}

    def _measured(self, seconds):
        for curve in self.facts.curves:
            for k in np.flatnonzero(self._since(curve)):
                error = curve.mag_err[k]
                yield {
                    "obsdate": date_text(curve.mjd[k]),
                    "flux": f"{curve.mag[k]:.3f}",
                    "flux_error": f"{error:.3f}" if np.isfinite(error) else "",
                    "limiting_flux": "",
                    "exptime": f"{seconds[int(curve.image_id[k])]:g}",
                    **self._camera(curve),
                }

    def _camera(self, curve: DraftCurve):
        """What a measurement was made with, in TNS's numbers."""
        is_ab = curve.offset is not None and curve.offset.zero_point.system == "AB"
        return {
            "flux_units": AB_MAG if is_ab else "",
            "filter_value": self.filters.get(curve.filter, ""),
            "instrument_value": self.options.tns_instrument,
            "observer": "",
            "comments": "",
        }

    def missing(self):
        """What TNS wants and nobody has told."""
        if not any(slug in TAKEN for slug in self.facts.slugs):
            yield NOT_TAKEN
        for name, what in (
            ("reporter", "who reports"),
            ("tns_reporting_group", "number of the reporting group"),
            ("tns_data_source", "number of the data source"),
            ("tns_at_type", "number of the kind of transient"),
            ("tns_instrument", "number of the camera"),
        ):
            if not getattr(self.options, name):
                yield f"{what}: set drafts.{name} in galproject.toml"
        unnumbered = sorted({c.filter for c in self.facts.curves} - self.filters.keys())
        if unnumbered:
            yield f"numbers of filters {', '.join(unnumbered)}: set drafts.tns_filters"
        if any(not self._camera(curve)["flux_units"] for curve in self.facts.curves):
            yield UNITS
        if self.non_detection is None:
            known = (
                "it is no new star" if not self.facts.candidate.is_new else "none was deep enough"
            )
            yield f"last non-detection: {known}; give an archive's number and a remark"
