"""The settings of a domain, named once: the model says what each of them is, everything else reads it from there.

A new setting is a field of ``registrar.models.Domain`` (with a verbose_name for the form, a help_text, a default and
its validators) and its name here: the page, the API, ``manage.py domain`` and the engine's entry (annotate it there)
then have it too. Pure.
"""

from __future__ import annotations

# By subject, in the order in which the page shows them.
GROUPS: dict[str, tuple[str, ...]] = {
    "Domain": ("description", "enabled"),
    "Registration": (
        "min_expires",
        "default_expires",
        "max_expires",
        "expires_jitter",
        "max_contacts",
        "contact_limit",
        "one_contact_per_device",
        "path_without_support",
        "outbound",
        "flow_timer",
        "gruu",
        "keep_alive",
        "keep_alive_interval",
        "remove_after",
        "service_route",
        "user_in_request_uri",
        "repeats_allowed",
        "ignore_case",
    ),
    "Ringing": ("keep_ringing", "wait_for_group", "late_joiners"),
    "Redirecting": (
        "redirect_reveals",
        "redirected_methods",
        "contact_action",
        "follow_redirects",
        "followed_domains",
    ),
    "Messages for users who are away": (
        "store_messages",
        "stored_messages_per_user",
        "stored_message_days",
        "stored_message_size",
        "stored_message_skip",
    ),
    "Passwords": ("realm", "auth_register", "auth_call", "strangers_may_call", "digest_algorithms"),
}
SETTINGS: tuple[str, ...] = tuple(name for names in GROUPS.values() for name in names)
