"""A list of stars of a made-up survey, as somebody would draw it on the plane."""

import numpy as np
from django.contrib.auth import get_user_model

from variables.models import StarList
from variables.planes.forms import PlaneForm
from variables.planes.lasso import LassoError
from variables.planes.lists import make_list

NAME = "Vary by more than 0.1 mag"
REGION = np.array([[10.0, 0.1], [30.0, 0.1], [30.0, 10.0], [10.0, 10.0]])


def make_star_list() -> bool:
    """Make the list, of the curator's, if it is missing; whether it was made."""
    curator = get_user_model().objects.get(username="curator")
    form = PlaneForm.of({"x": "robust_mag", "y": "excess_mag"})
    if StarList.objects.filter(name=NAME).exists() or not form.is_valid():
        return False
    try:
        make_list(curator, NAME, form.plane(), REGION, form.query)
    except LassoError:  # no star varies so, or too many do
        return False
    return True
