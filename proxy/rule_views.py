"""Routing rules in the console: make, change, order, delete."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views import View

from proxy.asking import rule_columns
from proxy.models import RoutingRule
from proxy.rule_form import RoutingRuleForm
from proxy.simulation_views import QuestionForm
from sipadmin.accounts.roles import AdministratorRequired, AdministratorWrites, is_administrator
from sipadmin.activation import say_saved
from sipadmin.policy_form import make_read_only

STEP = 10  # between priorities, so that a rule finds its place between two


class NewRoutingRuleView(AdministratorRequired, View):
    def get(self, request: HttpRequest) -> HttpResponse:
        last = RoutingRule.objects.order_by("-priority").values_list("priority", flat=True).first() or 0
        return rule_page(request, RoutingRuleForm(initial={"priority": last + STEP, "enabled": True}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = RoutingRuleForm(request.POST)
        if "try" in request.POST:
            return tried(request, form)
        if not form.is_valid():
            return rule_page(request, form, status=422)
        with transaction.atomic():
            rule = form.save()
        say_saved(request, f"Rule {rule.name} is there.")
        return redirect("routing")


class RoutingRuleView(AdministratorWrites, View):
    """One rule; operators read it."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        rule = get_object_or_404(RoutingRule, pk=pk)
        return rule_page(request, RoutingRuleForm(instance=rule), rule)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        rule = get_object_or_404(RoutingRule, pk=pk)
        form = RoutingRuleForm(request.POST, instance=rule)
        if "try" in request.POST:
            return tried(request, form, get_object_or_404(RoutingRule, pk=pk))
        if not form.is_valid():
            return rule_page(request, form, rule, status=422)
        form.instance.version += 1
        with transaction.atomic():
            form.save()
        say_saved(request)
        return redirect("routing")


def tried(request: HttpRequest, form: RoutingRuleForm, rule: RoutingRule | None = None) -> HttpResponse:
    """What would happen with the rule as it is in the form, which stays unsaved."""
    question = QuestionForm(request.POST, prefix="ask")
    facts = None
    if form.is_valid() and question.is_valid():
        facts = question.answer({"rule": rule_columns(form.instance)})
    return rule_page(request, form, rule, 200 if facts else 422, question, facts)


def rule_page(
    request: HttpRequest,
    form: RoutingRuleForm,
    rule: RoutingRule | None = None,
    status: int = 200,
    question: QuestionForm | None = None,
    facts: dict[str, Any] | None = None,
) -> HttpResponse:
    if not is_administrator(request.user):
        make_read_only(form)
    question = question or QuestionForm(prefix="ask", initial={"method": "INVITE"})
    for field in question.fields.values():
        field.required = False  # of the browser: who only saves asks nothing
    context = {"page": "routing", "form": form, "rule": rule, "question": question, "facts": facts}
    return render(request, "proxy/routing_rule.html", context, status=status)


class MoveRoutingRuleView(AdministratorRequired, View):
    """Puts a rule before or behind its neighbour."""

    http_method_names = ["post"]

    @transaction.atomic
    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        rules = list(RoutingRule.objects.select_for_update().order_by("priority", "id"))
        place = next((index for index, rule in enumerate(rules) if rule.pk == pk), None)
        other = None if place is None else place + (-1 if request.POST.get("to") == "up" else 1)
        if place is not None and other is not None and 0 <= other < len(rules):
            priorities = [rule.priority for rule in rules]
            rules[place], rules[other] = rules[other], rules[place]
            renumber(rules, priorities)
        say_saved(request, "The order has changed.")
        return redirect("routing")


def renumber(rules: list[RoutingRule], priorities: list[int]) -> None:
    """Give rules these priorities in their order, with a difference where two were equal."""
    floor = -1
    for rule, priority in zip(rules, priorities, strict=True):
        floor = max(priority, floor + 1)
        if rule.priority != floor:
            rule.priority = floor
            rule.version += 1
            rule.save()


class DeleteRoutingRuleView(AdministratorRequired, View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        rule = get_object_or_404(RoutingRule, pk=pk)
        with transaction.atomic():
            rule.delete()
        say_saved(request, f"Rule {rule.name} is deleted.")
        return redirect("routing")
