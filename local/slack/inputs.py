"""The values people enter: what an input shows at first, and what an entered value becomes in a payload."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from local.slack.messages import elements_of
from local.slack.wire import ControlError, Json

_TEXT_INPUTS = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input"})
_ONE_OPTION = frozenset({"static_select", "external_select", "radio_buttons", "overflow"})
_MANY_OPTIONS = frozenset({"multi_static_select", "multi_external_select", "checkboxes"})

# element type: (key of the value in a payload, key of the initial value in the element)
_PICKED: Mapping[str, tuple[str, str]] = {
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
}

Values: TypeAlias = Mapping[str, Mapping[str, Json]]
"""block_id to action_id to the value as Slack's `state.values` shows it."""


def value_key(element: Json) -> str | None:
    """The key an element's value has in payloads; None for elements without a value of their own (buttons)."""
    kind = element["type"]
    if kind in _TEXT_INPUTS:
        return "value"
    if kind in _ONE_OPTION:
        return "selected_option"
    if kind in _MANY_OPTIONS:
        return "selected_options"
    return _PICKED[kind][0] if kind in _PICKED else None


def initial_value(element: Json) -> Json:
    """The state of an element nobody touched yet."""
    kind = element["type"]
    key = value_key(element) or "value"
    if kind in _PICKED:
        nothing: list[str] | None = [] if kind.startswith("multi_") else None
        return {"type": kind, key: element.get(_PICKED[kind][1], nothing)}
    defaults: Mapping[str, tuple[str, Any]] = {
        "value": ("initial_value", None),
        "selected_option": ("initial_option", None),
        "selected_options": ("initial_options", []),
    }
    source, default = defaults[key]
    return {"type": kind, key: element.get(source, default)}


def stateful(blocks: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
    """Every `(block, element)` whose value appears in `state.values`."""
    for block in blocks:
        for element in elements_of(block):
            if value_key(element) is not None and element["type"] != "overflow":
                yield block, element


def initial_state(blocks: Sequence[Json], known: Values) -> dict[str, dict[str, Json]]:
    """`state.values` of these blocks: what was entered before (`known`), else the initial values."""
    values: dict[str, dict[str, Json]] = {}
    for block, element in stateful(blocks):
        block_id, action_id = block["block_id"], element["action_id"]
        kept = known.get(block_id, {}).get(action_id)
        same_kind = kept is not None and kept["type"] == element["type"]
        values.setdefault(block_id, {})[action_id] = kept if kept and same_kind else initial_value(element)
    return values


def entered(element: Json, given: Any) -> Json:
    """The state of an element after a person gave it a value.

    Args:
        element: the element as it stands in the block.
        given: a text, an option's value, a list of those, or what Slack's own payload would hold (an option object).
    """
    key = value_key(element)
    if key is None:
        raise ControlError(f"A {element['type']} takes no value.")
    if key == "selected_option":
        value: Any = None if given in (None, "") else option_of(element, given)
    elif key == "selected_options":
        value = [option_of(element, one) for one in _as_list(given)]
    elif element["type"].startswith("multi_"):
        value = _as_list(given)
    else:
        value = None if given in (None, "") else str(given)
    return {"type": element["type"], key: value}


def option_of(element: Json, given: Any) -> Json:
    """The option of a select that was meant: by its value, else by its text."""
    wanted = given.get("value") if isinstance(given, dict) else given
    options = [*element.get("options", [])]
    for group in element.get("option_groups", []):
        options += group["options"]
    matches: tuple[Callable[[Json], bool], ...] = (
        lambda option: option.get("value") == wanted,
        lambda option: option["text"]["text"] == wanted,
    )
    for matches_one in matches:
        for option in options:
            if matches_one(option):
                return dict(option)
    known = ", ".join(str(option.get("value")) for option in options)
    raise ControlError(f"{element['action_id']} has no option {wanted!r}. It has: {known}.")


def complaint(block: Json, state: Json) -> str | None:
    """What the page itself says about an input before the app hears of it; None when there is nothing to say."""
    element = block["element"]
    value = state[value_key(element) or "value"]
    if value in (None, "", []):
        return None if block.get("optional") else "Please complete this required field."
    if element["type"] in _TEXT_INPUTS:
        return _text_complaint(element, str(value))
    return None


def _text_complaint(element: Json, text: str) -> str | None:
    if len(text) < element.get("min_length", 0):
        return f"This needs at least {element['min_length']} characters."
    if len(text) > element.get("max_length", 3000):
        return f"This takes at most {element.get('max_length', 3000)} characters."
    if element["type"] == "number_input":
        return _number_complaint(element, text)
    if element["type"] == "email_text_input" and "@" not in text:
        return "Please enter a valid email address."
    if element["type"] == "url_text_input" and "://" not in text:
        return "Please enter a valid URL."
    return None


def _number_complaint(element: Json, text: str) -> str | None:
    try:
        number = float(text)
    except ValueError:
        return "Please enter a number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "Please enter a whole number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"This must be at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"This must be at most {element['max_value']}."
    return None


def _as_list(given: Any) -> list[Any]:
    if given in (None, ""):
        return []
    return given if isinstance(given, list) else [given]
