"""Telling whoever started something that Slack does not let the bot show it where they asked."""

from dataclasses import dataclass

from jobs.core.ids import card_id
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
        what, command = ("job", "/rft") if job else ("eval", "/eval")
        is_first = posting.id == card_id(posting.subject)
        unseen = f"nobody sees `{posting.subject}` there" if is_first else f"the thread of `{posting.subject}` lacks it"
        follows = "; its card and thread follow within an hour." if is_first else "."
        text = (
            f"Slack refuses what I post in <#{posting.channel}> (`{reason.split(maxsplit=1)[0]}`), so {unseen}. The "
            f"{what} goes on, and `{command} status {posting.subject}` answers you. Invite me with `/invite @proctor`, "
            f"or ask an admin to let me post{follows}"
        )
        told = late_answer(f"refused-{posting.subject}", text, user=request.requested_by, channel=posting.channel)
        await self.store.commit(Change(postings=(told,)))
