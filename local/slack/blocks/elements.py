"""Composition objects and block elements, with Slack's limits (docs.slack.dev/reference/block-kit, 2026)."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.slack.blocks.schema import (
    Check,
    Problem,
    anything,
    both,
    exactly_one,
    flag,
    items,
    kind,
    number,
    one_of,
    record,
    text,
    typed,
)

ID = text(255)
URL = text(3000, pattern=r"https?://\S+")
FILE_ID = text(255, pattern=r"F[A-Z0-9]{8,}")


def plain(longest: int) -> Check:
    """A `plain_text` object."""
    return typed({"plain_text": kind({"text": text(longest)}, {"emoji": flag()})})


def rich(longest: int) -> Check:
    """A `plain_text` or `mrkdwn` object."""
    markdown = kind({"text": text(longest)}, {"verbatim": flag()})
    return typed({"plain_text": kind({"text": text(longest)}, {"emoji": flag()}), "mrkdwn": markdown})


CONFIRM = record(
    {"title": plain(100), "text": rich(300)},
    {"confirm": plain(30), "deny": plain(30), "style": one_of("primary", "danger")},
)

SLACK_FILE = both(record({}, {"id": FILE_ID, "url": URL}), exactly_one("id", "url"))

IMAGE_FIELDS: Mapping[str, Check] = {"image_url": URL, "slack_file": SLACK_FILE}
_IMAGE = both(kind({"alt_text": text(2000)}, IMAGE_FIELDS), exactly_one("image_url", "slack_file"))

_OPTION = record({"text": plain(75), "value": text(150)}, {"description": plain(75)})
_RICH_OPTION = record({"text": rich(75), "value": text(150)}, {"description": rich(75)})
_OVERFLOW_OPTION = record({"text": plain(75)}, {"value": text(150), "description": plain(75), "url": URL})
_OPTION_GROUP = record({"label": plain(75), "options": items(_OPTION, 100)})

_FOCUS: Mapping[str, Check] = {"action_id": ID, "focus_on_load": flag()}
_ASKING: Mapping[str, Check] = {**_FOCUS, "confirm": CONFIRM}
_SELECT: Mapping[str, Check] = {**_ASKING, "placeholder": plain(150)}
_DISPATCH = record({}, {"trigger_actions_on": items(one_of("on_enter_pressed", "on_character_entered"), 2)})
_TYPED_IN: Mapping[str, Check] = {
    **_FOCUS,
    "placeholder": plain(150),
    "initial_value": text(3000, shortest=0),
    "dispatch_action_config": _DISPATCH,
}


def _initial_among_options(element: Any, at: str) -> Iterator[Problem]:
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group["options"]
    chosen = element.get("initial_options") or [element.get("initial_option")]
    known = [option.get("value") for option in options]
    for option in chosen:
        if option is not None and option.get("value") not in known:
            yield Problem("inconsistent", "initial option is not one of the options", at)


def _distinct_values(element: Any, at: str) -> Iterator[Problem]:
    values = [option.get("value") for option in element.get("options") or [] if option.get("value") is not None]
    if len(values) != len(set(values)):
        yield Problem("duplicate_id", "option values must be unique", f"{at}/options")


def _static(initial: Mapping[str, Check]) -> Check:
    choices = {"options": items(_OPTION, 100), "option_groups": items(_OPTION_GROUP, 100)}
    shape = kind({}, {**_SELECT, **choices, **initial})
    return both(shape, exactly_one("options", "option_groups"), _initial_among_options, _distinct_values)


def _ticked(initial: Mapping[str, Check]) -> Check:
    return both(
        kind({"options": items(_RICH_OPTION, 10)}, {**_ASKING, **initial}), _initial_among_options, _distinct_values
    )


_MANY: Mapping[str, Check] = {"max_selected_items": number(1, whole=True)}
_FILTER: Mapping[str, Check] = {"filter": anything(), "default_to_current_conversation": flag()}
_RESPOND: Mapping[str, Check] = {"response_url_enabled": flag()}

BUTTON = kind(
    {"text": plain(75)},
    {
        "action_id": ID,
        "value": text(2000),
        "url": URL,
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": text(75),
    },
)

_SINGLE_SELECTS: Mapping[str, Check] = {
    "static_select": _static({"initial_option": _OPTION}),
    "external_select": kind({}, {**_SELECT, "initial_option": _OPTION, "min_query_length": number(0, whole=True)}),
    "users_select": kind({}, {**_SELECT, "initial_user": ID}),
    "conversations_select": kind({}, {**_SELECT, **_FILTER, **_RESPOND, "initial_conversation": ID}),
    "channels_select": kind({}, {**_SELECT, **_RESPOND, "initial_channel": ID}),
}

_INITIALS = items(_OPTION, 100)
_MULTI_SELECTS: Mapping[str, Check] = {
    "multi_static_select": _static({**_MANY, "initial_options": _INITIALS}),
    "multi_external_select": kind(
        {}, {**_SELECT, **_MANY, "initial_options": _INITIALS, "min_query_length": number(0, whole=True)}
    ),
    "multi_users_select": kind({}, {**_SELECT, **_MANY, "initial_users": items(ID, 100)}),
    "multi_conversations_select": kind({}, {**_SELECT, **_MANY, **_FILTER, "initial_conversations": items(ID, 100)}),
    "multi_channels_select": kind({}, {**_SELECT, **_MANY, "initial_channels": items(ID, 100)}),
}

_DATE = text(10, pattern=r"\d{4}-\d{2}-\d{2}")
_TIME = text(5, pattern=r"\d{2}:\d{2}")
_CHOOSERS: Mapping[str, Check] = {
    "checkboxes": _ticked({"initial_options": items(_RICH_OPTION, 10)}),
    "radio_buttons": _ticked({"initial_option": _RICH_OPTION}),
    "datepicker": kind({}, {**_SELECT, "initial_date": _DATE}),
    "timepicker": kind({}, {**_SELECT, "initial_time": _TIME, "timezone": text(100)}),
}
_DATETIME: Mapping[str, Check] = {"datetimepicker": kind({}, {**_ASKING, "initial_date_time": number(0, whole=True)})}
_PRESSED: Mapping[str, Check] = {
    "button": BUTTON,
    "overflow": both(
        kind({"options": items(_OVERFLOW_OPTION, 5)}, {"action_id": ID, "confirm": CONFIRM}), _distinct_values
    ),
    "workflow_button": kind(
        {"text": plain(75), "workflow": anything()},
        {"action_id": ID, "style": one_of("primary", "danger"), "accessibility_label": text(75)},
    ),
}

_BOUND = text(50)
_WRITTEN: Mapping[str, Check] = {
    "plain_text_input": kind(
        {},
        {
            **_TYPED_IN,
            "multiline": flag(),
            "min_length": number(0, 3000, whole=True),
            "max_length": number(1, 3000, whole=True),
        },
    ),
    "email_text_input": kind({}, _TYPED_IN),
    "url_text_input": kind({}, _TYPED_IN),
    "number_input": kind({"is_decimal_allowed": flag()}, {**_TYPED_IN, "min_value": _BOUND, "max_value": _BOUND}),
    "rich_text_input": kind({}, {**_FOCUS, "placeholder": plain(150), "initial_value": anything()}),
    "file_input": kind(
        {}, {"action_id": ID, "filetypes": items(text(20), 100), "max_files": number(1, 10, whole=True)}
    ),
}

ACCESSORY = typed({**_PRESSED, **_SINGLE_SELECTS, **_MULTI_SELECTS, **_CHOOSERS, "image": _IMAGE})
IN_ACTIONS = typed({**_PRESSED, **_SINGLE_SELECTS, **_CHOOSERS, **_DATETIME})
IN_INPUT = typed({**_WRITTEN, **_SINGLE_SELECTS, **_MULTI_SELECTS, **_CHOOSERS, **_DATETIME})
IN_CONTEXT = typed(
    {
        "image": _IMAGE,
        "mrkdwn": kind({"text": text(3000)}, {"verbatim": flag()}),
        "plain_text": kind({"text": text(3000)}, {"emoji": flag()}),
    }
)

_FEEDBACK = record({"text": plain(75), "value": text(2000)}, {"accessibility_label": text(75)})
IN_CONTEXT_ACTIONS = typed(
    {
        "feedback_buttons": kind({"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, {"action_id": ID}),
        "icon_button": kind(
            {"icon": one_of("trash"), "text": plain(75)},
            {
                "action_id": ID,
                "value": text(2000),
                "confirm": CONFIRM,
                "accessibility_label": text(75),
                "visible_to_user_ids": items(ID, 100),
            },
        ),
    }
)
