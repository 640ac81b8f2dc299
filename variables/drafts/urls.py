"""Addresses of drafts, below those of candidates."""

from django.urls import path

from variables.drafts import views
from variables.drafts.writing import CHART, ENTRY, LIGHT_CURVE, PLOT, REPORT

urlpatterns = [
    path("<id:pk>/draft/", views.draft, name="candidate_draft"),
    *(
        path(f"<id:pk>/draft/{file}", views.draft_file, {"file": file}, name=name)
        for file, name in (
            (ENTRY, "draft_entry"),
            (REPORT, "draft_report"),
            (LIGHT_CURVE, "draft_light_curve"),
            (PLOT, "draft_plot"),
            (CHART, "draft_chart"),
        )
    ),
]
