"""Every answer carries the browser's rules."""

import pytest


@pytest.mark.parametrize("path", ["/healthz", "/nowhere-at-all"])
@pytest.mark.django_db
def test_strict_headers(client, path):
    response = client.get(path)
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
