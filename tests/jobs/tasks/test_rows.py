"""A split's lines: what is a row, and which line and field is not."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from jobs.core.errors import InvalidRequest, NotFound
from jobs.core.records import Message
from jobs.tasks import Row, TaskCatalogue, conversation
from jobs.tasks.rows import read_rows, rows_of, tools_of
from tests.jobs.tasks.folder import line, write_folder

USER = {"role": "user", "content": "Which?"}


def read(*values: object, split: str = "train") -> tuple[Row, ...]:
    content = "".join(f"{value if isinstance(value, str) else json.dumps(value)}\n" for value in values)
    return read_rows(content.encode(), "small/train.jsonl", split)


def test_wrapped_and_bare_items_are_the_same() -> None:
    item = {"id": "a", "text_input": "text", "extra": [1]}
    assert read({"item": item}) == read(item) == (Row("a", item),)


@pytest.mark.parametrize("beside", [{}, {"id": "a"}, {"sample": {"output_text": "x"}}, {"text_input": None}])
def test_messages_may_stand_in_the_item_or_next_to_it(beside: dict[str, object]) -> None:
    item = {"id": "a", "reference_answer": ["fish"]}
    (row,) = read({"item": item, "messages": [USER], "tools": [TOOL], **beside})
    assert row == Row("a", {**item, "messages": [USER], "tools": [TOOL]}, (Message("user", "Which?"),))


def test_what_stands_in_the_item_wins_over_what_stands_next_to_it() -> None:
    (row,) = read({"item": {"id": "a", "text_input": "x"}, "id": "outer", "source": "web", "reference_answer": None})
    assert row == Row("a", {"id": "a", "text_input": "x", "source": "web"})


def test_a_bare_row_may_have_a_field_called_item() -> None:
    bare = {"text_input": "x", "item": {"sku": 3}, "reference_answer": "a"}
    assert read(bare, {"text_input": "y", "item": "shoe"}) == (
        Row("train-1", bare),
        Row("train-2", {"text_input": "y", "item": "shoe"}),
    )


def test_a_row_that_is_asked_in_two_ways_is_an_error() -> None:
    with pytest.raises(InvalidRequest, match=r"line 1: field 'text_input' stands in 'item' and next to it, and the"):
        read({"item": {"text_input": "x"}, "text_input": "y"})


def test_a_row_without_an_id_is_called_by_its_line() -> None:
    assert [row.id for row in read("", {"text_input": "a"}, {"text_input": "b", "id": 7})] == ["train-2", "7"]


def test_an_id_may_be_null_or_any_number() -> None:
    ids = [
        row.id
        for row in read({"id": None, "text_input": "a"}, {"id": 0, "text_input": "b"}, {"id": 1.5, "text_input": "c"})
    ]
    assert ids == ["train-1", "0", "1.5"]


@pytest.mark.parametrize("key", [None, "data", "rows"])
@pytest.mark.parametrize("indent", [None, 1])
def test_rows_may_stand_in_one_list(key: str | None, indent: int | None) -> None:
    items = [{"text_input": "a", "reference_answer": 0}, {"item": {"id": "b", "text_input": "c"}}]
    content = json.dumps({key: items} if key else items, indent=indent).encode()
    rows = read_rows(content, "small/train.jsonl", "train")
    assert [row.id for row in rows] == ["train-1", "b"]
    assert rows[0].item["reference_answer"] == 0


def test_what_is_wrong_in_a_list_is_named_by_its_row() -> None:
    content = json.dumps([{"text_input": "a"}, {"wanted": 5}], indent=1).encode()
    with pytest.raises(InvalidRequest, match=r"^small/train\.jsonl row 2 has neither 'text_input' nor 'messages'"):
        read_rows(content, "small/train.jsonl", "train")


def test_an_object_that_holds_no_rows_says_what_is_wanted() -> None:
    content = json.dumps({"data": "none", "text": "x"}, indent=1).encode()
    with pytest.raises(InvalidRequest, match=r"must hold rows, one a line or in one list, not an object"):
        read_rows(content, "small/train.jsonl", "train")


def test_csv_is_read_by_its_heading() -> None:
    (row,) = read_rows(b"id,text_input,reference_answer\n7,hello,a|b\n", "small/train.csv", "train", many=True)
    assert (row.id, row.item["reference_answer"]) == ("7", ["a", "b"])


def test_a_row_may_bring_its_own_messages() -> None:
    parts: list[dict[str, object]] = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    (row,) = read({"id": "a", "messages": [{"role": "developer", "content": "Be short."}, {**USER, "content": parts}]})
    assert row.messages == (Message("developer", "Be short."), Message("user", tuple(parts)))


CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
TURNS: list[dict[str, object]] = [
    {"role": "user", "content": "Where?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "shelf 4"},
    {"role": "assistant", "content": "On shelf 4."},
    {"role": "user", "content": "So?"},
]


def test_turns_that_call_tools_and_several_answers_are_carried(tmp_path: Path) -> None:
    item = {"id": "a", "messages": TURNS, "tools": [TOOL], "reference_answer": "yes"}
    (row,) = read(item)
    assert row.messages is not None
    assert [message.role for message in row.messages] == ["user", "assistant", "tool", "assistant", "user"]
    assert (row.messages[1].content, row.messages[1].more) == ("", {"tool_calls": [CALL]})
    assert row.messages[2].more == {"tool_call_id": "c1"}
    assert tools_of(row) == (TOOL,)
    assert training_line(tmp_path, {"train.jsonl": json.dumps(item)}) == item


@pytest.mark.parametrize("turns", [TURNS[:3], TURNS[:4]])
def test_a_conversation_may_end_with_what_a_tool_returned_or_the_assistant_said(turns: list[dict[str, object]]) -> None:
    (row,) = read({"id": "a", "messages": turns})
    assert row.messages is not None
    assert row.messages[-1].role == turns[-1]["role"]


def test_tools_that_are_a_field_of_the_items_own_are_not_sent() -> None:
    (row,) = read({"text_input": "x", "tools": ["hammer"]})
    assert tools_of(row) == ()


def test_line_separators_inside_a_text_do_not_end_the_line() -> None:
    (row,) = read('{"id": "a", "text_input": "one\u2028two\x85"}')
    assert row.item["text_input"] == "one\u2028two\x85"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("{nope}", "line 2, column 2 is not JSON: "),
        ("[1]", "line 2 must be a JSON object, not a list."),
        ("null", "line 2 must be a JSON object, not nothing."),
        ({"item": 3}, "line 2: field 'item' must be an object, not a number."),
        ({"id": "b"}, "line 2 has neither 'text_input' nor 'messages': there is no user message to answer."),
        ({"id": "b", "text_input": 5}, "line 2: field 'text_input' must be text, not a number."),
        ({"id": "b", "text_input": " "}, "line 2: field 'text_input' is blank."),
        ({"id": "a", "text_input": "x"}, "line 2: field 'id' is 'a', as on line 1; ids must differ."),
        ({"id": True, "text_input": "x"}, "line 2: field 'id' must be text or a number, not true or false."),
        ({"id": "", "text_input": "x"}, "line 2: field 'id' must be text or a number, not empty text."),
        ({"messages": "hi"}, "line 2: field 'messages' must be a list of messages, not text."),
        ({"messages": []}, "line 2: field 'messages' must be a list of messages, not an empty list."),
        ({"messages": [3]}, "line 2: field 'messages[0]' must be an object, not a number."),
        ({"messages": [{"role": "bot", "content": "x"}]}, "line 2: field 'messages[0]' has role 'bot'; allowed: "),
        (
            {"messages": [{"role": "tool", "content": "x"}, USER]},
            "line 2: field 'messages[0]' has role 'tool' and needs",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}, USER]},
            "line 2: field 'messages[0]'.tool_calls has a call without 'id' or without 'function'",
        ),
        ({"messages": [{"role": "user"}]}, "line 2: field 'messages[0]' needs 'content' as text or a list of parts"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "line 2: field 'messages[0]' has a content part that is"),
        (
            {"messages": [USER, {"role": "developer", "content": "Be short."}]},
            "line 2: the last of 'messages' must have role 'user', 'tool' or 'assistant', not 'developer': it is",
        ),
        (
            {"messages": [{"role": "assistant", "content": "This."}]},
            "line 2: field 'messages' has no turn with role 'user': there is nothing to answer.",
        ),
        (
            {"messages": TURNS[:2]},
            "line 2: field 'messages[1].tool_calls' has the call 'c1', and no turn with role 'tool' after it says what",
        ),
        (
            {"messages": [*TURNS[:2], USER, TURNS[2]]},
            "line 2: field 'messages[1].tool_calls' has the call 'c1', and no turn with role 'tool' after it says what",
        ),
        ('{"id": "b", "text_input": "x", "n": NaN}', "line 2 is not JSON: NaN is not a JSON number."),
        ('{"id": "b", "text_input": "\\ud800"}', "line 2 holds half of a surrogate pair, which is no text."),
        ('{"a":' * 50_000, "line 2 is nested too deeply to be read."),
        ('{"id": "b", "text_input": "x", "n": ' + "9" * 5_000 + "}", "line 2 is not JSON: "),
    ],
)
def test_what_is_wrong_is_named(value: object, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read({"id": "a", "text_input": "x"}, value)
    assert str(caught.value).startswith(f"small/train.jsonl {sentence}")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf_8_are_named_by_line_and_byte() -> None:
    with pytest.raises(InvalidRequest, match=r"^small/train\.jsonl line 2, byte 16 is not UTF-8 text"):
        read_rows(b'{"text_input":"x"}\n{"text_input":"\xff"}\n', "small/train.jsonl", "train")


@pytest.mark.parametrize("content", [b"", b"\n\r\n  \n"])
def test_an_empty_split_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"^small/valid\.jsonl has no rows; a split needs at least one\.$"):
        read_rows(content, "small/valid.jsonl", "valid")


@pytest.mark.parametrize(("split", "limit"), [("train", 50_000), ("valid", 1_000), ("test", 50_000)])
def test_a_split_has_at_most_as_many_rows_as_the_platforms_take(split: str, limit: int) -> None:
    def lines(count: int) -> Iterator[tuple[int, object]]:
        return ((number, {"text_input": "x"}) for number in range(1, count + 1))

    assert len(rows_of(lines(limit), "small/x.jsonl", split)) == limit
    with pytest.raises(InvalidRequest, match=f"more than {limit:,} rows, the limit for '{split}'"):
        rows_of(lines(limit + 1), "small/x.jsonl", split)


def training_line(root: Path, changes: Mapping[str, str | bytes | None], prompt: str | None = None) -> object:
    catalogue = TaskCatalogue(write_folder(root, changes))
    return json.loads(catalogue.training_rows(catalogue.load("small"), "train", prompt))


def test_a_rows_own_messages_go_out_as_they_came(tmp_path: Path) -> None:
    row = {"id": "a", "messages": [{"role": "user", "content": "Which?", "name": "ann"}], "tools": [], "n": 1}
    assert training_line(tmp_path, {"train.jsonl": json.dumps({"item": row}), "prompts/v1.md": None}) == row


def test_messages_that_are_null_count_as_absent(tmp_path: Path) -> None:
    sent = training_line(tmp_path, {"train.jsonl": line("a", messages=None)})
    assert isinstance(sent, dict)
    assert [message["role"] for message in sent["messages"]] == ["developer", "user"]


def test_a_prompt_is_chosen_by_its_version(tmp_path: Path) -> None:
    sent = training_line(tmp_path, {"train.jsonl": line("a"), "prompts/v2.md": "Two."}, "v1")
    assert isinstance(sent, dict)
    assert sent["messages"][0]["content"] == "Name the label."


def test_an_unknown_prompt_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"^small has no prompt 'v3'; did you mean 'v1'\?$"):
        training_line(tmp_path, {}, "v3")


def test_a_row_that_needs_a_prompt_says_so(tmp_path: Path) -> None:
    catalogue = TaskCatalogue(write_folder(tmp_path, {"prompts/v1.md": None}))
    task = catalogue.load("small")
    with pytest.raises(InvalidRequest, match=r"^small has no prompt, and row 'a' no messages; add prompts/v1\.md\.$"):
        conversation(task, catalogue.rows(task, "train")[0])
