"""Filters by query string, refusing names that are none."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

PAGING = {"limit", "offset", "cursor"}
CHOICE = {"fields", "omit", "brief"}


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
            return super().filter_queryset(request, queryset, view)
        return queryset
