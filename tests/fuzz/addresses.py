"""Every address of the site with what it reads: found by asking, so that new ones are covered."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import product
from urllib.parse import urljoin, urlsplit

from django.apps import apps
from django.contrib import admin
from django.http import QueryDict
from django.urls import URLPattern, get_resolver

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^()]*(?:\([^()]*\)[^()]*)*\)")
# What a look-up of Django's tables may end with.
LOOKUPS = ("exact", "gte", "in", "isnull", "contains", "year__lt", "range")
OF_ADMIN_LISTS = {"q", "p", "o", "all", "e", "_to_field", "_popup", "_facets"}


@dataclass
class Address:
    """A path of the site, and the names of the parameters that are read there."""

    path: str
    names: set[str] = field(default_factory=set)  # of a query or of a form
    form: dict[str, str] = field(default_factory=dict)  # what a page has in its form for it
    is_posted: bool = False  # takes nothing else
    forms: list[tuple] = field(default_factory=list)  # of its page: where each goes, its fields

    @property
    def is_of_admin(self):
        return self.path.startswith("/admin/")


class FormReader(HTMLParser):
    """The forms of a page, each as (method, action, {name: value})."""

    def __init__(self, page):
        super().__init__()
        self.forms, self.fields, self.select, self.text = [], None, None, None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.fields = {}
            method, action = given.get("method", "get").lower(), given.get("action", "")
            self.forms.append((method, action, self.fields))
        elif self.fields is not None:
            self._field(tag, given.get("name"), given.get("value", ""))

    def _field(self, tag, name, value):
        if tag in ("input", "button") and name:
            self.fields.setdefault(name, value)
        elif tag == "select":
            self.select = name
        elif tag == "textarea":
            self.text = name
        elif tag == "option" and self.select and value:
            self.fields.setdefault(self.select, value)

    def handle_data(self, data):
        if self.text and self.fields is not None:
            self.fields.setdefault(self.text, data.strip())

    def handle_endtag(self, tag):
        if tag == "form":
            self.fields = None
        elif tag in ("select", "textarea"):
            self.select = self.text = None


class Reading:
    """Notes the names that are read from queries and forms, from when it is made."""

    def __init__(self, monkeypatch):
        self.names = set()
        for method in ("__getitem__", "__contains__", "getlist"):
            monkeypatch.setattr(QueryDict, method, self._noting(method), raising=False)

    def _noting(self, method):
        read = getattr(QueryDict, method)

        def noting(query, name, *rest):
            if isinstance(name, str):
                self.names.add(name)
            return read(query, name, *rest)

        return noting

    def taken(self):
        """The names since this was asked for last."""
        names, self.names = self.names, set()
        return names - {"csrfmiddlewaretoken"}


def routes(of=None, prefix="", namespace=""):
    """(name, route) of every address, those of the admin too."""
    for one in get_resolver().url_patterns if of is None else of:
        route = prefix + str(one.pattern).lstrip("^").rstrip("$").removesuffix(r"\Z")
        if isinstance(one, URLPattern):
            yield f"{namespace}{one.name or one.pattern}", route
        else:
            yield from routes(one.url_patterns, route, f"{one.namespace}:" if one.namespace else "")


def filled(route, values):
    """The path of a route whose arguments have these values, in their order."""
    given = iter(values)
    path = ARGUMENT.sub(lambda match: str(next(given)), route)
    return "/" + re.sub(r"\\(.)", r"\1", path).replace("/?", "/")


def paths_of(name, route, keys):
    """Paths that a route may have, with the keys of what there is; one of them exists.

    ``keys`` are those of tables, as "app.model", and others by the name of their argument.
    """
    arguments = [one or other for one, other in ARGUMENT.findall(route)]
    if "format" in arguments:
        return []
    of_model = re.match(r"admin:([a-z_]+)_([a-z]+)_\w+$", name)
    if arguments and of_model:
        key = keys.get(f"{of_model[1]}.{of_model[2]}")
        return [] if key is None else [filled(route, [key])]
    known = [_keys_for(argument, route, keys) for argument in arguments]
    return [filled(route, values) for values in product(*known)]


def _keys_for(argument, route, keys):
    """Keys that an argument may be: of the table that it names, else of any.

    Those of tables that the route names come first, as one of them most often exists.
    """
    if argument in keys:
        return [keys[argument]]
    stem = {"refsource_id": "candidate"}.get(argument, argument.removesuffix("_id"))
    of_tables = {label.rpartition(".")[2]: key for label, key in keys.items() if "." in label}
    if f"gal{stem}" in of_tables:
        return [of_tables[f"gal{stem}"]]
    likely_first = sorted(of_tables, key=lambda table: table.removeprefix("gal") not in route)
    return list(dict.fromkeys(of_tables[table] for table in likely_first))


def last_keys():
    """{"app.model": the last primary key} of the tables that have rows."""
    keys = {}
    for model in apps.get_models():
        if model._meta.managed and model._meta.db_table != "galsources":
            key = model._base_manager.order_by("-pk").values_list("pk", flat=True).first()
            if isinstance(key, int | str):
                keys[model._meta.label_lower] = key
    return keys


def admin_lists():
    """(path, names that it may be asked for) of each list in the admin."""
    for model, one in admin.site._registry.items():
        fields = [f.name for f in model._meta.concrete_fields]
        fields += [f for f in one.list_filter if isinstance(f, str)]
        names = {f"{name}__{lookup}" for name in fields for lookup in LOOKUPS} | set(fields)
        yield f"/admin/{model._meta.app_label}/{model._meta.model_name}/", names | OF_ADMIN_LISTS


def forms_of(page, path):
    """(path, {name: value}) of the forms of a page that are posted."""
    for method, action, fields in FormReader(page).forms:
        if method == "post":
            yield urlsplit(urljoin(path, action)).path, fields
