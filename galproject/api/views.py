"""The API's views."""

from itertools import islice

from django.db.models import Prefetch
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from exposures.keyset import page_of
from exposures.models import GalExposure, GalImage
from exposures.planner import IN_ORDER, planned
from galproject.api import serializers as of
from galproject.api.candidate_parameters import CONDITIONS
from galproject.api.formats import BOUNDED_TABLES
from galproject.api.measurements import epochs_of, epochs_of_cone
from galproject.api.tables import CursorPages, InFormats, SurveyTableViewSet
from photometry.models import GalObject, GalObjectSource, GalReference, GalSource
from variables.candidates.calibrated import with_calibrated
from variables.candidates.filter_fields import LineFilter, PositionFilter
from variables.candidates.filters import CandidateFilter
from variables.candidates.page_views import cutouts_answer
from variables.candidates.search import CandidateSearch, DistanceOrder
from variables.candidates.star_odds import with_star_odds
from variables.flags.marking import flag_source
from variables.models import GalCandidate, GalDecision, GalFlag
from variables.pictures.fits_cutouts import MAX_IMAGES, NoCutoutsError
from variables.vetting.decisions import DecisionInput, decide, votes_visible_to
from variables.votes.blindness import note_shown

OF_CURVES = {"pagination_class": None, "renderer_classes": BOUNDED_TABLES}
for text in (PositionFilter, LineFilter):
    extend_schema_field(str)(text)
LIGHT_CURVE = [
    OpenApiParameter(
        "detrended", bool, description="without the trends that the stars of a reference share"
    ),
]
CUTOUTS = [
    OpenApiParameter(
        "image",
        int,
        many=True,
        description=f"images, {MAX_IMAGES} at most; else those with the greatest changes",
    ),
]
CONE = [
    OpenApiParameter("ra", float, required=True, description="ICRS degrees"),
    OpenApiParameter("dec", float, required=True, description="ICRS degrees"),
    OpenApiParameter("radius_arcsec", float, description="at most 60; 1 if not given"),
    *LIGHT_CURVE,
]


def wants_detrended(request):
    """Whether light curves are asked for without trends; ValidationError for what says neither."""
    parameters = of.LightCurveQuerySerializer(data=request.query_params)
    parameters.is_valid(raise_exception=True)
    return parameters.validated_data["detrended"]


class CandidatePages(CursorPages):
    """Pagination of candidates, nearest first round a position as on the site's pages."""

    def order_of(self, request, queryset, view):
        self.ids = view.filterset.ids  # that candidates are among, if a condition says
        centre = view.filterset.centre
        return DistanceOrder.round(centre) if centre else super().order_of(request, queryset, view)

    def find_page(self, queryset, order, cursor, size):
        first = self._search(queryset, order).first
        return page_of(queryset, order, cursor, size, queryset, first)

    def parts(self, queryset, order):
        return self._search(queryset, order).parts()

    def count_headers(self, queryset, order):
        """The number of candidates, or X-About-Count where it is estimated by a sample."""
        count = self._search(queryset, order).count
        return {"X-Total-Count" if count.is_exact else "X-About-Count": count.n}

    def _search(self, queryset, order):
        return CandidateSearch(queryset, order, ids=self.ids)


class VotePages(CursorPages):
    """Pagination of votes along the index of one user's, which the planner takes for a few."""

    def find_page(self, queryset, order, cursor, size):
        with planned(IN_ORDER):
            return page_of(queryset, order, cursor, size, queryset)

    def parts(self, queryset, order):
        return [(order.sorted(queryset), IN_ORDER)]


class ExposureViewSet(SurveyTableViewSet):
    """Exposures."""

    queryset = GalExposure.objects.all()
    serializer_class = of.ExposureSerializer
    filterset_fields = ["filter", "instrument", "identifier", "object_name", "proposal"]


class ImageViewSet(SurveyTableViewSet):
    """Chips of exposures, with the results of their reduction."""

    queryset = GalImage.objects.select_related("exposure")
    serializer_class = of.ImageSerializer
    filterset_fields = ["exposure", "exposure__filter", "ccdnum", "is_reference", "status"]


class ReferenceViewSet(SurveyTableViewSet):
    """Reference catalogues."""

    queryset = GalReference.objects.select_related("image__exposure")
    serializer_class = of.ReferenceSerializer
    filterset_fields = ["active", "image"]


class WithLightCurve:
    """A view that gives light curves, as files too."""

    def answer_curve(self, rows, name):
        """Answer measurements; as a table, a file of that name."""
        response = self.answer(rows, of.MeasurementSerializer())
        if self.wants_table():
            suffix = self.request.accepted_renderer.table.suffix
            response["Content-Disposition"] = f'attachment; filename="{name}.{suffix}"'
        return response


@extend_schema_view(list=extend_schema(parameters=CONDITIONS))
class CandidateViewSet(WithLightCurve, SurveyTableViewSet):
    """Candidates, one for each star, with the list's filters, and their light curves.

    A candidate is detected on at least one image by a change that passes all cuts and that no
    flag hides; ``undetected`` and ``artifact`` give the other sources that changed, too. With
    ``per=source`` each source of a star comes by itself: one for each reference and filter. Round
    a ``position`` the nearest come first. ``line`` says all filters in one: docs/filters.md.
    """

    queryset = GalCandidate.objects.none()
    serializer_class = of.CandidateSerializer
    filterset_class = CandidateFilter
    pagination_class = CandidatePages

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return GalCandidate.objects.as_seen_by(self.request.user).select_related("consensus")

    def get_serializer(self, *args, **kwargs):
        if not getattr(self, "swagger_fake_view", False):
            self._note_shown(*args)
        for shown in args:
            list(self.completed(shown if isinstance(shown, list) else [shown]))
        return super().get_serializer(*args, **kwargs)

    def completed(self, rows):
        """The same candidates, with their calibrated magnitudes and the stars that change."""
        return with_star_odds(with_calibrated(rows))

    def _note_shown(self, shown=None):
        """Record which votes are shown: of one candidate, a page, or a streamed table."""
        rows = shown if isinstance(shown, list) else shown and [shown]
        note_shown(self.request.user, rows and [candidate.pk for candidate in rows])

    def filter_queryset(self, queryset):
        # One by its id is there whatever hides it from lists.
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    @extend_schema(parameters=LIGHT_CURVE, responses=of.MeasurementSerializer(many=True))
    @action(detail=True, url_path="light-curve", **OF_CURVES)
    def light_curve(self, request, pk=None):
        """Give every epoch of a candidate, detected or not, oldest first."""
        candidate = self.get_object()
        rows = epochs_of([candidate.pk], wants_detrended(request))
        return self.answer_curve(rows, f"candidate-{candidate.pk}")

    @extend_schema(parameters=CUTOUTS, responses={(200, "application/fits"): bytes})
    @action(detail=True, pagination_class=None)
    def cutouts(self, request, pk=None):
        """Give cutouts of reference, images and differences as one FITS file."""
        try:
            return cutouts_answer(self.get_object(), request.query_params.getlist("image"))
        except NoCutoutsError as error:
            raise NotFound(str(error)) from error


class ObjectViewSet(WithLightCurve, InFormats, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Stars in all filters with their reference sources, and their light curves."""

    queryset = GalObject.objects.prefetch_related(
        Prefetch("sources", GalObjectSource.objects.current().order_by("filter", "pk"))
    )
    serializer_class = of.ObjectSerializer

    @extend_schema(parameters=LIGHT_CURVE, responses=of.MeasurementSerializer(many=True))
    @action(detail=True, url_path="light-curve", **OF_CURVES)
    def light_curve(self, request, pk=None):
        """Give every epoch in all filters, detected or not, by filter, source and time."""
        star = self.get_object()
        ids = star.sources.current().order_by("filter", "pk").values_list("pk", flat=True)
        rows = epochs_of(ids, wants_detrended(request))
        return self.answer_curve(rows, f"object-{star.pk}")


class LightCurveView(InFormats, APIView):
    """Every epoch of a source by its id, detected or not, oldest first."""

    renderer_classes = BOUNDED_TABLES

    @extend_schema(parameters=LIGHT_CURVE, responses=of.MeasurementSerializer(many=True))
    def get(self, request, refsource_id):
        rows = epochs_of([refsource_id], wants_detrended(request))
        return self.answer(rows, of.MeasurementSerializer())


class Cone(InFormats, APIView):
    """Light curves of every source in a cone, source by source, the nearest first.

    As JSON at most 100,000 measurements; CSV and Parquet have them all.
    """

    max_measurements = 100_000  # of one answer in JSON

    @extend_schema(parameters=CONE, responses=of.ConeMeasurementSerializer(many=True))
    def get(self, request):
        parameters = of.ConeSerializer(data=request.query_params)
        parameters.is_valid(raise_exception=True)
        detrended = parameters.validated_data.pop("detrended")
        sources = list(GalSource.objects.cone(**parameters.validated_data))
        rows = epochs_of_cone(sources, detrended)
        if not self.wants_table():
            rows = list(islice(rows, self.max_measurements + 1))
            if len(rows) > self.max_measurements:
                raise ValidationError(
                    f"More than {self.max_measurements:,} measurements: ask for a smaller "
                    "radius_arcsec, or for CSV or Parquet (format=csv), which have them all"
                )
        return self.answer(rows, of.ConeMeasurementSerializer())


class FlagViewSet(SurveyTableViewSet):
    """Flags on artifacts."""

    queryset = GalFlag.objects.select_related("made_by")
    serializer_class = of.FlagSerializer
    filterset_fields = ["state", "artifact", "refsource_id", "image"]
    writing_needs = "variables.add_galflag"

    @extend_schema(request=of.NewFlagSerializer, responses={201: of.FlagSerializer})
    def create(self, request):
        """Flag a source."""
        given = of.NewFlagSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        made = flag_source(**given.validated_data, user=request.user)
        return Response(of.FlagSerializer(made).data, status=status.HTTP_201_CREATED)


class VoteViewSet(SurveyTableViewSet):
    """The user's own votes, or with ``refsource_id`` all on a candidate they voted on."""

    queryset = GalDecision.objects.none()
    serializer_class = of.VoteSerializer
    pagination_class = VotePages
    writing_needs = "variables.add_galdecision"

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        parameters = of.VotesQuerySerializer(data=self.request.query_params)
        parameters.is_valid(raise_exception=True)
        if "refsource_id" in parameters.validated_data:
            visible = votes_visible_to(self.request.user, parameters.validated_data["refsource_id"])
            rows = GalDecision.objects.filter(pk__in=[decision.pk for decision in visible])
        else:
            rows = GalDecision.objects.votes_standing().filter(user=self.request.user)
        return rows.select_related("user", "choice__parent")

    @extend_schema(request=of.NewVoteSerializer, responses={201: of.VoteSerializer})
    def create(self, request):
        """Vote on a candidate."""
        given = of.NewVoteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        made = decide(request.user, DecisionInput(**given.validated_data, how=GalDecision.How.API))
        return Response(of.VoteSerializer(made).data, status=status.HTTP_201_CREATED)
