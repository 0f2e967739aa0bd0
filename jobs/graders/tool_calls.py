"""Tools that a row offers a model, and calls of them as chat completions spell them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

Call: TypeAlias = Mapping[str, object]
"""`{"id", "type": "function", "function": {"name", "arguments"}}`, arguments as JSON in a text."""


def offered_tools(item: Mapping[str, object]) -> tuple[Mapping[str, object], ...]:
    """The tools that a row offers the model, as it gave them; () where its `tools` are something else."""
    tools = item.get("tools")
    is_list = isinstance(tools, list) and all(isinstance(tool, dict) and "type" in tool for tool in tools)
    return tuple(tools) if is_list and isinstance(tools, list) else ()


def functions(item: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    """The functions among the tools that a row offers: name to JSON Schema of the arguments."""
    told = [tool.get("function", tool) for tool in offered_tools(item) if tool["type"] == "function"]
    return {
        str(each["name"]): each.get("parameters") or {} for each in told if isinstance(each, Mapping) and "name" in each
    }


def call_of(name: str, arguments: object, number: int = 1) -> Call:
    """A call of a function; arguments that are no text become JSON."""
    said = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, default=str)
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": said}}


def calls_in(reference: object, known: Iterable[str]) -> tuple[Call, ...]:
    """The calls that a reference answer describes: a name of the `known`, `{"name", "arguments"}`, or a list of such.

    Empty where it describes anything else.
    """
    each, found = [reference] if isinstance(reference, str | Mapping) else reference, list[Call]()
    if not isinstance(each, Sequence):
        return ()
    names = frozenset(known)
    for number, one in enumerate(each, 1):
        told = one.get("function", one) if isinstance(one, Mapping) else {"name": one}
        name = told.get("name") if isinstance(told, Mapping) else told
        if not isinstance(name, str) or name not in names:
            return ()
        found.append(call_of(name, told.get("arguments") or {} if isinstance(told, Mapping) else {}, number))
    return tuple(found)


def called(calls: Sequence[Call]) -> tuple[str, ...]:
    """The names of the functions that are called, in order."""
    told = [call.get("function") for call in calls]
    return tuple(str(each.get("name")) for each in told if isinstance(each, Mapping))


def shown_calls(calls: Sequence[Call]) -> str:
    """Calls for people, one a line: `find({"shelf": 4})`."""
    told = [call.get("function") for call in calls]
    return "\n".join(f"{each.get('name')}({each.get('arguments')})" for each in told if isinstance(each, Mapping))
