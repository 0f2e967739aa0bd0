"""What graders read of a row: which part of a line is its item, and which fields a grader names that the item lacks."""

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from jobs.graders.fields import nearest
from jobs.graders.kinds import Grader, PythonGrader
from jobs.graders.sandbox.template import item_paths

ANSWER_WORDS: Final = ("reference", "answer", "label", "target", "expected", "gold", "correct", "truth", "ideal")
MOST_DEPTH: Final = 3
_REFERENCE: Final = "reference_answer"
_ASKING: Final = ("messages", "text_input", _REFERENCE)
_GUARDS = (ast.If, ast.IfExp, ast.Try, ast.BoolOp, ast.While, ast.For, ast.Lambda, ast.FunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

Path: TypeAlias = tuple[str, ...]
"""The keys under which a value stands in an item, the outermost first."""


class TwoItems(ValueError):
    """A line says the same thing twice and differently; the text names the field."""


def item_in(line: Mapping[str, object]) -> object:
    """Return the item of a line: the line itself, or its `item` together with what stands next to that.

    A line with a reference of its own, whose `item` has none, is bare: `item` is a field like any other. A `sample`
    next to an item belongs to an answer and not to the row.

    Raises:
        TwoItems: messages, text or reference stand in the item and next to it, and differ.
    """
    inner = line.get("item")
    if "item" not in line or (line.get(_REFERENCE) is not None and not _has(inner, _REFERENCE)):
        return line
    if not isinstance(inner, Mapping):
        return line if {"text_input", "messages"} & line.keys() else inner
    beside = {key: value for key, value in line.items() if key not in {"item", "sample"} and value is not None}
    for key in _ASKING:
        if _has(inner, key) and key in beside and beside[key] != inner[key]:
            raise TwoItems(f"field '{key}' stands in 'item' and next to it, and the two differ")
    return beside | {key: value for key, value in inner.items() if value is not None or key not in beside}


def is_answer(field: str) -> bool:
    """Return whether a row's field is called as right answers are."""
    return field != "messages" and any(word in field.lower() for word in ANSWER_WORDS)


def lacking(grader: Grader, item: Mapping[str, object]) -> str | None:
    """Return what a grader reads and an item lacks, as a sentence without its row; None if it lacks nothing.

    Every answer to such an item would earn nothing. A reference that is null is no reference. Of what the source of a
    python grader reads under a condition, or with a default, one answer suffices.
    """
    for part in grader.parts:
        if isinstance(part, PythonGrader):
            certain, answers = _read_by(part.source)
            missing = next((path for path in certain if not _is_there(path, item)), None)
            if missing is None and answers and not any(_is_there(path, item) for path in answers):
                missing = answers[0]
        else:
            read = (path for template in getattr(part, "templates", ()) for path in item_paths(template))
            missing = next((path for path in read if not _is_there(path, item)), None)
        if missing is not None:
            return _sentence(part.name, missing, item)
    return None


def _sentence(grader: str, path: Path, item: Mapping[str, object]) -> str:
    said = f"the grader {grader} reads item.{'.'.join(path)}, which is not there"
    places = {".".join(each): each for each in _paths(item)}
    if ".".join(path) in places:
        return f"the grader {grader} reads item.{'.'.join(path)}, which is null."
    by_last = {each[-1]: place for place, each in reversed(places.items())}
    close = nearest(path[-1], tuple(by_last))
    return f"{said}; did you mean item.{by_last[close]}?" if close else f"{said}; there is {', '.join(list(item)[:8])}."


def _has(value: object, key: str) -> bool:
    return isinstance(value, Mapping) and value.get(key) is not None


def _is_there(path: Path, item: object) -> bool:
    value = item
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list | tuple) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return False
    return value is not None or not is_answer(path[-1])


def _paths(item: Mapping[str, object], before: Path = ()) -> Iterator[Path]:
    for key, value in item.items():
        yield (*before, key)
        if isinstance(value, Mapping) and len(before) + 1 < MOST_DEPTH:
            yield from _paths(value, (*before, key))


# -- what a source reads ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _read_by(source: str) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return what a source reads of the item whatever the answer is, and what it may read that is called an answer."""
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    grade = next((each for each in reversed(functions) if each.name == "grade"), None)
    if grade is None or len(arguments := [*grade.args.posonlyargs, *grade.args.args]) < 2:
        return (), ()
    names = frozenset({arguments[1].arg, "item"})
    asked = {key for node in ast.walk(tree) if (key := _asked(node))}
    every = [path for node in ast.walk(tree) if (path := _path(node, names))]
    whole = [path for path in every if not any(other[: len(path)] == path and other != path for other in every)]
    certain = [path for node in _unconditional(grade) if (path := _subscripts(node, names)) and not asked & {*path}]
    answers = [path for path in whole if is_answer(path[-1]) and path[-1] not in asked]
    return tuple(dict.fromkeys(certain)), tuple(dict.fromkeys(answers))


def _asked(node: ast.AST) -> str | None:
    """Return the key of `"reference" in item`: the source knows what to do without it."""
    match node:
        case ast.Compare(ast.Constant(str(key)), [ast.In() | ast.NotIn(), *_]):
            return key
    return None


def _unconditional(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is run whenever a function is: nothing in a branch, a loop, or a function within."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _GUARDS + _COMPREHENSIONS):
            yield child
            yield from _unconditional(child)


def _subscripts(node: ast.AST, names: frozenset[str]) -> Path | None:
    """Return the path of `item["a"]["b"]`; () for the item, None for anything else."""
    match node:
        case ast.Name(name) if name in names:
            return ()
        case ast.Subscript(value, ast.Constant(str(key))) if (before := _subscripts(value, names)) is not None:
            return (*before, key)
    return None


def _path(node: ast.AST, names: frozenset[str]) -> Path | None:
    """Return the path of a value that is read by subscripts or by `get` with nothing of use as its default."""
    match node:
        case ast.Name(name) if name in names:
            return ()
        case ast.BoolOp(ast.Or(), [first, *_]):
            return _path(first, names)
        case ast.Subscript(value, ast.Constant(str(key))) if (before := _path(value, names)) is not None:
            return (*before, key)
        case ast.Call(ast.Attribute(value, "get"), [ast.Constant(str(key)), *default]) if not any(map(_says, default)):
            before = _path(value, names)
            return None if before is None else (*before, key)
    return None


def _says(default: ast.expr) -> bool:
    """Return whether a default is a value: not None, and not an empty text, list or object."""
    match default:
        case ast.Constant(None | "") | ast.List([]) | ast.Dict([]) | ast.Tuple([]):
            return False
    return True
