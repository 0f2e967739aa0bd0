"""Reads the models of structured outputs (`class Answer(BaseModel)`) as text, without running them."""

import ast
from collections.abc import Iterator, Mapping
from typing import Final

_PLAIN: Final[Mapping[str, str]] = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
Schema = dict[str, object]


class _Unreadable(ValueError):
    """A model says more than fields of plain types."""


def schema_of_models(tree: ast.Module) -> Schema | None:
    """Return the strict JSON Schema, with its name, of the one model that no other model uses; None if there is none.

    Fields may be text, numbers, true or false, literals, lists, other models, or one of these or None. A file with
    anything else is not read: a schema that is nearly right would be wrong.
    """
    models = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef) and _is_model(node)}
    used = {name for node in models.values() for name in _names(node) if name in models and name != node.name}
    roots = [name for name in models if name not in used]
    if len(roots) != 1:
        return None
    try:
        return {"name": roots[0], "strict": True, "schema": _object(roots[0], models, ())}
    except _Unreadable:
        return None


def _is_model(node: ast.ClassDef) -> bool:
    return [ast.unparse(base) for base in node.bases] in (["BaseModel"], ["pydantic.BaseModel"])


def _names(node: ast.ClassDef) -> Iterator[str]:
    for field in node.body:
        if isinstance(field, ast.AnnAssign):
            yield from (name.id for name in ast.walk(field.annotation) if isinstance(name, ast.Name))


def _object(name: str, models: Mapping[str, ast.ClassDef], within: tuple[str, ...]) -> Schema:
    if name in within:
        raise _Unreadable
    properties: dict[str, object] = {}
    for field in models[name].body:
        match field:
            case ast.AnnAssign(target=ast.Name(id=key), annotation=annotation, value=None):
                properties[key] = _type(annotation, models, (*within, name))
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                continue
            case _:
                raise _Unreadable
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _type(node: ast.expr, models: Mapping[str, ast.ClassDef], within: tuple[str, ...]) -> Schema:
    match node:
        case ast.Name(id=name) if name in _PLAIN:
            return {"type": _PLAIN[name]}
        case ast.Name(id=name) if name in models:
            return _object(name, models, within)
        case ast.Subscript(value=ast.Name(id="list" | "List"), slice=inner):
            return {"type": "array", "items": _type(inner, models, within)}
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            values = [each.value for each in getattr(inner, "elts", [inner]) if isinstance(each, ast.Constant)]
            if values and all(isinstance(value, str) for value in values):
                return {"type": "string", "enum": values}
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return {"anyOf": [_type(inner, models, within), {"type": "null"}]}
        case ast.BinOp(left=inner, op=ast.BitOr(), right=ast.Constant(value=None)):
            return {"anyOf": [_type(inner, models, within), {"type": "null"}]}
    raise _Unreadable
