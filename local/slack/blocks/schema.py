"""Block Kit as JSON Schema: which blocks there are, where each may stand, what it may hold.

The limits are those of docs.slack.dev/reference/block-kit (2026). One keyword is not JSON Schema's own: `kinds` picks
the schema of an object by its `type`; the package's `__init__` adds it to the validator.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Schema: TypeAlias = dict[str, Any]
Surface: TypeAlias = Literal["message", "modal", "home"]

COLUMNS = 20


def text(longest: int, *, shortest: int = 1, pattern: str | None = None) -> Schema:
    """A string of so many characters."""
    return {"type": "string", "minLength": shortest, "maxLength": longest} | ({"pattern": pattern} if pattern else {})


def one_of(*allowed: str) -> Schema:
    """One of these words."""
    return {"enum": list(allowed)}


def whole(low: int, high: int | None = None) -> Schema:
    """A whole number, bounds included."""
    return {"type": "integer", "minimum": low} | ({} if high is None else {"maximum": high})


def items(each: Schema, most: int, *, least: int = 1) -> Schema:
    """A list of so many items."""
    return {"type": "array", "minItems": least, "maxItems": most, "items": each}


def fields(required: Mapping[str, Schema] | None = None, /, **optional: Schema) -> Schema:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "required": list(required or ()),
        "properties": {**(required or {}), **optional},
        "additionalProperties": False,
    }


def by_type(kinds: Mapping[str, Schema]) -> Schema:
    """An object whose `type` names its schema."""
    named = {name: schema | {"properties": {"type": {}, **schema["properties"]}} for name, schema in kinds.items()}
    return {"type": "object", "kinds": named}


def exactly_one(*names: str) -> Schema:
    """A demand to add to `fields`: one of these, not two."""
    return {"oneOf": [{"required": [name]} for name in names]}


def at_least_one(*names: str) -> Schema:
    """A demand to add to `fields`: one of these, or several."""
    return {"anyOf": [{"required": [name]} for name in names]}


# -- composition objects ----------------------------------------------------------------------------------------------

ANYTHING: Schema = {}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
ID = text(255)
URL = text(3000, pattern=r"^https?://\S+\Z")
ACCENT = one_of("primary", "danger")


def _plain(longest: int) -> Schema:
    return by_type({"plain_text": fields({"text": text(longest)}, emoji=FLAG)})


def _words(longest: int) -> Schema:
    """A `plain_text` or `mrkdwn` object."""
    content = {"text": text(longest)}
    return by_type({"plain_text": fields(content, emoji=FLAG), "mrkdwn": fields(content, verbatim=FLAG)})


CONFIRM = fields({"title": _plain(100), "text": _words(300)}, confirm=_plain(30), deny=_plain(30), style=ACCENT)
SLACK_FILE = fields(id=text(255, pattern=r"^F[A-Z0-9]{8,}\Z"), url=URL) | exactly_one("id", "url")
OPTION = fields({"text": _plain(75), "value": text(150)}, description=_plain(75))
RICH_OPTION = fields({"text": _words(75), "value": text(150)}, description=_words(75))
OVERFLOW_OPTION = fields({"text": _plain(75)}, value=text(150), description=_plain(75), url=URL)
OPTION_GROUP = fields({"label": _plain(75), "options": items(OPTION, 100)})

# -- elements ---------------------------------------------------------------------------------------------------------

_FOCUS = {"action_id": ID, "focus_on_load": FLAG}
_CHOICE = {**_FOCUS, "confirm": CONFIRM}
_SELECT = {**_CHOICE, "placeholder": _plain(150)}
_STATIC = {**_SELECT, "options": items(OPTION, 100), "option_groups": items(OPTION_GROUP, 100)}
_CONVERSATIONS = {**_SELECT, "filter": ANYTHING, "default_to_current_conversation": FLAG}
_MANY = {"max_selected_items": whole(1)}
_INITIAL_OPTIONS = items(OPTION, 100)
_INITIAL_IDS = items(ID, 100)
_TEXT_INPUT = {
    **_FOCUS,
    "placeholder": _plain(150),
    "initial_value": text(3000, shortest=0),
    "dispatch_action_config": fields(trigger_actions_on=items(one_of("on_enter_pressed", "on_character_entered"), 2)),
}

_IMAGE_SOURCE = {"image_url": URL, "slack_file": SLACK_FILE}
IMAGE = fields({"alt_text": text(2000)}, **_IMAGE_SOURCE) | exactly_one(*_IMAGE_SOURCE)
BUTTON = fields(
    {"text": _plain(75)},
    action_id=ID,
    value=text(2000),
    url=URL,
    style=ACCENT,
    confirm=CONFIRM,
    accessibility_label=text(75),
)

_BUTTONS = {
    "button": BUTTON,
    "overflow": fields({"options": items(OVERFLOW_OPTION, 5)}, action_id=ID, confirm=CONFIRM),
    "workflow_button": fields(
        {"text": _plain(75), "workflow": ANYTHING}, action_id=ID, style=ACCENT, accessibility_label=text(75)
    ),
}
_SELECTS = {
    "static_select": fields(**_STATIC, initial_option=OPTION) | exactly_one("options", "option_groups"),
    "external_select": fields(**_SELECT, initial_option=OPTION, min_query_length=whole(0)),
    "users_select": fields(**_SELECT, initial_user=ID),
    "conversations_select": fields(**_CONVERSATIONS, response_url_enabled=FLAG, initial_conversation=ID),
    "channels_select": fields(**_SELECT, response_url_enabled=FLAG, initial_channel=ID),
}
_MULTI_SELECTS = {
    "multi_static_select": fields(**_STATIC, **_MANY, initial_options=_INITIAL_OPTIONS)
    | exactly_one("options", "option_groups"),
    "multi_external_select": fields(**_SELECT, **_MANY, initial_options=_INITIAL_OPTIONS, min_query_length=whole(0)),
    "multi_users_select": fields(**_SELECT, **_MANY, initial_users=_INITIAL_IDS),
    "multi_conversations_select": fields(**_CONVERSATIONS, **_MANY, initial_conversations=_INITIAL_IDS),
    "multi_channels_select": fields(**_SELECT, **_MANY, initial_channels=_INITIAL_IDS),
}
_DATE = text(10, pattern=r"^\d{4}-\d{2}-\d{2}\Z")
_TIME = text(5, pattern=r"^\d{2}:\d{2}\Z")
_CHOICES = {
    "checkboxes": fields({"options": items(RICH_OPTION, 10)}, **_CHOICE, initial_options=items(RICH_OPTION, 10)),
    "radio_buttons": fields({"options": items(RICH_OPTION, 10)}, **_CHOICE, initial_option=RICH_OPTION),
    "datepicker": fields(**_SELECT, initial_date=_DATE),
    "timepicker": fields(**_SELECT, initial_time=_TIME, timezone=text(100)),
}
_DATE_TIME = {"datetimepicker": fields(**_CHOICE, initial_date_time=whole(0))}
_INPUTS = {
    "plain_text_input": fields(**_TEXT_INPUT, multiline=FLAG, min_length=whole(0, 3000), max_length=whole(1, 3000)),
    "email_text_input": fields(**_TEXT_INPUT),
    "url_text_input": fields(**_TEXT_INPUT),
    "number_input": fields({"is_decimal_allowed": FLAG}, **_TEXT_INPUT, min_value=text(50), max_value=text(50)),
    "rich_text_input": fields(**_FOCUS, placeholder=_plain(150), initial_value=ANYTHING),
    "file_input": fields(action_id=ID, filetypes=items(text(20), 100), max_files=whole(1, 10)),
}
_FEEDBACK = fields({"text": _plain(75), "value": text(2000)}, accessibility_label=text(75))
_CONTEXT_ACTIONS = {
    "feedback_buttons": fields({"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, action_id=ID),
    "icon_button": fields(
        {"icon": one_of("trash"), "text": _plain(75)},
        action_id=ID,
        value=text(2000),
        confirm=CONFIRM,
        accessibility_label=text(75),
        visible_to_user_ids=items(ID, 100),
    ),
}

ACCESSORY = by_type({**_BUTTONS, **_SELECTS, **_MULTI_SELECTS, **_CHOICES, "image": IMAGE})
IN_ACTIONS = by_type({**_BUTTONS, **_SELECTS, **_CHOICES, **_DATE_TIME})
IN_INPUT = by_type({**_INPUTS, **_SELECTS, **_MULTI_SELECTS, **_CHOICES, **_DATE_TIME})
IN_CONTEXT = by_type(
    {
        "image": IMAGE,
        "mrkdwn": fields({"text": text(3000)}, verbatim=FLAG),
        "plain_text": fields({"text": text(3000)}, emoji=FLAG),
    }
)

# -- rich text --------------------------------------------------------------------------------------------------------

_STYLES = ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink")
_STYLE = fields(**dict.fromkeys(_STYLES, FLAG))
_IN_LINE = {
    "text": fields({"text": text(12_000)}, style=_STYLE),
    "link": fields({"url": URL}, style=_STYLE, text=text(3000), unsafe=FLAG),
    "emoji": fields({"name": text(100)}, style=_STYLE, unicode=text(100), url=URL, skin_tone=whole(1, 6)),
    "user": fields({"user_id": ID}, style=_STYLE),
    "usergroup": fields({"usergroup_id": ID}, style=_STYLE),
    "channel": fields({"channel_id": ID}, style=_STYLE),
    "team": fields({"team_id": ID}, style=_STYLE),
    "broadcast": fields({"range": one_of("here", "channel", "everyone")}, style=_STYLE),
    "color": fields({"value": text(20)}, style=_STYLE),
    "date": fields({"timestamp": whole(0), "format": text(500)}, style=_STYLE, url=URL, fallback=text(500)),
    "tag": fields({"text": text(3000)}, style=_STYLE, color=text(20)),
    "citation": fields({"url": URL}, style=_STYLE, text=text(3000), title=text(3000)),
}
_LINE = {"elements": items(by_type(_IN_LINE), 1000, least=0)}
_SECTION = {"rich_text_section": fields(_LINE)}
_BORDER = whole(0, 1)
_RICH_TEXT = {
    "elements": items(
        by_type(
            {
                **_SECTION,
                "rich_text_list": fields(
                    {"style": one_of("bullet", "ordered"), "elements": items(by_type(_SECTION), 1000)},
                    indent=whole(0, 8),
                    offset=whole(0),
                    border=_BORDER,
                ),
                "rich_text_preformatted": fields(_LINE, border=_BORDER, language=text(50)),
                "rich_text_quote": fields(_LINE, border=_BORDER),
            }
        ),
        1000,
    )
}
_NESTED_RICH_TEXT = {"rich_text": fields(_RICH_TEXT, block_id=ANYTHING)}

# -- tables and charts ------------------------------------------------------------------------------------------------

_HEADER_CELLS = {"raw_text": fields({"text": text(20_000)}), "raw_number": fields({"value": NUMBER, "text": text(100)})}
_CELLS = {**_HEADER_CELLS, **_NESTED_RICH_TEXT}
_ACTION_CELL = {"action_cell": fields({"element": by_type({"button": BUTTON})}, fallback=ANYTHING)}


def _row(cells: Mapping[str, Schema]) -> Schema:
    return items(by_type(cells), COLUMNS)


_TABLE = fields(
    {"rows": items(_row(_CELLS), 100)},
    block_id=ID,
    column_settings=items(fields(align=one_of("left", "center", "right"), is_wrapped=FLAG), COLUMNS),
)
_DATA_TABLE = fields(
    {
        "caption": text(2000),
        "rows": items(_row({**_CELLS, **_ACTION_CELL}), 201, least=2) | {"prefixItems": [_row(_HEADER_CELLS)]},
    },
    block_id=ID,
    page_size=whole(1, 100),
    row_header_column_index=whole(0, COLUMNS - 1),
)
_POINT = {"label": text(20), "value": NUMBER}
_XY_CHART = fields(
    {
        "series": items(fields({"name": text(20), "data": items(fields(_POINT), 20)}), 6),
        "axis_config": fields({"categories": items(text(20), 20)}, x_label=text(50), y_label=text(50)),
    }
)
_SEGMENT = fields(_POINT | {"value": NUMBER | {"exclusiveMinimum": 0}})
_CHARTS = {"line": _XY_CHART, "bar": _XY_CHART, "area": _XY_CHART, "pie": fields({"segments": items(_SEGMENT, 6)})}

# -- blocks -----------------------------------------------------------------------------------------------------------

_EVERYWHERE = {
    "section": fields(block_id=ID, text=_words(3000), fields=items(_words(2000), 10), accessory=ACCESSORY, expand=FLAG)
    | at_least_one("text", "fields"),
    "header": fields({"text": _plain(150)}, block_id=ID, level=whole(1, 4)),
    "divider": fields(block_id=ID),
    "image": fields({"alt_text": text(2000)}, **_IMAGE_SOURCE, block_id=ID, title=_plain(2000))
    | exactly_one(*_IMAGE_SOURCE),
    "actions": fields({"elements": items(IN_ACTIONS, 25)}, block_id=ID),
    "context": fields({"elements": items(IN_CONTEXT, 10)}, block_id=ID),
    "rich_text": fields(_RICH_TEXT, block_id=ID),
    "input": fields(
        {"label": _plain(2000), "element": IN_INPUT},
        block_id=ID,
        hint=_plain(2000),
        optional=FLAG,
        dispatch_action=FLAG,
    ),
    "video": fields(
        {"alt_text": text(2000), "video_url": URL, "thumbnail_url": URL, "title": _plain(199)},
        block_id=ID,
        title_url=URL,
        description=_plain(200),
        provider_icon_url=URL,
        provider_name=text(50),
        author_name=text(49),
    ),
}

_CARD = fields(
    block_id=ID,
    hero_image=IN_CONTEXT,
    icon=IN_CONTEXT,
    title=_words(150),
    subtitle=_words(150),
    body=_words(200),
    actions=items(by_type({"button": BUTTON}), 3),
) | at_least_one("hero_image", "title", "actions", "body")
_TASK_CARD = fields(
    {"task_id": ID, "title": text(256), "status": one_of("pending", "in_progress", "complete", "error")},
    block_id=ID,
    details=by_type(_NESTED_RICH_TEXT),
    output=by_type(_NESTED_RICH_TEXT),
    sources=items(by_type({"url": fields({"url": URL, "text": text(3000)})}), 50),
)
_CONTAINER = fields(
    {"child_blocks": items(by_type(_EVERYWHERE), 10)},
    block_id=ID,
    title=_plain(150),
    rich_text_title=by_type(_NESTED_RICH_TEXT),
    subtitle=_words(150),
    icon=IN_CONTEXT,
    width=one_of("narrow", "standard", "wide", "full"),
    is_collapsible=FLAG,
    default_collapsed=FLAG,
    has_header_divider=FLAG,
)

_IN_MESSAGES = {
    "markdown": fields({"text": text(12_000)}, block_id=ID),
    "context_actions": fields({"elements": items(by_type(_CONTEXT_ACTIONS), 5)}, block_id=ID),
    "table": _TABLE,
    "data_table": _DATA_TABLE,
    "data_visualization": fields({"title": text(50), "chart": by_type(_CHARTS)}, block_id=ID),
    "card": _CARD,
    "carousel": fields({"elements": items(by_type({"card": _CARD}), 10)}, block_id=ID),
    "plan": fields({"title": text(256)}, block_id=ID, tasks=items(by_type({"task_card": _TASK_CARD}), 50)),
    "task_card": _TASK_CARD,
    "container": _CONTAINER,
}
_ALERT = fields({"text": _words(200)}, block_id=ID, level=one_of("default", "info", "warning", "error", "success"))

# Slack's text allows some of the message blocks on Home too; trials found them dropped there, so they are refused.
BLOCKS: Mapping[str, Mapping[str, Schema]] = {
    "message": {**_EVERYWHERE, **_IN_MESSAGES},
    "modal": {**_EVERYWHERE, "alert": _ALERT},
    "home": _EVERYWHERE,
}
MOST_BLOCKS: Mapping[str, int] = {"message": 50, "modal": 100, "home": 100}

_VIEW = {
    "private_metadata": text(3000, shortest=0),
    "callback_id": text(255, shortest=0),
    "external_id": text(255, shortest=0),
}


def blocks_on(surface: str) -> Schema:
    """The blocks of a message, modal or Home."""
    return items(by_type(BLOCKS[surface]), MOST_BLOCKS[surface], least=0)


VIEW = by_type(
    {
        "home": fields({"blocks": blocks_on("home")}, **_VIEW),
        "modal": fields(
            {"blocks": blocks_on("modal"), "title": _plain(24)},
            **_VIEW,
            submit=_plain(24),
            close=_plain(24),
            clear_on_close=FLAG,
            notify_on_close=FLAG,
            submit_disabled=FLAG,
        ),
    }
)
