"""Gates of a reward: conditions under which an answer scores nothing, whatever else is right about it.

A gate is a part of a multi grader that scores 0 or 1 and whose 0 settles the formula; or, in a python grader that
otherwise computes its score, an early `return` of a number that is not above 0.
"""

import ast
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from jobs.graders.definitions import score_range
from jobs.graders.formula import FormulaError
from jobs.graders.grades import Grade, Item, Sample
from jobs.graders.kinds import Grader, LabelModelGrader, MultiGrader, PythonGrader, SingleGrader, StringCheckGrader
from jobs.graders.runtime import GraderRuntime

MARK: Final = -9.0e90
"""Times 1, 2, ...: what a gate returns in place of its number, while it is asked which one closed."""
MOST_TEXT: Final = 60
TRIES: Final = 8
DECIDES: Final = frozenset({"all", "any", "isinstance", "bool"})


@dataclass(frozen=True, slots=True)
class Gates:
    """The gates of one grader."""

    names: tuple[str, ...] = ()
    """What people call each: a part's name, or the condition in the source."""
    _parts: Mapping[str, float] = field(default_factory=dict)
    """Parts that are gates, each with the score at which it is closed."""
    _marked: tuple[tuple[PythonGrader, tuple[str, ...]], ...] = ()
    """Python graders that return marks, each with the names of its gates."""

    async def closed(
        self, runtime: GraderRuntime, pairs: Sequence[tuple[Sample, Item]], grades: Sequence[Grade]
    ) -> list[tuple[str, ...]]:
        """Return the gates that closed on each answer, given the grades of the whole grader."""
        found = [
            [name for name, low in self._parts.items() if name not in grade.errors and grade.scores.get(name) == low]
            for grade in grades
        ]
        for grader, names in self._marked:
            marks = {MARK * (place + 1): name for place, name in enumerate(names)}
            for closed, grade in zip(found, await runtime.grade(grader, pairs), strict=True):
                if grade.reward in marks:
                    closed.append(marks[grade.reward])
        return [tuple(each) for each in found]


def gates_of(grader: Grader) -> Gates:
    """Return the gates of a grader."""
    parts: dict[str, float] = {}
    if isinstance(grader, MultiGrader):
        for variable, part in grader.graders.items():
            low, high = score_range(part) or (0.0, 1.0)
            if _is_binary(part) and _settles(grader, variable, low, high):
                parts[part.name] = low
    marked = []
    for part in grader.parts:
        if isinstance(part, PythonGrader) and part.name not in parts:
            of_part = f"{part.name}: " if isinstance(grader, MultiGrader) else ""
            source, conditions = _marked(part.source)
            if conditions:
                marked.append((replace(part, source=source), tuple(f"{of_part}{each}" for each in conditions)))
    return Gates((*parts, *(name for _, names in marked for name in names)), parts, tuple(marked))


def _settles(grader: MultiGrader, variable: str, low: float, high: float) -> bool:
    """Tell whether the formula has one value where a part scores its lowest, and others where it scores its highest."""
    if variable not in grader.formula.names:
        return False
    chance, closed, opened = random.Random(0), set[float](), set[float]()
    for _ in range(TRIES):
        others = {name: chance.uniform(0.05, 0.95) for name in grader.graders}
        try:
            closed.add(round(grader.formula.value({**others, variable: low}), 9))
            opened.add(round(grader.formula.value({**others, variable: high}), 9))
        except FormulaError:
            return False
    return len(closed) == 1 and len(opened) > 1


def _is_binary(part: SingleGrader) -> bool:
    if isinstance(part, StringCheckGrader | LabelModelGrader):
        return True
    if not isinstance(part, PythonGrader):
        return False
    function = _grade_function(ast.parse(part.source))
    returned = [node.value for node in _own_nodes(function) if isinstance(node, ast.Return)] if function else []
    return bool(returned) and all(value is not None and _is_yes_or_no(value) for value in returned)


def _is_yes_or_no(value: ast.expr) -> bool:
    match value:
        case ast.Constant() | ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.UnaryOp(op=ast.USub(), operand=inner) | ast.Call(func=ast.Name(id="float" | "int"), args=[inner]):
            return _is_yes_or_no(inner)
        case ast.BoolOp(values=values):
            return all(map(_is_yes_or_no, values))
        case ast.IfExp(body=body, orelse=orelse):
            return _is_yes_or_no(body) and _is_yes_or_no(orelse)
        case ast.Call(func=ast.Name(id=name)):
            return name in DECIDES
    return False


def _grade_function(tree: ast.Module) -> ast.FunctionDef | None:
    return next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "grade"), None)


def _own_nodes(function: ast.FunctionDef) -> list[ast.AST]:
    """Return what a function runs itself, without the functions that it defines."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return found


def _marked(source: str) -> tuple[str, tuple[str, ...]]:
    """Return a python grader whose gates return marks, and the conditions under which each closes."""
    tree = ast.parse(source)
    function = _grade_function(tree)
    if function is None:
        return source, ()
    marker = _Marker()
    for place, statement in enumerate(function.body):
        function.body[place] = marker.visit(statement)
    if not (marker.conditions and marker.computes):
        return source, ()
    return ast.unparse(ast.fix_missing_locations(tree)), tuple(marker.conditions)


class _Marker(ast.NodeTransformer):
    """Puts a mark in place of each number that a gate returns."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.computes = False
        """Whether some return is no plain number."""
        self._under: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:  # the name is ast's
        """Leave the functions inside alone: what they return is no score."""
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:  # the name is ast's
        """The same."""
        return node

    def visit_If(self, node: ast.If) -> ast.AST:  # the name is ast's
        """Note under which condition each branch is run."""
        node.body = self._visited(node.body, ast.unparse(node.test))
        node.orelse = self._visited(node.orelse, _negated(node.test))
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:  # the name is ast's
        """Note that it is run after an exception."""
        node.body = self._visited(node.body, f"except {ast.unparse(node.type)}" if node.type else "any exception")
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:  # the name is ast's
        """Mark the number of a gate."""
        value = node.value
        if isinstance(value, ast.IfExp) and (_is_nothing(value.body) or _is_nothing(value.orelse)):
            if _is_nothing(value.orelse):
                self.computes |= not isinstance(value.body, ast.Constant)
                value.orelse = self._mark(_negated(value.test))
            else:
                self.computes |= not isinstance(value.orelse, ast.Constant)
                value.body = self._mark(ast.unparse(value.test))
        elif value is not None and _is_nothing(value):
            if self._under:
                node.value = self._mark(self._under[-1])
        else:
            self.computes |= not isinstance(value, ast.Constant)
        return node

    def _visited(self, body: Sequence[ast.stmt], condition: str) -> list[ast.stmt]:
        self._under.append(condition)
        visited = [self.visit(statement) for statement in body]
        self._under.pop()
        return visited

    def _mark(self, condition: str) -> ast.expr:
        self.conditions.append(condition if len(condition) <= MOST_TEXT else f"{condition[: MOST_TEXT - 1]}\u2026")
        return ast.Constant(MARK * len(self.conditions))


def _negated(test: ast.expr) -> str:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return ast.unparse(test.operand)
    return ast.unparse(ast.UnaryOp(ast.Not(), test))


def _is_nothing(value: ast.expr) -> bool:
    """Tell whether an expression is a number that is not above 0."""
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        return isinstance(value.operand, ast.Constant) and isinstance(value.operand.value, int | float)
    return (
        isinstance(value, ast.Constant)
        and isinstance(value.value, int | float)
        and not isinstance(value.value, bool)
        and value.value <= 0
    )
