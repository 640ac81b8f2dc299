"""Pictures for pages, from where they were rendered to."""

from django.http import FileResponse, Http404
from django.utils.cache import patch_cache_control
from django.views.decorators.http import condition

from variables.pictures.places import cutouts_path, picture_path, version_of

YEAR_SECONDS = 31_536_000


def _tag(path_of):
    def tag(request, pk):
        version = version_of(path_of(pk))
        return version and f'"{version}"'

    return tag


@condition(etag_func=_tag(cutouts_path))
def cutouts(request, pk):
    """The cutouts of a candidate, all tiles in one picture."""
    return _picture(cutouts_path(pk))


@condition(etag_func=_tag(picture_path))
def image_picture(request, pk):
    """A whole chip, a small picture."""
    return _picture(picture_path(pk))


def _picture(path):
    try:
        response = FileResponse(path.open("rb"), content_type="image/png")
    except FileNotFoundError as error:
        raise Http404("Not rendered yet: manage.py render_pictures does it") from error
    # Their addresses change when they do; private, as they need a login.
    patch_cache_control(response, private=True, max_age=YEAR_SECONDS, immutable=True)
    return response
