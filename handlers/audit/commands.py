"""`/proctor audit`: who did what, as a message or a file, and whether the trail is sound."""

from itertools import accumulate
from typing import Final, get_args

from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import counted, joined, plural
from handlers.slack.blocks import MOST_TEXT, Message, context, cut, escape, quoted, section
from handlers.slack.commands import Typed
from handlers.slack.files import hand_over
from handlers.slack.replies import Asker
from handlers.slack.wording import moment, person
from jobs.aliases.records import MoveKind
from jobs.audit.export import Format
from jobs.audit.query import AuditTrail, Question, is_member
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest
from jobs.trail.entry import Act, AuditEntry, SealedEntry
from jobs.trail.verify import Flaw, Verification

MOST_SHOWN: Final = 20
MOST_IN_ALL: Final = 8_800
"""Characters of all blocks; Slack was seen to refuse a message of 11,341 and to take one of 9,597."""
LONGEST_WHY: Final = 300
VERIFY: Final = "verify"
SAID: Final = {
    Act.LAUNCH: "launched",
    Act.WATCH: "asked to watch",
    Act.PAUSE: "asked to pause",
    Act.RESUME: "asked to resume",
    Act.CANCEL: "asked to cancel",
    Act.APPROVE: "approved",
    Act.REJECT: "rejected",
    Act.OVERRIDE: "set guardrails aside for",
    Act.SETTLED: "settled the approval of",
    Act.EXPIRED: "closed, because nobody settled it in time, the approval of",
    Act.INVALIDATED: "voided the votes on",
    Act.REQUESTED: "asked for approval of",
    Act.ALIAS_MOVED: "moved",
    Act.ROLLBACK_PROPOSED: "proposed a rollback of",
    Act.EMERGENCY_ROLLBACK: "rolled back in an emergency",
    Act.REVIEWED: "closed the review of",
    Act.GRADE_REVIEWED: "checked a grade in",
    Act.LABEL_DECIDED: "decided about a label in",
    Act.SCHEDULED: "scheduled",
    Act.DEFAULT: "set the defaults of",
}
SHOWN: Final = {
    "item": "item",
    "said": "saying that",
    "platform": "on",
    "budget": "with at most",
    "ending": "result:",
    "overrides": "set aside:",
    "votes": "votes:",
    "proposal": "proposal",
    "schedule": "for schedule",
    "now": "now",
    "before": "before:",
}
"""Details worth a word in Slack, each with what is said before it; the file has all of them."""
FLAWS: Final = {
    Flaw.CHANGED: "is not what was written then: it was changed, or sealed with another key",
    Flaw.INSERTED: "was put in afterwards",
    Flaw.MISSING: "does not follow on the one before it: entries right before it were removed or changed",
}


async def answer_audit(typed: Typed, asker: Asker, client: AsyncWebClient, audit: AuditTrail) -> Message | str:
    """Show the newest entries, hand over a file of all of them, or say whether the trail is sound."""
    form = read_format(typed.given["format"]) if "format" in typed.given else None
    if typed.word.lower() == VERIFY:
        if typed.given:
            raise InvalidRequest("`/proctor audit verify` walks the whole trail; it takes nothing else.")
        return verified(await audit.verify())
    question = audit.question(typed.word, typed.given.get("since", ""), asker.user)
    if form is None:
        found, more = await audit.newest(question, MOST_SHOWN)
        return entries_message(question, found, more=more)
    content = "".join([line async for line in audit.lines(question, form)]).encode()
    await hand_over(client, asker.user, f"audit.{form}", content, f"The audit trail{_about(question)}.")
    return "The file is in your messages with me; nobody else sees it."


def read_format(typed: str) -> Format:
    """Return the format that was typed; raises InvalidRequest naming the nearest."""
    known: tuple[Format, ...] = get_args(Format)
    for each in known:
        if typed.lower() == each:
            return each
    raise InvalidRequest(f"`format={typed}` does not work; {nearest(typed, known)}")


def entries_message(
    question: Question, found: tuple[tuple[SealedEntry, AuditEntry | None], ...], *, more: bool
) -> Message:
    """Return the newest entries asked for, newest first, as many as one message has room for."""
    if not found:
        nothing = f"The audit trail says nothing{_about(question)}."
        return Message(nothing, (section(nothing),))
    every = [cut(_line(sealed, entry), MOST_TEXT) for sealed, entry in found]
    lines = [line for line, total in zip(every, accumulate(map(len, every)), strict=True) if total <= MOST_IN_ALL]
    count = f"The newest {len(lines)}" if more or len(lines) < len(every) else "Everything"
    small = (
        f"{count} in the audit trail{_about(question)}, newest first. `format=csv` or `format=jsonl` gives "
        "all of it as a file."
    )
    return Message(small, (*(section(line) for line in lines), context(small)))


def verified(found: Verification) -> str:
    """Return the result of a walk over the trail, as sentences."""
    if found.flaw is None and found.count == 0:
        return "The audit trail is empty."
    sound = counted(found.count, "entry", "entries")
    unkeyed = ""
    if found.unkeyed:
        unkeyed = (
            f"\nThe first {found.unkeyed} carry no seal by AUDIT_KEY: they were written before it was set, or by "
            "somebody who does not have it."
        )
    written = f", written {moment(found.newest_at)}" if found.newest_at else ""
    newest = f"{unkeyed}\nNewest hash: `{found.newest}`{written}"
    tampered = "*The audit trail was tampered with*"
    match found.flaw:
        case None:
            return (
                f"*The audit trail is sound*: {sound}, each chained to the one before.{newest}\nNote it somewhere "
                "else: `python -m bot.cli audit verify --head <hash>` then finds also what was cut off at the end."
            )
        case Flaw.CUT:
            return f"{tampered}: after {sound} the newest ones are missing.{newest}"
        case Flaw.NOT_NOTED:
            return f"{tampered}: none of {sound} has the hash you noted.{newest}"
        case _:
            assert found.entry is not None, "these flaws are of one entry"
            return (
                f"{tampered}: the entry of {moment(found.entry.written_at)} (`{found.entry.id}`) {FLAWS[found.flaw]}. "
                f"The {sound} before it {plural(found.count, 'is', 'are')} sound.{unkeyed}"
            )


def _line(sealed: SealedEntry, entry: AuditEntry | None) -> str:
    if entry is None:
        return f"{moment(sealed.written_at)}  An entry that cannot be read; `/proctor audit verify` says more."
    where = f", in <#{entry.where}>" if entry.where[:1] in {"C", "G", "D"} else ""
    why = f": {quoted(entry.why, LONGEST_WHY)}" if entry.why else ""
    proposer, approvers = _moved_back(entry)
    who = _who(approvers[-1] if approvers else entry.who)
    approved = joined([_who(each) for each in approvers])
    by = f", proposed by {_who(proposer)}, approved by {approved}" if approvers else ""
    return f"{moment(entry.at)}  {who} {SAID[entry.act]} {_what(entry)}{by}{_details(entry)}{where}{why}"


def _moved_back(entry: AuditEntry) -> tuple[str, tuple[str, ...]]:
    """Return who proposed that an alias goes back, and who approved it, the last one last; nobody for other entries.

    Entries from before there was `proposed_by` have the proposer as the one who moved it.
    """
    if entry.act is not Act.ALIAS_MOVED or entry.details.get("kind") != MoveKind.ROLLBACK:
        return "", ()
    return entry.details.get("proposed_by", entry.who), tuple(entry.details.get("approved_by", "").split())


def _who(name: str) -> str:
    return person(name) if is_member(name) else escape(name)


def _what(entry: AuditEntry) -> str:
    """Return what an entry is about, with its task."""
    name, alias, job = (entry.details.get(key) for key in ("name", "alias", "job"))
    if alias and job:
        back = " back" if entry.details.get("kind") == MoveKind.ROLLBACK else ""
        return f"`{escape(alias)}`{back} to step {entry.details.get('step', '?')} of `{escape(job)}`"
    of_name = f"{escape(name)} of " if name else ""
    task = f" ({escape(entry.task)})" if entry.task and not alias else ""
    return f"{of_name}`{escape(entry.subject)}`{task}"


def _details(entry: AuditEntry) -> str:
    hidden = {"votes"} if entry.act is Act.SETTLED else set()
    said = [
        f"{word} {escape(entry.details[name])}"
        for name, word in SHOWN.items()
        if entry.details.get(name) and name not in hidden
    ]
    return cut(f", {', '.join(said)}", LONGEST_WHY) if said else ""


def _about(question: Question) -> str:
    about = f" about {_who(question.word)}" if question.word else ""
    return about + (" since then" if question.since is not None else "")
