"""Options of drafts of entries for others' lists."""

from dataclasses import dataclass

from exposures.science.quantities import ChartArcseconds, Name, Options


@dataclass(frozen=True)
class DraftOptions(Options):
    """Options of drafts of entries for VSX and TNS; what is left empty is told as missing."""

    designation: Name = "GALPROJECT"
    """What names of the survey's stars begin with; the position follows, as J175326.66-294105.5."""
    reporter: Name = ""
    """Who reports, as VSX and TNS shall print it."""
    chart_arcsec: ChartArcseconds = 120
    """Side of a finding chart."""
    tns_reporting_group: Name = ""
    """Number that TNS has given the group that reports."""
    tns_data_source: Name = ""
    """Number that TNS has given the group whose data they are."""
    tns_at_type: Name = ""
    """Number that TNS has for the kind of transient that is reported."""
    tns_instrument: Name = ""
    """Number that TNS has for the camera."""
    tns_filters: Name = ""
    """Numbers that TNS has for filters, such as g=1, r=2."""
