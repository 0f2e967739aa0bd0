"""The Block Kit validator: what Slack takes passes, what it refuses is named with its place."""

import pytest

from local.slack.blocks import Surface, too_much_text, validate, validate_view
from tests.local.slack.people import Json, actions, button, modal, section, text_input

FILE: Json = {"id": "F0ABCDEFG1"}


def plain(text: str = "words") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "words") -> Json:
    return {"type": "mrkdwn", "text": text}


def option(value: str = "v", text: str = "Option") -> Json:
    return {"text": plain(text), "value": value}


def image(**fields: object) -> Json:
    return {"type": "image", "alt_text": "A curve", **fields}


def with_accessory(element: Json) -> Json:
    return section() | {"accessory": element}


def input_of(element: Json) -> Json:
    return {"type": "input", "label": plain(), "element": element}


def select(kind: str = "static_select", **fields: object) -> Json:
    return {"type": kind, "action_id": "pick", "options": [option()], **fields}


def table(*rows: list[Json], **fields: object) -> Json:
    return {"type": "table", "rows": list(rows), **fields}


def cell(text: str = "x") -> Json:
    return {"type": "raw_text", "text": text}


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def line(*elements: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(elements)}


def chart(kind: str = "line", **fields: object) -> Json:
    series = [{"name": "train", "data": [{"label": "1", "value": 0.2}, {"label": "2", "value": 0.4}]}]
    body = {"type": kind, "series": series, "axis_config": {"categories": ["1", "2"]}, **fields}
    return {"type": "data_visualization", "title": "Reward", "chart": body}


def pie(value: float) -> Json:
    return {
        "type": "data_visualization",
        "title": "Share",
        "chart": {"type": "pie", "segments": [{"label": "a", "value": value}]},
    }


CARD: Json = {"type": "card", "title": mrkdwn(), "body": mrkdwn(), "actions": [button()]}
TASK: Json = {"type": "task_card", "task_id": "t1", "title": "Train", "status": "in_progress"}

TAKEN: list[tuple[Surface, Json]] = [
    ("message", section()),
    ("message", {"type": "section", "fields": [mrkdwn(), plain()], "block_id": "b"}),
    ("message", with_accessory(button() | {"style": "danger", "confirm": {"title": plain(), "text": mrkdwn()}})),
    ("message", with_accessory(image(image_url="https://example.com/a.png"))),
    (
        "message",
        with_accessory({"type": "overflow", "action_id": "o", "options": [{"text": plain(), "url": "https://a.b"}]}),
    ),
    ("message", {"type": "header", "text": plain(), "level": 2}),
    ("message", {"type": "divider"}),
    ("message", image(slack_file=FILE, title=plain())),
    ("message", actions(button(), select(), {"type": "datepicker", "initial_date": "2026-11-22"})),
    ("message", {"type": "context", "elements": [mrkdwn(), image(slack_file=FILE)]}),
    ("message", {"type": "markdown", "text": "# Title"}),
    (
        "message",
        table([cell(), {"type": "raw_number", "value": 1.5, "text": "1.5"}], column_settings=[{"align": "right"}]),
    ),
    (
        "message",
        {"type": "data_table", "caption": "Runs", "rows": [[cell()], [rich(line({"type": "text", "text": "x"}))]]},
    ),
    ("message", chart()),
    ("message", pie(1)),
    ("message", CARD),
    ("message", {"type": "carousel", "elements": [CARD]}),
    ("message", {"type": "plan", "title": "Job", "tasks": [TASK]}),
    ("message", {"type": "container", "title": plain(), "child_blocks": [section()]}),
    ("message", {"type": "context_actions", "elements": [{"type": "icon_button", "icon": "trash", "text": plain()}]}),
    (
        "message",
        rich(
            line(
                {"type": "link", "url": "https://a.b"},
                {"type": "user", "user_id": "U1"},
                {"type": "emoji", "name": "ok"},
            ),
            {"type": "rich_text_list", "style": "bullet", "elements": [line()], "indent": 1},
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "code", "style": {"bold": True}}]},
        ),
    ),
    ("modal", text_input(multiline=True, max_length=500)),
    ("modal", input_of(select("multi_static_select", max_selected_items=2))),
    ("modal", input_of(select(option_groups=[{"label": plain(), "options": [option()]}], options=None))),
    ("modal", input_of({"type": "number_input", "is_decimal_allowed": False, "min_value": "1"})),
    ("modal", input_of({"type": "radio_buttons", "options": [option()], "initial_option": option()})),
    ("modal", {"type": "alert", "text": plain(), "level": "warning"}),
    ("home", section()),
]


@pytest.mark.parametrize(("surface", "block"), TAKEN, ids=lambda value: str(value)[:60])
def test_what_slack_takes_passes(surface: Surface, block: Json) -> None:
    assert validate([block], surface) == []


REFUSED: list[tuple[Json, str, str]] = [
    (section(""), "too_short", "/blocks/0/text/text"),
    (section("x" * 3001), "too_long", "/blocks/0/text/text"),
    ({"type": "section"}, "missing_field", "/blocks/0"),
    ({"type": "section", "fields": [mrkdwn()] * 11}, "too_many_items", "/blocks/0/fields"),
    ({"type": "section", "fields": [mrkdwn("x" * 2001)]}, "too_long", "/blocks/0/fields/0/text"),
    (section() | {"colour": "red"}, "unknown_field", "/blocks/0"),
    (section() | {"block_id": "x" * 256}, "too_long", "/blocks/0/block_id"),
    (section() | {"text": "bare"}, "wrong_type", "/blocks/0/text"),
    (section() | {"text": {"text": "no type"}}, "missing_field", "/blocks/0/text"),
    (section() | {"expand": "yes"}, "wrong_type", "/blocks/0/expand"),
    ({"type": "header", "text": mrkdwn()}, "unsupported_type", "/blocks/0/text/type"),
    ({"type": "header", "text": plain("x" * 151)}, "too_long", "/blocks/0/text/text"),
    ({"type": "header", "text": plain(), "level": 5}, "out_of_range", "/blocks/0/level"),
    ({"type": "header", "text": plain(), "level": 0}, "out_of_range", "/blocks/0/level"),
    ({"type": "header", "text": plain(), "level": 1.5}, "wrong_type", "/blocks/0/level"),
    ({"type": "spaceship"}, "unsupported_type", "/blocks/0/type"),
    ({"text": "no type"}, "missing_field", "/blocks/0"),
    (image(), "not_exactly_one", "/blocks/0"),
    (image(slack_file=FILE, image_url="https://a.b/c.png"), "not_exactly_one", "/blocks/0"),
    (image(slack_file={"id": "F0ABCDEFG1", "url": "https://a.b"}), "not_exactly_one", "/blocks/0/slack_file"),
    (image(slack_file={"id": "f123"}), "unsupported_value", "/blocks/0/slack_file/id"),
    ({"type": "image", "slack_file": FILE}, "missing_field", "/blocks/0"),
    (actions(*[button(f"b{n}") for n in range(26)]), "too_many_items", "/blocks/0/elements"),
    (actions(), "too_few_items", "/blocks/0/elements"),
    (actions() | {"elements": {}}, "wrong_type", "/blocks/0/elements"),
    (actions(button(text="x" * 76)), "too_long", "/blocks/0/elements/0/text/text"),
    (actions(button(value="x" * 2001)), "too_long", "/blocks/0/elements/0/value"),
    (actions(button() | {"style": "default"}), "unsupported_value", "/blocks/0/elements/0/style"),
    (actions(button() | {"url": "javascript:alert(1)"}), "unsupported_value", "/blocks/0/elements/0/url"),
    (actions(button(), button(value="2")), "duplicate_id", "/blocks/0/elements"),
    (actions(select("multi_static_select")), "unsupported_type", "/blocks/0/elements/0/type"),
    (actions(select(options=[option(str(n)) for n in range(101)])), "too_many_items", "/blocks/0/elements/0/options"),
    (actions(select(options=[])), "too_few_items", "/blocks/0/elements/0/options"),
    (actions(select(options=[option("x" * 151)])), "too_long", "/blocks/0/elements/0/options/0/value"),
    (actions(select(options=None)), "not_exactly_one", "/blocks/0/elements/0"),
    (actions(select(initial_option=option("other"))), "inconsistent", "/blocks/0/elements/0"),
    (actions(select(options=[option(), option()])), "duplicate_id", "/blocks/0/elements/0/options"),
    ({"type": "context", "elements": [mrkdwn()] * 11}, "too_many_items", "/blocks/0/elements"),
    ({"type": "context", "elements": [button()]}, "unsupported_type", "/blocks/0/elements/0/type"),
    (input_of(button()), "unsupported_type", "/blocks/0/element/type"),
    (text_input() | {"label": mrkdwn()}, "unsupported_type", "/blocks/0/label/type"),
    (text_input(max_length=3001), "out_of_range", "/blocks/0/element/max_length"),
    (table(*[[cell()]] * 101), "too_many_items", "/blocks/0/rows"),
    (table([cell()] * 21), "too_many_items", "/blocks/0/rows/0"),
    (table([cell("")]), "too_short", "/blocks/0/rows/0/0/text"),
    (table(*[[cell("x" * 2000)]] * 6), "too_long", "/blocks/0/rows"),
    (
        {"type": "data_table", "caption": "c", "rows": [[rich(line())], [cell()]]},
        "unsupported_type",
        "/blocks/0/rows/0/0/type",
    ),
    ({"type": "data_table", "caption": "c", "rows": [[cell()], [cell()] * 2]}, "inconsistent", "/blocks/0/rows"),
    (actions(select(options=["bare"])), "wrong_type", "/blocks/0/elements/0/options/0"),
    (chart(series=[]), "too_few_items", "/blocks/0/chart/series"),
    (chart(axis_config={"categories": ["1"]}), "inconsistent", "/blocks/0/chart/series/0/data"),
    (
        chart(series=[{"name": "a", "data": [{"label": "1", "value": True}]}]),
        "wrong_type",
        "/blocks/0/chart/series/0/data/0/value",
    ),
    (chart(series=chart()["chart"]["series"] * 2), "duplicate_id", "/blocks/0/chart/series"),
    (pie(0), "out_of_range", "/blocks/0/chart/segments/0/value"),
    ({"type": "card", "icon": image(slack_file=FILE)}, "missing_field", "/blocks/0"),
    ({"type": "alert", "text": plain()}, "unsupported_surface", "/blocks/0/type"),
    ({"type": "markdown", "text": 5}, "wrong_type", "/blocks/0/text"),
]


@pytest.mark.parametrize(("block", "code", "pointer"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_slack_refuses_is_named_with_its_place(block: Json, code: str, pointer: str) -> None:
    first, *_ = validate([block], "message")
    assert (first.code, first.pointer) == (code, pointer)


@pytest.mark.parametrize(("surface", "most"), [("message", 50), ("modal", 100), ("home", 100)])
def test_each_surface_has_its_number_of_blocks(surface: Surface, most: int) -> None:
    assert validate([{"type": "divider"}] * most, surface) == []
    [problem] = validate([{"type": "divider"}] * (most + 1), surface)
    assert problem.sentence == f"no more than {most} items allowed [json-pointer:/blocks]"


@pytest.mark.parametrize("kind", ["table", "data_visualization", "markdown", "plan", "context_actions"])
def test_message_blocks_stay_out_of_homes_and_modals(kind: str) -> None:
    for surface in ("modal", "home"):
        [problem] = validate([section(), {"type": kind}], surface)
        assert (problem.code, problem.pointer) == ("unsupported_surface", "/blocks/1/type")


def test_a_field_that_is_null_counts_as_absent() -> None:
    assert validate([section() | {"accessory": None}], "message") == []
    [absent, unknown] = validate([image(slack_file=FILE) | {"alt_text": None, "colour": None}], "message")
    assert (absent.code, unknown.code) == ("missing_field", "unknown_field")


def test_blocks_must_be_a_list_of_objects() -> None:
    assert [problem.code for problem in validate("text", "message")] == ["wrong_type"]
    assert [problem.code for problem in validate(["text"], "message")] == ["wrong_type"]
    assert [problem.code for problem in validate([{"type": []}], "message")] == ["missing_field"]
    assert [problem.code for problem in validate_view({"type": []})] == ["missing_field"]


@pytest.mark.parametrize(
    ("blocks", "code", "pointer"),
    [
        ([section() | {"block_id": "a"}] * 2, "duplicate_id", "/blocks/1/block_id"),
        ([table([cell()]), section(), table([cell()])], "only_one_table_allowed", "/blocks/2"),
        ([chart()] * 3, "too_many_charts", "/blocks/2"),
        ([{"type": "markdown", "text": "x" * 6001}] * 2, "too_long", "/blocks"),
    ],
)
def test_rules_over_several_blocks(blocks: list[Json], code: str, pointer: str) -> None:
    [problem] = validate(blocks, "message")
    assert (problem.code, problem.pointer) == (code, pointer)


def test_the_same_action_id_may_stand_in_different_blocks() -> None:
    assert validate([actions(button(), block_id="a"), actions(button(), block_id="b")], "message") == []


def test_text_over_all_blocks_has_a_limit_of_its_own() -> None:
    assert not too_much_text([section("x" * 3000)] * 4)
    assert too_much_text([section("x" * 3000)] * 4 + [section("x")])


@pytest.mark.parametrize(
    ("view", "code", "pointer"),
    [
        ([], "wrong_type", "/view"),
        ({"type": "sheet"}, "unsupported_type", "/view/type"),
        (modal(title=None), "missing_field", "/view"),
        (modal(title=plain("x" * 25)), "too_long", "/view/title/text"),
        (modal(close=mrkdwn()), "unsupported_type", "/view/close/type"),
        (modal(private_metadata="x" * 3001), "too_long", "/view/private_metadata"),
        (modal(callback_id="x" * 256), "too_long", "/view/callback_id"),
        (modal(submit=None), "missing_submit", "/view/submit"),
        (modal(section("")), "too_short", "/view/blocks/0/text/text"),
        ({"type": "home", "blocks": [], "title": plain()}, "unknown_field", "/view"),
        ({"type": "home"}, "missing_field", "/view"),
        ({"type": "home", "blocks": [{"type": "markdown", "text": "x"}]}, "unsupported_surface", "/view/blocks/0/type"),
        (modal({"type": "spaceship"}), "unsupported_type", "/view/blocks/0/type"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_views_are_checked_with_their_own_fields(view: object, code: str, pointer: str) -> None:
    first, *_ = validate_view(view)
    assert (first.code, first.pointer) == (code, pointer)


def test_good_views_pass() -> None:
    assert validate_view(modal()) == []
    assert validate_view(modal(section(), submit=None, notify_on_close=True, private_metadata="")) == []
    assert validate_view({"type": "home", "blocks": [section()]}) == []
