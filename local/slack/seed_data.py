"""What every fresh workspace starts with: its people, channels, approver group and the installed app."""

from dataclasses import dataclass

TEAM_ID = "T0LOCAL"
TEAM_NAME = "Local workspace"
TEAM_DOMAIN = "local"

BOT_TOKEN = "xoxb-local-proctor"  # noqa: S105 - the local workspace's one bot token, worth nothing anywhere else
APP_TOKEN = "xapp-local-proctor"  # noqa: S105 - the same, for Socket Mode
SIGNING_SECRET = "local-signing-secret"  # noqa: S105 - the same, for HTTP mode

SLACKBOT_ID = "USLACKBOT"


@dataclass(frozen=True, slots=True)
class User:
    """A member of the workspace; `color` is the avatar's, six hex digits."""

    id: str
    name: str
    real_name: str
    color: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, or a direct message with `partner`."""

    id: str
    name: str
    topic: str
    members: tuple[str, ...]
    created: int
    partner: str | None = None


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group such as @model-approvers."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command of the app, as in its manifest."""

    command: str
    description: str
    usage_hint: str
    should_escape: bool = False
    """Whether a typed @name reaches the app as a user's id, instead of as it was typed."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A message shortcut of the app, as in its manifest."""

    callback_id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class InstalledApp:
    """The one app of the workspace, as its manifest describes it."""

    id: str
    name: str
    user_id: str
    bot_id: str
    commands: tuple[Command, ...]
    shortcuts: tuple[Shortcut, ...]
    scopes: frozenset[str]
    events: frozenset[str]


_CREATED = 1_700_000_000

USERS = (
    User("U0ALICE01", "alice", "Alice Moreau", "7a3e9d"),
    User("U0BOB0001", "bob", "Bob Lindqvist", "1f6f8b"),
    User("U0CAROL01", "carol", "Carol Okafor", "b4532a"),
    User("U0DAVE001", "dave", "Dave Rossi", "4d7c2f"),
    User("U0PROCTOR", "proctor", "Proctor", "2b4c9b", is_bot=True),
)

_EVERYBODY = tuple(user.id for user in USERS)
_PEOPLE = tuple(user.id for user in USERS if not user.is_bot)

CHANNELS = (
    Channel("C0GENERAL", "general", "Everything that is not about a job", _EVERYBODY, _CREATED),
    Channel("C0RANDOM1", "random", "Proctor is not in here yet: /invite @proctor", _PEOPLE, _CREATED),
    Channel("C0RFT0001", "rft", "Reinforcement fine-tuning jobs and their approvals", _EVERYBODY, _CREATED),
)

USER_GROUPS = (UserGroup("S0APPROVE", "model-approvers", "Model approvers", ("U0ALICE01", "U0BOB0001", "U0CAROL01")),)

_EVAL_HINT = "run task=<task> | variance task=<task> | compare <eval> <eval> | list | show <eval> | cancel <eval>"
_RFT_HINT = "launch task=<task> | list | status | curve | checkpoints | events | watch | pause | resume | cancel <job>"
_PROCTOR_HINT = "tasks | check <task> | approvals | alias | audit | mute | quiet | digest at=09:00 | platforms | help"

PROCTOR = InstalledApp(
    id="A0PROCTOR",
    name="Proctor",
    user_id="U0PROCTOR",
    bot_id="B0PROCTOR",
    commands=(
        Command("/eval", "Evaluate models, or see whether there is headroom to learn", _EVAL_HINT),
        Command("/rft", "Launch and watch reinforcement fine-tuning jobs", _RFT_HINT),
        Command("/proctor", "Tasks, approvals, aliases, quiet, help", _PROCTOR_HINT, should_escape=True),
    ),
    shortcuts=(
        Shortcut("use_as_data_set", "Use as data set", "Make a new version of a task with the file of this message"),
        Shortcut("import_as_task", "Import as task", "Make a task of exported evals or a Promptfoo config"),
    ),
    scopes=frozenset(
        {
            *("commands", "chat:write", "app_mentions:read", "reactions:write"),
            *("files:read", "files:write", "users:read", "usergroups:read"),
            *("channels:read", "channels:history", "channels:join", "groups:read", "groups:history"),
            *("im:read", "im:history", "im:write"),
        }
    ),
    events=frozenset({"app_home_opened", "app_mention", "member_joined_channel"}),
)
