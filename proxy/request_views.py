"""What was decided about requests that are no call attempts: REGISTERs, and whatever was refused."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Q, QuerySet
from django.views.generic import ListView

from proxy.models import RequestRecord

KINDS = {"refused": "refused", "accepted": "accepted REGISTERs", "all": "all"}


class RequestsView(LoginRequiredMixin, ListView):
    """Newest first, each with its decision record. ``q`` looks for a source, a sender or a target."""

    template_name = "proxy/requests.html"
    context_object_name = "rows"
    paginate_by = 50

    def get_queryset(self) -> QuerySet[RequestRecord]:
        rows = RequestRecord.objects.order_by("-last_at", "-id")
        kind, text = self._kind(), self._text()
        if kind != "all":
            rows = rows.filter(status__lt=300) if kind == "accepted" else rows.filter(status__gte=300)
        method = self.request.GET.get("method", "")[:32].replace("\0", "")
        if method:
            rows = rows.filter(method=method.upper())
        if text:
            rows = rows.filter(Q(host__startswith=text) | Q(sender__icontains=text) | Q(target__icontains=text))
        return rows

    def _kind(self) -> str:
        kind = self.request.GET.get("kind", "")
        return kind if kind in KINDS else "refused"

    def _text(self) -> str:
        return self.request.GET.get("q", "").strip()[:200].replace("\0", "")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        query = self.request.GET.copy()
        query.pop("page", None)
        return {
            **super().get_context_data(**kwargs),
            "page": "system",
            "tab": "requests",
            "kinds": KINDS.items(),
            "kind": self._kind(),
            "q": self._text(),
            "kept": query.urlencode(),
        }
