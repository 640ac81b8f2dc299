"""What people may ask beside the filters of the list: a name for it, and which repeats to count."""

from django import forms
from django.core.exceptions import BadRequest
from django.http import QueryDict

from exposures.input.form_fields import complaints_of
from variables.candidates.filters import SOURCE, filters_there_are
from variables.candidates.listing import query_of
from variables.candidates.repeat_detections import Counting
from variables.models import SavedSearch


class SavedSearchForm(forms.Form):
    """A list that is kept under a name."""

    name = forms.CharField(max_length=80)
    query = forms.CharField(max_length=2000, required=False)
    shared = forms.BooleanField(required=False)

    def save_for(self, user) -> SavedSearch:
        """Keep it for a user, in place of an earlier one of that name."""
        asked = self.cleaned_data
        search, _ = SavedSearch.objects.update_or_create(
            user=user,
            name=asked["name"],
            defaults={
                "query": query_of(QueryDict(asked["query"])),
                "is_shared": asked["shared"],
            },
        )
        return search


class RepeatsForm(forms.Form):
    """Which detections the table of repeated ones counts."""

    filter = forms.CharField(required=False, max_length=16)
    all = forms.BooleanField(required=False)
    per = forms.CharField(required=False, max_length=16)

    def filters(self):
        """Names that make sense."""
        return [name for name, _ in filters_there_are()]

    def counting(self) -> Counting:
        """What is to be counted. Raises BadRequest where that makes no sense."""
        if not self.is_valid():
            raise BadRequest(complaints_of(self))
        asked = self.cleaned_data
        return Counting(
            asked.get("filter") or None,
            accepted_only=not asked.get("all"),
            per_source=asked.get("per") == SOURCE,
        )
