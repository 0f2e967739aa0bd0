"""An answer of a model as graders see it."""

from collections.abc import Mapping, Sequence
from json import loads


def sample_of(output_text: str, tool_calls: Sequence[Mapping[str, object]] = ()) -> dict[str, object]:
    """The `sample` argument, with the keys that OpenAI's graders get; calls of tools as chat completions have them."""
    calls = [dict(call) for call in tool_calls]
    message: dict[str, object] = {"role": "assistant", "content": output_text}
    if calls:
        message |= {"content": output_text or None, "tool_calls": calls}
    return {
        "choices": [{"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}],
        "output_text": output_text,
        "output_json": read_json(output_text),
        "output_tools": calls,
        "output_audio": None,
    }


def read_json(text: str) -> object | None:
    """`text` as strict JSON (no NaN, no Infinity); None if it is not."""
    try:
        value: object = loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
