"""Recipients and bindings for tests of the cores."""

from __future__ import annotations

from proxy.choices import parse_policy
from proxy.core.facts import EffectivePolicy, Recipient
from proxy.core.targets import TargetFinder
from sip.location import Binding
from sip.message.uri import Uri
from tests.proxy.scene import ADomain, AUser

NOW = 1000.0
ORG = ADomain(1, "example.org")


def a_binding(contact: str, q: float = 1.0, **facts: object) -> Binding:
    values: dict[str, object] = {"expires_at": NOW + 600, "call_id": "r", "cseq": 1, **facts}
    return Binding(aor="sip:bob@example.org", contact=contact, q=q, **values)  # type: ignore[arg-type]


class House:
    """Users of example.org with policies and contacts; ``decide`` asks for one of them."""

    def __init__(self) -> None:
        self.recipients: dict[str, Recipient] = {}
        self.steps: list[object] = []

    def add(self, name: str, policy: str = "proxy", *bindings: Binding, enabled: bool = True) -> AUser:
        user = AUser(len(self.recipients) + 1, name, ORG, "secret")
        user.enabled = enabled
        effective = EffectivePolicy(parse_policy(policy), 30.0, "user", f"{name}@example.org")
        self.recipients[name] = Recipient(ORG, user, name, effective, list(bindings))
        return user

    def gather(self, uri: Uri) -> Recipient | None:
        if uri.host != "example.org" or uri.user is None:
            return None
        known = self.recipients.get(uri.username)
        if known is not None:
            return known
        return Recipient(ORG, None, uri.username, EffectivePolicy(parse_policy("proxy"), 30.0, "server", ""), ())

    def decide(self, uri: str = "sip:bob@example.org", *, is_call: bool = False) -> object:
        self.steps = []
        request_uri = Uri.parse(uri)
        finder = TargetFinder(self.gather, lambda one: one.host == "example.org", NOW, self.steps, is_call=is_call)  # type: ignore[arg-type]
        recipient = self.gather(Uri.parse(uri.replace("sips:", "sip:")))
        assert recipient is not None
        return finder.decide(request_uri, recipient)

    def groups(self, uri: str = "sip:bob@example.org") -> list[list[str]]:
        return [[target.uri.text for target in group] for group in self.decide(uri).groups]  # type: ignore[attr-defined]
