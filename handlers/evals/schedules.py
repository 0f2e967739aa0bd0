"""`/eval schedule`: what production is measured by again and again; its card, its alerts, and the list of all."""

import json
import re
from collections.abc import Sequence
from typing import Final

from charts.wording import counted, joined, number
from handlers.aliases.commands import ROLL_BACK
from handlers.notifications.commands import NotificationCommands
from handlers.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    cancel_button,
    context,
    escape,
    fields,
    header,
    section,
    sections,
)
from handlers.slack.commands import Typed
from handlers.slack.people import People
from handlers.slack.replies import Asker
from handlers.slack.wording import moment, person
from jobs.aliases.records import Alias, undone_by_rollback
from jobs.core.errors import InvalidRequest
from jobs.core.hyperparameters import read_whole
from jobs.core.nearest import nearest
from jobs.evals.reviews import Agreement
from jobs.notifications.parse import clock, read_clock
from jobs.schedules.records import Finding, Measurement, Schedule, ScheduleState, every
from jobs.schedules.service import Made, ScheduleRequest, Schedules

VERBS: Final = {"pause": ScheduleState.PAUSED, "resume": ScheduleState.ACTIVE, "end": ScheduleState.ENDED}
ACT: Final = "act_on_eval:schedule"
NEEDED: Final = ("task", "model", "every")
RHYTHM: Final = re.compile(r"(\d{1,2})([dw])")
LONGEST_RHYTHM: Final = 91
MOST_BUDGET: Final = 10_000_000_000
MOST_SHOWN: Final = 8
"""Measurements on a card."""
STATES: Final = {ScheduleState.ACTIVE: "", ScheduleState.PAUSED: "Paused. ", ScheduleState.ENDED: "Ended. "}
MARKS: Final = {
    Finding.HOLDS: "holds",
    Finding.WORSE: "*worse*",
    Finding.NOT_COMPARED: "not compared",
    Finding.NOT_MEASURED: "not measured",
}
NONE_YET: Final = (
    "Nothing is measured again and again. `/eval schedule task=&lt;task&gt; model=production every=1w` has an alias's "
    "model measured every week, and says here when it has become worse."
)


async def answer_schedule(
    typed: Typed, asker: Asker, schedules: Schedules, people: People, notifications: NotificationCommands
) -> Message | str:
    """List the schedules, make one, or pause, resume or end one."""
    words = " ".join(typed.words).split()
    if not words and not typed.given:
        return schedule_list(await schedules.every())
    if words:
        return await _change(words, typed, asker, schedules)
    missing = [f"`{key}=`" for key in NEEDED if key not in typed.given]
    if missing:
        raise InvalidRequest(
            f"`/eval schedule` needs {joined(missing)}, such as `task=eurovoc model=production every=1w`; on its own "
            "it lists what is scheduled."
        )
    await people.require_membership(asker.channel)
    given = typed.given
    zone, note = await notifications.zone(typed, asker.user)
    made = await schedules.make(
        ScheduleRequest(
            task=given["task"],
            alias=given["model"],
            days=read_rhythm(given["every"]),
            at=read_clock(given["at"]) if "at" in given else None,
            zone=zone,
            budget=read_whole("budget", given["budget"], 1, MOST_BUDGET) if "budget" in given else None,
            channel=asker.channel,
            by=asker.user,
            trigger=asker.trigger,
        )
    )
    return _made(made, note)


async def _change(words: list[str], typed: Typed, asker: Asker, schedules: Schedules) -> str:
    verb, *rest = words
    if verb not in VERBS:
        raise InvalidRequest(f"`/eval schedule` cannot '{verb}'; {nearest(verb, VERBS)}")
    if typed.given or len(rest) != 1:
        raise InvalidRequest(f"Say which, and nothing else: `/eval schedule {verb} <schedule>`.")
    schedule = await schedules.become(VERBS[verb], rest[0], asker.user)
    goes_on = f" `{schedule.pending}` is under way and goes on; `/eval cancel {schedule.pending}` stops it."
    return f"{_state(schedule)}{goes_on if schedule.pending and verb != 'resume' else ''}"


def read_rhythm(typed: str) -> int:
    """Return the days of a rhythm such as `1d` or `2w`; at most 13 weeks."""
    found = RHYTHM.fullmatch(typed.strip().lower())
    days = int(found[1]) * (7 if found[2] == "w" else 1) if found else 0
    if not 1 <= days <= LONGEST_RHYTHM:
        raise InvalidRequest(f"`every={typed}` does not work: write days or weeks, `every=1d` to `every=13w`.")
    return days


def _made(made: Made, note: str) -> str:
    schedule, evaluation = made.schedule, made.evaluation
    first = "now" if schedule.next_at <= schedule.created_at else moment(schedule.next_at)
    rhythm = f"{every(schedule.days)} at {clock(schedule.at)}, {schedule.zone}{note}; first {first}"
    size = f"{counted(evaluation.items, 'item')} x {counted(evaluation.runs, 'run')}"
    asked = f"Wherever the alias points, its model is asked {size} and compared with its approval."
    lines = [
        f"`{schedule.id}` measures `{schedule.alias}` {rhythm}. {asked}",
        f"{_cost(made)} What looks worse is measured a second time before I raise an alert.",
    ]
    if isinstance(made.baseline, str):
        lines.append(f"*As things stand nothing can be compared.* {escape(made.baseline)} Figures come all the same.")
    return "\n".join(lines)


def _cost(made: Made) -> str:
    most = f"An eval stops at {made.schedule.budget:,} tokens."
    if isinstance(made.baseline, str):
        return most
    dollars = made.baseline.dollars
    price = "price unknown" if dollars is None else f"${dollars:,.2f}" if dollars >= 0.01 else "less than $0.01"
    return f"One took {made.baseline.tokens:,} tokens before the approval ({price}). {most}"


def _state(schedule: Schedule) -> str:
    match schedule.state:
        case ScheduleState.ACTIVE:
            return f"`{schedule.id}` goes on: next {moment(schedule.next_at)}."
        case ScheduleState.PAUSED:
            return f"`{schedule.id}` is paused. `/eval schedule resume {schedule.id}` lets it go on."
        case _:
            return f"`{schedule.id}` has ended."


# -- messages ---------------------------------------------------------------------------------------------------------


def schedule_list(schedules: tuple[Schedule, ...]) -> Message | str:
    """Return the schedules, one line each."""
    if not schedules:
        return NONE_YET
    title = f"{counted(len(schedules), 'schedule')}. `/eval schedule pause|resume|end &lt;schedule&gt;` changes one."
    return Message(title, sections([title, *map(_list_line, schedules)]))


def _list_line(schedule: Schedule) -> str:
    last = schedule.last
    found = f"last {moment(last.at)}: {MARKS[last.finding]}" if last else "not measured yet"
    return (
        f"`{schedule.id}` *{escape(schedule.alias)}* {_when(schedule)} · {found} · in <#{schedule.channel}>, by "
        f"{person(schedule.by)}"
    )


def _when(schedule: Schedule) -> str:
    rhythm = f"{every(schedule.days)} at {clock(schedule.at)}, {schedule.zone}"
    active = schedule.state is ScheduleState.ACTIVE
    return f"{rhythm}, next {moment(schedule.next_at)}" if active else f"{rhythm}, paused"


def schedule_card(schedule: Schedule) -> Message:
    """Return a schedule's card: what it measures and when, what the newest measurements showed, and its controls."""
    title = f"{schedule.alias} is measured {every(schedule.days)}"
    last, is_active = schedule.last, schedule.state is ScheduleState.ACTIVE
    verdict = escape(f"{schedule.alias} {last.text}") if last else "Not measured yet."
    if schedule.pending:
        again = " a second time" if schedule.suspicion else ""
        verdict += f"\nBeing measured{again} now: `{schedule.pending}`."
    blocks: list[Block] = [
        header(title),
        section(f"{STATES[schedule.state]}{verdict}"),
        fields(
            f"*When*\n{every(schedule.days)} at {clock(schedule.at)}, {schedule.zone}",
            f"*Next*\n{moment(schedule.next_at) if is_active else 'none'}",
            f"*Most tokens of an eval*\n{schedule.budget:,}",
        ),
    ]
    if schedule.measurements:
        blocks.append(section("\n".join(map(_history_line, schedule.measurements[: -MOST_SHOWN - 1 : -1]))))
    blocks.append(
        context(f"`{schedule.id}` · set up by {person(schedule.by)} {moment(schedule.created_at)} · follows the alias")
    )
    if schedule.state is not ScheduleState.ENDED:
        blocks.append(_controls(schedule))
    return Message(f"{title} ({schedule.id}): {STATES[schedule.state]}{verdict}", tuple(blocks))


def _controls(schedule: Schedule) -> Block:
    verb, label = ("pause", "Pause") if schedule.state is ScheduleState.ACTIVE else ("resume", "Resume")
    end = cancel_button(
        "End schedule",
        f"{ACT}:end",
        f"schedule|end {schedule.id}",
        question="End this schedule?",
        consequence=f"{schedule.alias} is no longer measured. What was measured stays.",
    )
    return actions(
        button(label, f"{ACT}:{verb}", f"schedule|{verb} {schedule.id}"),
        end,
        block_id=f"controls:{schedule.id}:{schedule.state.value}",
    )


def _history_line(measurement: Measurement) -> str:
    mean = "" if measurement.mean is None else f" {number(measurement.mean)}"
    of = f" · `{measurement.eval}`" if measurement.eval else ""
    return f"{moment(measurement.at)} · {escape(measurement.place)}{mean} · {MARKS[measurement.finding]}{of}"


def measurement_message(
    schedule: Schedule,
    measurement: Measurement,
    alias: Alias,
    agreements: Sequence[Agreement] = (),
    *,
    mentions: bool,
) -> Message:
    """Return what a measurement showed; one that found the alias's model worse has the way back on it.

    Args:
        schedule: that it belongs to.
        measurement: what it showed.
        alias: as it is now.
        agreements: how far people agree with the judges that graded it.
        mentions: whether whoever set the schedule up may be mentioned.
    """
    verdict, colon, figures = escape(measurement.text).partition(": ")
    verdict = f"{escape(schedule.alias)} ({escape(measurement.place)}) {verdict}"
    if measurement.finding is not Finding.WORSE:
        lines, way_back = [f"{verdict}{colon}{figures}"], []
    else:
        whom = f"{person(schedule.by)} " if mentions else ""
        lines, way_back = (
            [f"{whom}*{verdict}*{colon}{figures}", *_before(alias, measurement)],
            _way_back(alias, measurement),
        )
    blocks: list[Block] = [section("\n".join(lines)), *way_back]
    blocks += [context(escape(each.sentence)) for each in agreements]
    if measurement.eval:
        blocks.append(context(f"`/eval show {measurement.eval}` has every figure"))
    return Message("\n".join(lines), tuple(blocks))


def _before(alias: Alias, measurement: Measurement) -> list[str]:
    """Return where the alias pointed before the model that has become worse, as a line of its own."""
    if alias.model != measurement.model:
        return []
    before = undone_by_rollback(alias)
    if before is None:
        return [f"No approved model came before it, so `{alias.name}` cannot be rolled back."]
    return [f"Before it, `{alias.name}` pointed at {before.place}."]


def _way_back(alias: Alias, measurement: Measurement) -> list[Block]:
    if alias.model != measurement.model or undone_by_rollback(alias) is None:
        return []
    found = measurement.text.partition(". ")[0]
    value = json.dumps({"alias": alias.name, "reason": f"It {found} ({measurement.eval})."})
    return [actions(button("Roll back\u2026", ROLL_BACK, value), block_id=f"rollback:{measurement.eval}")]
