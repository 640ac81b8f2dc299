"""The images and trends of an export, as the light curves in it need them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from exposures.science.arrays import FloatArray, IntArray

IMAGES, TRENDS = "images.parquet", "trends.parquet"


@dataclass(frozen=True)
class CatalogueEpochs:
    """The images of a reference catalogue that statistics are of, in order of time."""

    image_id: np.ndarray  # (n_images,)
    mjd: np.ndarray  # (n_images,) UTC, middle of the exposure
    error_scale: np.ndarray  # (n_images,) errors of faint stars over those of the fit
    limit_sigma: np.ndarray  # (n_images,) significance of upper limits
    trends: np.ndarray  # (n_trends, n_images) float32, mag of a star with coefficients of 1
    direction: tuple[float, float]  # ICRS degrees, for barycentric times; NaN without images
    filter: str


@dataclass(frozen=True)
class ExportedImages:
    """The tables of images and trends of an export: columns by name, arrays (n,) and (m,)."""

    images: dict[str, np.ndarray]
    trends: dict[str, np.ndarray]

    @classmethod
    def read(cls, folder: str | Path) -> "ExportedImages":
        """Those in the folder of an export."""
        return cls(_columns(Path(folder) / IMAGES), _columns(Path(folder) / TRENDS))

    def of(self, catalogue_id: int) -> CatalogueEpochs:
        """The CatalogueEpochs of a reference catalogue, by its number, without a unit."""
        own = np.flatnonzero(self.images["catalogue_id"] == catalogue_id)
        named = {name: values[own] for name, values in self.images.items()}
        chosen = np.flatnonzero(named["is_good"].astype(bool))
        chosen = chosen[np.lexsort((named["image_id"][chosen], named["mjd"][chosen]))]
        image_id = named["image_id"][chosen]
        return CatalogueEpochs(
            image_id=image_id,
            mjd=named["mjd"][chosen],
            error_scale=named["error_scale"][chosen],
            limit_sigma=named["limit_sigma"][chosen],
            trends=self._trends_of(catalogue_id, image_id),
            direction=_first(named["direction_ra"]) + _first(named["direction_dec"]),
            filter=str(named["filter"][0]) if len(own) else "",
        )

    def _trends_of(self, catalogue_id: int, image_id: IntArray) -> FloatArray:
        own = np.flatnonzero(self.trends["catalogue_id"] == catalogue_id)
        number, mag = self.trends["number"][own], self.trends["mag"][own]
        found = np.zeros((int(number.max(initial=0)), len(image_id)), "f4")
        place = {pk: column for column, pk in enumerate(image_id.tolist())}
        for row, image in enumerate(self.trends["image_id"][own].tolist()):
            if image in place:
                found[number[row] - 1, place[image]] = mag[row]
        return found


def _first(values: FloatArray) -> tuple[float]:
    return (float(values[0]) if len(values) else np.nan,)


def _columns(path: Path) -> dict[str, np.ndarray]:
    table = pq.read_table(path)
    return {name: table[name].to_numpy() for name in table.column_names}
