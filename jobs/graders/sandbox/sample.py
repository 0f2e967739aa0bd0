"""An answer of a model as graders see it."""

from json import loads


def sample_of(output_text: str) -> dict[str, object]:
    """The `sample` argument, with the keys that OpenAI's graders get."""
    return {
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": output_text}}],
        "output_text": output_text,
        "output_json": read_json(output_text),
        "output_tools": [],
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
