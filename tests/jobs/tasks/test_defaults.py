"""What people choose for a task: kept, undone one step at a time, in the audit trail, and used where it still fits."""

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.audit.query import AuditTrail
from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from jobs.tasks.defaults import Choice, DefaultsDesk, chosen_for
from tests.jobs.tasks.folder import write_folder
from tests.records import ALICE, BOB, CHANNEL


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> DefaultsDesk:
    write_folder(tmp_path, {"prompts/v2.md": "Name it."})
    return DefaultsDesk(store, TaskCatalogue(tmp_path), lambda: 1_000.0)


async def test_each_undo_goes_one_change_further_back(desk: DefaultsDesk) -> None:
    await desk.choose("small", lambda choice: replace(choice, effort="low"), by=ALICE, where=CHANNEL, why="eval-abc234")
    both = await desk.choose("small", lambda choice: replace(choice, prompt="v1"), by=BOB, where=CHANNEL)
    assert both.choice == Choice("low", "v1")
    assert (await desk.undo("small", by=ALICE, where=CHANNEL)).choice == Choice("low")
    assert (await desk.undo("small", by=ALICE, where=CHANNEL)).choice == Choice()
    with pytest.raises(Conflict, match="nothing to undo"):
        await desk.undo("small", by=ALICE, where=CHANNEL)
    assert (await chosen_for(desk.store, "small")).choice == Choice()


async def test_a_button_takes_back_the_change_that_it_stood_next_to_and_no_later_one(desk: DefaultsDesk) -> None:
    times = iter((1_000.0, 1_000.0, 1_001.0, 1_001.0, 1_002.0))
    desk = replace(desk, clock=lambda: next(times))
    first = await desk.choose("small", lambda choice: replace(choice, effort="low"), by=ALICE, where=CHANNEL)
    await desk.choose("small", lambda choice: replace(choice, prompt="v1"), by=BOB, where=CHANNEL)
    with pytest.raises(Conflict, match="were changed since; now it uses effort low, prompt v1"):
        await desk.undo("small", by=ALICE, where=CHANNEL, only=first.changes[-1].stamp)
    newest = (await chosen_for(desk.store, "small")).changes[-1].stamp
    assert (await desk.undo("small", by=ALICE, where=CHANNEL, only=newest)).choice == Choice("low")
    with pytest.raises(Conflict, match="were changed since"):  # clicked twice, or by two people
        await desk.undo("small", by=BOB, where=CHANNEL, only=newest)


async def test_every_change_is_in_the_trail_with_what_it_rests_on(desk: DefaultsDesk) -> None:
    await desk.choose("small", lambda choice: replace(choice, effort="low"), by=ALICE, where=CHANNEL, why="eval-abc234")
    await desk.undo("small", by=BOB, where=CHANNEL)
    trail = AuditTrail(desk.store, b"", lambda: 1_000.0)
    found, _ = await trail.newest(trail.question("small", "", ALICE), 10)
    entries = [entry for _, entry in reversed(found) if entry]
    assert [(entry.who, entry.act.value, entry.why) for entry in entries] == [
        (ALICE, "default", ""),
        (BOB, "default", "undone"),
    ]
    assert entries[0].details == {"now": "effort low", "before": "task.yaml", "rests on": "eval-abc234"}


async def test_what_does_not_fit_is_refused_in_words_and_nothing_is_kept(desk: DefaultsDesk) -> None:
    with pytest.raises(NotFound, match="small has no prompt 'v3'; did you mean"):
        await desk.choose("small", lambda choice: replace(choice, prompt="v3"), by=ALICE, where=CHANNEL)
    with pytest.raises(NotFound, match="There is no task 'smal'"):
        await desk.choose("smal", lambda choice: replace(choice, prompt="v1"), by=ALICE, where=CHANNEL)
    with pytest.raises(InvalidRequest, match="That is how it is: small uses what"):
        await desk.choose("small", lambda choice: choice, by=ALICE, where=CHANNEL)
    assert not (await chosen_for(desk.store, "small")).changes
