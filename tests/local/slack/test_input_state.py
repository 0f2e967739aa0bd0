"""Values people enter, as payloads carry them."""

import pytest

from local.slack.errors import ControlError
from local.slack.input_state import entered, initial_state
from tests.local.slack.people import actions, button, text_input


def test_an_input_starts_with_its_initial_value_and_keeps_what_was_entered() -> None:
    blocks = [text_input(initial_value="draft"), actions(button())]
    fresh = initial_state(blocks, {})
    assert fresh == {"reason": {"text": {"type": "plain_text_input", "value": "draft"}}}
    known = {"reason": {"text": {"type": "plain_text_input", "value": "final"}}}
    assert initial_state(blocks, known) == known


def test_what_was_entered_does_not_outlive_a_change_of_type() -> None:
    known = {"reason": {"text": {"type": "datepicker", "selected_date": "2026-11-22"}}}
    assert initial_state([text_input()], known) == {"reason": {"text": {"type": "plain_text_input", "value": None}}}


def test_a_button_takes_no_value() -> None:
    with pytest.raises(ControlError, match="A button takes no value"):
        entered(button(), "x")
