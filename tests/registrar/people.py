"""A directory without a database: Bob, Alice and Carol of example.org, Bob of other.example."""

from registrar.directory import Directory
from registrar.entries import DomainEntry, UserEntry
from registrar.models import Domain
from sip.auth.digest import ALGORITHMS, ha1

PASSWORD = "secret"


def a_domain(directory, id=1, name="example.org", aliases=(), **settings):
    entry = DomainEntry(Domain(id=id, name=name, **settings), aliases)
    directory._add_domain(entry)
    return entry


def a_user(directory, domain, id, username, *, enabled=True, max_contacts=None, alias_names=(), may_watch=False):
    hashes = [ha1(algorithm, username, domain.realm, PASSWORD) for algorithm in ALGORITHMS]
    user = UserEntry(
        domain,
        (id, username, username.title(), enabled, max_contacts, *hashes, may_watch, False, "", "", ""),
        tuple(alias_names),
    )
    directory._add_user(user)
    return user


def a_directory(**settings):
    directory = Directory()
    domain = a_domain(directory, 1, "example.org", ["example.com"], **settings)
    a_user(directory, domain, 1, "bob", alias_names=["2001"])
    a_user(directory, domain, 2, "alice")
    a_user(directory, domain, 3, "carol")
    other = a_domain(directory, 2, "other.example", **settings)
    a_user(directory, other, 4, "bob")
    return directory
