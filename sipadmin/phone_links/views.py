"""Where a link leads: settings for a phone, or, for a browser, a page that says what to do with it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from sipadmin.phone_links.links import LinkRefused, find_link, link_url, qr_svg, redeem
from sipadmin.phone_links.linphone import linphone_xml


@method_decorator([login_not_required, never_cache], name="dispatch")
class PhoneLinkView(View):
    """A phone gets its settings, once. A browser, which asks for HTML, uses nothing up."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, text: str) -> HttpResponse:
        if request.method == "HEAD" or "text/html" in request.headers.get("Accept", ""):
            return self.page(request, text)
        try:
            settings = redeem(text)
        except LinkRefused:
            return HttpResponse("This link does not work.\n", status=404, content_type="text/plain")
        return HttpResponse(linphone_xml(settings), content_type="application/xml")

    def page(self, request: HttpRequest, text: str) -> HttpResponse:
        link = find_link(text)
        if link is None:
            return render(request, "phone_links/refused.html", status=404)
        url = link_url(request, text)
        return render(request, "phone_links/link.html", {"link": link, "url": url, "qr_svg": qr_svg(url)})
