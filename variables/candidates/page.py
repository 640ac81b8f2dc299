"""The page of one candidate: its light curves, cutouts, place, neighbours and history."""

from urllib.parse import urlencode

from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from variables.candidates.light_curve_data import light_curve_data, matches_of
from variables.candidates.listing import neighbours_in_list
from variables.candidates.neighbours import RADIUS_ARCSEC, field_diagram, neighbours_of
from variables.models import Artifact, GalCandidate, GalFlag, GalVarObj
from variables.pictures.places import cutouts_url, picture_url
from variables.pictures.sprite import TILE, cutout_layout
from variables.science.periods import MIN_EPOCHS, find_periods

STATISTICS = (
    ("mean_mag", "mean", "mag", 3),
    ("rms_mag", "rms", "mag", 3),
    ("amplitude_mag", "amplitude", "mag", 3),
    ("chi2_nu", "χ²/ν", "", 1),
    ("von_neumann", "von Neumann", "", 2),
    ("skewness", "skewness", "", 2),
    ("max_delta_mag", "largest change", "mag", 2),
    ("max_significance", "significance", "σ", 0),
)


@require_GET
def candidate_page(request, pk):
    """Everything about one candidate on a page."""
    candidate = get_object_or_404(
        GalCandidate.objects.with_visible_class(request.user).select_related(
            "catalogue__image__exposure", "consensus"
        ),
        pk=pk,
    )
    query = request.GET.get("list", "")
    previous, following = neighbours_in_list(query, candidate, request)
    changes = GalVarObj.objects.of_source(pk).select_related("image__exposure")
    context = {
        "candidate": candidate,
        "list_query": query,
        "previous": previous,
        "next": following,
        "changes": changes,
        "statistics": _statistics(candidate),
        "neighbours": neighbours_of(candidate),
        "radius_arcsec": RADIUS_ARCSEC,
        "matches": [m for m in matches_of([pk])[pk] if m.refsource_id != pk],
        "flags": GalFlag.objects.filter(refsource_id=pk).select_related("made_by", "decided_by"),
        "artifacts": Artifact.choices,
        "cutouts": _cutouts(candidate, changes),
        "chip_picture": picture_url(candidate.image),
        "links": _links(candidate),
    }
    return render(request, "variables/candidate.html", context)


def _statistics(candidate):
    values = [(heading, getattr(candidate, name), unit, n) for name, heading, unit, n in STATISTICS]
    return [
        (heading, "–" if value is None else f"{value:.{n}f}", unit)
        for heading, value, unit, n in values
    ]


def _cutouts(candidate, changes):
    """The tiles of each epoch, those with a detection marked; None where none are rendered."""
    layout = cutout_layout(candidate.pk)
    url = cutouts_url(candidate.pk)
    if layout is None or url is None:
        return None
    detected = {c.image_id: c for c in changes}
    epochs = [
        {"x": TILE * column, "image_id": image_id, "change": detected.get(image_id)}
        for column, image_id in enumerate(layout.image_ids, 1)
    ]
    return {
        **{"url": url, "tile": TILE, "height": 2 * TILE, "epochs": epochs},
        "width": TILE * layout.n_columns,
    }


def _links(candidate):
    """Other archives at the position: nothing of them is fetched until somebody goes there."""
    place = f"{candidate.ra:.6f} {candidate.dec:+.6f}"
    simbad = {"Coord": place, "CooFrame": "ICRS", "Radius": 10, "Radius.unit": "arcsec"}
    vizier = {"-c": place, "-c.rs": 5}
    gaia, vsx = {"-source": "I/355/gaiadr3", **vizier}, {"-source": "B/vsx/vsx", **vizier}
    aladin = {"target": place, "fov": 0.02, "survey": "CDS/P/DECaPS/DR2/color"}
    return [
        ("SIMBAD", "https://simbad.cds.unistra.fr/simbad/sim-coo?" + urlencode(simbad)),
        ("VSX", "https://vizier.cds.unistra.fr/viz-bin/VizieR-4?" + urlencode(vsx)),
        ("Gaia", "https://vizier.cds.unistra.fr/viz-bin/VizieR-4?" + urlencode(gaia)),
        ("Aladin", "https://aladin.cds.unistra.fr/AladinLite/?" + urlencode(aladin)),
    ]


@require_GET
def candidate_data(request, pk):
    """The light curves of a candidate, as JSON."""
    get_object_or_404(GalCandidate.objects.only("pk"), pk=pk)
    return JsonResponse(light_curve_data(pk))


@require_GET
def candidate_field(request, pk):
    """The colour-magnitude diagram of a candidate's field, as JSON."""
    candidate = get_object_or_404(GalCandidate.objects.select_related("catalogue__image"), pk=pk)
    return JsonResponse(field_diagram(candidate))


@require_GET
def candidate_periods(request, pk):
    """Periods of a candidate's light curves, as JSON; with ``few`` where there are too few."""
    get_object_or_404(GalCandidate.objects.only("pk"), pk=pk)
    curves = light_curve_data(pk)["filters"]
    periods = find_periods([(c["mjd"], c["mag"], c["mag_err"]) for c in curves])
    found = [{"days": p.days, "power": p.power, "false_alarm": p.false_alarm} for p in periods]
    n_epochs = sum(len(c["mjd"]) for c in curves)
    return JsonResponse({"periods": found, "n_epochs": n_epochs, "min_epochs": MIN_EPOCHS})
