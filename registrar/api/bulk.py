"""Up to a thousand users in one request: create what is new, change what differs."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registrar.call_forwarding import FORWARDING, TARGETS
from registrar.models import Alias, Domain, SipUser
from sipadmin.provisioning import ProvisioningError, own_policies
from sipadmin.rest.problems import pointer, problem_answer, summary
from sipadmin.rest.serializers import StrictSerializer
from sipadmin.user_import import write_rows
from sipadmin.user_table import ImportRefused, Row, check_row

LARGEST = 1000
DELETED_AT_ONCE = 500  # names in one statement; some builds of SQLite take no more than 999 parameters
ITEMS_OF_A_REQUEST = 25  # items that count as one request: ten thousand users within the usual limit of a minute
ITEM_FIELDS = (
    "username", "domain", "password", "ha1_md5", "ha1_sha256", "display_name", "enabled", "policy", "ring_time",
    "max_contacts", "may_watch", "aliases", "tags", *FORWARDING,
)  # fmt: skip
MODES = ("upsert", "create", "update", "delete")
TEXT_FIELDS = ("username", "domain", "password", "ha1_md5", "ha1_sha256", "display_name", "policy", *TARGETS)
LIST_FIELDS = ("aliases", "tags")
NUMBER_FIELDS = ("ring_time", "max_contacts")
BOOLEAN_FIELDS = ("enabled", "may_watch", "do_not_disturb")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Two users",
            {
                "mode": "upsert",
                "items": [
                    {"username": "dora", "domain": "example.org", "password": "explorer"},
                    {"username": "bob", "domain": "example.org", "enabled": False},
                ],
            },
            request_only=True,
        )
    ]
)
class BulkUsersSerializer(StrictSerializer):
    """The request. Items are checked one by one, so that each has its own result."""

    mode = serializers.ChoiceField(
        choices=MODES,
        default="upsert",
        help_text="upsert: create or change; create, update: refuse those that are there, or are not; "
        "delete: items name username and domain only.",
    )
    atomic = serializers.BooleanField(default=True, help_text="One refused item refuses all.")
    dry_run = serializers.BooleanField(default=False, help_text="Check and count, change nothing.")
    items = serializers.ListField(child=serializers.JSONField(), min_length=1, max_length=LARGEST)


class BulkResultSerializer(serializers.Serializer):
    index = serializers.IntegerField()
    aor = serializers.CharField()
    result = serializers.ChoiceField(choices=["created", "updated", "unchanged", "deleted", "failed", "skipped"])
    errors = serializers.ListField(child=serializers.DictField(), required=False)


class BulkAnswerSerializer(serializers.Serializer):
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    deleted = serializers.IntegerField()
    failed = serializers.IntegerField()
    dry_run = serializers.BooleanField()
    results = BulkResultSerializer(many=True)


class BulkUsersView(APIView):
    """POST /users/bulk/"""

    scope = "users"

    def cost(self, request: Request) -> float:
        """Requests that this one counts as, for the token's limit."""
        items = request.data.get("items") if isinstance(request.data, dict) else None
        return 1 + len(items) / ITEMS_OF_A_REQUEST if isinstance(items, list) else 1

    @extend_schema(request=BulkUsersSerializer, responses=BulkAnswerSerializer, operation_id="users_bulk")
    def post(self, request: Request) -> Response:
        """Create, change or delete up to 1000 users; a member that an item does not name stays as it is."""
        serializer = BulkUsersSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wish = serializer.validated_data
        bulk = Bulk(wish["items"], wish["mode"])
        with transaction.atomic():
            bulk.write(is_atomic=wish["atomic"])
            has_failed = bool(bulk.errors)
            if wish["dry_run"] or (has_failed and wish["atomic"]):
                transaction.set_rollback(True)
        answer = bulk.answer(wish["dry_run"], is_refused=has_failed and wish["atomic"])
        if has_failed and wish["atomic"]:
            errors = [error for index in sorted(bulk.errors) for error in bulk.errors[index]]
            return problem_answer(request, 422, f"Nothing was changed: {summary(errors)}", errors, answer)
        return Response(answer)


class Bulk:
    """The items of one request and what became of each. ``errors`` is by index of the item."""

    def __init__(self, items: list[Any], mode: str = "upsert") -> None:
        self.items = items
        self.mode = mode
        self.errors: dict[int, list[dict[str, str]]] = {}
        self.results: dict[int, str] = {}
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.domains: dict[str, Domain] = {}
        self.check()

    def check(self) -> None:
        names = {str(item.get("domain", "")).strip().lower() for item in self.items if isinstance(item, dict)}
        self.domains = {domain.name: domain for domain in Domain.objects.filter(name__in=names)}
        seen: dict[tuple[str, str], int] = {}
        for index, item in enumerate(self.items):
            try:
                domain, texts = self.texts(item)
                row = check_row(domain, index, texts)
                for name in (row.username, *(row.aliases or ())):
                    if (domain.name, name) in seen:
                        raise ProvisioningError({"username": f"{name} is already in item {seen[domain.name, name]}"})
                    seen[domain.name, name] = index
                self.rows[domain.name].append(row)
            except ProvisioningError as error:
                self.fail(index, error.errors)
        if self.mode != "upsert":
            self.check_existence()

    def check_existence(self) -> None:
        """What the mode wants to be there or not."""
        for name, rows in self.rows.items():
            known = self.state(self.domains[name], rows)
            for row in rows:
                is_known = row.username in known
                if is_known == (self.mode == "create"):
                    text = "there is already a user with this name" if is_known else "there is no user with this name"
                    self.fail(row.number, {"username": text}, "unique" if is_known else "unknown")
            self.rows[name] = [row for row in rows if row.number not in self.errors]

    def texts(self, item: Any) -> tuple[Domain, dict[str, str]]:
        """The item's domain, and its members as the texts of a table; ProvisioningError by member."""
        if not isinstance(item, dict):
            raise ProvisioningError({"": "an item is an object"})
        fields = ("username", "domain") if self.mode == "delete" else ITEM_FIELDS
        errors = {str(name): f"is not a field; there are {', '.join(fields)}" for name in item if name not in fields}
        texts: dict[str, str] = {}
        for name, value in item.items():
            if name in TEXT_FIELDS and isinstance(value, str):
                if any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in value):
                    errors[name] = "holds characters that cannot be stored"
                texts[name] = value
            elif name in TEXT_FIELDS:
                errors[name] = "must be a text"
            elif name in BOOLEAN_FIELDS:
                if not isinstance(value, bool):
                    errors[name] = "must be true or false"
                texts[name] = "on" if value else "off"
            elif name in NUMBER_FIELDS:
                if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                    errors[name] = "must be a whole number or null"
                texts[name] = "" if value is None else str(value)
            elif name in LIST_FIELDS:
                if not isinstance(value, list) or not all(
                    isinstance(word, str) and word.split() == [word] and "," not in word for word in value
                ):
                    errors[name] = "must be a list of names without spaces"
                else:
                    texts[name] = " ".join(value)
        domain = self.domains.get(texts.pop("domain", "").strip().lower())
        if domain is None and "domain" not in errors:
            errors["domain"] = "there is no such domain"
        if "username" not in item:
            errors["username"] = "is missing"
        if errors or domain is None:
            raise ProvisioningError(errors)
        texts["user"] = texts.pop("username")
        return domain, texts

    def fail(self, index: int, errors: dict[str, str], code: str = "invalid") -> None:
        self.errors.setdefault(index, []).extend(
            {
                "pointer": pointer("items", index, "username" if name == "user" else name),
                "code": code,
                "detail": text,
            }
            for name, text in errors.items()
        )

    def write(self, is_atomic: bool) -> None:
        """Write every domain's rows; a row that the database's state refuses fails alone."""
        if is_atomic and self.errors:
            return
        if self.mode == "delete":
            self.delete()
            return
        for name, rows in self.rows.items():
            domain = self.domains[name]
            before = self.state(domain, rows)
            while rows:
                try:
                    with transaction.atomic():
                        write_rows(domain, rows)
                    break
                except ImportRefused as refused:
                    refused_rows = {error.row for error in refused.errors}
                    for error in refused.errors:
                        self.fail(error.row, {error.column: error.text})
                    if is_atomic:
                        return
                    # write_rows stamps ids on its drafts: the next try starts from fresh ones.
                    rows = [self.again(domain, row.number) for row in rows if row.number not in refused_rows]
            after = self.state(domain, rows)
            for row in rows:
                old, new = before.get(row.username), after.get(row.username)
                self.results[row.number] = "created" if old is None else "unchanged" if old == new else "updated"

    def delete(self) -> None:
        for name, rows in self.rows.items():
            usernames = [row.username for row in rows]
            for start in range(0, len(usernames), DELETED_AT_ONCE):
                part = usernames[start : start + DELETED_AT_ONCE]
                SipUser.objects.filter(domain=self.domains[name], username__in=part).delete()
            self.results |= {row.number: "deleted" for row in rows}

    def again(self, domain: Domain, index: int) -> Row:
        return check_row(domain, index, self.texts(self.items[index])[1])

    def state(self, domain: Domain, rows: list[Row]) -> dict[str, Any]:
        """What the rows' users look like in the database: equal before and after means unchanged."""
        names = [row.username for row in rows]
        users = SipUser.objects.filter(domain=domain, username__in=names)
        versions = {pk: (name, version) for pk, name, version in users.values_list("pk", "username", "version")}
        policies = own_policies(users)
        aliases: dict[int, list[str]] = defaultdict(list)
        for user, alias in Alias.objects.filter(user__in=users).values_list("user", "name"):
            aliases[user].append(alias)
        return {name: (version, policies.get(pk), sorted(aliases[pk])) for pk, (name, version) in versions.items()}

    def answer(self, is_dry_run: bool, is_refused: bool) -> dict[str, Any]:
        results = []
        for index, item in enumerate(self.items):
            facts = item if isinstance(item, dict) else {}
            entry: dict[str, Any] = {"index": index, "aor": f"{facts.get('username', '')}@{facts.get('domain', '')}"}
            if index in self.errors:
                entry |= {"result": "failed", "errors": self.errors[index]}
            else:
                entry["result"] = "skipped" if is_refused else self.results.get(index, "skipped")
            results.append(entry)
        counts = {
            name: sum(entry["result"] == name for entry in results)
            for name in ("created", "updated", "unchanged", "deleted", "failed")
        }
        return {**counts, "dry_run": is_dry_run, "results": results}
