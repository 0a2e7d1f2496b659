"""Domains, users and bindings: the truth that survives a restart."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from registrar.choices import (
    CONTACT_LIMITS,
    DIGEST_ALGORITHMS,
    KEEP_ALIVES,
    PATH_WITHOUT_SUPPORT,
    REDIRECT_REVEALS,
    STORE_MESSAGES,
)
from registrar.columns import (
    forwarding,
    host_validator,
    one_of,
    username_validator,
    validate_service_route,
    whole_number,
)
from registrar.querysets import BindingQuerySet, StaticManager
from registrar.redirections import MOST_FOLLOWED, check_redirections
from registrar.tags import LONGEST_TEXT


class Domain(models.Model):
    """A SIP domain that this server is responsible for. Its settings are listed in domain_settings.py."""

    name = models.CharField(max_length=253, unique=True, validators=[host_validator])
    description = models.CharField(max_length=200, blank=True)
    enabled = models.BooleanField(default=True)
    realm = models.CharField(
        max_length=253,
        blank=True,
        help_text="Digest realm; the domain's name when empty. A new realm needs new passwords.",
    )
    auth_register = models.BooleanField(
        "ask for a password at registration", default=True, help_text="Challenge REGISTER (401)."
    )
    auth_call = models.BooleanField(
        "ask for a password when local users call",
        default=True,
        help_text="Challenge calls by local users (407, or 401 where redirected).",
    )
    strangers_may_call = models.BooleanField(
        "take calls from strangers",
        default=True,
        help_text="Callers of other domains, who are asked for no password. Without it only users of this server and "
        "trunks get through, and others do not learn who is here.",
    )
    digest_algorithms = one_of(
        "password algorithms",
        DIGEST_ALGORITHMS,
        help_text="Challenges in this order; a phone that knows none of them cannot register.",
    )
    min_expires = whole_number("shortest registration", 60, help_text="Seconds; shorter requests get 423.")
    default_expires = whole_number("usual registration", 3600, help_text="Seconds; when a phone does not say.")
    max_expires = whole_number("longest registration", 86400, help_text="Seconds; longer requests are shortened.")
    expires_jitter = models.PositiveSmallIntegerField(
        "spread of registrations",
        default=0,
        validators=[MaxValueValidator(50)],
        help_text="Percent, 0 to 50, by which an expiry is shortened at most, by chance and never below the shortest: "
        "phones then do not all come back at once.",
    )
    max_contacts = whole_number("phones per user", 10, least=1)
    contact_limit = one_of("one phone too many", CONTACT_LIMITS, help_text="What happens to a contact past the limit.")
    one_contact_per_device = models.BooleanField(
        "one registration per device",
        default=False,
        help_text="A phone that names itself (+sip.instance), but no reg-id, leaves contacts that it does not repeat.",
    )
    path_without_support = one_of(
        "edge proxy, and a phone that knows no Path",
        PATH_WITHOUT_SUPPORT,
        help_text="RFC 3327: calls reach the phone through the proxy that added the Path.",
    )
    outbound = models.BooleanField(
        "keep the flows of phones",
        default=True,
        help_text="RFC 5626: a phone that asks for it is reached by the connection it keeps open, and by no other way.",
    )
    flow_timer = whole_number(
        "seconds between keep-alives",
        120,
        help_text="What such a phone is told (Flow-Timer); 0: it knows best.",
    )
    keep_ringing = models.BooleanField(
        "keep earlier phones ringing",
        default=False,
        help_text="When the ring time of one group of phones is over, they ring on beside the next group.",
    )
    wait_for_group = models.BooleanField(
        "wait for the earlier group to end",
        default=True,
        help_text="The next group of phones rings only after the one before has stopped; otherwise at once.",
    )
    late_joiners = models.BooleanField(
        "phones that register during a call join it",
        default=True,
        help_text="A phone that registers while its user is being called rings, too.",
    )
    follow_redirects = models.PositiveSmallIntegerField(
        "redirections followed",
        default=0,
        validators=[MaxValueValidator(MOST_FOLLOWED)],
        help_text=f"How many contacts of a phone's 3xx are tried for its caller, 0 to {MOST_FOLLOWED}.",
    )
    followed_domains = models.CharField(
        "redirections followed to",
        max_length=1000,
        blank=True,
        default="",
        help_text="Domains, separated by spaces; * is any, for who trusts every phone with the cost of every call.",
    )
    redirect_reveals = one_of(
        "a redirected caller learns", REDIRECT_REVEALS, help_text="Contacts tell where and what the phones are."
    )
    redirected_methods = models.CharField(
        "methods redirected",
        max_length=200,
        blank=True,
        default="",
        help_text="Such as INVITE MESSAGE; all when empty. The others are proxied.",
    )
    contact_action = models.BooleanField(
        "phones choose to be proxied or redirected to",
        default=False,
        help_text="RFC 2543: action=proxy or action=redirect with a contact counts more than the policy.",
    )
    keep_alive = one_of(
        "between registrations", KEEP_ALIVES, help_text="What the server sends to phones, so that they stay reachable."
    )
    keep_alive_interval = models.PositiveIntegerField(
        "seconds from one probe to the next",
        default=60,
        validators=[MinValueValidator(10), MaxValueValidator(86400)],
        help_text="10 to 86400, of each phone; with many phones they come less often.",
    )
    remove_after = whole_number(
        "failures that end a registration", 0, help_text="In a row, of calls and probes; 0: it stays until it expires."
    )
    service_route = models.CharField(
        "way that phones shall take",
        max_length=1000,
        blank=True,
        validators=[validate_service_route],
        help_text="RFC 3608: what the 200 to REGISTER says in Service-Route, such as <sip:edge.example.org;lr>.",
    )
    user_in_request_uri = models.BooleanField(
        "take REGISTER that names a user",
        default=False,
        help_text="A user in the Request-URI of REGISTER is passed over; otherwise it is refused with 400.",
    )
    ignore_case = models.BooleanField(
        "user names in capitals or not",
        default=False,
        help_text="Bob is found as bob, too, by calls and registrations. Passwords still want the exact name.",
    )
    repeats_allowed = models.BooleanField(
        "take the same REGISTER twice",
        default=False,
        help_text="The same Call-ID and CSeq in a new transaction is answered once more; otherwise it gets 500.",
    )
    gruu = models.BooleanField(
        "an address for each phone",
        default=True,
        help_text="RFC 5627: a phone that asks for it gets GRUUs, which lead to it and to no other phone of its user.",
    )
    store_messages = one_of(
        "store messages", STORE_MESSAGES, help_text="A MESSAGE is kept until the user registers (202 to the sender)."
    )
    stored_messages_per_user = models.PositiveSmallIntegerField(
        "messages per user",
        default=50,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="1 to 1000.",
    )
    stored_message_days = models.PositiveSmallIntegerField(
        "days a message is kept",
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="1 to 365; less where the message itself says so.",
    )
    stored_message_size = models.PositiveIntegerField(
        "largest message",
        default=4096,
        validators=[MinValueValidator(1), MaxValueValidator(61440)],
        help_text="Bytes of text, 1 to 61440.",
    )
    stored_message_skip = models.CharField(
        "content types that are not kept",
        max_length=400,
        blank=True,
        default="application/im-iscomposing+xml",
        help_text="Separated by spaces; application/* stands for all of them. Typing notices mean nothing later.",
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.followed_domains, self.redirected_methods, errors = check_redirections(
            self.follow_redirects, self.followed_domains, self.redirected_methods
        )
        if errors:
            raise ValidationError(errors)

    @property
    def effective_realm(self) -> str:
        return self.realm or self.name


class DomainAlias(models.Model):
    """Another name under which a domain is addressed."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=253, unique=True, validators=[host_validator])

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "domain aliases"

    def __str__(self) -> str:
        return self.name


class SipUser(models.Model):
    """A person or device with an address-of-record. Keeps HA1 values, never a password (RFC 7616 §3.4.2)."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="users")
    username = models.CharField(max_length=128, validators=[username_validator])
    display_name = models.CharField(max_length=120, blank=True)
    enabled = models.BooleanField(default=True)
    ha1_md5 = models.CharField(max_length=32, blank=True, editable=False)
    ha1_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    ha1_sha512_256 = models.CharField(max_length=64, blank=True, editable=False)
    max_contacts = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="The domain's limit when empty."
    )
    do_not_disturb = models.BooleanField(
        "do not disturb", default=False, help_text="No phone rings: callers get 480, or go where calls go when busy."
    )
    forward_always = forwarding("forward all calls to", "A user, a number or a SIP URI. No phone of this user rings.")
    forward_busy = forwarding("when busy, forward to", "Once no phone answered and one was busy.")
    forward_no_answer = forwarding(
        "without answer, forward to", "When the ring time is over, or no phone is registered or can be reached."
    )
    may_watch = models.BooleanField(
        default=False, help_text="May watch the registrations of every user of the domain (RFC 3680)."
    )
    tags = models.CharField(max_length=LONGEST_TEXT, blank=True, editable=False, help_text="See registrar.tags.")
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["username"]
        constraints = [models.UniqueConstraint(fields=["domain", "username"], name="user_once_a_domain")]

    def __str__(self) -> str:
        return f"{self.username}@{self.domain.name}"

    @property
    def aor(self) -> str:
        """Address-of-record as text, such as ``sip:bob@example.org``."""
        return f"sip:{self.username}@{self.domain.name}"

    def set_password(self, password: str) -> None:
        """Compute every HA1 for the domain's realm; the password itself is not kept."""
        from sip.auth.digest import ha1

        realm = self.domain.effective_realm
        self.ha1_md5 = ha1("MD5", self.username, realm, password)
        self.ha1_sha256 = ha1("SHA-256", self.username, realm, password)
        self.ha1_sha512_256 = ha1("SHA-512-256", self.username, realm, password)


class Alias(models.Model):
    """Another user name in the same domain that leads to a user, such as a number."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="user_aliases")
    name = models.CharField(max_length=128, validators=[username_validator])
    user = models.ForeignKey(SipUser, on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "aliases"
        constraints = [models.UniqueConstraint(fields=["domain", "name"], name="alias_once_a_domain")]

    def __str__(self) -> str:
        return f"{self.name} for {self.user_id}"


class Binding(models.Model):
    """One contact of one user (§10). The engine chooses ``id``; expiry is a point in time, deletion is housekeeping."""

    id = models.BigIntegerField(primary_key=True)
    user = models.ForeignKey(SipUser, on_delete=models.CASCADE, related_name="bindings")
    contact = models.TextField(help_text="Contact URI as the phone sent it.")
    contact_parameters = models.TextField(blank=True, help_text="Contact header parameters other than q and expires.")
    q = models.FloatField(default=1.0, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    expires_at = models.DateTimeField(db_index=True)
    call_id = models.TextField()
    cseq = models.BigIntegerField()
    instance_id = models.TextField(blank=True)
    reg_id = models.PositiveIntegerField(default=0)
    is_outbound = models.BooleanField(default=False, help_text="Reached by its flow or path only (RFC 5626).")
    transport = models.CharField(max_length=8)
    received_from = models.CharField(max_length=64, help_text="host:port the REGISTER came from.")
    received_on = models.CharField(max_length=64, blank=True, help_text="host:port of our socket.")
    path = models.JSONField(default=list, blank=True)
    user_agent = models.TextField(blank=True)
    methods = models.TextField(blank=True)
    registered_by = models.CharField(max_length=400, blank=True, help_text="Authenticated address-of-record.")
    is_static = models.BooleanField(default=False, editable=False, help_text="Set by an administrator; never expires.")
    created_at = models.DateTimeField()
    refreshed_at = models.DateTimeField()

    objects = BindingQuerySet.as_manager()

    class Meta:
        ordering = ["user", "-q", "-refreshed_at"]

    def __str__(self) -> str:
        return f"{self.contact} of {self.user_id}"


class StaticContact(Binding):
    """A contact that an administrator has set (§10.1). No REGISTER changes it; sipadmin/static_contacts.py makes it."""

    objects = StaticManager()

    class Meta:
        proxy = True
        ordering = ["-q", "contact"]

    @property
    def name(self) -> str:
        """As the audit trail lists it."""
        return self.contact


class ThirdPartyRule(models.Model):
    """ "X may register for Y" (§10.2: To and the authenticated user differ), for ever or until a date."""

    actor = models.ForeignKey(SipUser, on_delete=models.CASCADE, related_name="may_register_for")
    target = models.ForeignKey(SipUser, on_delete=models.CASCADE, related_name="may_be_registered_by")
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["target", "actor"]
        constraints = [
            models.UniqueConstraint(fields=["actor", "target"], name="third_party_rule_once"),
            models.CheckConstraint(condition=~models.Q(actor=models.F("target")), name="third_party_is_another"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_id} may register for {self.target_id}"
