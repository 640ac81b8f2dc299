"""The view of small pictures of candidates, for rows of lists."""

from django.core.exceptions import BadRequest
from django.http import JsonResponse
from django.views.decorators.http import require_safe

from exposures.input.queries import integers_in
from exposures.plain_values import finite
from variables.vetting.cards import thumbnails_of

MOST = 60  # candidates at once


@require_safe
def candidate_thumbnails(request):
    """Give the small light curves and the cutouts of some candidates, as JSON by their ids."""
    ids = integers_in(request.GET, "id")
    if len(ids) > MOST:
        raise BadRequest(f"id: at most {MOST} candidates at once")
    data = thumbnails_of(ids)
    return JsonResponse(finite(data), json_dumps_params={"allow_nan": False})
