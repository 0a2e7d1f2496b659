"""The response context of one proxied request: groups of targets, a branch per forwarded copy (§16.7 to §16.10).

Rules of this file. The context decides and the handler acts: every input takes ``now`` and returns effects, in the
order in which they are to happen. It reads no clock; ``deadline`` says when ``timer_fired`` wants to be called.

1. It finishes exactly once, whatever the order of events.
2. At most one non-2xx final response goes upstream, and never after a 2xx.
3. A request other than INVITE gets at most one final response.
4. A branch is cancelled at most once, and never before its first provisional response.
5. After a CANCEL, a 2xx or a 6xx no new branch is created.
6. The branches that have not ended never hold more breadth together than was received (RFC 5393 §5.3.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from proxy.core.best_response import Candidate, add_challenges, best_of, choose
from proxy.core.branch import Branch, BranchState
from proxy.core.effects import Answer, Cancel, Effect, Finished, SendUpstream, Silence, Start
from proxy.core.facts import INITIAL_BREADTH, Target
from proxy.core.forward import Forward
from proxy.core.target_groups import TargetGroups
from sip.message.messages import Response
from sip.message.status import reason_phrase

NEVER = float("inf")
TIMER_C = 200.0  # §16.6 step 11: more than three minutes
CLEARING_TIME = 4.0  # how long a cancelled or silent group may hold up the next one, or the final response
NON_INVITE_GROUP_TIME = 4.0  # the caller gives up after 32 s (timer F), so later groups must get their turn before

COMPLETED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'  # RFC 3326
NO_ANSWER = 'SIP;cause=480;text="No answer"'


class ResponseContext:
    """Forks one request. ``forward`` says to whom, in which order and for how long; ``expires`` is for the whole
    attempt, in seconds.

    ``breadth`` is the Max-Breadth to share among the branches, at least 1: where it does
    not suffice for a group, fewer are tried at a time.
    """

    __slots__ = (
        "_groups",
        "best",
        "branches",
        "candidates",
        "deadline",
        "expires_at",
        "final_status",
        "first",
        "forward",
        "group_deadline",
        "is_cancelled",
        "is_finished",
        "is_invite",
        "is_next_due",
        "is_stopped",
    )

    def __init__(
        self,
        is_invite: bool,
        forward: Forward,
        expires: float | None = None,
        breadth: int = INITIAL_BREADTH,
    ) -> None:
        self.is_invite = is_invite
        self.branches: list[Branch] = []
        self.candidates: list[Candidate] = []
        self.best: Candidate | None = None
        self.final_status = 0  # of the first final response upstream; 0 before it
        self.is_cancelled = False  # by the caller
        self.is_stopped = False  # invariant 5
        self.is_finished = False
        self.is_next_due = False  # the next group need not wait for the current one
        self.deadline = NEVER
        self.group_deadline = NEVER
        self.expires_at = NEVER if expires is None or not is_invite else expires  # made absolute by start()
        self.forward = forward
        self.first = 0  # position of the first branch of this decision
        self._groups = TargetGroups(forward.groups, breadth, keeps_some=is_invite and bool(forward.late))

    # Inputs

    def start(self, now: float) -> list[Effect]:
        """Start the first group."""
        self.expires_at += now
        effects: list[Effect] = []
        self._advance(now, effects)
        return effects

    def response_received(self, branch: Branch, response: Response, now: float) -> list[Effect]:
        """A response without our Via has come in on a branch (§16.7)."""
        effects: list[Effect] = []
        status = response.status
        if status < 200:
            self._provisional(branch, response, now, effects)
        elif status < 300:
            self._success(branch, response, now, effects)
        else:
            self._failure(branch, Candidate(branch.position, status, response.reason, response), now, effects)
        return effects

    def failed(self, branch: Branch, status: int, now: float) -> list[Effect]:
        """A branch ended without a response: 408 after timer B or F, 503 after a transport error (§16.9)."""
        effects: list[Effect] = []
        reason = {408: "No response", 430: "Flow Failed", 503: "Not reachable"}.get(status, "")
        self._failure(branch, Candidate(branch.position, status, reason), now, effects)
        return effects

    def cancel_received(self, now: float, reason: str = "") -> list[Effect]:
        """The caller has sent CANCEL (§16.10); ``reason`` is his Reason header field."""
        effects: list[Effect] = []
        if not self.is_invite or self.final_status:
            return effects  # §9.2: no effect
        self.is_cancelled = True
        self._stop(reason, now, effects)
        self._advance(now, effects)
        return effects

    def join(self, target: Target, now: float) -> list[Effect]:
        """A phone of the recipient has registered while it rings (invariant 5 holds for it as well)."""
        effects: list[Effect] = []
        if not self.is_invite or self.is_stopped or self.final_status:
            return effects
        if self._groups.knows(target) or any(target.uri.equals(branch.target.uri) for branch in self.branches):
            return effects  # §16.5: no URI twice
        if target.phone and any(branch.is_active and branch.target.phone == target.phone for branch in self.branches):
            return effects  # RFC 5626 §7: it rings by another of its flows
        is_ringing = self.group_deadline != NEVER
        if not is_ringing and not self._groups.has_next:
            return effects  # the last group's time is over
        target.is_late = True
        if self._groups.join(target, self.forward.action, self.branches, is_ringing=is_ringing):
            self._start_branch(target, 1, now, effects)
        self._advance(now, effects)
        return effects

    def timer_fired(self, now: float) -> list[Effect]:
        """Some deadline may have passed: ring time, Expires, timer C (§16.8), or waiting for a cancelled branch."""
        effects: list[Effect] = []
        if self.expires_at <= now:
            self.expires_at = NEVER
            self.is_stopped = True
            self.group_deadline = now
        if self.group_deadline <= now:
            self._group_is_over(now, effects)
        for branch in self.branches:
            if branch.is_active and branch.deadline <= now:
                self._branch_is_over(branch, now, effects)
        self._advance(now, effects)
        return effects

    # Responses

    def _provisional(self, branch: Branch, response: Response, now: float, effects: list[Effect]) -> None:
        status = response.status
        branch.has_provisional = True
        if branch.is_active and status > 100:
            branch.state = BranchState.RINGING
            branch.status = status
            branch.reason = response.reason
            if branch.cancel_reason is None and self.is_invite:
                branch.deadline = now + TIMER_C  # §16.7 step 2
        if status > 100 and not self.final_status:
            effects.append(SendUpstream(response, branch))
        if branch.cancel_reason is not None and self.is_invite and not branch.is_cancel_sent:
            self._send_cancel(branch, effects)
        self._set_deadline()

    def _success(self, branch: Branch, response: Response, now: float, effects: list[Effect]) -> None:
        is_first = branch.state is not BranchState.ANSWERED
        branch.is_pending = False
        self._end(branch, BranchState.ANSWERED, response.status, response.reason, now)
        if self.is_invite or not self.final_status:
            effects.append(SendUpstream(response, branch))
        if not is_first:
            return  # the 2xx once more, until the caller's ACK arrives (§13.3.1.4)
        if not self.final_status:
            self.final_status = response.status
        self._stop(COMPLETED_ELSEWHERE, now, effects)
        self._advance(now, effects)

    def _failure(self, branch: Branch, candidate: Candidate, now: float, effects: list[Effect]) -> None:
        if branch.state is BranchState.ANSWERED:
            return
        branch.is_pending = False
        was_given_up = not branch.is_active
        if was_given_up and candidate.response is None:
            # What we have counted it as is all there is to know. A group may have waited for its breadth.
            self._advance(now, effects)
            return
        if branch.cancel_reason == NO_ANSWER and candidate.status in (487, 408):
            # The 487 answers a CANCEL that the caller knows nothing of: to him nobody answered.
            candidate = Candidate(branch.position, 480, "No answer")
        state = BranchState.CANCELLED if branch.cancel_reason is not None else BranchState.FAILED
        self._end(branch, state, candidate.status, candidate.reason, now)
        if not was_given_up and self._has_other_flow(branch, candidate):
            self._start_other_flow(branch, now, effects)
            return
        if was_given_up:
            self.candidates = [known for known in self.candidates if known.position != branch.position]
        if not self._followed(candidate):
            self.candidates.append(candidate)
        if candidate.status >= 600:
            # §16.7 step 5: not forwarded yet, since a 2xx may still arrive.
            self._stop(f'SIP;cause={candidate.status};text="{reason_phrase(candidate.status)}"', now, effects)
        self._advance(now, effects)

    def _has_other_flow(self, branch: Branch, candidate: Candidate) -> bool:
        """Whether the phone has not been heard on this flow and has another (RFC 5626 §7)."""
        if branch.target.other_flow is None or branch.cancel_reason is not None or self.is_stopped:
            return False
        is_flow_failure = candidate.status in (408, 430) or (candidate.response is None and candidate.status == 503)
        return is_flow_failure and not branch.has_provisional

    def _start_other_flow(self, branch: Branch, now: float, effects: list[Effect]) -> None:
        """The next flow takes the place of the failed one: same group, same breadth, one after another."""
        assert branch.target.other_flow is not None
        deadline = now + TIMER_C if self.is_invite else NEVER
        other = Branch(len(self.branches), branch.group, branch.target.other_flow, now, deadline, branch.breadth)
        self.branches.append(other)
        effects.append(Start(other))
        self._set_deadline()

    def _followed(self, candidate: Candidate) -> bool:
        """Recurse on a 3xx; True when nothing of it is left to report (§16.7 step 4)."""
        response = candidate.response
        if self.forward.follow is None or self.is_stopped or response is None or not 300 <= candidate.status < 400:
            return False
        groups = self._untried(self.forward.follow(response))
        self._groups.put_next(groups)
        return bool(groups) and not response.has("contact")

    def _untried(self, groups: Sequence[Sequence[Target]]) -> list[list[Target]]:
        """Without what was tried before (P06)."""
        tried = [branch.target.uri for branch in self.branches]
        left = [[one for one in group if not any(one.uri.equals(uri) for uri in tried)] for group in groups]
        return [group for group in left if group]

    # Progress

    def _advance(self, now: float, effects: list[Effect]) -> None:
        """Start the next group when it is its turn, or send the best response, once no branch is active."""
        while True:
            if self._groups.has_next and not self.is_stopped and (self.is_next_due or not self._is_current_active()):
                if self._start_group(now, effects):
                    continue
                break  # until a branch that was given up has really ended
            if self._is_waiting():
                break
            if not self.final_status:
                if self._falls_back():
                    continue
                self._send_best(effects)
            if not self.is_finished:
                self.is_finished = True
                effects.append(Finished())
            break
        self._set_deadline()

    def _is_waiting(self) -> bool:
        for branch in self.branches:  # noqa: SIM110 - a third of the time of any()
            if branch.is_active:
                return True
        return False

    def _is_current_active(self) -> bool:
        number = self._groups.number
        for branch in self.branches:  # noqa: SIM110 - a third of the time of any()
            if branch.is_active and branch.group == number:
                return True
        return False

    def _start_group(self, now: float, effects: list[Effect]) -> bool:
        """Start the next group, or as much of it as there is breadth for; False when there is none at all now."""
        shares = self._groups.start(self.branches)
        if not shares:
            return False
        self.is_next_due = False
        if self.is_invite:
            self.group_deadline = now + self.forward.ring_time
        else:
            self.group_deadline = now + NON_INVITE_GROUP_TIME if self._groups.has_next else NEVER
        for target, breadth in shares:
            self._start_branch(target, breadth, now, effects)
        return True

    def _start_branch(self, target: Target, breadth: int, now: float, effects: list[Effect]) -> None:
        deadline = now + TIMER_C if self.is_invite else NEVER
        branch = Branch(len(self.branches), self._groups.number, target, now, deadline, breadth)
        self.branches.append(branch)
        effects.append(Start(branch))

    def _falls_back(self) -> bool:
        """Whether the recipient has his calls forwarded after such a failure."""
        fallback = self.forward.fallback
        if fallback is None or self.is_stopped or not self.is_invite:
            return False
        self.forward.fallback = None
        failed = [candidate for candidate in self.candidates if candidate.position >= self.first]
        forward = fallback(best_of(failed).status) if failed else None
        if forward is None:
            return False
        self._groups.put_next(self._untried(forward.groups))
        self.forward = forward
        self.first = len(self.branches)
        return True

    def _send_best(self, effects: list[Effect]) -> None:
        best = self.best = choose(self.candidates, is_cancelled=self.is_cancelled)
        self.final_status = best.status
        if best.status == 408 and not self.is_invite:
            effects.append(Silence())
        elif best.response is not None:
            add_challenges(best.response, self.candidates)
            effects.append(SendUpstream(best.response, self.branches[best.position]))
        else:
            effects.append(Answer(best.status, best.reason))

    def _stop(self, reason: str, now: float, effects: list[Effect]) -> None:
        """Start nothing new and cancel what is pending (§16.7 step 10)."""
        self.is_stopped = True
        self.group_deadline = self.expires_at = NEVER
        if not self.is_invite:
            return  # §9.1: only INVITE is cancelled
        for branch in self.branches:
            if branch.is_active:
                self._cancel(branch, reason, now, effects)

    def _cancel(self, branch: Branch, reason: str, now: float, effects: list[Effect]) -> None:
        if branch.is_cancel_sent:
            return
        branch.cancel_reason = reason
        if branch.has_provisional:
            self._send_cancel(branch, effects)
        else:
            branch.deadline = now + CLEARING_TIME

    def _send_cancel(self, branch: Branch, effects: list[Effect]) -> None:
        branch.is_cancel_sent = True
        branch.deadline = NEVER  # §9.1: the client transaction waits another 64*T1 and then fails
        effects.append(Cancel(branch, branch.cancel_reason or ""))

    # Time

    def _group_is_over(self, now: float, effects: list[Effect]) -> None:
        """Ring time has passed: cancel what rings, stop waiting for what never said a word (P33)."""
        self.group_deadline = NEVER
        if self.is_invite and self._groups.has_next and not self.is_stopped:
            self.is_next_due = self.forward.keeps_ringing or not self.forward.waits
            if self.forward.keeps_ringing and self._groups.free(self.branches) > 0:
                return  # these phones go on ringing beside the next group
        for branch in self.branches:
            if not branch.is_active:
                continue
            if not self.is_invite:
                self._give_up(branch, 408, now)
            elif not branch.has_provisional:
                branch.cancel_reason = NO_ANSWER  # should it wake up later
                self._give_up(branch, 480, now)
            elif not branch.is_cancel_sent:
                self._cancel(branch, NO_ANSWER, now, effects)
                branch.deadline = now + CLEARING_TIME

    def _branch_is_over(self, branch: Branch, now: float, effects: list[Effect]) -> None:
        if branch.cancel_reason is None and branch.has_provisional:
            self._cancel(branch, NO_ANSWER, now, effects)  # §16.8
        elif branch.cancel_reason == NO_ANSWER:
            self._give_up(branch, 480, now)
        else:
            if branch.cancel_reason is None:
                branch.cancel_reason = NO_ANSWER  # should it wake up later
            self._give_up(branch, 487 if self.is_cancelled else 408, now)  # §16.8

    def _give_up(self, branch: Branch, status: int, now: float) -> None:
        """Stop waiting for a branch, which counts with this status. A 2xx of it would still be passed on."""
        state = BranchState.CANCELLED if branch.is_cancel_sent else BranchState.FAILED
        reason = "No answer" if branch.has_provisional else "No response"
        self.candidates.append(Candidate(branch.position, status, "No answer" if status == 480 else reason))
        self._end(branch, state, status if branch.has_provisional else 408, reason, now)

    def _end(self, branch: Branch, state: BranchState, status: int, reason: str, now: float) -> None:
        branch.is_active = False
        branch.deadline = NEVER
        branch.state = state
        branch.status = status
        branch.reason = reason
        branch.ended_at = now

    def _set_deadline(self) -> None:
        deadline = min(self.group_deadline, self.expires_at)
        is_waiting = False
        for branch in self.branches:
            if branch.is_active:
                is_waiting = True
                if branch.deadline < deadline:
                    deadline = branch.deadline
        # Not waiting and not finished: a group waits for breadth, and at most until Expires.
        self.deadline = deadline if is_waiting or not self.is_finished else NEVER
