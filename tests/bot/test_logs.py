import io
import itertools
import json
import logging
import re
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog
from pydantic import SecretStr

from bot.logs import LONGEST_LINE, Redactor, configure_logs, log_bug, reference, secrets_of
from bot.settings import load_settings
from bot.worker import job_work
from jobs.queue.due import MOST_RAISED
from jobs.queue.pools import Held
from tests.working import held

SECRETS = [
    "xoxb-123-456-AbCdEf",
    "xoxp-99-secret",
    "xoxe.xoxp-1-Mi0yLTQ",
    "xapp-1-A012-987-deadbeef",
    "sk-proj-AbC_d-123456",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "https://hooks.slack.com/commands/T0/123/abcDEF",
]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook
    lines = structlog.get_config()
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**lines)
    sys.excepthook, threading.excepthook = hooks


def logging_to(style: Literal["json", "console"], *known: str, level: str = "INFO") -> io.StringIO:
    stream = io.StringIO()
    configure_logs(style, level, Redactor(SecretStr(value) for value in known), stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_carries_its_job_level_time_and_values() -> None:
    stream = logging_to("json")
    with structlog.contextvars.bound_contextvars(job="j7"):
        structlog.stdlib.get_logger("jobs.training.service").info("step", step=4)
        logging.getLogger("slack_bolt").warning("late by %s s", 3)

    ours, theirs = lines(stream)
    assert ours | {"timestamp": ""} == {
        "event": "step",
        "job": "j7",
        "level": "info",
        "logger": "jobs.training.service",
        "step": 4,
        "timestamp": "",
    }
    assert theirs["event"] == "late by 3 s"
    assert theirs["job"] == "j7"
    assert theirs["logger"] == "slack_bolt"


@pytest.mark.filterwarnings("always:careful")
@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_leaks_by_any_way_into_the_log(style: Literal["json", "console"], secret: str) -> None:
    stream = logging_to(style)
    log = structlog.stdlib.get_logger("test")

    sentence = f"token is {secret}"
    log.info(sentence)
    log.info("event", value=secret, nested={"a": [secret, {"b": secret}]}, obj=SecretStr(secret))
    logging.getLogger("library").error("sent %r", {"headers": {"Authorization": f"Bearer {secret}"}})
    logging.getLogger("library").error("sent", extra={"body": f'{{"x": "{secret}"}}'})
    try:
        password = secret
        raise ValueError(f"cannot use {password}")
    except ValueError as cause:
        try:
            raise RuntimeError("wrapped") from cause
        except RuntimeError as error:
            log_bug(error, url=secret)
            logging.getLogger("library").exception("failed with %s", secret)
    thread = threading.Thread(target=_raise, args=(secret,), name="worker")
    thread.start()
    thread.join()
    warnings.warn(f"careful with {secret}", stacklevel=1)

    said = stream.getvalue()
    assert secret not in said
    assert "hidden" in said
    assert said.count("Traceback") == 5  # two chained ones twice, one in the thread
    if style == "json":
        assert len(lines(stream)) == 8


def _raise(secret: str) -> None:
    raise ValueError(secret)


@pytest.mark.parametrize(
    "text",
    [
        "{'response_url': 'http://127.0.0.1:8750/response/SENTINEL'}",
        json.dumps({"body": json.dumps({"response_url": "http://127.0.0.1:8750/response/SENTINEL"})}),
        '{"api-key": "SENTINEL"}',
        "{'Authorization': b'SENTINEL'}",
        '{"client_secret":"SENTINEL"}',
        "authorization: bearer SENTINEL",
        "wss://wss-primary.slack.com/link/?ticket=SENTINEL&app_id=1",
        "redis://default:SENTINEL@redis.example.org:6379/0",
        "rediss://:SENTINEL@redis.example.org:6379/0",
    ],
)
def test_secrets_are_known_by_the_field_they_stand_in(text: str) -> None:
    assert "SENTINEL" not in Redactor()(text)


def test_known_values_are_hidden_in_any_spelling_and_short_ones_left() -> None:
    strange = 'pa"ss\\word\nwith é'
    redact = Redactor([SecretStr(strange), SecretStr("local")])

    assert redact(f"a {strange} b") == "a [hidden] b"
    assert redact(json.dumps({"k": strange})) == '{"k": "[hidden]"}'
    assert redact(repr([strange])) == "['[hidden]']"
    assert redact("a local platform") == "a local platform"
    redact.hide(SecretStr("found-later"))
    assert redact("key found-later") == "key [hidden]"


def test_ordinary_words_are_left_alone() -> None:
    text = "task-eurovoc risk-free sk-1 ask-me-anything step 4, 12 tokens, http://127.0.0.1:8750/v1 ckpt-step-30"

    assert Redactor()(text) == text


def test_every_secret_of_the_settings_is_known() -> None:
    settings = load_settings(
        {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "OPENAI_API_KEY": "plain-looking-key"}
    )
    stream = io.StringIO()
    configure_logs("json", "INFO", Redactor(secrets_of(settings)), stream=stream)
    structlog.stdlib.get_logger("test").info("using plain-looking-key", settings=settings)

    assert "plain-looking-key" not in stream.getvalue()


def test_a_reference_finds_its_traceback() -> None:
    stream = logging_to("json")
    try:
        raise LookupError("the actual reason")
    except LookupError as error:
        found_by = log_bug(error, command="/rft")

    (line,) = lines(stream)
    assert line["reference"] == found_by
    assert len(found_by) == 8
    assert "the actual reason" in str(line["exception"])
    assert "Traceback" in str(line["exception"])
    assert reference() != reference()


async def test_the_reference_that_people_are_told_finds_the_traceback_of_an_earlier_attempt() -> None:
    """The attempt that gives up raises nothing itself, and may be made by another process."""
    told: list[str] = []

    async def take(_subject: str, item: Held, found_by: str) -> None:
        if not item.is_exhausted:
            raise LookupError("the actual reason")
        told.append(found_by)

    work = job_work(take, "evaluation")
    stream = logging_to("json")
    with pytest.raises(LookupError) as raised:
        await work(held("eval-abc234", raised=0))
    log_bug(raised.value)
    await work(held("eval-abc234", raised=MOST_RAISED))
    (line,) = [line for line in stream.getvalue().splitlines() if told[0] in line]
    assert "Traceback" in line
    assert "the actual reason" in line


def test_the_level_holds_and_chatty_libraries_are_quiet() -> None:
    stream = logging_to("json", level="INFO")
    structlog.stdlib.get_logger("test").debug("unseen")
    logging.getLogger("apscheduler.scheduler").info("ran a tick")
    logging.getLogger("apscheduler.scheduler").warning("skipped a tick")

    assert [line["event"] for line in lines(stream)] == ["skipped a tick"]


def test_an_exception_that_nobody_caught_is_logged_with_a_reference(capsys: pytest.CaptureFixture[str]) -> None:
    stream = logging_to("json")
    error = RuntimeError("nobody expected xoxb-1-secret")
    sys.excepthook(RuntimeError, error, None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)

    (line,) = lines(stream)
    assert line["uncaught"] is True
    assert line["reference"]
    assert "nobody expected [hidden]" in str(line["exception"])
    assert "KeyboardInterrupt" in capsys.readouterr().err


LONG = LONGEST_LINE + 100_000


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("filling", ["a", "\\", '"', "\n", "\x00", "é", "\ud800", "' "])
def test_no_line_is_longer_than_allowed_and_a_cut_is_said(style: Literal["json", "console"], filling: str) -> None:
    stream = logging_to(style)
    log = structlog.stdlib.get_logger("test")
    log.info("long", body=filling * LONG, job="j7")
    log.info(filling * LONG)
    log.info("nested", body={"inner": [filling * 1000] * 1000})
    logging.getLogger("library").error("sent %r", filling * LONG)
    try:
        raise ValueError(filling * LONG)
    except ValueError as error:
        log_bug(error)

    written = stream.getvalue().split("\n") if style == "json" else [stream.getvalue()]
    assert stream.getvalue().count("cut, ") == 5
    if style == "console":
        assert len(stream.getvalue()) <= 5 * (LONGEST_LINE + 1)
        return
    assert max(map(len, written)) <= LONGEST_LINE
    long, *_rest, bug = lines(stream)
    assert long["job"] == "j7"
    assert str(long["body"]).endswith(f"[cut, {LONG * len(filling)} characters in all]")
    assert len(str(long["body"])) > LONGEST_LINE / 10
    assert bug["reference"]
    assert "Traceback" in str(bug["exception"])


def test_short_values_are_whole_in_a_line_that_is_cut_and_too_many_fields_are_counted() -> None:
    stream = logging_to("json")
    log = structlog.stdlib.get_logger("test")
    log.info("two", first="a" * LONG, second="b" * LONG, third="c" * 5000)
    log.info("many", **{f"field_{n}": "a" * 500 for n in range(1000)})

    two, many = lines(stream)
    assert two["third"] == "c" * 5000
    assert min(len(str(two[name])) for name in ("first", "second")) > LONGEST_LINE / 3
    assert many["event"] == "many"
    assert many["fields_left_out"] == 1000 - sum(name.startswith("field_") for name in many)


CUT_SECRETS = (
    *(
        "xoxb-SENTINEL",
        "a-known-SENTINEL-value",
        'and-"strange"-SENTINEL',
        "{'api_key': 'SENTINEL'}",
        "Bearer SENTINEL",
    ),
    "redis://user:SENTINEL@redis.example.org",
    "https://hooks.slack.com/commands/SENTINEL",
    f"redis://user:{'SENTINEL' * 300}@redis.example.org",
    f"xoxb-{'SENTINEL' * 300}",
)
KNOWN = ("a-known-SENTINEL-value", 'and-"strange"-SENTINEL', "long" * 400)


@pytest.mark.parametrize("text", CUT_SECRETS)
def test_no_piece_of_a_secret_is_left_at_a_cut(text: str) -> None:
    redact = Redactor(SecretStr(value) for value in KNOWN)
    for before in range(0, 5000, 5):
        head = redact.head(" " * before + text + " " * 5000, 2000)
        assert not re.search("SENT|INEL", head), before
        assert 1900 < len(head) <= 2000 or len(text) > 1000


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_piece_of_a_secret_is_left_in_a_line_that_is_cut(style: Literal["json", "console"]) -> None:
    stream = logging_to(style, *KNOWN)
    log = structlog.stdlib.get_logger("test")
    for text in CUT_SECRETS:
        for before in range(LONGEST_LINE - 300, LONGEST_LINE, 40):
            log.info("sent", body=" " * before + text + " " * 1000, nested=[" " * before, {"a": text}])

    assert not re.search("SENT|INEL", stream.getvalue())


FRAGMENTS = (
    *("\\", "'", '"', " ", "=", "/", "://", ":", "@", "a", "token", "secret", "'token", '"token"', '"token": "', "'a'"),
    *("xoxb-", "xoxe.", "sk-", "whsec_", "https://hooks.slack.com/", "?ticket=", "://a:", "bearer ", "[hidden]", "é"),
)
SMALL, LARGER = 1_000, 16


def test_redaction_takes_time_in_proportion_to_the_length_whatever_is_sent() -> None:
    redact = Redactor([SecretStr("known-value"), SecretStr("\\\\\\\\\\\\\\\\")])

    def seconds(text: str) -> float:
        began = time.process_time()
        redact(text)
        return time.process_time() - began

    def texts(first: str, again: str, length: int) -> tuple[str, str]:
        both = first + again
        return first + again * (length // len(again)), both * (length // len(both))

    for first, again in itertools.product(FRAGMENTS, repeat=2):
        for short, long in zip(texts(first, again, SMALL), texts(first, again, SMALL * LARGER), strict=True):
            # In proportion it takes LARGER times as long; quadratic, LARGER times that.
            allowed = max(min(seconds(short) for _ in range(3)), 20e-6) * LARGER * 4
            assert any(seconds(long) <= allowed for _ in range(3)), (first, again)
