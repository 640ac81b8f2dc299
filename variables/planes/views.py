"""Pages of the plane of all stars, and of lists of stars made on it."""

from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from exposures.errors import GalprojectError
from exposures.input.form_fields import complaints_of
from exposures.permissions import needs_permission
from exposures.plain_values import finite
from variables.models import StarList
from variables.planes.density import plane_data
from variables.planes.forms import PlaneForm, StarListForm
from variables.planes.lists import candidates_query, make_list, page_of_list

VOTE = "variables.add_galdecision"


@require_safe
def plane(request):
    """Show the plane of two statistics; status 400 with messages if the query makes no sense."""
    form = PlaneForm.of(request.GET)
    is_valid = form.is_valid()
    context = {
        "form": form,
        "plane": form.plane() if is_valid else None,
        "query": form.query if is_valid else "",
        "lists": StarList.objects.select_related("user").defer("refsource_ids"),
    }
    return render(request, "variables/plane.html", context, status=200 if is_valid else 400)


@require_safe
def plane_density(request):
    """The density on a plane, and the candidates on it, as JSON."""
    form = PlaneForm.of(request.GET)
    if not form.is_valid():
        return JsonResponse({"error": complaints_of(form)}, status=400)
    data = plane_data(form.plane(), request.user)
    return JsonResponse(finite(data), json_dumps_params={"allow_nan": False})


@require_POST
@needs_permission(VOTE)
def new_star_list(request):
    """Make a list of the stars inside a polygon on the plane of the query."""
    chosen, form = PlaneForm.of(request.GET), StarListForm(request.POST)
    if not (chosen.is_valid() and form.is_valid()):
        messages.error(request, complaints_of(form if chosen.is_valid() else chosen))
        return redirect("plane")
    asked, address = form.cleaned_data, f"{reverse('plane')}?{chosen.query}"
    try:
        stars = make_list(
            request.user, asked["name"], chosen.plane(), asked["corners"], chosen.query
        )
    except GalprojectError as error:
        messages.error(request, str(error))
        return redirect(address)
    return redirect(stars)


@require_safe
def star_list(request, pk):
    """Show the stars of a list, and what can be done with those that are candidates."""
    stars = get_object_or_404(StarList.objects.select_related("user"), pk=pk)
    context = {
        "stars": stars,
        "shown": page_of_list(stars, request.GET.get("page")),
        "candidates_query": candidates_query(stars),
    }
    return render(request, "variables/star_list.html", context)


@require_POST
def delete_star_list(request, pk):
    """Delete one of the user's own lists."""
    stars = get_object_or_404(StarList, pk=pk, user=request.user)
    stars.delete()
    messages.success(request, f"Deleted “{stars}”.")
    return redirect("plane")
