"""A scene whose calls are caught and recorded: the real recorder, the real capture, no thread."""

from __future__ import annotations

from proxy.recorder import Recorder
from proxy.trace.capture import Capture
from tests.proxy.scene import Scene

START = 1_700_000_000.0
SDP = "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\n"


class Recorded(Scene):
    """A scene with a real recorder and a real capture."""

    def __init__(self, **options):
        super().__init__(**options)
        self.capture = self.endpoint.tap = Capture(self.endpoint.now, lambda kind, key, build: None)
        self.recorder = Recorder(lambda kind, key, build: None, lambda at: at - 1000.0 + START, capture=self.capture)
        self.handler.records.log = self.recorder
        self.register("bob", "sip:bob@192.0.2.20:5060")

    def write(self):
        for record in self.recorder._waiting:
            record.domain_id = record.user_id = None
        self.recorder.write_waiting()

    def call_with_sdp(self, **parts):
        fields = [
            "Contact: <sip:alice@192.0.2.10:5060>",
            f"Content-Type: {parts.pop('content_type', 'application/sdp')}",
        ]
        return self.call("bob", fields=fields, body=SDP, **parts)
