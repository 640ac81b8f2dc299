"""What a vetter sees of a candidate, as JSON, without anybody else's opinion of it."""

from exposures.models import GalImage
from variables.candidates.changed_star import changed_stars_of
from variables.candidates.known import known_label, known_text
from variables.candidates.page import STATISTICS
from variables.candidates.positions import galactic, sexagesimal
from variables.light_curves.light_curve_data import light_curves_data
from variables.models import GalCandidate, GalPeriod, GalVarObj
from variables.models.known import Known
from variables.pictures.compass import compass_of
from variables.pictures.paths import cutouts_url, strip_url
from variables.pictures.sprite import TILE, cutout_layout
from variables.pictures.strips import HEIGHT, WIDTH
from variables.vetting.campaigns import CAUSES
from variables.vetting.published import published_of
from variables.vetting.small_curves import small_curves
from variables.vetting.suggestions import suggestion_of
from variables.vetting.surroundings import surroundings_of
from variables.votes.scores import seen_scores

# What a card's line of facts says already.
TOLD = {"max_delta_mag", "max_significance"}


def cards_of(objects) -> list[dict]:
    """Cards of a campaign's objects in order, without those whose candidate no longer exists."""
    ids = [one.refsource_id for one in objects]
    candidates = _candidates(ids)
    curves, changes = light_curves_data(list(candidates)), _changes(ids)
    places, periods = _position_texts(candidates), _periods(ids)
    around, published = surroundings_of(candidates), published_of(candidates)
    changed_stars = changed_stars_of(candidates)
    sheets = {pk: _sheet(pk) for pk in candidates}
    # Of a card nobody has voted who is asked to: what everybody may know.
    scores = {pk: score.text for pk, score in seen_scores(candidates).items()}
    times = _times(sheets.values())
    return [
        {
            **_facts(one, candidates[one.refsource_id]),
            **places[one.refsource_id],
            "score": scores.get(one.refsource_id, ""),
            "statistics": _statistics(candidates[one.refsource_id]),
            "light_curves": curves[one.refsource_id],
            "periods": periods.get(one.refsource_id, []),
            "is_periodic": candidates[one.refsource_id].period_days is not None,
            **around[one.refsource_id],
            **published[one.refsource_id],
            "cutouts": _cutouts(sheets[one.refsource_id], changes.get(one.refsource_id, {}), times),
            "compass": _compass(candidates[one.refsource_id]),
            "changed_star": _changed_star(changed_stars.get(one.refsource_id)),
        }
        for one in objects
        if one.refsource_id in candidates
    ]


def tiles_of(objects, stamp_of) -> list[dict]:
    """Tiles of a contact sheet, each with the cutouts of the epoch of greatest change.

    ``stamp_of(refsource_id, image_id)`` gives the proof that a strip was sent. If no epoch of a
    candidate's changes is rendered, its tile has neither strip nor proof: another epoch would show
    no change.
    """
    ids = [one.refsource_id for one in objects]
    candidates, changes = _candidates(ids), _changes(ids)
    curves = small_curves(candidates)
    return [
        {
            **_facts(one, candidates[one.refsource_id]),
            "curves": curves[one.refsource_id],
            **_strip(one.refsource_id, changes.get(one.refsource_id, {}), stamp_of),
        }
        for one in objects
        if one.refsource_id in candidates
    ]


def thumbnails_of(ids) -> dict[str, dict]:
    """{refsource_id as text: the small curves of a candidate, and what a sheet shows of it}.

    ``cutouts`` are None where no epoch of its changes is rendered.
    """
    candidates, changes = _candidates(ids), _changes(ids)
    curves = small_curves(candidates)
    return {
        str(pk): {
            "curves": curves[pk],
            "cutouts": _strip(pk, changes.get(pk, {}), lambda *_: None)["cutouts"],
        }
        for pk in candidates
    }


def _candidates(ids):
    found = GalCandidate.objects.filter(pk__in=ids).select_related("catalogue__image")
    return {candidate.pk: candidate for candidate in found}


def _position_texts(candidates):
    """{refsource_id: position as text}, converted at once because one takes as long as many."""
    if not candidates:
        return {}
    ra, dec = [c.ra for c in candidates.values()], [c.dec for c in candidates.values()]
    columns = zip(candidates, sexagesimal(ra, dec), *galactic(ra, dec), strict=True)
    return {
        pk: {"position": text, "galactic": f"l {longitude:.3f}° b {latitude:+.3f}°"}
        for pk, text, longitude, latitude in columns
    }


def _facts(one, candidate):
    return {
        # As text: a number this long is at the limit of what a browser counts exactly.
        "refsource_id": str(candidate.pk),
        "rank": one.rank,
        "group": one.group,
        "filter": candidate.filter,
        "cause": CAUSES[candidate.cause],
        "suggestion": suggestion_of(candidate),
        "kind": candidate.kind,
        "mag": _mag(candidate),
        "change": candidate.max_delta_mag and round(candidate.max_delta_mag, 2),
        "significance": round(candidate.max_significance),
        "known": known_label(candidate),
        "known_text": known_text(candidate) if candidate.known == Known.KNOWN else "",
        "n_detections": candidate.n_detections,
        "n_epochs": candidate.n_epochs,
        "url": candidate.get_absolute_url(),
    }


def _changed_star(facts):
    return None if facts is None else facts.as_json()


def _compass(candidate):
    compass = compass_of(candidate.image.orientation, TILE)
    return compass and compass.as_json()


def _mag(candidate):
    """The magnitude on the reference, or the mean where the reference does not have the source."""
    mag = candidate.mean_mag if candidate.is_new else candidate.reference_mag
    return mag and round(mag, 2)


def _statistics(candidate):
    return [
        [heading, None if value is None else round(value, digits), unit]
        for name, heading, unit, digits in STATISTICS
        if name not in TOLD
        for value in [getattr(candidate, name)]
    ]


def _periods(ids):
    """{refsource_id: [{"days": number, "alias": what it may be of a likelier one}, ...]}."""
    periods = {}
    for one in GalPeriod.objects.filter(refsource_id__in=ids).order_by("refsource_id", "rank"):
        alias = one.get_alias_display() if one.alias else ""
        periods.setdefault(one.refsource_id, []).append({"days": one.days, "alias": alias})
    return periods


def _changes(ids):
    """{refsource_id: {image id: (size of the change in sigma, is a detection)}}."""
    changes = {}
    columns = ("refsource_id", "image_id", "significance", "failed_cuts", "is_flagged")
    for pk, image_id, sigma, failed, flagged in GalVarObj.objects.filter(
        refsource_id__in=ids
    ).values_list(*columns):
        changes.setdefault(pk, {})[image_id] = (sigma, not failed and not flagged)
    return changes


def _cutouts(sheet, changes, times):
    """The tiles of each epoch, detections first; None if no cutouts were rendered."""
    if sheet is None:
        return None
    epochs = [
        {
            "x": TILE * column,
            "image_id": i,
            "mjd": times.get(i),
            "sigma": round(changes.get(i, (0, False))[0]),
            "change": i in changes,
        }
        for column, i in enumerate(sheet["image_ids"], 1)
    ]
    shown = {name: value for name, value in sheet.items() if name != "image_ids"}
    return {**shown, "epochs": sorted(epochs, key=lambda e: (not e["change"], -e["sigma"], e["x"]))}


def _times(sheets):
    """{image id: MJD} of the epochs in files of cutouts."""
    ids = {i for sheet in sheets if sheet for i in sheet["image_ids"]}
    return dict(GalImage.objects.filter(pk__in=ids).values_list("pk", "exposure__mjd"))


def _strip(refsource_id, changes, stamp_of):
    layout = cutout_layout(refsource_id)
    there = [i for i in layout.image_ids if i in changes] if layout else []
    if not there:
        return {"cutouts": None, "stamp": None}
    # A detection before what failed the cuts, and of those the greatest.
    image_id = max(there, key=lambda i: (changes[i][1], changes[i][0]))
    url = strip_url(refsource_id, image_id)
    return {
        "cutouts": {"url": url, "tile": TILE, "width": WIDTH, "height": HEIGHT},
        "stamp": stamp_of(refsource_id, image_id),
    }


def _sheet(refsource_id):
    layout, url = cutout_layout(refsource_id), cutouts_url(refsource_id)
    if layout is None or url is None:
        return None
    return {
        "url": url,
        "tile": TILE,
        "width": TILE * layout.n_columns,
        "height": 2 * TILE,
        "image_ids": layout.image_ids,
    }
