"""Whatever happens in whatever order: nothing is approved without the people it takes, and nothing ends twice.

The machine clicks, changes roles and evidence, lets time pass and starts bots anew, over a real store. Beside it stands
a small account of its own of who has approved what; it is kept from the answers alone.
"""

import asyncio
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.approvals.change import with_approval
from jobs.approvals.decide import Approvals, Vote
from jobs.approvals.open import invalidated
from jobs.approvals.records import DAY, Approval, Ending, Settlement, Verdict
from jobs.approvals.remind import Reminders
from jobs.approvals.rules import Answer, Outcome
from jobs.core.ids import approval_item
from jobs.core.records import ApprovalPolicy
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.trail.entry import Act
from tests.jobs.approvals.team import ERIN, FIRST, JOB, OPENED, SECOND, Clock, Group, waiting
from tests.records import ALICE, BOB, CAROL, DAVE

FRANK, GRACE = "U0FRANK", "U0GRACE"
PEOPLE = (ALICE, ERIN, BOB, CAROL, DAVE, FRANK, GRACE)
"""Alice launched the job and erin asked for it."""
CHOICES = (FIRST, SECOND)


@dataclass(frozen=True)
class Said:
    """What one person's answer said was counted."""

    verdict: Verdict
    choice: str
    evidence: str
    overrides: tuple[str, ...]


class Team(RuleBasedStateMachine):
    """Events on one approval, and what must hold after each."""

    redis_url: str
    policy: ApprovalPolicy
    quorum: int

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock(OPENED)
        self.group = Group(ALICE, ERIN, BOB, CAROL, FRANK)
        self.said: dict[str, Said] = {}
        self.endings: dict[int, Settlement] = {}
        self.shown: list[tuple[str, str]] = []
        self.edition = 0
        self.newest_entry = "-"
        self.ended: list[str] = []
        self.runner.run(self._begin())
        self.seen = self.held()
        """As it was written after the last event."""

    def teardown(self) -> None:
        self.runner.run(self.redis.aclose())
        self.runner.close()

    # -- what happens --------------------------------------------------------------------------------------------

    @rule(
        user=st.sampled_from(PEOPLE),
        choice=st.sampled_from(CHOICES),
        age=st.integers(0, 3),
        overrides=st.sampled_from(((), ("recall",), ("recall", "precision"))),
    )
    def approve(self, user: str, choice: str, age: int, overrides: tuple[str, ...]) -> None:
        """Approve on the evidence as it was shown `age` editions ago."""
        seen = [digest for of, digest in self.shown if of == choice]
        digest = seen[max(0, len(seen) - 1 - age)]
        self.approve_at(user, choice, digest, overrides)

    def approve_at(self, user: str, choice: str, digest: str, overrides: tuple[str, ...]) -> None:
        self._click(Vote(JOB, user, Verdict.APPROVE, choice, digest, "good", overrides))

    @rule(user=st.sampled_from(PEOPLE), choice=st.sampled_from(CHOICES))
    def approve_what_stands(self, user: str, choice: str) -> None:
        self.approve_at(user, choice, self._newest(choice), ("recall",))

    @rule(user=st.sampled_from((ALICE, BOB, CAROL, FRANK)))
    def approve_the_first(self, user: str) -> None:
        self.approve_at(user, FIRST, self._newest(FIRST), ())

    @rule(user=st.sampled_from(PEOPLE), is_old=st.booleans())
    def reject(self, user: str, is_old: bool) -> None:
        seen = [digest for of, digest in self.shown if not of]
        self._click(Vote(JOB, user, Verdict.REJECT, "", seen[0 if is_old else -1], "bad"))

    @rule(user=st.sampled_from(PEOPLE))
    def change_role(self, user: str) -> None:
        self.group.members ^= {user}

    @rule()
    def wait_a_minute(self) -> None:
        self.clock.now += 60
        self.group.remembered = set(self.group.members)

    @precondition(lambda self: self.seen.settled is None and self.seen.evidence)
    @rule()
    def lose_evidence(self) -> None:
        self._write(invalidated(self.seen, "The test split changed.", self.clock.now))

    @precondition(lambda self: self.seen.settled is None and not self.seen.evidence)
    @rule(breaks=st.booleans())
    def regain_evidence(self, breaks: bool) -> None:
        self._write(self._on_new_evidence(self.seen, breaks=breaks))

    @precondition(lambda self: self.seen.settled is not None)
    @rule()
    def ask_again(self) -> None:
        again = replace(self.seen, settled=None, decisions=(), round=self.seen.round + 1)
        self._write(self._on_new_evidence(again, breaks=False))

    @rule(days=st.sampled_from((1, 3, 8)))
    def let_days_pass(self, days: int) -> None:
        self.clock.now += days * DAY

    @rule()
    def take_its_turn(self) -> None:
        self.runner.run(self.reminders.turn(approval_item(JOB)))

    @rule()
    def start_the_bot_anew(self) -> None:
        self.runner.run(self.redis.aclose())
        self.runner.run(self._open())

    # -- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def what_is_written_holds(self) -> None:
        held = self.seen = self.held()
        self.a_round_ends_once(held)
        self.the_trail_has_each_ending_once()
        assert sorted(d.user for d in held.decisions) == sorted(self.said), "everybody has one decision of this round"

    def a_round_ends_once(self, held: Approval) -> None:
        if held.settled:
            assert held.settled == self.endings.setdefault(held.round, held.settled)
        else:
            assert held.round not in self.endings

    def the_trail_has_each_ending_once(self) -> None:
        new = self.runner.run(self.store.trail(after=self.newest_entry))
        if new:
            self.newest_entry = new[-1].id
        entries = [sealed.entry for sealed in new]
        self.ended += [e.details["round"] for e in entries if e.act in {Act.SETTLED, Act.EXPIRED}]
        assert len(self.ended) == len(set(self.ended)) == len(self.endings)

    def _check(self, vote: Vote, before: Approval, given: Answer) -> None:
        now = given.approval
        if given.outcome not in {Outcome.RECORDED, Outcome.SETTLED}:
            assert now.decisions == before.decisions
            return
        assert vote.evidence == self._newest(vote.choice)
        assert self.policy.self_approval or vote.user not in {ALICE, ERIN}
        assert vote.user in self.group.remembered
        for gone in given.discounted:
            assert gone not in self.group.members
            del self.said[gone]
        self.said[vote.user] = Said(vote.verdict, vote.choice, vote.evidence, vote.overrides)
        for_it = {user for user, said in self.said.items() if self._supports(user, said, before, vote.choice)}
        against = {user for user, said in self.said.items() if said.verdict is Verdict.REJECT}
        needed = 1 if self.policy.one_rejection_settles else self.quorum
        if given.outcome is Outcome.RECORDED:
            assert len(for_it) < self.quorum
            assert len(against) < needed
            return
        assert now.settled is not None
        if now.settled.ending is Ending.APPROVED:
            assert now.settled.choice == vote.choice
            assert len(for_it) >= self.quorum
            assert for_it <= self.group.members
            assert {d.user for d in now.settling} == for_it
        else:
            assert now.settled.ending is Ending.REJECTED
            assert len(against) >= needed
            assert against <= self.group.members

    def _supports(self, user: str, said: Said, approval: Approval, choice: str) -> bool:
        own = user in {ALICE, ERIN} and not self.policy.self_approval
        current = said.evidence == self._newest(choice)
        aware = set(approval.broken.get(choice, ())) <= set(said.overrides)
        return said.verdict is Verdict.APPROVE and said.choice == choice and current and aware and not own

    # -- inside --------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        await self._open()
        await self.redis.flushall()
        bare = waiting(quorum=self.quorum, policy=self.policy, evidence={}, expires_at=None)
        opened = self._on_new_evidence(bare, breaks=True)
        await self.store.commit(with_approval(Change(), None, opened, OPENED))

    async def _open(self) -> None:
        self.redis = Redis.from_url(self.redis_url, decode_responses=True)
        self.store = Store(Connection(self.redis), KINDS)
        self.approvals = Approvals(self.store, self.group, self.clock)
        self.reminders = Reminders(self.store, self.approvals, self.clock, self._at_once)

    async def _at_once(self, _channel: str, now: float) -> float:
        return now

    def held(self) -> Approval:
        return self._versioned().value

    def _versioned(self) -> Versioned[Approval]:
        found = self.runner.run(self.store.record(Approval, JOB))
        assert found is not None
        return found

    def _write(self, approval: Approval) -> None:
        before = self._versioned()
        self.runner.run(self.store.commit(with_approval(Change(), before, approval, self.clock.now)))
        self.said = {}

    def _on_new_evidence(self, approval: Approval, *, breaks: bool) -> Approval:
        self.edition += 1
        evidence = {choice: f"{choice}-{self.edition}" for choice in CHOICES}
        broken = {SECOND: ("recall",)} if breaks else {}
        on_it = replace(approval, evidence=evidence, broken=broken, expires_at=self.clock.now + 7 * DAY)
        self.shown += [*evidence.items(), ("", on_it.basis("") or "")]
        return on_it

    def _newest(self, choice: str) -> str:
        return [digest for of, digest in self.shown if of == choice][-1]

    def _click(self, vote: Vote) -> None:
        before = self.held()
        self._check(vote, before, self.runner.run(self.approvals.decide(vote)))


def _always_holds(redis_url: str, policy: ApprovalPolicy, quorum: int) -> None:
    machine = type("ATeam", (Team,), {"redis_url": redis_url, "policy": policy, "quorum": quorum})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=settings().max_examples // 2,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_nothing_is_approved_without_a_quorum_on_the_current_evidence(redis_server: str) -> None:
    _always_holds(redis_server, ApprovalPolicy(), 2)


def test_the_same_where_rejections_take_a_quorum_too(redis_server: str) -> None:
    _always_holds(redis_server, ApprovalPolicy(one_rejection_settles=False), 2)


def test_the_same_where_ones_own_may_be_approved(redis_server: str) -> None:
    _always_holds(redis_server, ApprovalPolicy(self_approval=True), 3)
