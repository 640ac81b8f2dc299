"""Pages of the services: cone searches, and the documents that registries read."""

from django.contrib.auth.decorators import login_not_required
from django.db import OperationalError, connection
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.views import APIView

from exposures.tables import votable_bytes, votable_message, votable_type
from galproject.virtual_observatory.cone_query import MAX_ROWS, ConeError, read_cone
from galproject.virtual_observatory.cone_services import SERVICES

MEDIA_TYPE = "text/xml;content=x-votable"  # as the standard of cone searches has it
VOTABLE_VERSION = "1.1"  # the last that it knows; from 1.2 on its UCDs are none
UNREACHABLE = "The database can't be reached."


class WhateverIsAccepted(BaseContentNegotiation):
    """The first renderer whatever headers say, as a service has one format."""

    def select_parser(self, request, parsers):
        return parsers[0]

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


class ConeSearch(APIView):
    """A cone search of a table (IVOA Simple Cone Search 1.03).

    What is wrong with the parameters is told in a VOTable, as its standard has it.
    """

    content_negotiation_class = WhateverIsAccepted

    @extend_schema(exclude=True)
    def get(self, request, name):
        service = _service(name)
        try:
            query = read_cone(request.query_params, service.max_radius_degrees)
        except ConeError as error:
            told = [("QUERY_STATUS", "ERROR"), ("Error", str(error))]
            return _votable(votable_message(told, VOTABLE_VERSION))
        found = service.find(query, request.build_absolute_uri)
        status = "OVERFLOW" if found.is_cut else "OK"
        return _votable(
            votable_bytes(
                *(found.columns, found.rows, service.title, service.name),
                infos=[("QUERY_STATUS", status)],
                version=VOTABLE_VERSION,
            )
        )


def _service(name):
    if name not in SERVICES:
        raise Http404(f"There is no service {name}: there are {', '.join(SERVICES)}")
    return SERVICES[name]


def _votable(content):
    return HttpResponse(content, content_type=MEDIA_TYPE)


@login_not_required
@require_safe
def capabilities(request, name):
    """What a service does, and how it is asked, as registries read it (IVOA VOSI)."""
    service = _service(name)
    addresses = {
        page: request.build_absolute_uri(reverse(page, args=[name]))
        for page in ("vo_search", "vo_capabilities", "vo_availability", "vo_tables")
    }
    context = {"service": service, "addresses": addresses, "max_rows": MAX_ROWS}
    return render(request, "galproject/vo/capabilities.xml", context, content_type="text/xml")


@login_not_required
@require_safe
def availability(request, name):
    """Whether a service answers at present (IVOA VOSI)."""
    _service(name)
    try:
        connection.ensure_connection()
        note = ""
    except OperationalError:
        note = UNREACHABLE
    context = {"note": note}
    return render(request, "galproject/vo/availability.xml", context, content_type="text/xml")


@login_not_required
@require_safe
def tables(request, name):
    """The columns that a service's answers have at most (IVOA VOSI, VODataService).

    But for those that tell what the survey has, as everybody may read it.
    """
    service = _service(name)
    columns = [(column, *votable_type(column.kind)) for column in service.columns]
    context = {"service": service, "columns": columns}
    return render(request, "galproject/vo/tables.xml", context, content_type="text/xml")
