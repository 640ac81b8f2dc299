"""Drafts of entries for VSX and TNS: what they say, and what they say is missing."""

import json
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from exposures.errors import GalprojectError
from exposures.models import GalPublishedCatalogue, GalPublishedStar
from photometry.models import GalMatch, GalZeroPoint
from photometry.science.matching.states import MatchState
from tests.builders.campaigns import candidate as candidate_of
from tests.builders.campaigns import make_campaign, make_user, make_voter, vote
from tests.builders.candidates import make_candidate
from variables.drafts import chart as chart_module
from variables.drafts.curves import draft_curves, light_curve_text
from variables.drafts.facts import DraftError, facts_of
from variables.drafts.names import designation
from variables.drafts.plot import light_curve_plot
from variables.drafts.tns import date_text, filter_numbers, tns_draft, tns_json
from variables.drafts.vsx import vsx_draft
from variables.drafts.vsx_types import TYPES, vsx_type
from variables.drafts.writing import write_draft
from variables.models import GalCandidate, GalVarObj, TaxonomyClass

pytestmark = pytest.mark.django_db


@pytest.fixture
def star():
    """A candidate on which two people agree, with a period."""
    made = make_candidate(3, n_epochs=20)
    for _ in range(2):
        vote(make_voter(), made.pk, choice="rr-lyrae", period_days=0.5432)
    return candidate_of(made.pk)


@pytest.fixture
def sky(monkeypatch):
    """Pixels of a chip that is dark but for a star 40 pixels along x from the candidate."""
    data = np.random.default_rng(1).normal(100, 5, (4000, 2000)).astype("f4")
    monkeypatch.setattr(chart_module, "pixels_of_image", lambda image: SimpleNamespace(data=data))
    return data


def calibrate(candidate, **columns):
    """An absolute zero point of a candidate's reference."""
    published = GalPublishedCatalogue.objects.create(
        name="decaps2", version="dr2", kind="photometric", title="", epoch=2016, position_err=0.1
    )
    values = {"band": "i", "system": "AB", "is_other_band": False, "zero_point": 0.25}
    values |= {"error": 0.003, "systematic": 0.004, "colour_scatter": 0.0, "scatter": 0.012}
    return GalZeroPoint.objects.create(
        reference=candidate.catalogue, published=published, **values | columns
    )


def make_match(candidate, published, name, state=MatchState.MATCHED):
    """A published star that a candidate was matched with."""
    star_id = published.id_range[0]
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {published.partition} PARTITION OF galpublishedstars"
            " FOR VALUES FROM (%s) TO (%s)",
            [star_id, published.id_range[1] + 1],
        )
    GalPublishedStar.objects.create(
        id=star_id, catalogue_id=published.pk, name=name, ra=candidate.ra, dec=candidate.dec
    )
    GalMatch.objects.bulk_create(
        [
            GalMatch(
                refsource_id=candidate.pk,
                catalogue_id=published.pk,
                rank=1,
                star_id=star_id,
                separation=0.1,
                probability=0.99,
                n_possible=1,
                state=state,
            )
        ]
    )


def values_of(draft):
    return {value.name: value.text for value in draft.values}


def test_a_name_is_the_position_cut_off():
    assert designation("GALP", 266.4168, -29.0078) == "GALP J174540.03-290028.0"
    assert designation("GALP", 15 * (1 + 59.9999 / 3600), 0.0) == "GALP J010059.99+000000.0"
    assert designation("", 0.0, -0.5) == "J000000.00-003000.0"


def test_all_classes_of_variables_of_the_survey_have_a_type_or_say_so():
    known = TaxonomyClass.objects.filter(kind="variable").values_list("slug", flat=True)
    without = {slug for slug in known if not vsx_type([slug], has_period=True).name}
    assert without == {"microlensing", "proper-motion"}
    assert set(TYPES) <= set(known)


def test_a_subtype_has_its_parents_type():
    assert vsx_type(["of-two-periods", "rr-lyrae"], has_period=True).name == "RR"
    unknown = vsx_type(["strange"], has_period=True)
    assert unknown.name == "" and "strange" in unknown.note


def test_a_long_period_variable_without_a_period_is_irregular():
    assert [vsx_type(["long-period"], has).name for has in (True, False)] == ["SR", "L"]


def test_a_draft_for_vsx_has_what_is_known(star):
    values = values_of(vsx_draft(facts_of(star.pk)))
    assert values["Name"].startswith("GALPROJECT J174400.64-29")
    assert values["Type"] == "RR"
    assert values["Period"] == "0.5432 d"
    assert values["Passband"] == "i (relative)"
    assert float(values["Epoch of maximum, HJD (UTC)"]) == pytest.approx(2_460_010, abs=15)
    assert "2 people" in values["Remarks"]


def test_the_epoch_of_an_eclipsing_star_is_one_of_a_minimum():
    made = make_candidate(3, n_epochs=20)
    vote(make_voter(), made.pk, choice="eclipsing", period_days=1.7)
    names = values_of(vsx_draft(facts_of(made.pk)))
    assert "Epoch of minimum, HJD (UTC)" in names and names["Type"] == "E"


def test_what_is_not_known_is_missing_and_not_made_up(star):
    draft = vsx_draft(facts_of(star.pk))
    missing = " ".join(draft.missing)
    for what in ("discoverer", "other catalogues", "calibrated magnitudes", "references"):
        assert what in missing
    assert values_of(draft)["Other names"] == "–"
    assert "relative" in draft.text and "Missing:" in draft.text


def test_magnitudes_are_calibrated_where_the_reference_is_calibrated(star):
    relative = draft_curves(star)[0]
    calibrate(star)
    facts = facts_of(star.pk)
    own = facts.curves[0]
    assert own.mag - relative.mag == pytest.approx(0.25)
    assert own.offset.error == pytest.approx(np.sqrt(0.003**2 + 0.004**2 + 0.012**2))
    draft = vsx_draft(facts)
    assert values_of(draft)["Passband"] == "i (AB)"
    assert "calibrated magnitudes" not in " ".join(draft.missing)
    assert "i of decaps2 dr2 (AB)" in light_curve_text(facts.name, facts.curves)


def test_a_star_has_the_names_of_its_matches(star):
    gaia, vsx = (
        GalPublishedCatalogue.objects.create(
            name=name, version="1", kind="variables", title="", epoch=2016, position_err=0.1,
            in_use=True, loaded_at=timezone.now(),
        )
        for name in ("gaia_dr3", "vsx")
    )  # fmt: skip
    make_match(star, gaia, "4057434398435")
    make_match(star, vsx, "V1234 Sgr")
    draft = vsx_draft(facts_of(star.pk))
    assert values_of(draft)["Other names"] == "gaia dr3 4057434398435, V1234 Sgr"
    assert "other catalogues" not in " ".join(draft.missing)


def test_a_star_that_may_be_another_gives_no_name(star):
    published = GalPublishedCatalogue.objects.create(
        name="vsx", version="1", kind="variables", title="", epoch=2016, position_err=0.1,
        in_use=True, loaded_at=timezone.now(),
    )  # fmt: skip
    make_match(star, published, "V1234 Sgr", state=MatchState.CANT_BE_TOLD)
    assert facts_of(star.pk).other_names == ()


def test_a_zero_point_of_another_band_is_told(star):
    calibrate(star, band="RP", system="Vega", is_other_band=True)
    draft = vsx_draft(facts_of(star.pk))
    assert values_of(draft)["Passband"] == "i (zero point of RP, Vega)"
    assert "weaker" in " ".join(draft.missing)


def test_the_period_has_the_digits_of_its_error(star):
    GalCandidate.objects.filter(pk=star.pk).update(agreed_period_err=0.000123)
    assert values_of(vsx_draft(facts_of(star.pk)))["Period"] == "0.54320 ± 0.00012 d"


def test_the_light_curve_has_a_line_for_each_measurement(star):
    facts = facts_of(star.pk)
    lines = light_curve_text(facts.name, facts.curves).splitlines()
    measured = [line.split() for line in lines if not line.startswith("#")]
    assert len(measured) == len(facts.curves[0]) == 21
    hjd, bjd, mjd = (float(word) for word in measured[0][:3])
    assert 0 < abs(hjd - 2_400_000.5 - mjd) < 0.0059
    assert (bjd - hjd) * 86400 == pytest.approx(69.2, abs=4.5)
    assert [float(row[2]) for row in measured] == sorted(float(row[2]) for row in measured)


@pytest.mark.parametrize("choice", ["artifact", "uncertain", "proper-motion"])
def test_what_is_no_variable_star_has_no_draft(choice):
    made = make_candidate()
    vote(make_voter(), made.pk, choice=choice)
    with pytest.raises(DraftError, match="no variable star"):
        facts_of(made.pk)


def test_without_agreement_there_is_no_draft():
    made = make_candidate()
    with pytest.raises(DraftError, match="not agreed"):
        facts_of(made.pk)
    for choice in ("rr-lyrae", "eclipsing"):
        vote(make_voter(), made.pk, choice=choice)
    with pytest.raises(DraftError, match="don't agree"):
        facts_of(made.pk)


def test_votes_stay_blind_while_a_campaign_goes_on(client):
    campaign = make_campaign(1)
    made = GalCandidate.objects.get()
    vote(make_voter(), made.pk, campaign=campaign)
    with pytest.raises(DraftError, match="campaign"):
        facts_of(made.pk)
    client.force_login(make_voter())
    page = client.get(reverse("candidate_draft", args=[made.pk])).content.decode()
    assert "No draft" in page and "RR Lyrae" not in page
    assert client.get(reverse("draft_light_curve", args=[made.pk])).status_code == 404


def test_a_report_for_tns_has_the_discovery_and_all_since(star):
    report = json.loads(tns_json(facts_of(star.pk)))["at_report"]["0"]
    assert report["discovery_datetime"] == date_text(60001.0) == "2023-02-26 00:00:00"
    photometry = report["photometry"]["photometry_group"]
    assert len(photometry) == 20
    assert photometry["0"]["obsdate"] == report["discovery_datetime"]
    assert photometry["0"]["exptime"] == "30"
    assert photometry["0"]["flux_units"] == ""  # relative: not AB


def test_the_last_non_detection_before_the_discovery_is_reported(star):
    facts = facts_of(star.pk)
    limits = {"limit_mjd": np.array([59000.0, 60000.5, 60002.5]), "limit_mag": np.full(3, 21.5)}
    seen = replace(facts, curves=(replace(facts.curves[0], **limits), *facts.curves[1:]))
    report = json.loads(tns_json(seen))["at_report"]["0"]["non_detection"]
    assert (report["obsdate"], report["limiting_flux"]) == ("2023-02-25 12:00:00", "21.50")
    assert "fainter than 21.50" in values_of(tns_draft(seen))["Last non-detection"]
    assert "non-detection" not in " ".join(tns_draft(seen).missing)
    assert "<21.5000" in light_curve_text(seen.name, seen.curves)


def test_a_report_for_tns_makes_up_no_numbers(star):
    facts = facts_of(star.pk)
    report = json.loads(tns_json(facts))["at_report"]["0"]
    assert {report[name] for name in ("reporting_group_id", "at_type", "reporter")} == {""}
    missing = " ".join(tns_draft(facts).missing)
    for what in ("who reports", "kind of transient", "filters i", "ABMag", "non-detection"):
        assert what in missing
    assert report["non_detection"] == {"archiveid": "0", "archival_remarks": ""}
    # It is an RR Lyrae star.
    assert "VSX does" in missing


def test_calibrated_magnitudes_are_in_the_unit_of_tns(star):
    calibrate(star)
    report = json.loads(tns_json(facts_of(star.pk)))["at_report"]["0"]
    assert report["photometry"]["photometry_group"]["0"]["flux_units"] == "1"


def test_numbers_of_filters_are_read_or_refused():
    assert filter_numbers("g=1, r=22") == {"g": "1", "r": "22"}
    assert filter_numbers("") == {}
    with pytest.raises(GalprojectError, match="tns_filters"):
        filter_numbers("g:1")


def test_what_was_detected_on_no_image_is_no_transient(star):
    GalVarObj.objects.all().delete()
    with pytest.raises(DraftError, match="no single image"):
        tns_draft(facts_of(star.pk))


def test_the_chart_has_the_star_in_its_circle_and_north_up(star, sky, tmp_path):
    x, y = round(star.x), round(star.y)
    orientation = star.catalogue.image.orientation
    north = [0.0, 40 / orientation.arcsec_per_pixel]
    step = np.linalg.solve(np.array(orientation.turn, float), north)
    sky[y + round(step[1]), x + round(step[0])] = 60_000
    paths = write_draft("vsx", facts_of(star.pk), tmp_path / "new")
    assert [path.name for path in paths] == [
        "entry.txt",
        "light-curve.txt",
        "light-curve.png",
        "chart.png",
    ]
    with Image.open(paths[-1]) as chart:
        pixels = np.array(chart.convert("RGB")).astype(int)
    side = pixels.shape[1]
    shades = pixels[:side].sum(axis=2)
    shades[np.ptp(pixels[:side], axis=2) > 20] = 765  # what is drawn in colour
    dark = np.array(np.unravel_index(np.argmin(shades), shades.shape))
    assert dark == pytest.approx([side / 2 - side * 40 / 120, side / 2], abs=side / 60)
    red = pixels[:, :, 0] - pixels[:, :, 1] > 100
    assert red[side // 2 - 30 : side // 2 + 30, side // 2 - 30 : side // 2 + 30].any()


def test_the_command_writes_the_files_and_says_what_is_missing(star, sky, tmp_path, capsys):
    call_command("draft_entry", str(star.pk), "--for", "tns", "--out", str(tmp_path))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "entry.txt",
        "at-report.json",
        "light-curve.txt",
        "light-curve.png",
        "chart.png",
    }
    assert "Missing:" in capsys.readouterr().out


def test_the_plot_is_folded_by_the_agreed_period_or_over_time(star):
    facts = facts_of(star.pk)
    folded, over_time = (
        light_curve_plot(facts.name, facts.curves, period) for period in (0.5432, None)
    )
    for picture in (folded, over_time):
        with Image.open(BytesIO(picture)) as drawn:
            pixels = np.array(drawn.convert("RGB")).astype(int)
        assert ((pixels[:, :, 0] - pixels[:, :, 1]) > 100).sum() > 100  # points in i's colour
    assert folded != over_time


def test_the_command_says_why_there_is_no_draft(tmp_path):
    with pytest.raises(CommandError, match="no candidate 7"):
        call_command("draft_entry", "7", "--for", "vsx", "--out", str(tmp_path))


def test_a_chart_without_its_image_is_an_error_that_names_it(star, tmp_path):
    with pytest.raises(GalprojectError, match=r"\.fits"):
        write_draft("vsx", facts_of(star.pk), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_page_shows_the_draft_to_who_may_vote(client, star):
    client.force_login(make_voter())
    address = reverse("candidate_draft", args=[star.pk])
    page = client.get(address).content.decode()
    assert "GALPROJECT J" in page and "Missing" in page and "VSX" in page
    assert "Last non-detection" in client.get(address, {"for": "tns"}).content.decode()
    assert client.get(address, {"for": "mpc"}).status_code == 400
    text = client.get(reverse("draft_entry", args=[star.pk]))
    assert text["Content-Disposition"].endswith(f'"{star.pk}-entry.txt"')
    assert client.get(reverse("draft_chart", args=[star.pk])).status_code == 404
    assert address in client.get(reverse("candidate", args=[star.pk])).content.decode()


def test_the_page_is_closed_to_who_may_not_vote(client, star):
    client.force_login(make_user())
    assert client.get(reverse("candidate_draft", args=[star.pk])).status_code == 403
    assert "draft" not in client.get(reverse("candidate", args=[star.pk])).content.decode()
