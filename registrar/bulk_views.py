"""Many users at once: bulk changes with a way back, import from a table, export."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from registrar.bulk_forms import BulkForm, ImportForm
from registrar.models import Binding, Domain, SipUser
from registrar.user_list import UserFilter
from sipadmin.accounts.roles import AdministratorRequired
from sipadmin.activation import say_saved
from sipadmin.audit.trail import record
from sipadmin.bulk_edit import change_users, take_back
from sipadmin.import_jobs import ImportJob, jobs
from sipadmin.user_export import export_rows
from sipadmin.user_table import COLUMNS, ImportRefused

UNDO_KEY = "users_undo"


def chosen_users(request: HttpRequest) -> QuerySet[SipUser]:
    """Those that are ticked, or all that match the filter the list was opened with."""
    if request.POST.get("all_matching"):
        return UserFilter.read(request.POST).users()
    keys = [key for key in request.POST.getlist("user") if key.isdigit() and len(key) < 19]
    return SipUser.objects.filter(pk__in=keys[:1000])


class BulkUsersView(AdministratorRequired, View):
    """Enables, disables, sets the policy of, or deletes many users."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        users = chosen_users(request)
        if request.POST.get("do") == "delete":
            return self.delete(request, users)
        form = BulkForm(request.POST)
        if not form.is_valid():
            messages.error(request, " ".join(text for texts in form.errors.values() for text in texts))
            return redirect("users")
        try:
            count, undo = change_users(users, form.cells())
        except ImportRefused as error:
            messages.error(request, f"Nothing was changed. {error.errors[0].text}")
            return redirect("users")
        if count and undo is not None:
            request.session[UNDO_KEY] = {**undo, "sentence": form.sentence(count)}
        say_saved(request, form.sentence(count) if count else "Nothing to change: all of them are so already.")
        return redirect("users")

    def delete(self, request: HttpRequest, users: QuerySet[SipUser]) -> HttpResponse:
        if request.POST.get("confirmed"):
            with transaction.atomic():
                count = sum(bool(user.delete()) for user in users.order_by())
            say_saved(request, f"{count} user{'' if count == 1 else 's'} deleted.")
            return redirect("users")
        phones = Binding.objects.live().filter(user__in=users.values("pk")).count()
        context = {
            "page": "users",
            "count": users.count(),
            "phones": phones,
            "names": [str(user) for user in users.select_related("domain").order_by("username")[:20]],
            "kept": [(name, value) for name in request.POST if name != "csrfmiddlewaretoken"
                     for value in request.POST.getlist(name)],
        }  # fmt: skip
        return render(request, "registrar/users_delete.html", context)


class UndoUsersView(AdministratorRequired, View):
    """Takes the last bulk change of this session back."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        undo = request.session.pop(UNDO_KEY, None)
        if undo is None:
            messages.info(request, "There is nothing to take back.")
            return redirect("users")
        try:
            count = take_back(undo)
        except ImportRefused as error:
            messages.error(request, f"It could not be taken back. {error.errors[0].text}")
        else:
            say_saved(request, f"Taken back for {count} user{'' if count == 1 else 's'}.")
        return redirect("users")


class ExportUsersView(AdministratorRequired, View):
    """The users of one domain as CSV, as the list is filtered; with their HA1 values only when asked for."""

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        domain = get_object_or_404(Domain, name=request.GET.get("domain", ""))
        with_secrets = request.GET.get("with") == "ha1"
        if with_secrets:
            record("users.exported", domain.name, {"ha1": [None, "exported"]})
        users = UserFilter.read(request.GET).users()
        response = StreamingHttpResponse(export_rows(users, with_secrets=with_secrets), content_type="text/csv")
        name = f"{domain.name}-{timezone.now():%Y%m%d}.csv".replace("[", "").replace("]", "").replace(":", "-")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        response.headers["Cache-Control"] = "no-store"
        return response


@method_decorator(never_cache, name="dispatch")
class ImportView(AdministratorRequired, View):
    """Takes a file, and sends on to the page of its job, which shows what it would change."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, ImportForm(initial={"domain": Domain.objects.order_by("pk").first()}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ImportForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.page(request, form, 422)
        file = form.cleaned_data["file"]
        job = ImportJob(form.cleaned_data["domain"], file.name, file.read())
        jobs.add(job)
        job.start(is_dry_run=True)
        return redirect("import-job", key=job.key)

    def page(self, request: HttpRequest, form: ImportForm, status: int = 200) -> HttpResponse:
        context = {"page": "users", "form": form, "columns": COLUMNS, "has_domain": Domain.objects.exists()}
        return render(request, "registrar/import.html", context, status=status)


def find_job(key: str) -> ImportJob:
    job = jobs.get(key)
    if job is None:
        raise Http404("This import is over or forgotten. Upload the file again.")
    return job


@method_decorator(never_cache, name="dispatch")
class ImportJobView(AdministratorRequired, View):
    """One import: how far it is, what it would change, what it has changed. Posting carries it out."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        return render(request, "registrar/import_job.html", {"page": "users", "job": find_job(key)})

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        job = find_job(key)
        if request.POST.get("do") == "drop":
            jobs.drop(key)
            messages.info(request, "Nothing was changed, and the file is gone.")
            return redirect("import-users")
        if job.state == "ready":
            job.start(is_dry_run=False)
        return redirect("import-job", key=key)


@method_decorator(never_cache, name="dispatch")
class ImportProgressView(AdministratorRequired, View):
    """For the progress bar."""

    def get(self, request: HttpRequest, key: str) -> JsonResponse:
        job = find_job(key)
        facts: dict[str, Any] = {"state": job.state, "done": job.done, "total": job.total, "percent": job.percent}
        return JsonResponse(facts)


@method_decorator(never_cache, name="dispatch")
class ImportErrorsView(AdministratorRequired, View):
    """Every error of a refused file, as a file."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        response = HttpResponse(find_job(key).error_file(), content_type="text/csv")
        response.headers["Content-Disposition"] = 'attachment; filename="import-errors.csv"'
        return response
