"""Finding charts from the survey's own pixels."""

import io
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from exposures.errors import GalprojectError
from variables.pictures.compass import compass_of
from variables.pictures.pixels import pixels_of_image
from variables.pictures.stretch import grey, sky_of, white_of
from variables.science.resampling import cut_stamp

SIDE = 720  # pixels of the picture
FOOT = 40  # pixels below it, for words
DEFAULT_SCALE = 0.2637  # arcsec a pixel, of chips whose place on the sky is not known
RADIUS_ARCSEC = 4.0  # of the circle
RADIUS_SHARE = 0.02  # of the side: it is at least so large
INK, MARK = 0, (190, 30, 30)
HALF = 0.5


def finding_chart(candidate, name, side_arcsec) -> bytes:
    """The sky around a candidate on its reference image as PNG, stars dark, with a scale bar.

    North is as nearly up as quarter turns bring it; arrows show where it is. Raises GalprojectError
    if the image can't be read.
    """
    image = candidate.image
    orientation = image.orientation
    scale = orientation.arcsec_per_pixel or DEFAULT_SCALE
    half = math.ceil(side_arcsec / scale / 2)
    pixels = pixels_of_image(image)
    x, y = round(candidate.x), round(candidate.y)
    data = cut_stamp(pixels.data, x, y, 2 * half + 1, np.nan)
    if not np.isfinite(data).any():
        raise GalprojectError(f"{candidate} lies beyond the pixels of {image}: process it again")
    sky, noise = sky_of(data)
    shades = 255 - grey(data, sky, noise, white_of(data, sky, noise))
    shades[~np.isfinite(data)] = 255
    chart = Image.new("RGB", (SIDE, SIDE + FOOT), "white")
    picture = Image.fromarray(np.ascontiguousarray(orientation.picture(shades)))
    chart.paste(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    zoom = SIDE / (2 * half + 1)
    draw = ImageDraw.Draw(chart)
    offset = _offset(orientation, candidate, (x, y))
    _draw_circle(draw, offset * zoom, max(RADIUS_ARCSEC / scale * zoom, RADIUS_SHARE * SIDE))
    _draw_compass(draw, compass_of(orientation, 2 * half + 1), zoom)
    words = f"{name}   {image.exposure.filter}   {side_arcsec:g} arcsec a side"
    draw.text((8, SIDE + FOOT / 2), words, INK, ImageFont.load_default(16), anchor="lm")
    out = io.BytesIO()
    chart.save(out, "png")
    return out.getvalue()


def _offset(orientation, candidate, middle):
    """(2,) right and down, of the candidate from the middle of the picture, in pixels."""
    on_chip = np.array([candidate.x, candidate.y]) - middle
    right, up = np.array(orientation.turn) @ on_chip
    return np.array([right, -up])


def _draw_circle(draw, offset, radius):
    x, y = SIDE * HALF + offset
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=MARK, width=2)


def _draw_compass(draw, compass, zoom):
    """Arrows to north and east in the upper left corner, and a scale bar at the lower right."""
    if compass is None:
        return
    font, length = ImageFont.load_default(18), 46
    corner = np.array([80.0, 80.0])
    for direction, letter in ((compass.north, "N"), (compass.east, "E")):
        end = corner + length * np.array(direction)
        draw.line([tuple(corner), tuple(end)], MARK, 3)
        draw.text(tuple(corner + 1.3 * length * np.array(direction)), letter, MARK, font, "mm")
    right, low = SIDE - 20, SIDE - 20
    left = right - compass.bar_pixels * zoom
    draw.line([(left, low), (right, low)], MARK, 3)
    # The font has no primes.
    words = compass.bar_text.replace("″", " arcsec").replace("′", " arcmin")
    draw.text(((left + right) / 2, low - 6), words, MARK, font, "ms")
