"""The two kinds of failure, in one tree.

BotError                     its text is a sentence for the person in Slack
├─ UserError                 you can fix it            → shown as is
│  ├─ InvalidRequest
│  ├─ NotFound
│  ├─ NotAllowed
│  └─ Conflict
├─ PlatformError             the platform did not do it
│  ├─ PlatformUnavailable    time-out, 429, 5xx        → tried again; the person is told
│  └─ PlatformRejected       4xx                       → said with the platform's reason and what to do
└─ UnreadableRecord          a newer bot wrote it      → left to that bot; lists go on without it
ConfigurationError           only at start             → one line, exit code 78

Anything else is a bug: it is never swallowed, and the person gets a reference that finds the traceback in the log.
"""


class BotError(Exception):
    """A failure whose text is a sentence for the person in Slack."""


class UserError(BotError):
    """The person who asked can fix this."""


class InvalidRequest(UserError):
    """What was asked for is malformed: a key, a value, a file, a field."""


class NotFound(UserError):
    """What was named does not exist."""


class NotAllowed(UserError):
    """The person may not do this."""


class Conflict(UserError):
    """It no longer is in a state where this can be done."""


class PlatformError(BotError):
    """The platform did not do it."""


class PlatformUnavailable(PlatformError):
    """The platform gave no usable answer (time-out, 429, 5xx); trying again may help.

    Args:
        message: the sentence for the person.
        retry_after: seconds the platform asked to wait, where it said so.
        outcome_unknown: True when the request may have taken effect all the same.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown


class PlatformRejected(PlatformError):
    """The platform answered no (4xx); asking again the same way will not help.

    Args:
        message: the sentence for the person.
        code: the platform's own error code, where it gave one.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class UnreadableRecord(BotError):
    """A newer version of this program wrote a record that this one does not understand."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} was written by a newer version of this bot than the one you reached; ask again later.")
        self.key = key


class ConfigurationError(Exception):
    """A setting is missing or malformed; only raised at start, ends the process with exit code 78."""
