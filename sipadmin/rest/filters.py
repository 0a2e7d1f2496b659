"""Filters by query string, refusing names that are none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from sipadmin.rest.serializers import ChosenFields

PAGING = {"limit", "offset", "cursor"}
CHOICE = {"fields", "omit", "brief"}


# Values that the filters themselves would take for "not given", and answer with everything.
SHAPES: list[tuple[type[django_filters.Filter], re.Pattern[str], str]] = [
    (django_filters.BooleanFilter, re.compile("true|false"), "must be true or false"),
    (django_filters.NumberFilter, re.compile(r"-?\d{1,18}", re.ASCII), "must be a whole number"),
    (
        django_filters.IsoDateTimeFilter,
        re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII),
        "must be a point in time such as 2026-01-31T12:00:00Z; write a + as %2B",
    ),
    (django_filters.ChoiceFilter, re.compile(".+", re.DOTALL), "must not be empty"),
]


def check_values(request: Request, filters: Mapping[str, Any]) -> None:
    """Each at most once, and in the form of its kind."""
    errors: dict[str, str] = {}
    for name, values in request.query_params.lists():
        if len(values) > 1:
            errors[name] = "is given twice"
            continue
        for kind, shape, text in SHAPES:
            if isinstance(filters.get(name), kind):
                if not shape.fullmatch(values[0]):
                    errors[name] = text
                break
    if errors:
        raise ValidationError(errors)


class StrictFilters(DjangoFilterBackend):
    """A misspelt filter would otherwise answer with everything."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(filterset_class.base_filters) if filterset_class else set()
        if view.action == "list":
            unknown = sorted(set(request.query_params) - known - PAGING - CHOICE)
            if unknown:
                text = f"is not a filter; there are {', '.join(sorted(known | PAGING | CHOICE))}"
                raise ValidationError({name: [ErrorDetail(text, "unknown")] for name in unknown})
            if any("\x00" in value for value in request.query_params.values()):
                raise ValidationError("a filter cannot hold a zero byte")
            serializer = view.get_serializer()
            if isinstance(serializer, ChosenFields):
                _ = serializer.fields  # refuses ?fields= of what there is not, also where no row will
            check_values(request, filterset_class.base_filters if filterset_class else {})
            return super().filter_queryset(request, queryset, view)
        return queryset
