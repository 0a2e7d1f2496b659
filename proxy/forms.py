"""The form of the server's default policy."""

from __future__ import annotations

from sipadmin.policy_form import PolicyFields


class ServerPolicyForm(PolicyFields):
    """What holds where neither the user nor the domain says otherwise: there is nothing to inherit from."""

    may_inherit = False
