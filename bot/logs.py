"""Structured logs on stderr, with no secret in them.

Everything ends in one handler: our structlog lines, the libraries' stdlib loggers, warnings, and exceptions that nobody
caught. Redaction is the last step, on the finished line, so that it sees tracebacks and nested values too. Tag all
lines of a piece of work with `structlog.contextvars.bound_contextvars(job=...)`.
"""

import json
import logging
import re
import secrets as random_secrets
import sys
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Literal, TextIO, cast

import structlog
from pydantic import SecretStr
from pydantic_settings import BaseSettings
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"

SHORTEST_SECRET = 8
"""Characters; hiding a shorter value wherever it stands would eat ordinary words."""

REFERENCE_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""No 0/o, 1/i/l: people read references to each other."""

CHATTY = ("aiohttp.access", "apscheduler", "httpx2", "openai")
"""Libraries whose INFO is one line for each tick, task or request."""

_SECRET_SHAPES = re.compile(
    r"""
    xox[a-z](?:\.xox[a-z])?-[\w-]+              # Slack tokens
    | xapp-[\w-]+                               # Slack app-level tokens
    | \bsk-[\w-]{6,}                            # OpenAI keys
    | whsec_[\w+/=-]+                           # webhook secrets
    | https?://hooks\.slack\.com/[^\s"'\\<>]+   # a response_url can be posted to by anybody who knows it
    | (?<=[?&]ticket=)[^&\s"'\\<>]+             # a Socket Mode address
    | (?<=://)[^\s/@:]*:[^\s/@]+(?=@)           # user:password@host
    """,
    re.VERBOSE,
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[^\s\"'\\,;]+")
_SECRET_FIELD = re.compile(
    r"""(?ix) (\\*["'])
    (response_url | authorization | api[-_]key | \w*token | \w*secret | password)
    (\\*["'] \s* [:=] \s* [bu]? \\*["']) (?!bearer\s) [^"'\\]+ """
)


class Redactor:
    """Takes secrets out of text: what looks like one, and the values it was told.

    Args:
        secrets: values to hide wherever they stand, where they are long enough not to be ordinary words.
    """

    def __init__(self, secrets: Iterable[SecretStr] = ()) -> None:
        self._known: dict[str, None] = {}
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: SecretStr) -> None:
        """Hide this value from now on, for instance the key of a platform that was just looked up."""
        value = secret.get_secret_value()
        if len(value) >= SHORTEST_SECRET:
            self._known |= {value: None, json.dumps(value)[1:-1]: None, repr(value)[1:-1]: None}

    def __call__(self, text: str) -> str:
        """Return the text with every secret replaced; JSON stays JSON."""
        for value in self._known:
            text = text.replace(value, HIDDEN)
        text = _SECRET_SHAPES.sub(HIDDEN, text)
        text = _SECRET_FIELD.sub(rf"\1\2\3{HIDDEN}", text)
        return _BEARER.sub(rf"\1{HIDDEN}", text)


def secrets_of(settings: BaseSettings) -> list[SecretStr]:
    """Return every secret that the settings hold."""
    return [value for _name, value in settings if isinstance(value, SecretStr)]


def reference() -> str:
    """Return eight letters and digits that a person can quote and that find one traceback in the log."""
    return "".join(random_secrets.choice(REFERENCE_LETTERS) for _ in range(8))


def log_bug(error: BaseException, **context: object) -> str:
    """Write an unexpected exception to the log with its traceback; return the reference to tell the person."""
    found_by = reference()
    structlog.stdlib.get_logger("bug").error("bug", reference=found_by, exc_info=error, **context)
    return found_by


def configure_logs(
    style: Literal["json", "console"], level: str, redact: Redactor, *, stream: TextIO | None = None
) -> None:
    """Send every log line of this process to `stream` (stderr), one line of JSON each or in columns for people.

    May be called again; the last call counts.
    """
    out = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_about_a_line(), structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendered(style, colors=out.isatty()),
                cast("Processor", _redaction(redact)),
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(level if level == "DEBUG" else logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_about_a_line(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _about_a_line() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _rendered(style: Literal["json", "console"], *, colors: bool) -> list[Processor]:
    if style == "console":  # the plain formatter: rich's shows local variables, and secrets among them
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str, ensure_ascii=False)]


def _redaction(redact: Redactor) -> object:
    def processor(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
        return redact(str(line))  # the renderer before has made it a string

    return processor


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    log_bug(error, uncaught=True)


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        log_bug(args.exc_value, uncaught=True, thread=args.thread.name if args.thread else None)
