"""Who plays in the demo: twenty users, twelve phones, and the kinds of call they make."""

from __future__ import annotations

from typing import NamedTuple

from sipadmin.demo.behaviours import Behaviour, answer, busy, decline, refuse, ring

TAG = "Demo"  # begins the description of the demo's domain: only such a domain is ever removed


class Person(NamedTuple):
    """One user. ``policy`` as in the console; ``ring_time`` in seconds."""

    username: str
    part: str
    policy: str = "inherit"
    ring_time: int | None = None


class Desk(NamedTuple):
    """One phone of a user. ``others`` are further contacts its user registers: names of phones, with their q."""

    name: str
    username: str
    behaviour: Behaviour
    q: float = 1.0
    others: tuple[tuple[str, float], ...] = ()
    registers_for: str = ""


class Kind(NamedTuple):
    """One kind of call and how it must end.

    ``statuses`` are the finals the caller must see, challenges left out; ``answered_by`` is a phone's name;
    ``gives_up`` makes the caller cancel after a while of ringing.
    """

    name: str
    caller: str
    callee: str
    statuses: tuple[int, ...]
    answered_by: str = ""
    gives_up: bool = False


def people(domain: str) -> list[Person]:
    return [
        Person("alice", "calls a lot"),
        Person("bob", "picks up soon"),
        Person("carol", "picks up late"),
        Person("dave", "is always busy"),
        Person("erin", "never picks up"),
        Person("frank", "declines every call"),
        Person("grace", "callers are redirected to her phone", "redirect"),
        Person("heidi", "callers are redirected to one of two phones", "redirect"),
        Person("ivan", "three phones ring at once", "proxy-parallel"),
        Person("judy", "her phones ring one after another", "proxy-sequential", 5),
        Person("assistant", "registers for the boss"),
        Person("boss", "is registered by the assistant"),
        Person("kate", "has no phone"),
        Person("leo", "takes no calls", "refuse:403"),
        Person("mona", "her calls go to bob", f"forward:sip:bob@{domain}"),
        Person("nina", "has no phone yet"),
        Person("oscar", "has no phone yet"),
        Person("peggy", "has no phone yet"),
        Person("quentin", "has no phone yet"),
        Person("ruth", "has no phone yet"),
    ]


def desks(pace: float) -> list[Desk]:
    """The twelve phones; ``pace`` 1 is as people are, smaller is faster."""
    return [
        Desk("alice", "alice", answer(1 * pace)),
        Desk("bob", "bob", answer(1.5 * pace)),
        Desk("carol", "carol", answer(3 * pace)),
        Desk("dave", "dave", busy()),
        Desk("erin", "erin", ring()),
        Desk("frank", "frank", refuse(603, after=1 * pace) if pace >= 1 else decline()),
        Desk("grace", "grace", answer(1 * pace)),
        Desk("heidi", "heidi", busy(), others=(("bob", 0.5),)),
        Desk("ivan-desk", "ivan", busy(), q=1.0, others=(("erin", 0.4),)),
        Desk("ivan-mobile", "ivan", answer(2 * pace), q=0.7),
        Desk("judy", "judy", refuse(480, after=1.5 * pace), others=(("carol", 0.3),)),
        Desk("assistant", "assistant", answer(1 * pace), registers_for="boss"),
    ]


KINDS = [
    Kind("answered", "alice", "bob", (200,), "bob"),
    Kind("busy", "bob", "dave", (486,)),
    Kind("no answer", "carol", "erin", (487,), gives_up=True),
    Kind("declined", "alice", "frank", (603,)),
    Kind("redirect to one", "bob", "grace", (302, 200), "grace"),
    Kind("redirect to two", "carol", "heidi", (300, 486, 200), "bob"),
    Kind("fork", "alice", "ivan", (200,), "ivan-mobile"),
    Kind("one after another", "bob", "judy", (200,), "carol"),
    Kind("no phone", "carol", "kate", (480,)),
    Kind("refused", "alice", "leo", (403,)),
    Kind("forwarded", "carol", "mona", (200,), "bob"),
    Kind("third party", "bob", "boss", (200,), "assistant"),
    Kind("unknown user", "alice", "zoe", (404,)),
]
