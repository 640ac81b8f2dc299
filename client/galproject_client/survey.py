"""A survey, and what can be asked of it."""

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import requests
from astropy.io import fits
from astropy.table import Table

from galproject_client.columns import table_of
from galproject_client.cone_search import table_of_cone
from galproject_client.connection import Connection, Patience
from galproject_client.errors import NotThereError
from galproject_client.light_curves import LightCurve, light_curves_of

TABLES = ("exposures", "images", "references", "candidates", "flags", "votes", "comments")


class Survey:
    """A galproject survey, asked with one's own token and rights.

    Without arguments its address and the token are those of GALPROJECT_URL and GALPROJECT_TOKEN in
    the environment, which keeps the token out of notebooks. Errors are SurveyErrors.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        patience: Patience = Patience(),
        session: requests.Session | None = None,
    ) -> None:
        self.connection = Connection(url, token, patience, session)

    def __repr__(self) -> str:
        return f"Survey({self.connection.url!r})"

    # --- Light curves

    def cone(
        self, ra: float, dec: float, radius_arcsec: float = 1.0, detrended: bool = False
    ) -> list[LightCurve]:
        """Light curves of all sources within a radius of a position (ICRS degrees), nearest first.

        With ``detrended`` their magnitudes are without the trends that stars of a reference share.
        """
        asked = {"ra": ra, "dec": dec, "radius_arcsec": radius_arcsec, "detrended": detrended}
        return light_curves_of(self.connection.get("/api/cone/", **asked).json())

    def light_curve(self, refsource_id: int, detrended: bool = False) -> LightCurve:
        """The light curve of a source, also one that is no candidate; NotThereError without one."""
        path = f"/api/sources/{int(refsource_id)}/light-curve/"
        curves = light_curves_of(self.connection.get(path, detrended=detrended).json())
        if not curves:
            raise NotThereError(f"There is no measurement of a source {refsource_id}")
        return curves[0]

    def object_light_curves(self, object_id: int, detrended: bool = False) -> list[LightCurve]:
        """Light curves of a star in all filters, one for each of its sources."""
        path = f"/api/objects/{int(object_id)}/light-curve/"
        return light_curves_of(self.connection.get(path, detrended=detrended).json())

    # --- All stars

    def objects(self, ra: float, dec: float, radius_degrees: float = 0.01) -> Table:
        """Stars within up to 0.1 degrees of a position (ICRS), with a magnitude in each filter."""
        return self._cone_search("objects", ra, dec, radius_degrees)

    def sources(self, ra: float, dec: float, radius_degrees: float = 0.01) -> Table:
        """Sources of reference images likewise, each filter by itself."""
        return self._cone_search("sources", ra, dec, radius_degrees)

    def _cone_search(self, name: str, ra: float, dec: float, radius_degrees: float) -> Table:
        asked = {"RA": ra, "DEC": dec, "SR": radius_degrees, "VERB": 3}
        return table_of_cone(self.connection.get(f"/vo/{name}/search", **asked).content)

    # --- Candidates

    def candidates(self, limit: int | None = None, **filters: Any) -> Table:
        """Candidates that meet all filters, or the first of them, as a table.

        Filters are those of the list in the browser, by the names that its address has:
        ``position="17:45:40 -29:00:28", radius=60``, ``period_min=0.3``, ``n_epochs_min=20``, or
        all in one, ``line="class:rr-lyrae period:0.4..0.9"``.
        """
        return table_of(islice(self.each_candidate(**filters), limit))

    def each_candidate(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """The same one by one, read as they are needed: for more than memory holds."""
        return self.connection.rows("/api/candidates/", **filters)

    def candidate(self, refsource_id: int) -> dict[str, Any]:
        """Everything that is known of a candidate."""
        found: dict[str, Any] = self.connection.get(f"/api/candidates/{int(refsource_id)}/").json()
        return found

    def object(self, object_id: int) -> dict[str, Any]:
        """A star in all filters, with its sources."""
        found: dict[str, Any] = self.connection.get(f"/api/objects/{int(object_id)}/").json()
        return found

    def cutouts(self, refsource_id: int, images: Iterable[int] = ()) -> fits.HDUList:
        """Cutouts of a candidate from its reference, images and differences.

        Without ``images``, ids of images, those with the greatest changes.
        """
        path = f"/api/candidates/{int(refsource_id)}/cutouts/"
        answer = self.connection.get(path, image=list(images) or None)
        return fits.open(io.BytesIO(answer.content))

    # --- Votes

    def vote(
        self, refsource_id: int, choice: str, period_days: float | None = None, comment: str = ""
    ) -> dict[str, Any]:
        """Vote on a candidate: a class such as "rr-lyrae" or "artifact/artifact-edge"."""
        made: dict[str, Any] = self.connection.post(
            "/api/votes/",
            refsource_id=int(refsource_id),
            choice=choice,
            period_days=period_days,
            comment=comment,
        )
        return made

    def votes(self, refsource_id: int | None = None) -> Table:
        """One's own votes; or all on a candidate that one has voted on."""
        return self.table("votes", refsource_id=refsource_id)

    # --- Other tables

    def table(self, name: str, limit: int | None = None, **filters: Any) -> Table:
        """A table of the API, such as "exposures" or "images", all rows or the first."""
        if name not in TABLES:
            raise NotThereError(f"There is no table {name!r}: there are {', '.join(TABLES)}")
        return table_of(islice(self.connection.rows(f"/api/{name}/", **filters), limit))
