"""Finding the next hops of one URI: asks DNS what the pure function wants to know (RFC 3263 §4)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from sip.transport.records import Question, Record
from sip.transport.selection import Destination, NextHop, next_hops

LookUp = Callable[[Question, Callable[[Sequence[Record]], None]], None]


class Search:
    """``done`` is called once, at once when all answers are known. The same ``key`` gives the same order of servers."""

    def __init__(
        self,
        wanted: Destination,
        look_up: LookUp,
        is_reachable: Callable[[str, str], bool],
        key: str,
        done: Callable[[list[NextHop]], None],
    ) -> None:
        self._wanted = wanted
        self._look_up = look_up
        self._is_reachable = is_reachable
        # A Call-ID may hold bytes that are no UTF-8.
        self._seed = key.encode("utf-8", "surrogateescape") or os.urandom(16)
        self._done = done
        self._answers: dict[Question, Sequence[Record]] = {}
        self._missing = 0

    def go_on(self) -> None:
        random = Random(self._seed).random  # the same chances in every round
        hops, questions = next_hops(self._wanted, self._answers, random, self._is_reachable)
        if not questions:
            self._done(hops)
            return
        self._missing = len(questions)
        for question in questions:
            self._look_up(question, partial(self._answered, question))

    def _answered(self, question: Question, records: Sequence[Record]) -> None:
        self._answers[question] = records
        self._missing -= 1
        if not self._missing:
            self.go_on()
