"""Light curves without the trends that the stars of a catalogue share."""

from dataclasses import replace

from variables.light_curves.light_curves import LightCurve
from variables.variability.storage import stored_trend


def detrended(curve: LightCurve) -> LightCurve:
    """A LightCurve without trends; as measured where its catalogue has none.

    Magnitudes alone are others. Images that were not there when trends were last looked for have
    none.
    """
    trend = stored_trend(curve.refsource_id, curve.image_id)
    return replace(curve, mag=curve.mag - trend.astype(curve.mag.dtype))
