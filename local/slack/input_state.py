"""The values people enter: what an input shows at first, and what an entered value becomes in a payload."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from local.slack.blocks.contents import controls_of
from local.slack.errors import ControlError, Json

Values: TypeAlias = Mapping[str, Mapping[str, Json]]
"""block_id to action_id to the value as Slack's `state.values` shows it."""

_TEXT_INPUTS = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input"})

# element type: (key of the value in a payload, key of the initial value in the element)
_KEYS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(_TEXT_INPUTS, ("value", "initial_value")),
    **dict.fromkeys(
        ("static_select", "external_select", "radio_buttons", "overflow"), ("selected_option", "initial_option")
    ),
    **dict.fromkeys(
        ("multi_static_select", "multi_external_select", "checkboxes"), ("selected_options", "initial_options")
    ),
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


def takes_value(element: Json) -> bool:
    """Whether a person enters or picks something in it; false for buttons."""
    return element["type"] in _KEYS


def has_state(element: Json) -> bool:
    """Whether its value appears in `state.values`."""
    return takes_value(element) and element["type"] != "overflow"


def initial_state(blocks: Sequence[Json], known: Values) -> dict[str, dict[str, Json]]:
    """`state.values` of these blocks: what was entered before (`known`), else the initial values."""
    values: dict[str, dict[str, Json]] = {}
    for block, element in controls_of(blocks):
        if not has_state(element):
            continue
        kind, block_id, action_id = element["type"], block["block_id"], element["action_id"]
        key, initial = _KEYS[kind]
        fresh = {"type": kind, key: element.get(initial, [] if key.endswith("s") else None)}
        kept = known.get(block_id, {}).get(action_id)
        values.setdefault(block_id, {})[action_id] = kept if kept and kept["type"] == kind else fresh
    return values


def entered(element: Json, given: Any) -> Json:
    """The state of an element after a person gave it a value.

    Args:
        element: as it is in the block.
        given: a text, an option's value, a list of those, or what Slack's own payload would hold (an option object).
    """
    if not takes_value(element):
        raise ControlError(f"A {element['type']} takes no value.")
    key, _ = _KEYS[element["type"]]
    nothing = given in (None, "")
    value: Any
    if key.endswith("s"):
        listed = [] if nothing else given if isinstance(given, list) else [given]
        value = [option_of(element, one) for one in listed] if key == "selected_options" else listed
    elif nothing:
        value = None
    else:
        value = option_of(element, given) if key == "selected_option" else str(given)
    return {"type": element["type"], key: value}


def option_of(element: Json, given: Any) -> Json:
    """The option of a select that was meant: by its value, else by its text."""
    wanted = given.get("value") if isinstance(given, dict) else given
    options = [*element.get("options", [])]
    for group in element.get("option_groups", []):
        options += group["options"]
    by_value = [option for option in options if option.get("value") == wanted]
    by_text = [option for option in options if option["text"]["text"] == wanted]
    if not by_value and not by_text:
        known = ", ".join(str(option.get("value")) for option in options)
        raise ControlError(f"{element['action_id']} has no option {wanted!r}. It has: {known}.")
    return dict((by_value or by_text)[0])


def complaint(block: Json, state: Json) -> str | None:
    """What the page itself says about an input before the app hears of it; None if it is filled in well."""
    element = block["element"]
    value = state[_KEYS[element["type"]][0]]
    if value in (None, "", []):
        return None if block.get("optional") else "Please complete this required field."
    return _text_complaint(element, str(value)) if element["type"] in _TEXT_INPUTS else None


def _text_complaint(element: Json, text: str) -> str | None:
    kind, least, most = element["type"], element.get("min_length", 0), element.get("max_length", 3000)
    checks = (
        (len(text) < least, f"This needs at least {least} characters."),
        (len(text) > most, f"This takes at most {most} characters."),
        (kind == "email_text_input" and "@" not in text, "Please enter a valid email address."),
        (kind == "url_text_input" and "://" not in text, "Please enter a valid URL."),
    )
    first = next((sentence for wrong, sentence in checks if wrong), None)
    return _number_complaint(element, text) if first is None and kind == "number_input" else first


def _number_complaint(element: Json, text: str) -> str | None:
    try:
        number = float(text)
    except ValueError:
        return "Please enter a number."
    low, high = element.get("min_value", "-inf"), element.get("max_value", "inf")
    checks = (
        (not element.get("is_decimal_allowed") and not number.is_integer(), "Please enter a whole number."),
        (number < float(low), f"This must be at least {low}."),
        (number > float(high), f"This must be at most {high}."),
    )
    return next((sentence for wrong, sentence in checks if wrong), None)
