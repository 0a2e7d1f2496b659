"""Which extensions a phone says that it understands (§19.2, §20.37, §20.32). Pure."""

from __future__ import annotations

from sip.message.messages import Request


def understands(request: Request, option: str) -> bool:
    """Whether Supported or Require names the option tag (lower case): what a phone requires it understands, too."""
    tags = [*request.values("supported"), *request.values("require")]
    return option in [tag.lower() for tag in tags]
