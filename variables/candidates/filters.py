"""The filters of the list of candidates."""

import django_filters
from django import forms
from django.db.models import Q
from django.http import QueryDict

from exposures.input.filters import FloatFilter, IntegerFilter
from exposures.input.numbers import BIGINT_MAX, INTEGER_MAX, SMALLINT_MAX
from variables.candidates.conditions import Condition, conditions_of
from variables.candidates.filter_columns import classes_there_are, filters_there_are
from variables.candidates.filter_fields import ConditionsForm, LineFilter, PositionFilter
from variables.candidates.line import LineError
from variables.candidates.line_names import LINE, line_of, with_line
from variables.candidates.more_filters import topics_of
from variables.models import GalCandidate, GalFavourite, GalTagging, StarList, UploadedList
from variables.models.candidate_querysets import FOUND
from variables.models.causes import Cause
from variables.models.change_positions import another_star_changes
from variables.models.known import AGREEMENTS, SURER, Known
from variables.models.labels import MANY_TAGGED, MAX_TAG
from variables.models.uploads import MANY_UPLOADED
from variables.models.vetting import MAX_PERIOD_DAYS, MIN_PERIOD_DAYS
from variables.votes.blindness import note_shown

DEFAULT_RADIUS_ARCSEC = 60.0
MAX_RADIUS_ARCSEC = 36_000.0  # ten degrees
MAX_MAG, MAX_SIGMA = 1000.0, 1e12
ONLY, BOTH = "only", "both"
ANOTHER, SOURCE = "another", "source"
# Counts of a source, and of its star.
OF_STAR = {"n_detections": "star_detections", "n_changes": "star_changes"}
# What is asked for from a value to another.
RANGES = {
    "detections": "detections",
    "changes": "changes",
    "mag": "magnitude",
    "change": "largest change (mag)",
    "period": "period (days)",
    "colour": "colour (mag)",
    "absolute": "absolute magnitude",
}


def magnitude(field, lookup, label):
    """A filter by one end of a range of magnitudes."""
    return FloatFilter(field, lookup, label=label, min_value=-MAX_MAG, max_value=MAX_MAG)


def period(lookup, label):
    """A filter by one end of a range of certain periods."""
    return FloatFilter(
        "period_days", lookup, label=label, min_value=MIN_PERIOD_DAYS, max_value=MAX_PERIOD_DAYS
    )


def change(label):
    """A filter by one end of a range of changes, whatever their sign."""
    return FloatFilter(method="by_change", label=label, min_value=-MAX_MAG, max_value=MAX_MAG)


class CountFilter(IntegerFilter):
    """A bound on a count of a source, or of its star if the list is by star."""

    def filter(self, candidates, value):
        if value is None:
            return candidates
        column = self.parent.column(self.field_name)
        bounds = {f"{column}__{self.lookup_expr}": value}
        if self.lookup_expr == "lte":
            # Who changed so seldom was not detected more often: where an index by that may begin.
            bounds[f"{column.replace('changes', 'detections')}__lte"] = value
        return candidates.filter(**bounds)


def count(field, lookup, label):
    """A filter by one end of a range of counts."""
    return CountFilter(field, lookup, label=label, min_value=0, max_value=INTEGER_MAX)


class CandidateFilter(django_filters.FilterSet):
    """Candidates, as ``GalCandidate.objects.accepted`` says what that is.

    Flagged candidates, and those that fail a cut on every image, are included only on request.
    """

    detections_min = count("n_detections", "gte", "detections from")
    detections_max = count("n_detections", "lte", "detections to")
    changes_min = count("n_changes", "gte", "changes from")
    changes_max = count("n_changes", "lte", "changes to")
    kind = django_filters.ChoiceFilter(choices=GalCandidate.Kind, empty_label="any")
    filter = django_filters.ChoiceFilter(choices=filters_there_are, empty_label="all")
    mag_min = magnitude("reference_mag", "gte", "magnitude from")
    mag_max = magnitude("reference_mag", "lte", "magnitude to")
    change_min = change("largest change from")
    change_max = change("largest change to")
    sigma_min = FloatFilter(
        "max_significance", "gte", label="sigma from", min_value=0, max_value=MAX_SIGMA
    )
    excess_min = magnitude("excess_mag", "gte", "excess scatter from")
    period_min = period("gte", "period from")
    period_max = period("lte", "period to")
    colour_min = magnitude("colour_mag", "gte", "published colour from")
    colour_max = magnitude("colour_mag", "lte", "published colour to")
    absolute_min = magnitude("absolute_mag", "gte", "absolute magnitude from")
    absolute_max = magnitude("absolute_mag", "lte", "absolute magnitude to")
    alarm_max = FloatFilter(
        "false_alarm", "lte", label="false alarm up to", min_value=0, max_value=1
    )
    known = django_filters.ChoiceFilter(
        choices=Known, method="by_known", label="known variable", empty_label="or not"
    )
    known_class = django_filters.CharFilter(
        method="by_known_class", label="known class", max_length=40
    )
    agreement = django_filters.ChoiceFilter(
        "period_agreement",
        choices=AGREEMENTS,
        label="period found",
        empty_label="any",
    )
    cause = django_filters.ChoiceFilter(choices=Cause, label="likely cause", empty_label="any")
    changed_star = django_filters.ChoiceFilter(
        choices=[(ANOTHER, "most likely another star"), ("own", "not another star")],
        method="by_changed_star",
        label="star that changes",
        empty_label="any",
    )
    cls = django_filters.ChoiceFilter(
        choices=classes_there_are, method="by_class", label="class", empty_label="any"
    )
    vetted = django_filters.ChoiceFilter(
        choices=[("me", "by me"), ("not-me", "not by me"), ("nobody", "by nobody")],
        method="by_vetting",
        label="vetted",
        empty_label="or not",
    )
    favourite = django_filters.ChoiceFilter(
        choices=[("me", "yours")], method="by_favourite", label="favourite", empty_label="or not"
    )
    tag = django_filters.CharFilter(
        method="by_tag",
        label="tag",
        max_length=MAX_TAG,
        widget=forms.TextInput(attrs={"list": "tag-names"}),
    )
    artifact = django_filters.ChoiceFilter(
        choices=[(ONLY, "only those"), (BOTH, "shown too")],
        method="by_flag",
        label="flagged as artifact",
        empty_label="hidden",
    )
    undetected = django_filters.ChoiceFilter(
        choices=[(ONLY, "only those"), (BOTH, "shown too")],
        method="by_detection",
        label="without detection",
        empty_label="hidden",
    )
    exposure = django_filters.CharFilter(
        method="by_exposure", label="detected on exposure", max_length=100
    )
    chip = IntegerFilter("ccdnum", label="chip", min_value=1, max_value=SMALLINT_MAX)
    object = IntegerFilter(
        method="by_object", label="object, in all filters", min_value=0, max_value=BIGINT_MAX
    )
    star_list = IntegerFilter(
        method="by_star_list", label="list of stars", min_value=0, max_value=BIGINT_MAX
    )
    upload = IntegerFilter(
        method="by_upload", label="uploaded list", min_value=0, max_value=BIGINT_MAX
    )
    per = django_filters.ChoiceFilter(
        choices=[(SOURCE, "each source by itself")],
        method="unchanged",
        label="a line for",
        empty_label="each star",
    )
    position = PositionFilter(method="by_position", label="position", max_length=80)
    radius = FloatFilter(
        method="unchanged", label="radius (″)", min_value=0.1, max_value=MAX_RADIUS_ARCSEC
    )

    line = LineFilter(label="as a line")

    class Meta:
        model = GalCandidate
        fields = []
        form = ConditionsForm

    def __init__(self, data=None, queryset=None, **options):
        queryset = GalCandidate.objects.all() if queryset is None else queryset
        # Without data a filter set filters nothing; here that would show what is flagged.
        data = QueryDict() if data is None else data
        super().__init__(_without_line(data, self.base_filters), queryset, **options)
        self.conditions: list[Condition] = conditions_of(self.data)

    @property
    def qs(self):
        """The filtered candidates; none if a filter's value makes no sense."""
        return super().qs if self.is_valid() else self.queryset.none()

    def filter_queryset(self, queryset):
        cleaned = self.form.cleaned_data
        if cleaned.get("cls") or cleaned.get("vetted") in ("nobody", "not-me"):
            self._note_shown()
        # Candidates of which stars are left out, if the list is by star.
        self._others = []
        self.ids = None  # that they are among, if a condition says
        queryset = super().filter_queryset(queryset.as_seen_by(self._user).listed_as_current())
        queryset = self._meeting_conditions(queryset)
        shows_flagged = bool(cleaned.get("artifact"))
        if not shows_flagged:
            queryset = queryset.visible()
        if not self._shows_undetected(cleaned):
            # A flag takes the detections of what it hides.
            found = FOUND | Q(is_flagged=True)
            queryset = queryset.filter(found) if shows_flagged else queryset.found()
        if not self.is_by_star:
            return queryset
        queryset = queryset.one_a_star()
        for others in self._others:
            queryset = queryset.of_stars_without(others)
        return queryset

    @staticmethod
    def _shows_undetected(cleaned):
        bounds = cleaned.get("detections_min"), cleaned.get("detections_max")
        return bool(cleaned.get("undetected")) or 0 in bounds

    def _meeting_conditions(self, candidates):
        if any(condition.of.is_opinion for condition in self.conditions):
            self._note_shown()
        for condition in self.conditions:
            if condition.is_negated:
                # Of a star no source may be what is excluded.
                self._others.append(self._seen().filter(condition.holds()))
            candidates = candidates.filter(condition.matching())
        return candidates

    @property
    def is_by_star(self):
        """Whether each star is listed once; the candidates of one given object are all listed."""
        cleaned = self.form.cleaned_data if self.is_valid() else {}
        return cleaned.get("per") != SOURCE and cleaned.get("object") is None

    def column(self, name):
        """The field that a column shows: counts are those of the star if the list is by star."""
        if name not in OF_STAR or not self.is_by_star:
            return name
        is_in_filter = self.form.cleaned_data.get("filter") if self.is_valid() else None
        return OF_STAR[name] + "_in_filter" * bool(is_in_filter)

    @property
    def is_plain(self) -> bool:
        """Whether only accepted candidates are listed, neither flagged nor undetected ones."""
        cleaned = self.form.cleaned_data if self.is_valid() else {}
        return not (cleaned.get("artifact") or self._shows_undetected(cleaned))

    @property
    def centre(self) -> tuple[float, float] | None:
        """The position filtered by, in degrees; None if there is none."""
        return self.form.cleaned_data.get("position") if self.is_valid() else None

    @property
    def _user(self):
        return getattr(self.request, "user", None)

    def by_change(self, candidates, name, value):
        return candidates.changed_by(**{name.removeprefix("change_"): value})

    def by_class(self, candidates, _, value: str):
        if value == "none":
            self._others.append(self._seen().with_class())
        if self.form.cleaned_data.get("vetted") == "me":
            return candidates.of_class_vetted(value, self._user)
        return candidates.of_class(value)

    def by_known(self, candidates, _, value):
        # Nothing is called new of which another source of the star is known, or may be.
        if SURER[value]:
            self._others.append(GalCandidate.objects.filter(known__in=SURER[value]))
        return candidates.filter(known=value)

    def by_known_class(self, candidates, _, begun):
        return candidates.of_known_class(begun)

    def by_changed_star(self, candidates, _, value):
        another = another_star_changes()
        return candidates.filter(another if value == ANOTHER else ~another)

    def by_vetting(self, candidates, _, value):
        if value == "nobody" and self.form.cleaned_data.get("cls") not in ("", "none"):
            return candidates.none()  # whoever sees a class sees that somebody voted
        if value != "me":
            by = "me" if value == "not-me" else "anybody"
            self._others.append(self._seen().vetted(by, self._user))
        return candidates.vetted(value, self._user)

    def _note_shown(self):
        note_shown(self._user)  # who finds candidates by what others said sees that

    def _seen(self):
        return GalCandidate.objects.as_seen_by(self._user)

    def by_flag(self, candidates, _, value):
        return candidates.filter(is_flagged=True) if value == ONLY else candidates

    def by_detection(self, candidates, _, value):
        nothing = {self.column("n_detections"): 0, "varies": False}
        return candidates.filter(**nothing) if value == ONLY else candidates

    def by_exposure(self, candidates, _, identifier):
        ids = GalCandidate.objects.ids_detected_on(identifier)
        return candidates.with_ids(self._among(ids))

    def by_object(self, candidates, _, object_id):
        return candidates.of_object(object_id)

    def by_star_list(self, candidates, _, pk):
        return candidates.with_ids(self._among(StarList.objects.sources_of(pk)))

    def by_upload(self, candidates, _, pk):
        ids = UploadedList.objects.sources_of(pk)
        if len(ids) > MANY_UPLOADED:
            return candidates.among_many(ids)
        return candidates.with_ids(self._among(ids))

    def by_favourite(self, candidates, *_):
        return candidates.with_ids(self._among(GalFavourite.objects.sources_of(self._user)))

    def by_tag(self, candidates, _, name):
        self._note_shown()
        tagged = GalTagging.objects.named(name, self._user)
        few = list(tagged.values_list("refsource_id", flat=True)[: MANY_TAGGED + 1])
        if len(few) > MANY_TAGGED:
            return candidates.tagged(tagged, self._user)
        return candidates.with_ids(self._among(set(few))).tagged(tagged, self._user)

    def _among(self, ids):
        """Note that candidates are among these, and return them."""
        self.ids = set(ids) if self.ids is None else self.ids.intersection(ids)
        return ids

    def by_position(self, candidates, _, position: str):
        radius = self.form.cleaned_data.get("radius")
        return candidates.cone(*position, radius or DEFAULT_RADIUS_ARCSEC)

    def unchanged(self, candidates, _, value):
        """Return all candidates: the radius is applied with the position."""
        return candidates

    @property
    def groups(self):
        """The fields of the form in groups, as (legend, fields)."""
        self._look_up_choices()
        ranges = {f"{name}_min": f"{name}_max" for name in RANGES}
        second = set(ranges.values())
        for field in self.form:
            if field.name == LINE:
                continue
            if field.name in ranges:
                legend = RANGES[field.name.removesuffix("_min")]
                yield legend, (field, self.form[ranges[field.name]])
            elif field.name not in second:
                yield field.label, (field,)

    def complaints(self):
        """The errors of the form, as (label, message)."""
        return [
            (self.form.fields[name].label if name in self.form.fields else "filter", complaint)
            for name, errors in self.form.errors.items()
            for complaint in errors
        ]

    @property
    def topics(self):
        """All columns that can be asked for, by topic, as the form has them."""
        return topics_of(self.data, self._look_up_choices())

    def _look_up_choices(self):
        """Choices that are rows, by the keys of columns: asked for once, however often shown."""
        found = {}
        for key, name in {"filter": "filter", "consensus": "cls"}.items():
            field = self.form.fields[name]
            field.choices = list(field.choices)
            found[key] = [(value, label) for value, label in field.choices if value]
        return found

    @property
    def as_line(self):
        """The line that says what the filters say; as it was typed where it can't be read."""
        return self.data.get(LINE) or line_of(self.data)


def _without_line(data, filters):
    """Parameters with those that a line stands for; with the line as it is if it can't be read."""
    try:
        return with_line(data, filters) if data.get(LINE) else data
    except LineError:
        return data
