"""Views of tables as pages of JSON, or complete as CSV and Parquet."""

from itertools import chain, islice

from django.http import HttpResponse, StreamingHttpResponse
from rest_framework import mixins, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from exposures.input.numbers import NumberError, parse_integer
from exposures.keyset import CursorError, KeysetOrder, page_of
from exposures.streams import FIRST_SOON, streamed
from exposures.tables import batched
from galproject.api.columns import columns_of, row_of
from galproject.api.filters import TableFilters
from galproject.api.formats import TABLES, TableRenderer


class CursorPages(CursorPagination):
    """Keyset pagination, in which ``next`` is the URL of the next page.

    The header Link (RFC 8288) has the addresses too, and of tables in other formats than JSON
    X-Total-Count how many rows there are.
    """

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 5000
    ordering = "pk"

    def paginate_queryset(self, queryset, request, view=None):
        is_table = isinstance(request.accepted_renderer, TableRenderer)
        self.base_url = request.build_absolute_uri()
        order = self.order_of(request, queryset, view)
        self.total = self.count_headers(queryset, order) if is_table else {}
        cursor = request.query_params.get(self.cursor_query_param)
        try:
            self.page = self.find_page(queryset, order, cursor, self.get_page_size(request))
        except CursorError as error:
            message = "This is not where a page of this table begins. Take it from `next`"
            raise ValidationError({self.cursor_query_param: [message]}) from error
        return list(self.page.rows)

    def order_of(self, request, queryset, view):
        return KeysetOrder(self.get_ordering(request, queryset, view)[0], nullable=False)

    def find_page(self, queryset, order, cursor, size):
        return page_of(queryset, order, cursor, size)

    def parts(self, queryset, order):
        """Querysets of all rows that follow one another, for ``streamed``."""
        return [(order.sorted(queryset), FIRST_SOON)]

    def count_headers(self, queryset, order):
        """Headers that say how many rows there are."""
        return {"X-Total-Count": queryset.count()}

    def get_next_link(self):
        return self._link(self.page.next)

    def get_previous_link(self):
        return self._link(self.page.previous)

    def _link(self, cursor):
        return cursor and replace_query_param(self.base_url, self.cursor_query_param, cursor)

    def get_paginated_response(self, data):
        response = super().get_paginated_response(data)
        links = {
            "next": self.get_next_link(),
            "prev": self.get_previous_link(),
            "first": remove_query_param(self.base_url, self.cursor_query_param),
        }
        response["Link"] = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items() if url)
        for name, value in self.total.items():
            response[name] = value
        return response

    def get_page_size(self, request):
        size = request.query_params.get(self.page_size_query_param)
        if not size:
            return self.page_size
        try:
            return min(parse_integer(size, 1), self.max_page_size)
        except NumberError as error:
            raise ValidationError({self.page_size_query_param: [str(error)]}) from error

    def wants_one_page(self, request):
        """Whether one page is requested, and not the complete table."""
        names = self.page_size_query_param, self.cursor_query_param
        return any(name in request.query_params for name in names)


class HasSurveyPermission(BasePermission):
    """Reading is for every user; writing takes the view's ``writing_needs``."""

    def has_permission(self, request, view):
        user = request.user
        if not (user and user.is_authenticated):
            return False
        if request.method in SAFE_METHODS or not hasattr(view, request.method.lower()):
            return True  # the latter is refused as no method of this address
        self.message = f"This takes the permission {view.writing_needs}."
        return user.has_perm(view.writing_needs)


class InFormats:
    """A view that answers JSON or tables, with errors always as JSON."""

    permission_classes = [HasSurveyPermission]
    renderer_classes = TABLES
    rows_at_once = 2000  # of a table that is sent as it is read
    first_rows = 200  # so that it begins soon

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        if getattr(response, "exception", False):
            response.accepted_renderer = JSONRenderer()
            response.accepted_media_type = JSONRenderer.media_type
        return response

    def wants_table(self):
        return isinstance(self.request.accepted_renderer, TableRenderer)

    def answer(self, rows, serializer):
        """Answer any number of rows through a serializer, streaming tables."""
        if self.wants_table():
            return self.stream(rows, serializer)
        return Response([serializer.to_representation(row) for row in rows])

    def stream(self, rows, serializer):
        """Send all rows as a table, at once if they are few, else as they are read."""
        table, columns, chunks = self._written(rows, serializer)
        # Two, so that an error in the first rows is an answer of its own, and few rows one piece.
        first = list(islice(chunks, 2))
        pieces = table.pieces(columns, chain(first, chunks))
        if len(first) < 2:
            return HttpResponse(table.joined(pieces), content_type=table.content_type)
        return StreamingHttpResponse(pieces, content_type=table.content_type)

    def stream_later(self, rows, serializer):
        """Send all rows as a table, of which none is read before the answer is begun."""
        table, columns, chunks = self._written(rows, serializer)
        pieces = table.pieces(columns, chunks)
        return StreamingHttpResponse(pieces, content_type=table.content_type)

    def _written(self, rows, serializer):
        """The table that is asked for, its columns, and chunks of rows, the first of them short."""
        columns = columns_of(serializer)
        made = (row_of(columns, serializer.to_representation(row)) for row in rows)
        chunks = batched(made, self.rows_at_once, self.first_rows)
        return self.request.accepted_renderer.table, columns, chunks


class SurveyTableViewSet(
    InFormats, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):
    """A read-only table: one row, a page as JSON, or all as CSV or Parquet.

    A page of CSV or Parquet comes where ``page_size`` or ``cursor`` ask for one.
    """

    pagination_class = CursorPages
    filter_backends = [TableFilters]
    writing_needs = "no.permission"

    def list(self, request, *args, **kwargs):
        if not self.wants_table() or self.paginator.wants_one_page(request):
            return super().list(request, *args, **kwargs)
        queryset = self.filter_queryset(self.get_queryset())
        order = self.paginator.order_of(request, queryset, self)
        # Few are read at once, so that an error is an answer of its own. The others are read by a
        # transaction, in which nobody else may write what belongs to this request.
        page = self.paginator.find_page(queryset, order, None, self.first_rows)
        if page.next is None:
            return self.stream(self.completed(page.rows), self.get_serializer())
        rows = streamed(lambda: self.paginator.parts(queryset, order), self.rows_at_once)
        return self.stream_later(self.completed(rows), self.get_serializer())

    def completed(self, rows):
        """The same rows, with what is not read with them."""
        return rows
