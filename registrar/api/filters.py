"""Filters of the lists, by query string."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from registrar.models import Binding, Domain, SipUser, ThirdPartyRule
from sipadmin.rest.serializers import split_aor


class DomainFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains")
    enabled = django_filters.BooleanFilter()
    updated__gte = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")
    ordering = django_filters.OrderingFilter(fields=["name", "updated_at", "created_at"])

    class Meta:
        model = Domain
        fields: list[str] = []


class UserFilter(django_filters.FilterSet):
    domain = django_filters.CharFilter(field_name="domain__name", lookup_expr="iexact")
    username = django_filters.CharFilter()
    username__ic = django_filters.CharFilter(field_name="username", lookup_expr="icontains")
    q = django_filters.CharFilter(method="filter_q", help_text="Part of the user name or the display name.")
    enabled = django_filters.BooleanFilter()
    registered = django_filters.BooleanFilter(field_name="is_registered")
    tag = django_filters.CharFilter(method="filter_tag", help_text="Users that have this tag.")
    updated__gte = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")
    ordering = django_filters.OrderingFilter(fields=["username", "updated_at", "created_at"])

    class Meta:
        model = SipUser
        fields: list[str] = []

    def filter_q(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        return queryset.filter(username__icontains=text) | queryset.filter(display_name__icontains=text)

    def filter_tag(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        return queryset.filter(tags__contains=f",{text.lower()},")


class BindingFilter(django_filters.FilterSet):
    aor = django_filters.CharFilter(method="filter_aor", help_text="bob@example.org")
    domain = django_filters.CharFilter(field_name="user__domain__name", lookup_expr="iexact")
    transport = django_filters.CharFilter(lookup_expr="iexact")
    user_agent__ic = django_filters.CharFilter(field_name="user_agent", lookup_expr="icontains")
    contact__ic = django_filters.CharFilter(field_name="contact", lookup_expr="icontains")
    registered_by = django_filters.CharFilter(lookup_expr="iexact")
    static = django_filters.BooleanFilter(field_name="is_static")
    refreshed__gte = django_filters.IsoDateTimeFilter(field_name="refreshed_at", lookup_expr="gte")
    ordering = django_filters.OrderingFilter(fields=["id", "created_at", "refreshed_at", "expires_at"])

    class Meta:
        model = Binding
        fields: list[str] = []

    def filter_aor(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        username, domain = split_aor(text)
        return queryset.filter(user__username=username, user__domain__name=domain)


class ThirdPartyRuleFilter(django_filters.FilterSet):
    actor = django_filters.CharFilter(method="filter_aor")
    target = django_filters.CharFilter(method="filter_aor")

    class Meta:
        model = ThirdPartyRule
        fields: list[str] = []

    def filter_aor(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        username, domain = split_aor(text)
        return queryset.filter(**{f"{name}__username": username, f"{name}__domain__name": domain})
