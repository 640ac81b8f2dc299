"""Pictures for pages, from where they were rendered to."""

from django.http import FileResponse, Http404
from django.views.decorators.cache import cache_control

from variables.pictures.places import cutouts_path, picture_path

# Their addresses change when they do; private, as they need a login.
kept_for_good = cache_control(private=True, max_age=31_536_000, immutable=True)


@kept_for_good
def cutouts(request, pk):
    """The cutouts of a candidate, all tiles in one picture."""
    return _picture(cutouts_path(pk))


@kept_for_good
def image_picture(request, pk):
    """A whole chip, a small picture."""
    return _picture(picture_path(pk))


def _picture(path):
    try:
        return FileResponse(path.open("rb"), content_type="image/png")
    except FileNotFoundError as error:
        raise Http404("Not rendered yet: manage.py render_pictures does it") from error
