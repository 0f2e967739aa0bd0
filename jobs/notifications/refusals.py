"""Telling whoever started something that Slack does not let the bot show it where they asked."""

from dataclasses import dataclass

from jobs.core.records import Job, Posting
from jobs.evals.records import Eval
from jobs.outbox.late_answers import late_answer
from jobs.state.change import Change
from jobs.state.store import Store


@dataclass(frozen=True, slots=True)
class RefusalNotices:
    """Tells once, to one person, in the channel or in their conversation with the bot."""

    store: Store

    async def tell(self, posting: Posting, reason: str) -> None:
        """See `jobs.outbox.worker.OnRefusal`; of what nobody started nobody is told."""
        job = await self.store.record(Job, posting.subject)
        evaluation = None if job else await self.store.record(Eval, posting.subject)
        request = job.value.request if job else evaluation.value.request if evaluation else None
        if request is None:
            return
        command, goes_on = ("/rft", "The job goes on") if job else ("/eval", "The eval goes on")
        shown = f"{command} status {posting.subject}"
        text = (
            f"Slack refuses what I post in <#{posting.channel}> (`{reason.split(maxsplit=1)[0]}`), so nobody sees "
            f"`{posting.subject}` there. {goes_on}, and `{shown}` answers you. Invite me with `/invite @proctor`, or "
            "ask an admin to let me post; its card and thread follow within an hour."
        )
        told = late_answer(f"refused-{posting.subject}", text, user=request.requested_by, channel=posting.channel)
        await self.store.commit(Change(postings=(told,)))
