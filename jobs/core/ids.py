"""The ids of records, work items and root messages: how each is built and read."""

import hashlib
import re
from base64 import b32encode
from collections.abc import Mapping, Sequence
from typing import Final

JOB_PREFIX: Final = "rft-"
"""How every job's id begins, and no other's."""
EVAL_PREFIX: Final = "eval-"
"""How every eval's id begins, and no other's."""
PROPOSAL_PREFIX: Final = "move-"
"""How the id of every proposal to move an alias begins, and no other's."""
SCHEDULE_PREFIX: Final = "sched-"
"""How the id of every schedule of evals begins, and no other's."""
SWEEP_PREFIX: Final = "sweep-"
"""How the id of every sweep over the number of training items begins, and no other's."""
GATE_PREFIX: Final = "gate-"
"""How the id of every run of the gate begins, and no other's."""
SHELL: Final = "shell:"
"""How the name of who asked from a shell begins, where a person's Slack id would stand."""
LETTERS: Final = 6
APPROVAL: Final = "approval"
EVIDENCE: Final = "evidence"
MOVE: Final = "move"
WEBHOOK: Final = "webhook"
DIGEST: Final = "digest"
QUIET: Final = "quiet"
SCHEDULE: Final = "schedule"
GATE: Final = "gate"
LEARNING: Final = "learning"
"""Of a sweep over the number of training items; `SWEEP` is that of a platform's jobs."""
SWEEP: Final = "sweep"
HOME: Final = "home"
DELIVER: Final = "deliver"
ASK: Final = "ask"
"""Of one thing that a person asked."""
ASKS: Final = "asks"
"""Of all that a person asked and that changes something, in their order."""

LONG: Final = "long"
"""The pool of work that may take minutes: launches, evidence."""
EVALS: Final = "evals"
LOOKS: Final = "looks"
"""The pool of short work; one platform's is `looks:<platform>`, so that none waits for another's."""
DELIVERIES: Final = "deliveries"
ANSWERS: Final = "answers"
"""The pool of what people asked and is answered soon."""
FORMS: Final = "forms"
"""The pool of forms that people open and send, for which Slack waits 3 s."""
POOLS: Final[Mapping[str, str]] = {"job": LONG, EVIDENCE: LONG, "eval": EVALS, DELIVER: DELIVERIES}
"""The pool of each kind of work item, as far as it is not `LOOKS` and does not depend on the record."""


def short_id(prefix: str, cause: str) -> str:
    """Return the prefix and six letters or digits (a-z, 2-7: 30 bits) that follow from the cause."""
    return prefix + b32encode(hashlib.sha256(cause.encode()).digest())[:LETTERS].decode().lower()


def card_id(subject: str) -> str:
    """Return the id of the posting that is the root of a thread: the card of its subject, or a proposal."""
    if subject.startswith(SCHEDULE_PREFIX):
        return f"schedule:{subject}:card"
    if subject.startswith(SWEEP_PREFIX):
        return f"learning:{subject}:card"
    if subject.startswith(PROPOSAL_PREFIX):
        return f"{subject}:approval"
    return f"eval:{subject}:card" if is_eval(subject) else f"job:{subject}:card"


def summary_id(job: str) -> str:
    """Return the id of the posting that shows a job's checkpoints and their approval."""
    return f"job:{job}:summary"


def checkpoint_name(step: int, job_id: str) -> str:
    """Return what a checkpoint is called wherever it is shown, in place of its model id: `step 60 of rft-zuwoq5`."""
    return f"step {step} of {job_id}"


_CHECKPOINT = re.compile(r"^(step \d+) of (?P<job>rft-\w+)")


def names_apart(names: Sequence[str]) -> dict[str, str]:
    """Return what models are called where room is short: without the job, where the checkpoints are all of one."""
    of_job = {name: match for name in names if (match := _CHECKPOINT.match(name))}
    if len({match["job"] for match in of_job.values()}) != 1:
        return {name: name for name in names}
    return {name: _CHECKPOINT.sub(r"\1", name) for name in names}


def is_eval(subject: str) -> bool:
    """Tell an eval's id from a job's."""
    return subject.startswith(EVAL_PREFIX)


def approval_item(subject: str) -> str:
    """Return the id of the work items of an approval: its reminder and its end."""
    return f"{APPROVAL}:{subject}"


def evidence_item(job: str) -> str:
    """Return the id of the work item that gathers a job's evidence: next to the job's own work, not part of it."""
    return f"{EVIDENCE}:{job}"


def proposal_item(proposal: str) -> str:
    """Return the id of the work items of a proposed rollback, or of the review of one."""
    return f"{MOVE}:{proposal}"


def webhook_item(call: str) -> str:
    """Return the id of the work items of a webhook call."""
    return f"{WEBHOOK}:{call}"


def digest_item(channel: str) -> str:
    """Return the id of the work items of a channel's daily digest."""
    return f"{DIGEST}:{channel}"


def quiet_item(record: str) -> str:
    """Return the id of the work item at which a channel hears what its quiet hours kept back."""
    return f"{QUIET}:{record}"


def schedule_item(schedule: str) -> str:
    """Return the id of the work items of a schedule of evals."""
    return f"{SCHEDULE}:{schedule}"


def learning_item(sweep: str) -> str:
    """Return the id of the work items of a sweep over the number of training items."""
    return f"{LEARNING}:{sweep}"


def home_item(user: str) -> str:
    """Return the id of the work item that keeps a person's Home up to date."""
    return f"{HOME}:{user}"


def gate_item(gate: str) -> str:
    """Return the id of the work items of a run of the gate."""
    return f"{GATE}:{gate}"


def sweep_item(platform: str) -> str:
    """Return the id of the work item that sweeps a platform."""
    return f"{SWEEP}:{platform}"


def delivery_item(lane: str) -> str:
    """Return the id of the work item that delivers a lane of the outbox."""
    return f"{DELIVER}:{lane}"


def looks_at(platform: str) -> str:
    """Return the pool of the work that asks a platform about its jobs."""
    return f"{LOOKS}:{platform}"


def launches_on(platform: str) -> str:
    """Return the pool of the work that brings jobs to a platform."""
    return f"{LONG}:{platform}"


def evals_on(platform: str) -> str:
    """Return the pool of the evals that ask a platform."""
    return f"{EVALS}:{platform}"


def pool_of_item(item: str) -> str:
    """Return the pool of a work item whose record does not say another."""
    return POOLS.get(kind_of_item(item), LOOKS)


def kind_of_item(item: str) -> str:
    """Return the kind of work that an item is: of a job, of an eval, or what stands before the colon of its id."""
    kind, colon, _ = item.partition(":")
    if colon:
        return kind
    return "eval" if is_eval(item) else "job"


def subject_of_item(item: str) -> str:
    """Return the id of what a work item is about."""
    kind, colon, subject = item.partition(":")
    return subject if colon else kind
