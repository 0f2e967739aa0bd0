"""Structured logs on stderr, with no secret in them.

Everything ends in one handler: our structlog lines, the libraries' stdlib loggers, warnings, and exceptions that nobody
caught. Redaction is the last step, on the finished line, so that it sees tracebacks and nested values too. It runs on
the event loop, over what strangers may have sent: it takes time in proportion to the line, and no line is longer than
`LONGEST_LINE`. Tag all lines of a piece of work with `structlog.contextvars.bound_contextvars(job=...)`.
"""

import hashlib
import json
import logging
import re
import secrets as random_secrets
import sys
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Literal, TextIO

import structlog
from pydantic import SecretStr
from pydantic_settings import BaseSettings
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"

SHORTEST_SECRET = 8
"""Characters; hiding a shorter value wherever it stands would eat ordinary words."""

LONGEST_LINE = 32_768
"""Characters, before `[hidden]` stands in it; of a longer one the longest values are cut."""

SHORTEST_SHARE = 64
"""Characters of a line that a field may have, however many there are; and room to say what was cut."""

CUT_MARGIN = 1024
"""Characters before a cut that are dropped, so that no piece of a secret is left that the cut made unrecognisable."""

REFERENCE_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""No 0/o, 1/i/l: people read references to each other."""

CHATTY = ("aiohttp.access", "apscheduler", "httpx2", "openai")
"""Libraries whose INFO is one line for each tick, task or request."""

# Each pattern begins at something that stands in the text once for each time it is tried, and what follows stops at the
# next such place or is never given back (++): so the time grows with the length of the text, not with its square.
_SECRET_SHAPES = re.compile(
    r"""
    xox[a-z](?:\.xox[a-z])?-[\w-]+              # Slack tokens
    | xapp-[\w-]+                               # Slack app-level tokens
    | \bsk-[\w-]{6,}                            # OpenAI keys
    | whsec_[\w+/=-]+                           # webhook secrets
    | https?://hooks\.slack\.com/[^\s"'\\<>]+   # a response_url can be posted to by anybody who knows it
    | (?<=[?&]ticket=)[^&\s"'\\<>]+             # a Socket Mode address
    | (?<=://)[^\s/@:]*+:[^\s/@]++(?=@)         # user:password@host
    """,
    re.VERBOSE,
)
_BEARER = re.compile(r"(?i)\b(bearer\s++)[^\s\"'\\,;]+")
_SECRET_FIELD = re.compile(
    r"""(?ix) (["'])
    (response_url | authorization | api[-_]key | \w*token | \w*secret | password)
    (\\*+["'] \s*+ [:=] \s*+ [bu]? \\*+["']) (?!bearer\s) [^"'\\]++ """
)
_UNFINISHED_ADDRESS = re.compile(r"(?<=://)[^\s/@]*+\Z")
"""At a cut: it may have been user:password, of which the host is gone."""
_WHOLE_CHARACTERS = re.compile(r"""(?:[^\\]++|\\u[0-9a-f]{4}|\\[^u])*+""")
"""Of a JSON string that is cut anywhere: up to the last character that is all there."""


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
            written = (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1])
            self._known |= dict.fromkeys(written)

    def __call__(self, text: str) -> str:
        """Return the text with every secret replaced; JSON stays JSON."""
        for value in self._known:
            text = text.replace(value, HIDDEN)
        text = _SECRET_SHAPES.sub(HIDDEN, text)
        text = _SECRET_FIELD.sub(rf"\1\2\3{HIDDEN}", text)
        return _BEARER.sub(rf"\1{HIDDEN}", text)

    def head(self, text: str, length: int) -> str:
        """Return the beginning of a longer text, at most `length` characters, with no piece of a secret at its end."""
        margin = max(CUT_MARGIN, *map(len, self._known)) if self._known else CUT_MARGIN
        window = self(_UNFINISHED_ADDRESS.sub(HIDDEN, text[: length + margin]))
        return window[: max(0, min(length, len(window) - margin))]


def secrets_of(settings: BaseSettings) -> list[SecretStr]:
    """Return every secret that the settings hold."""
    return [value for _name, value in settings if isinstance(value, SecretStr)]


def reference() -> str:
    """Return eight letters and digits that a person can quote and that find one traceback in the log."""
    return "".join(random_secrets.choice(REFERENCE_LETTERS) for _ in range(8))


def reference_of(item: str) -> str:
    """Return the reference of a work item: the same in every process and at every attempt."""
    digest = hashlib.sha256(item.encode()).digest()
    return "".join(REFERENCE_LETTERS[byte % len(REFERENCE_LETTERS)] for byte in digest[:8])


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
                *_rendered(style, redact, colors=out.isatty()),
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


def _rendered(style: Literal["json", "console"], redact: Redactor, *, colors: bool) -> list[Processor]:
    if style == "console":  # the plain formatter: rich's shows local variables, and secrets among them
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain), _console_line(redact)]
    return [structlog.processors.format_exc_info, _json_line(redact)]


def _console_line(redact: Redactor) -> Processor:
    def processor(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
        text = _writable(str(line))  # the renderer before has made it a string
        return redact(text) if len(text) <= LONGEST_LINE else _shortened(text, LONGEST_LINE, redact)

    return processor


def _json_line(redact: Redactor) -> Processor:
    def processor(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
        text = _json(line)
        return redact(text if len(text) <= LONGEST_LINE else _json(_fitting(line, redact)))

    return processor


def _json(value: object) -> str:
    return _writable(json.dumps(value, default=str, ensure_ascii=False))


def _writable(text: str) -> str:
    """Return text that can be encoded, whatever half characters came in from outside."""
    return text.encode(errors="backslashreplace").decode()


def _shortened(text: str, length: int, redact: Redactor) -> str:
    return f"{redact.head(text, length - SHORTEST_SHARE)} [cut, {len(text)} characters in all]"


def _fitting(line: EventDict, redact: Redactor) -> EventDict:
    """Return a line that is not too long: short values as they are, of the longer ones an equal share each."""
    written = {name: len(_json(value)) for name, value in line.items()}
    kept: EventDict = {}
    room = LONGEST_LINE - SHORTEST_SHARE
    for taken, name in enumerate(sorted(written, key=lambda each: written[each])):
        share = max(SHORTEST_SHARE, room // (len(written) - taken)) - len(_json(name)) - len(": , ")
        value = line[name] if written[name] <= share else _shortened_value(line[name], share, redact)
        used = len(_json(name)) + len(_json(value)) + len(": , ")
        if used <= room:
            kept[name] = value
            room -= used
    left_out = {"fields_left_out": len(written) - len(kept)} if len(kept) < len(written) else {}
    return {name: kept[name] for name in line if name in kept} | left_out


def _shortened_value(value: object, length: int, redact: Redactor) -> str:
    """Return the beginning of a value, or of its JSON, that as JSON has at most `length` characters."""
    text = value if isinstance(value, str) else _json(value)
    head = _json(redact.head(text, max(0, length)))[1:-1]
    whole = _WHOLE_CHARACTERS.match(head, 0, max(0, length - SHORTEST_SHARE))
    assert whole is not None, "the pattern matches nothing too"
    kept: str = json.loads(f'"{whole.group()}"')
    return f"{kept} [cut, {len(text)} characters in all]"


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    log_bug(error, uncaught=True)


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        log_bug(args.exc_value, uncaught=True, thread=args.thread.name if args.thread else None)
