"""What is said about a YAML file that is wrong, for any shape."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, TypeAdapter

from jobs.core.errors import InvalidRequest
from jobs.core.validation import Section, expected, read_yaml


class Inner(Section):
    count: Annotated[int, Field(ge=1)] = 1
    share: Annotated[float | None, Field(gt=0, le=0.5)] = None
    word: Literal["a", "b"] = "a"


class Outer(Section):
    needed: str
    inner: Inner = Inner()
    more: dict[str, Inner] = Field(default_factory=dict)


OUTER = TypeAdapter(Outer)


def read(text: str, *, quote: bool = True) -> Outer:
    file = read_yaml(text, "some/file.yaml", "keys")
    return file.read(OUTER, file.values, quote=quote)


def complaint(text: str, *, quote: bool = True) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read(text, quote=quote)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inner: {}", "line 1: 'needed' is missing."),
        ("needed: x\ninner:\n  cuont: 1", "line 3: 'inner.cuont' is not a key of file.yaml; did you mean 'count'?"),
        (
            "needed: x\nmore:\n  one:\n    count: 0",
            "line 4: 'more.one.count' must be a whole number of at ",
        ),
        ("needed: x\nmore: {a: &a {count: 0}, b: *a}", "line 2: 'more.a.count' must be a whole number of at least 1,"),
        (
            "needed: x\nmore:\n  a: &a {word: a}\n  b: {<<: *a, share: 2}",
            "line 4: 'more.b.share' must be a number ",
        ),
        ("needed: 3", "line 1: 'needed' must be text, not a number; put it in quotes."),
        ("needed: x\ninner: [1]", "line 2: 'inner' must hold keys of its own, not a list."),
        ("{a: 1}: x\nneeded: 3", "line 1 is not YAML: "),
    ],
)
def test_file_line_key_and_what_would_be_right_are_said(text: str, said: str) -> None:
    assert complaint(text).startswith(f"some/file.yaml {said}")


def test_a_text_that_may_be_a_secret_is_not_repeated() -> None:
    assert complaint("needed: x\ninner: {word: sk-1}", quote=False).endswith("must be one of a, b, not text.")


def test_a_key_without_a_value_has_its_default() -> None:
    assert read("needed: x\ninner: {count: }\nmore: ") == Outer(needed="x")


def test_what_is_expected_is_said_in_words() -> None:
    assert expected(OUTER, "inner", "share") == "a number above 0 and up to 0.5"
    assert expected(OUTER, "inner", "word") == "one of a, b"
