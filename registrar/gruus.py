"""The GRUUs in the 200 to a REGISTER (RFC 5627 §5.2). Pure."""

from __future__ import annotations

from sip.gruu import Gruus, public
from sip.location import Binding
from sip.message.limits import MAX_URI_CHARACTERS


def gruu_parameters(gruus: Gruus, binding: Binding, now_wall: float) -> str:
    """Contact parameters pub-gruu and temp-gruu of a binding; empty when its phone cannot have any."""
    return "".join(f';{name}="{uri}"' for name, uri in gruus_of(gruus, binding, now_wall))


def gruus_of(gruus: Gruus, binding: Binding, now_wall: float) -> list[tuple[str, str]]:
    """The same by name; none when its phone cannot have any."""
    if not binding.instance_id or not binding.uri.is_sip:
        return []
    stable = public(binding.aor, binding.instance_id)
    if len(stable) > MAX_URI_CHARACTERS:
        return []  # escapes have made it longer than anybody takes
    temporary = gruus.temporary(
        binding.user_id, binding.aor, binding.instance_id, binding.call_id, binding.cseq, now_wall
    )
    return [("pub-gruu", stable), ("temp-gruu", temporary)]
