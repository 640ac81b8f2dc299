"""The API's serializers."""

from math import isfinite

from rest_framework import serializers

from exposures.models import GalExposure, GalImage
from galproject.api.columns import SingleField
from galproject.api.reading import IdField, NumberField
from photometry.models import GalObject, GalObjectSource, GalReference
from photometry.querysets.sources import EpochKind
from variables.candidates.star_odds import MEANINGS
from variables.models import Artifact, GalCandidate, GalDecision, GalFlag
from variables.models.vetting import MAX_PERIOD_DAYS, MIN_PERIOD_DAYS


class Finite:
    """A serializer that gives null for NaN, which JSON lacks."""

    def to_representation(self, row):
        shown = super().to_representation(row)
        return {
            name: None if isinstance(value, float) and not isfinite(value) else value
            for name, value in shown.items()
        }


class ExposureSerializer(Finite, serializers.ModelSerializer):
    class Meta:
        model = GalExposure
        fields = [
            *("id", "instrument", "identifier", "filter", "mjd", "exposure_seconds"),
            *("object_name", "proposal", "pipeline_version", "ra", "dec", "ingested"),
        ]


class ImageSerializer(Finite, serializers.ModelSerializer):
    exposure_identifier = serializers.CharField(source="exposure.identifier", read_only=True)
    filter = serializers.CharField(source="exposure.filter", read_only=True)
    mjd = serializers.FloatField(source="exposure.mjd", read_only=True)
    doubts = serializers.SerializerMethodField()

    class Meta:
        model = GalImage
        fields = [
            *("id", "exposure", "exposure_identifier", "filter", "mjd", "ccdnum", "chip_name"),
            *("is_reference", "reference", "status", "error", "width", "height", "ra", "dec"),
            *("footprint", "fwhm_arcsec", "sky", "sky_noise", "masked_fraction", "zero_point"),
            *("zero_point_error", "chi2_nu", "astrometric_rms_mas", "n_sources", "n_variables"),
            *("zero_point_source", "is_doubted", "doubts", "figures"),
            *("data_version", "code_version", "results_version", "finished"),
        ]

    def get_doubts(self, image) -> str:
        return ",".join(image.doubts)


class ReferenceSerializer(Finite, serializers.ModelSerializer):
    filter = serializers.CharField(source="image.exposure.filter", read_only=True)

    class Meta:
        model = GalReference
        fields = ["id", "image", "filter", "n_sources", "active", "created", "code_version"]


def _odds(field, name):
    """A field about which star changes; null where that was not fitted, or can't be told."""
    told = {"help_text": MEANINGS[name], "read_only": True, "allow_null": True}
    return field(source=f"star_odds.{name}", **told)


class CandidateSerializer(Finite, serializers.ModelSerializer):
    """A candidate; its class is null while the user has to vote blindly."""

    consensus = serializers.SerializerMethodField()
    agreed_period_days = serializers.SerializerMethodField()
    agreed_period_err = serializers.SerializerMethodField()
    cause = serializers.CharField(read_only=True)
    known = serializers.CharField(
        read_only=True,
        help_text="by catalogues of variable stars: known, new, cant-be-told or not-looked-up",
    )
    period_agreement = serializers.CharField(
        read_only=True,
        help_text="of period_days with known_period: agrees, 2:1, 1:2, alias, differs or none",
    )
    distance_arcsec = serializers.SerializerMethodField()
    mag_cal = serializers.SerializerMethodField()
    mag_cal_err = serializers.SerializerMethodField()
    mag_cal_by = serializers.SerializerMethodField()
    likeliest_star = _odds(serializers.IntegerField, "likeliest_star")
    likeliest_star_odds = _odds(serializers.FloatField, "likeliest_star_odds")
    own_odds = _odds(serializers.FloatField, "own_odds")
    odds_of_no_star = _odds(serializers.FloatField, "odds_of_no_star")
    star_odds = _odds(serializers.JSONField, "star_odds")
    star_doubts = _odds(serializers.CharField, "star_doubts")
    are_odds_trusted = _odds(serializers.BooleanField, "are_odds_trusted")

    class Meta:
        model = GalCandidate
        fields = [
            *("refsource_id", "kind", "ra", "dec", "filter", "ccdnum", "x", "y", "reference_mag"),
            *("n_epochs", "n_non_detections", "n_changes", "n_detections", "first_mjd", "last_mjd"),
            *("varies", "false_alarm", "excess_mag", "period_days", "period_err"),
            *("colour_mag", "absolute_mag", "mag_cal", "mag_cal_err", "mag_cal_by"),
            *("max_delta_mag", "mean_delta_mag", "max_significance", "has_vanished"),
            *("mean_mag", "rms_mag", "amplitude_mag", "chi2_nu", "von_neumann", "skewness"),
            *("known", "known_possible", "known_class", "known_name", "known_period"),
            "period_agreement",
            *("failed_cuts", "cause", "is_flagged", "consensus"),
            *("agreed_period_days", "agreed_period_err"),
            *("object_id", "star_sources", "star_detections", "star_changes", "distance_arcsec"),
            *MEANINGS,
        ]

    def get_distance_arcsec(self, candidate) -> float | None:
        """The distance from the requested position; null without one."""
        return getattr(candidate, "distance_arcsec", None)

    def get_mag_cal(self, candidate) -> float | None:
        """The mean magnitude in a published band; null without an absolute zero point."""
        return candidate.calibrated[0]

    def get_mag_cal_err(self, candidate) -> float | None:
        return candidate.calibrated[1]

    def get_mag_cal_by(self, candidate) -> str | None:
        """The band, published catalogue and photometric system of mag_cal."""
        return candidate.calibrated[2]

    def get_consensus(self, candidate) -> str | None:
        choice = candidate.opinion.choice
        return choice.slug if choice else None

    def get_agreed_period_days(self, candidate) -> float | None:
        """The period that people agree on with the class."""
        return candidate.opinion.period_days

    def get_agreed_period_err(self, candidate) -> float | None:
        return candidate.opinion.period_err


class ObjectSourceSerializer(Finite, serializers.ModelSerializer):
    class Meta:
        model = GalObjectSource
        fields = ["refsource_id", "filter", "mag", "ra", "dec"]


class ObjectSerializer(Finite, serializers.ModelSerializer):
    """A star in all filters, with its sources.

    Its kind is 1, in one filter, 2, one-to-one, 4, one-to-one and perhaps a blend, or 3, a blend.
    """

    sources = ObjectSourceSerializer(many=True, read_only=True)

    class Meta:
        model = GalObject
        fields = ["id", "ra", "dec", "kind", "n_sources", "n_filters", "sources"]


class MeasurementSerializer(Finite, serializers.Serializer):
    """One measurement of a source: a detection, or a non-detection with its upper limit.

    It is unmeasured where too few pixels were usable to tell.
    """

    refsource_id = serializers.IntegerField(help_text="the source in the catalogue of a reference")
    galimage_id = serializers.IntegerField(help_text="the image it was measured on")
    filter = serializers.CharField(help_text="of the image")
    mjd = serializers.FloatField(help_text="UTC, middle of the exposure")
    bjd_tdb = serializers.FloatField(help_text="the same moment at the barycentre, TDB")
    kind = serializers.ChoiceField(
        EpochKind.choices, help_text="detection, non-detection or unmeasured"
    )
    ra = serializers.FloatField(help_text="ICRS")
    dec = serializers.FloatField(help_text="ICRS")
    mag = SingleField(help_text="null where not detected")
    mag_err = SingleField(help_text="one sigma")
    limit_mag = SingleField(help_text="upper limit where not detected", allow_null=True)
    flux = SingleField(help_text="ADU")
    flux_err = SingleField(help_text="ADU, as fitted")
    rchi2 = SingleField(help_text="reduced chi2 of the fit")
    fracflux = SingleField(help_text="share of the light in the PSF that is the star's own")
    quality = SingleField(help_text="share of the PSF on usable pixels")
    flags = serializers.IntegerField(help_text="mask bits")
    is_reference = serializers.BooleanField(help_text="measured on the reference image itself")
    trend_mag = SingleField(
        help_text="of trends that stars share, taken off mag; null: mag is as measured",
        allow_null=True,
    )
    mag_cal = SingleField(
        help_text="mag in a published band; null: the reference has no absolute zero point",
        allow_null=True,
    )
    mag_cal_err = SingleField(
        help_text="by which all mag_cal of the source are uncertain alike, beside mag_err",
        allow_null=True,
    )
    mag_cal_by = serializers.CharField(
        help_text="band, published catalogue and photometric system of mag_cal", allow_null=True
    )


class ConeMeasurementSerializer(MeasurementSerializer):
    """One measurement of a source in a cone."""

    distance_arcsec = serializers.FloatField(help_text="from the centre of the cone")


class FlagSerializer(Finite, serializers.ModelSerializer):
    made_by = serializers.CharField(source="made_by.username", default=None, read_only=True)

    class Meta:
        model = GalFlag
        fields = [
            *("id", "refsource_id", "image", "region", "artifact", "reason", "state"),
            *("made_by", "made", "decided"),
        ]


class NewFlagSerializer(serializers.Serializer):
    """A new flag on a source."""

    refsource_id = IdField()
    artifact = serializers.ChoiceField(Artifact.choices)
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class VoteSerializer(Finite, serializers.ModelSerializer):
    choice = serializers.CharField(source="choice.path", default=None, read_only=True)
    user = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = GalDecision
        fields = [
            *("id", "refsource_id", "user", "choice", "period_days", "comment", "time"),
            "campaign",
        ]


class NewVoteSerializer(serializers.Serializer):
    """A vote: a class of the current taxonomy, such as "rr-lyrae" or "artifact/artifact-edge"."""

    refsource_id = IdField()
    choice = serializers.CharField(max_length=80)
    period_days = NumberField(
        allow_null=True,
        default=None,
        min_value=MIN_PERIOD_DAYS,
        max_value=MAX_PERIOD_DAYS,
        help_text="by which its light curve was folded",
    )
    comment = serializers.CharField(max_length=2000, allow_blank=True, default="")


class LightCurveQuerySerializer(serializers.Serializer):
    """The parameters of a request for light curves."""

    detrended = serializers.BooleanField(
        default=False, help_text="without the trends that the stars of a reference share"
    )


class ConeSerializer(LightCurveQuerySerializer):
    """A cone on the sky, whose light curves are asked for."""

    ra = NumberField(min_value=0, max_value=360, help_text="ICRS degrees")
    dec = NumberField(min_value=-90, max_value=90, help_text="ICRS degrees")
    radius_arcsec = NumberField(min_value=0.01, max_value=60, default=1.0)


class VotesQuerySerializer(serializers.Serializer):
    """The parameters of a request for votes."""

    refsource_id = IdField(required=False, help_text="a candidate on which one has voted")
