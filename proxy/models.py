"""Delivery policy and what became of each call."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from proxy.choices import BY_Q, PROXY, RULE_ACTIONS, RULE_FORKS, parse_policy
from proxy.trace.levels import LEVELS, RecordingRules


def validate_policy(text: str) -> None:
    try:
        parse_policy(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class DeliveryPolicy(models.Model):
    """How requests for a recipient are delivered: for the server, for a domain, or for a user."""

    domain = models.OneToOneField(
        "registrar.Domain", on_delete=models.CASCADE, null=True, blank=True, related_name="delivery_policy"
    )
    user = models.OneToOneField(
        "registrar.SipUser", on_delete=models.CASCADE, null=True, blank=True, related_name="delivery_policy"
    )
    is_server = models.BooleanField(default=False, editable=False, help_text="The one row for the whole server.")
    policy = models.CharField(max_length=270, default=PROXY, validators=[validate_policy])
    ring_time = models.PositiveIntegerField(
        null=True, blank=True, help_text="Seconds a group of phones may ring; inherited when empty."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "delivery policies"
        constraints = [
            models.CheckConstraint(
                name="policy_has_one_owner",
                condition=models.Q(is_server=True, domain__isnull=True, user__isnull=True)
                | models.Q(is_server=False, domain__isnull=False, user__isnull=True)
                | models.Q(is_server=False, domain__isnull=True, user__isnull=False),
            ),
            models.UniqueConstraint(fields=["is_server"], condition=models.Q(is_server=True), name="one_server_policy"),
        ]

    def __str__(self) -> str:
        return self.policy


class RoutingRule(models.Model):
    """What becomes of requests for users of ours that look like this, before their own policy is asked."""

    priority = models.PositiveIntegerField(
        validators=[MaxValueValidator(1_000_000)], help_text="The lowest number that fits decides."
    )
    description = models.CharField(max_length=100, blank=True, help_text="What it is for, such as night.")
    enabled = models.BooleanField(default=True)
    domain = models.ForeignKey(
        "registrar.Domain", on_delete=models.CASCADE, null=True, blank=True, related_name="routing_rules",
        help_text="Of the user who is called; any when empty.",
    )  # fmt: skip
    user_pattern = models.CharField(
        "called user", max_length=256, blank=True, help_text="As dialled, such as 0049*; * stands for anything."
    )
    method = models.CharField(
        "methods", max_length=100, blank=True, help_text="Such as INVITE, MESSAGE; any when empty."
    )
    source_cidr = models.CharField(
        "source network", max_length=43, blank=True, help_text="Of the sender, such as 192.0.2.0/24; any when empty."
    )
    caller = models.CharField(
        max_length=256, blank=True,
        help_text="From, such as *@example.org. When empty: anybody, but targets elsewhere are for users only.",
    )  # fmt: skip
    action = models.CharField(max_length=16, choices=[(word, label) for word, label in RULE_ACTIONS.items()])
    fork = models.CharField(
        "ring", max_length=16, choices=[(word, label) for word, label in RULE_FORKS.items()], default=BY_Q
    )
    targets = models.JSONField(default=list, blank=True, help_text="SIP URIs; the user's own phones when empty.")
    reject_code = models.PositiveSmallIntegerField(null=True, blank=True, help_text="400 to 699.")
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["priority", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """As the decision record shows it: ``20 'night'``."""
        short = self.description[:40]
        return f"{self.priority} '{short}'" if short else f"{self.priority}"

    def clean(self) -> None:
        from proxy.rule_rows import check_rule

        check_rule(self)


class StoredMessage(models.Model):
    """A MESSAGE that waits for its user (RFC 3428 §7). The engine chooses ``id``, in order of arrival."""

    id = models.BigIntegerField(primary_key=True)
    user = models.ForeignKey("registrar.SipUser", on_delete=models.CASCADE, related_name="stored_messages")
    sender = models.TextField(help_text="From URI.")
    content_type = models.CharField(max_length=127, blank=True)
    size = models.PositiveIntegerField(help_text="Bytes of the body.")
    is_from_stranger = models.BooleanField(default=False, help_text="The sender is no user of this server.")
    message = models.BinaryField(help_text="The request as it will be delivered. Shown to nobody.")
    received_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    attempts = models.PositiveIntegerField(default=0, help_text="Deliveries that failed.")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.sender} to {self.user_id}"


class CallAttempt(models.Model):
    """One INVITE outside a dialog, from arrival to its final response. The engine chooses ``id``."""

    id = models.BigIntegerField(primary_key=True)
    call_id = models.TextField(db_index=True)
    method = models.CharField(max_length=32, default="INVITE")
    caller = models.TextField(help_text="From URI.")
    callee = models.TextField(help_text="Request-URI as received.")
    source = models.CharField(max_length=80, help_text="transport:host:port of the caller.")
    domain = models.ForeignKey("registrar.Domain", on_delete=models.SET_NULL, null=True, related_name="+")
    user = models.ForeignKey("registrar.SipUser", on_delete=models.SET_NULL, null=True, related_name="call_attempts")
    decision = models.CharField(max_length=16, blank=True, help_text="proxy, redirect, forward or refuse.")
    policy = models.CharField(max_length=270, blank=True)
    policy_origin = models.CharField(max_length=400, blank=True, help_text="Where the policy came from, in words.")
    state = models.CharField(max_length=16, help_text="trying, ringing, answered, redirected, failed or cancelled.")
    status = models.PositiveSmallIntegerField(null=True)
    reason = models.CharField(max_length=200, blank=True, help_text="Reason phrase of the final response.")
    explanation = models.TextField(blank=True, help_text="One plain sentence why.")
    steps = models.JSONField(default=list, help_text="Decision record: what was decided, by which rule and section.")
    started_at = models.DateTimeField(db_index=True)
    ringing_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="When the final response went out.")
    hung_up_at = models.DateTimeField(null=True, help_text="When a BYE ended the call; known where messages are kept.")
    conversation = models.BigIntegerField(
        default=0, db_index=True, help_text="Id of the first attempt with this Call-ID: the messages are kept under it."
    )

    class Meta:
        ordering = ["-started_at", "-id"]

    def __str__(self) -> str:
        return f"{self.caller} to {self.callee}: {self.status or self.state}"


class CallBranch(models.Model):
    """One forwarded copy of a call attempt's request (§16.6)."""

    attempt = models.ForeignKey(CallAttempt, on_delete=models.CASCADE, related_name="branches")
    position = models.PositiveIntegerField()
    group = models.PositiveIntegerField(default=0, help_text="Targets of one group ring together.")
    target = models.TextField(help_text="Request-URI of the copy.")
    next_hop = models.CharField(max_length=80, blank=True)
    user_agent = models.TextField(blank=True)
    joined_late = models.BooleanField(default=False, help_text="The phone registered while the call was ringing.")
    state = models.CharField(max_length=16, help_text="trying, ringing, answered, failed or cancelled.")
    status = models.PositiveSmallIntegerField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["attempt", "position"], name="branch_once")]

    def __str__(self) -> str:
        return f"{self.target}: {self.status or self.state}"


class CallMessage(models.Model):
    """One message of a call, in or out, without its secrets. Written and removed in bulk, so without a foreign key."""

    conversation = models.BigIntegerField(help_text="Id of the first attempt of the call.")
    sequence = models.PositiveIntegerField(help_text="Order in which this server saw and sent the messages.")
    at = models.DateTimeField()
    is_received = models.BooleanField(help_text="Received by this server; else sent by it.")
    transport = models.CharField(max_length=8)
    local = models.CharField(max_length=80)
    remote = models.CharField(max_length=80)
    is_repeated = models.BooleanField(default=False, help_text="A retransmission of an earlier message.")
    first_line = models.CharField(max_length=400)
    method = models.CharField(max_length=32, help_text="Of the request; of a response that of CSeq.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Of a response.")
    has_sdp = models.BooleanField(default=False)
    has_body = models.BooleanField(default=False, help_text="The body was kept.")
    size = models.PositiveIntegerField(help_text="Bytes on the wire.")
    text = models.TextField(help_text="The message, with digests, keys and passwords masked.")

    class Meta:
        ordering = ["conversation", "sequence"]
        constraints = [models.UniqueConstraint(fields=["conversation", "sequence"], name="message_once")]

    def __str__(self) -> str:
        return self.first_line


DEFAULTS = RecordingRules()


class RecordingSettings(models.Model):
    """What is kept of calls and refused requests, and for how long. One row, made when somebody changes it."""

    level = models.CharField(max_length=8, choices=LEVELS, default=DEFAULTS.level)
    other_bodies = models.BooleanField(
        default=DEFAULTS.other_bodies, help_text="Also bodies that are no SDP: texts of messages, dialled digits."
    )
    message_days = models.PositiveSmallIntegerField(default=DEFAULTS.message_days, validators=[MinValueValidator(1)])
    message_megabytes = models.PositiveIntegerField(
        default=DEFAULTS.message_megabytes, validators=[MinValueValidator(1)]
    )
    call_days = models.PositiveSmallIntegerField(default=DEFAULTS.call_days, validators=[MinValueValidator(1)])
    call_count = models.PositiveIntegerField(default=DEFAULTS.call_count, validators=[MinValueValidator(1)])
    request_days = models.PositiveSmallIntegerField(
        default=DEFAULTS.request_days,
        validators=[MinValueValidator(1)],
        help_text="Days that refused requests and REGISTERs are kept.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.level


class RequestRecord(models.Model):
    """What was decided about equal requests that are no call attempts: REGISTERs, and what was refused.

    Coalesced by source and target for an hour; the texts are those of the latest. The engine chooses ``id``.
    """

    id = models.BigIntegerField(primary_key=True)
    method = models.CharField(max_length=32)
    host = models.CharField(max_length=64, db_index=True, help_text="Numeric host of the source; empty: many sources.")
    source = models.CharField(max_length=80, help_text="transport:host:port of the latest.")
    sender = models.TextField(help_text="From URI.")
    target = models.TextField(help_text="Request-URI; of a REGISTER the address-of-record.")
    call_id = models.TextField()
    user_agent = models.TextField(blank=True)
    status = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=200, blank=True)
    steps = models.JSONField(default=list, help_text="Decision record: what was decided, by which rule and section.")
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-last_at", "-id"]

    def __str__(self) -> str:
        return f"{self.method} from {self.host or 'many'}: {self.status}"


class CallShare(models.Model):
    """A link by which outsiders see one call, masked. Of the link itself only a hash is kept."""

    attempt = models.ForeignKey(CallAttempt, on_delete=models.CASCADE, related_name="shares")
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"call {self.attempt_id}"
