"""Forms beside the list's filters: for saving a search, and for counting repeated detections."""

from django import forms
from django.core.exceptions import BadRequest
from django.http import QueryDict

from exposures.input.form_fields import complaints_of
from variables.candidates.filter_columns import filters_there_are
from variables.candidates.filters import SOURCE
from variables.candidates.listing import query_of
from variables.candidates.repeat_detections import Counting
from variables.models import SavedSearch


class SavedSearchForm(forms.Form):
    """The name under which a search is saved."""

    name = forms.CharField(max_length=80)
    query = forms.CharField(max_length=2000, required=False)
    shared = forms.BooleanField(required=False)

    def save_for(self, user) -> SavedSearch:
        """Save the search for a user, replacing their search of that name."""
        cleaned = self.cleaned_data
        search, _ = SavedSearch.objects.update_or_create(
            user=user,
            name=cleaned["name"],
            defaults={
                "query": query_of(QueryDict(cleaned["query"])),
                "is_shared": cleaned["shared"],
            },
        )
        return search


class RepeatsForm(forms.Form):
    """The choice of detections that the table of repeated detections counts."""

    filter = forms.CharField(required=False, max_length=16)
    all = forms.BooleanField(required=False)
    per = forms.CharField(required=False, max_length=16)

    def filters(self):
        """The chosen filters that exist."""
        return [name for name, _ in filters_there_are()]

    def counting(self) -> Counting:
        """The Counting that was chosen. Raises BadRequest if a value is invalid."""
        if not self.is_valid():
            raise BadRequest(complaints_of(self))
        cleaned = self.cleaned_data
        return Counting(
            cleaned.get("filter") or None,
            accepted_only=not cleaned.get("all"),
            per_source=cleaned.get("per") == SOURCE,
        )
