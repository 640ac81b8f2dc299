"""The size of a made-up survey."""

from dataclasses import dataclass

from benchmarks.survey_rows.layout import CROWDED

FILTERS = ("g", "r", "i")


@dataclass(frozen=True)
class SurveySize:
    """How many rows of each kind a survey has."""

    n_pointings: int  # fields, each with a reference exposure in every filter
    n_exposures: int
    n_chips: int  # of an exposure
    n_stars: int  # that are candidates, in one filter or more
    n_voted: int  # candidates that people voted on, two or three times each
    n_logs: int  # times that a chip was processed, three lines each

    @classmethod
    def of_share(cls, share: float) -> "SurveySize":
        """A share of 2,000 exposures with 2 million candidates; the least has all kinds of rows."""
        n_pointings = max(1, round(32 * share))
        return cls(
            n_pointings=n_pointings,
            n_exposures=max(round(2000 * share), 8 * n_pointings * len(FILTERS)),
            n_chips=62 if share >= 0.02 else 4,
            n_stars=max(400, round(1_540_000 * share)),
            n_voted=max(100, round(400_000 * share)),
            n_logs=8,
        )

    @property
    def n_groups(self) -> int:
        """Reference exposures; each other exposure is measured with one of them."""
        return self.n_pointings * len(FILTERS)

    @property
    def n_catalogues(self) -> int:
        return self.n_groups * self.n_chips

    def numbers(self) -> dict:
        """The numbers that statements name."""
        return {
            "n_pointings": self.n_pointings,
            "n_groups": self.n_groups,
            "n_chips": self.n_chips,
            "n_catalogues": self.n_catalogues,
            "n_exposures": self.n_exposures,
            "n_stars": self.n_stars,
            "n_voted": self.n_voted,
            "n_logs": self.n_logs,
            "crowded": CROWDED,
            # Groups of which the later half of the exposures waits for the reference.
            "first_waiting": self.n_groups - max(1, round(self.n_groups * 10 / 96)),
        }
