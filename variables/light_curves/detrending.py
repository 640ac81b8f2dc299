"""Light curves without the trends that the stars of a catalogue share."""

from dataclasses import replace
from math import nan

import numpy as np

from variables.light_curves.light_curves import LightCurve
from variables.variability.storage import stored_trends


def detrended(curve: LightCurve) -> LightCurve:
    """A LightCurve without trends; as measured where its catalogue has none.

    Magnitudes alone are others, by ``trend_mag``. Images that were not there when trends were last
    looked for have none.
    """
    trends = stored_trends([curve.refsource_id])
    of_images = [trends.get((curve.refsource_id, i), nan) for i in curve.image_id.tolist()]
    trend_mag = np.array(of_images, curve.mag.dtype)
    return replace(curve, mag=curve.mag - np.nan_to_num(trend_mag), trend_mag=trend_mag)
