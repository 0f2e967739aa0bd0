"""Grader definitions as the fine-tuning API spells them: read, checked, and kept as they came."""

import ast
import copy
import difflib
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from jobs.errors import InvalidRequest
from jobs.graders.formula import FUNCTIONS, Formula, FormulaError, parse_formula

LATER_TYPES = ("string_check", "text_similarity", "score_model", "label_model", "endpoint")
MAX_SOURCE_KB = 256
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHARED_FIELDS = ("type", "name", "pass_threshold")
_FUNCTION_TYPES = (ast.FunctionDef, ast.AsyncFunctionDef)


class InvalidGrader(InvalidRequest):
    """A grader definition is malformed.

    Args:
        field: the path of the field at fault, such as `grader.graders.precision.source`.
        reason: what is wrong with it, as the rest of a sentence.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


@dataclass(frozen=True, slots=True)
class PythonGrader:
    """A grader whose score is what its own `grade(sample, item)` returns."""

    type: ClassVar[Literal["python"]] = "python"
    name: str
    source: str = field(repr=False)
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: float | None = None

    @property
    def parts(self) -> tuple["PythonGrader", ...]:
        """The graders that are run and reported: this one."""
        return (self,)


@dataclass(frozen=True, slots=True)
class MultiGrader:
    """Several graders and the formula that makes one reward of their scores."""

    type: ClassVar[Literal["multi"]] = "multi"
    name: str
    graders: Mapping[str, PythonGrader]
    """By the variable that stands for them in the formula, in the definition's order."""
    formula: Formula
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: float | None = None

    @property
    def parts(self) -> tuple[PythonGrader, ...]:
        """The graders that are run and reported: its children."""
        return tuple(self.graders.values())


Grader: TypeAlias = PythonGrader | MultiGrader


def parse_grader(definition: Mapping[str, object], where: str = "grader") -> Grader:
    """The grader that `definition` describes.

    Args:
        definition: OpenAI grader JSON of type `python` or `multi`.
        where: how errors call the definition; a field is named `<where>.<field>`.

    Raises:
        InvalidGrader: an `InvalidRequest` naming the field.
    """
    kind = _type_of(definition, where)
    return _multi(definition, where) if kind == "multi" else _python(definition, where)


def training_definition(grader: Grader) -> dict[str, object]:
    """The definition as a fine-tuning API takes it: without `pass_threshold`, which belongs to evals."""
    stripped = _without_threshold(grader.definition)
    children = stripped.get("graders")
    if isinstance(children, Mapping):
        stripped["graders"] = {key: _without_threshold(child) for key, child in children.items()}
    return stripped


def _without_threshold(definition: Mapping[str, object]) -> dict[str, object]:
    return {key: copy.deepcopy(value) for key, value in definition.items() if key != "pass_threshold"}


def _type_of(definition: object, where: str) -> str:
    if not isinstance(definition, Mapping):
        raise InvalidGrader(where, "must be a JSON object")
    kind = definition.get("type")
    if kind in LATER_TYPES:
        raise InvalidGrader(f"{where}.type", f"{kind} graders are not supported yet; use python or multi")
    if kind not in ("python", "multi"):
        raise InvalidGrader(f"{where}.type", f"must be python or multi, not {_shown(kind)}")
    return str(kind)


def _python(definition: Mapping[str, object], where: str) -> PythonGrader:
    _check_fields(definition, (*_SHARED_FIELDS, "source", "image_tag"), where)
    source = definition.get("source")
    if not isinstance(source, str) or not source.strip():
        raise InvalidGrader(f"{where}.source", "must be Python source that defines `grade(sample, item)`")
    _check_source(source, f"{where}.source")
    if not isinstance(definition.get("image_tag"), str | None):
        raise InvalidGrader(f"{where}.image_tag", "must be text")
    return PythonGrader(_name(definition, where), source, _kept(definition), _threshold(definition, where))


def _multi(definition: Mapping[str, object], where: str) -> MultiGrader:
    _check_fields(definition, (*_SHARED_FIELDS, "graders", "calculate_output"), where)
    graders = _children(definition.get("graders"), f"{where}.graders")
    text = definition.get("calculate_output")
    if not isinstance(text, str):
        raise InvalidGrader(f"{where}.calculate_output", "must be a formula over the names in graders")
    try:
        formula = parse_formula(text, graders)
    except FormulaError as failure:
        raise InvalidGrader(f"{where}.calculate_output", str(failure)) from None
    return MultiGrader(_name(definition, where), graders, formula, _kept(definition), _threshold(definition, where))


def _children(graders: object, where: str) -> dict[str, PythonGrader]:
    if not isinstance(graders, Mapping) or not graders:
        raise InvalidGrader(where, "must be an object of graders, each under the name the formula uses for it")
    children: dict[str, PythonGrader] = {}
    for key, child in graders.items():
        _check_variable(key, where)
        at = f"{where}.{key}"
        if isinstance(child, Mapping) and child.get("type") == "multi":
            raise InvalidGrader(at, "a multi grader cannot contain another multi grader")
        _type_of(child, at)
        grader = _python(child, at)
        if any(grader.name == other.name for other in children.values()):
            raise InvalidGrader(
                f"{at}.name", f"two graders are named {grader.name}; their scores could not be told apart"
            )
        children[key] = grader
    return children


def _check_variable(key: object, where: str) -> None:
    if not isinstance(key, str) or not _VARIABLE.fullmatch(key) or keyword.iskeyword(key):
        raise InvalidGrader(where, f"{_shown(key)} cannot be a name in the formula; use letters, digits and _")
    if key in FUNCTIONS:
        raise InvalidGrader(where, f"{key} is a function of the formula and cannot name a grader")


def _check_fields(definition: Mapping[str, object], known: Iterable[str], where: str) -> None:
    names = tuple(known)
    for key in definition:
        if key not in names:
            close = difflib.get_close_matches(str(key), names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it may have {', '.join(names)}"
            raise InvalidGrader(f"{where}.{key}", f"is not a field of a {definition['type']} grader; {hint}")


def _name(definition: Mapping[str, object], where: str) -> str:
    name = definition.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidGrader(f"{where}.name", "must be a name, such as precision")
    return name


def _threshold(definition: Mapping[str, object], where: str) -> float | None:
    threshold = definition.get("pass_threshold")
    if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
        raise InvalidGrader(f"{where}.pass_threshold", f"must be a number, not {_shown(threshold)}")
    return None if threshold is None else float(threshold)


def _kept(definition: Mapping[str, object]) -> Mapping[str, object]:
    return copy.deepcopy(dict(definition))


def _check_source(source: str, where: str) -> None:
    """Reads the source without running it: what can be said before a process is started is said here."""
    size = len(source.encode("utf-8", "surrogatepass")) / 1024
    if size > MAX_SOURCE_KB:
        raise InvalidGrader(where, f"is {size:,.1f} KB long; at most {MAX_SOURCE_KB} KB are allowed")
    try:
        tree = ast.parse(source)
    except SyntaxError as failure:
        raise InvalidGrader(where, f"line {failure.lineno or 1}: {failure.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise InvalidGrader(
            where, "cannot be read as Python: it holds a null character or is nested too deeply"
        ) from None
    _check_grade(tree, where)


def _check_grade(tree: ast.Module, where: str) -> None:
    definitions = [node for node in tree.body if isinstance(node, _FUNCTION_TYPES) and node.name == "grade"]
    if not definitions:
        if not _binds_grade(tree):
            raise InvalidGrader(where, "must define `grade(sample, item)`")
        return  # bound in another way, such as `grade = score`; the preflight runs it
    grade = definitions[-1]
    if isinstance(grade, ast.AsyncFunctionDef):
        raise InvalidGrader(where, f"line {grade.lineno}: `grade` must be a plain function, not an async one")
    if not _takes_two(grade.args):
        raise InvalidGrader(where, f"line {grade.lineno}: `grade` must take two arguments, sample and item")


def _binds_grade(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id="grade", ctx=ast.Store()):
                return True
            case ast.FunctionDef(name="grade") | ast.ClassDef(name="grade"):
                return True
            case ast.alias(name=name, asname=asname) if (asname or name) in ("grade", "*"):
                return True
    return False


def _takes_two(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    named_only = [default for default in arguments.kw_defaults if default is None]
    return required <= 2 and (positional >= 2 or arguments.vararg is not None) and not named_only


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:60]
