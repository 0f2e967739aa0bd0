"""What `/proctor audit` is answered: who did what, a file of it, and whether the trail is sound."""

from typing import Any, Final, get_args

from slack_bolt.async_app import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.blocks import MOST_TEXT, Message, context, cut, escape, section
from handlers.slack.commands import Typed
from handlers.slack.files import hand_over
from handlers.slack.replies import whisper
from handlers.slack.wording import moment, person
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
    Act.EXPIRED: "ended, for nobody settled it in time, the approval of",
    Act.INVALIDATED: "made votes void on",
    Act.REQUESTED: "asked for approval of",
    Act.ALIAS_MOVED: "moved",
    Act.ROLLBACK_PROPOSED: "proposed a rollback of",
    Act.EMERGENCY_ROLLBACK: "rolled back in an emergency",
    Act.REVIEWED: "closed the review of",
}
SHOWN: Final = {
    "platform": "on",
    "budget": "with at most",
    "ending": "as",
    "overrides": "set aside:",
    "votes": "votes:",
    "proposal": "proposal",
}
"""Details worth a word in Slack, each with what is said before it; the file has all of them."""
FLAWS: Final = {
    Flaw.CHANGED: "is not what was written then: it was changed, or sealed with another key",
    Flaw.INSERTED: "was put in afterwards",
    Flaw.MISSING: "does not follow on the one before it: entries right before it were removed or changed",
}


async def answer_audit(
    typed: Typed, command: dict[str, Any], respond: AsyncRespond, client: AsyncWebClient, audit: AuditTrail
) -> None:
    """Answer what was typed after `/proctor audit`."""
    user, channel = str(command["user_id"]), str(command["channel_id"])
    form = read_format(typed.given["format"]) if "format" in typed.given else None
    if typed.word.lower() == VERIFY:
        if typed.given:
            raise InvalidRequest("`/proctor audit verify` walks the whole trail; it takes nothing else.")
        await respond(text=verified(await audit.verify()))
        return
    question = audit.question(typed.word, typed.given.get("since", ""), user)
    found, more = await audit.newest(question, MOST_SHOWN)
    if form is None:
        await whisper(client, entries_message(question, found, more=more), user, channel)
        return
    content = "".join([line async for line in audit.lines(question, form)]).encode()
    await hand_over(client, user, f"audit.{form}", content, f"The audit trail{_about(question)}.")
    await respond(text="The file is in your messages with me; nobody else sees it.")


def read_format(typed: str) -> Format:
    """Return the format that was typed; raises InvalidRequest naming the nearest."""
    for known in get_args(Format):
        if typed.lower() == known:
            chosen: Format = known
            return chosen
    raise InvalidRequest(f"`format={typed}` does not work; {nearest(typed, get_args(Format))}")


def entries_message(
    question: Question, found: tuple[tuple[SealedEntry, AuditEntry | None], ...], *, more: bool
) -> Message:
    """Return the newest entries asked for, newest first, as many as one message has room for."""
    if not found:
        nothing = f"The audit trail says nothing{_about(question)}."
        return Message(nothing, (section(nothing),))
    lines, room = [], MOST_IN_ALL
    for sealed, entry in found:
        line = cut(_line(sealed, entry), MOST_TEXT)
        if len(line) > room:
            break
        lines.append(line)
        room -= len(line)
    left_out = more or len(lines) < len(found)
    count = f"The newest {len(lines)}" if left_out else "Everything"
    small = (
        f"{count} in the audit trail{_about(question)}, newest first. `format=csv` or `format=jsonl` gives "
        "all of it as a file."
    )
    return Message(small, (*(section(line) for line in lines), context(small)))


def verified(found: Verification) -> str:
    """Return what a walk over the trail found, as sentences."""
    is_sound = "is sound" if found.count == 1 else "are sound"
    sound = f"{found.count} entr{'y' if found.count == 1 else 'ies'}"
    unkeyed = (
        f"\nThe first {found.unkeyed} carry no seal by AUDIT_KEY: they were written before it was set, or by somebody "
        "who does not have it."
        if found.unkeyed
        else ""
    )
    newest = f"Newest hash: `{found.newest}`" + (f", written {moment(found.newest_at)}" if found.newest_at else "")
    match found.flaw:
        case None if found.count == 0:
            return "The audit trail is empty."
        case None:
            return (
                f"*The audit trail is sound*: {sound}, each sealed on to the one before.{unkeyed}\n{newest}\nNote it "
                "somewhere else: `python -m bot.cli audit verify --head <hash>` then finds also what was cut "
                "off at the end."
            )
        case Flaw.CUT:
            return f"*The audit trail was tampered with*: after {sound} the newest ones are missing.{unkeyed}\n{newest}"
        case Flaw.NOT_NOTED:
            return f"*The audit trail was tampered with*: none of {sound} has the hash you noted.{unkeyed}\n{newest}"
        case _:
            assert found.entry is not None, "these flaws are of one entry"
            return (
                f"*The audit trail was tampered with*: the entry of {moment(found.entry.written_at)} "
                f"(`{found.entry.id}`) {FLAWS[found.flaw]}. The {sound} before it {is_sound}.{unkeyed}"
            )


def _line(sealed: SealedEntry, entry: AuditEntry | None) -> str:
    if entry is None:
        return f"{moment(sealed.written_at)}  An entry that cannot be read; `/proctor audit verify` says more."
    who = person(entry.who) if is_member(entry.who) else escape(entry.who)
    where = f", in <#{entry.where}>" if entry.where[:1] in {"C", "G", "D"} else ""
    why = f": {escape(cut(' '.join(entry.why.split()), LONGEST_WHY))}" if entry.why else ""
    return f"{moment(entry.at)}  {who} {SAID[entry.act]} {_what(entry)}{_small(entry)}{where}{why}"


def _what(entry: AuditEntry) -> str:
    """Return what an entry is about, with its task."""
    name, alias = entry.details.get("name"), entry.details.get("alias")
    task = f" ({escape(entry.task)})" if entry.task and not alias else ""
    if alias and entry.details.get("job"):
        return f"`{escape(alias)}` to step {entry.details.get('step', '?')} of `{escape(entry.details['job'])}`"
    return f"{escape(name)} of `{escape(entry.subject)}`{task}" if name else f"`{escape(entry.subject)}`{task}"


def _small(entry: AuditEntry) -> str:
    said = [f"{word} {escape(entry.details[name])}" for name, word in SHOWN.items() if entry.details.get(name)]
    kept = [part for part in said if not (entry.act is Act.SETTLED and part.startswith("votes:"))]
    return cut(f", {', '.join(kept)}", LONGEST_WHY) if kept else ""


def _about(question: Question) -> str:
    word = question.word
    about = f" about {person(word) if is_member(word) else escape(word)}" if word else ""
    return about + (" since then" if question.since is not None else "")
