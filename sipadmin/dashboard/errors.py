"""Error pages, and the same errors as problems below /api/."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from sipadmin.rest.problems import problem_response


def answer(request: HttpRequest, status: int, title: str, text: str, advice: str = "") -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem_response(request, status, text)
    context = {"status": status, "title": title, "text": text, "advice": advice}
    return render(request, "error.html", context, status=status)


@login_not_required
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, 400, "Bad request", "The request could not be understood.", "Go back and try it again.")


@login_not_required
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    advice = "An administrator can do it, or change your role on System, Accounts."
    return answer(request, 403, "Not allowed", str(exception or "") or "Your account may not do this.", advice)


@login_not_required
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    text = "There is no page at this address. It may have been deleted."
    return answer(request, 404, "Nothing here", text, "The search finds what has moved: press / on any page.")


@login_not_required
def crashed(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem_response(request, 500, "The server failed to answer. The log says why.")
    # No context processors: whatever broke this request may break them too.
    response = render(None, "crashed.html")  # type: ignore[arg-type]
    response.status_code = 500
    return response
