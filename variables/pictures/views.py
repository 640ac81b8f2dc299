"""Views that serve rendered pictures."""

from django.http import FileResponse, Http404, HttpResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import condition, require_safe

from variables.pictures import strips
from variables.pictures.paths import (
    cutouts_path,
    picture_path,
    small_picture_path,
    version_of,
)

YEAR_SECONDS = 31_536_000


NOT_RENDERED = "Not rendered yet: manage.py render_pictures does it"


def _tag(path_of):
    def tag(request, pk, **_):
        version = version_of(path_of(pk))
        return version and f'"{version}"'

    return tag


@require_safe
@condition(etag_func=_tag(cutouts_path))
def cutouts(request, pk):
    """Serve the cutouts of a candidate, all tiles in one picture."""
    return _picture(cutouts_path(pk))


@require_safe
@condition(etag_func=_tag(cutouts_path))
def strip(request, pk, image_id):
    """Serve reference, search and difference of one epoch of a candidate, side by side."""
    content = strips.strip_png(pk, image_id)
    if content is None:
        raise Http404(NOT_RENDERED)
    return _kept(HttpResponse(content, content_type="image/png"))


@require_safe
@condition(etag_func=_tag(picture_path))
def image_picture(request, pk):
    """Serve the picture of a chip."""
    return _picture(picture_path(pk))


@require_safe
@condition(etag_func=_tag(small_picture_path))
def small_picture(request, pk):
    """Serve the small picture of a chip."""
    return _picture(small_picture_path(pk))


def _picture(path):
    try:
        return _kept(FileResponse(path.open("rb"), content_type="image/png"))
    except FileNotFoundError as error:
        raise Http404(NOT_RENDERED) from error


def _kept(response):
    # Their addresses change when they do; private, as they need a login.
    patch_cache_control(response, private=True, max_age=YEAR_SECONDS, immutable=True)
    return response
