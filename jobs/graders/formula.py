"""The formula of a multi grader: read once into a tree of small functions, never handed to Python's own evaluation.

The grammar is Python's expression grammar narrowed to numbers, names, `+ - * / ^`, parentheses and a few functions. `^`
is the power (right-associative, binding tighter than a minus before it), so it is read as Python's `**`. Everything is
computed in floats, which is what makes 9^9^9 an overflow instead of a hang.
"""

import ast
import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Values: TypeAlias = Mapping[str, float]
Evaluate: TypeAlias = Callable[[Values], float]

MAX_CHARACTERS = 4096
MAX_DEPTH = 100

_ALLOWED = re.compile(r"[A-Za-z0-9_.,+\-*/^() ]*")
_LITERAL = re.compile(r"[0-9.][0-9A-Za-z_.]*")
_DECIMAL = re.compile(r"(\d+\.?\d*|\.\d+)([eE]\d*)?")

_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: math.pow,
}
_ONE_ARGUMENT: Mapping[str, Callable[[float], float]] = {
    "abs": abs,
    "floor": lambda a: float(math.floor(a)),
    "ceil": lambda a: float(math.ceil(a)),
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}
_MANY_ARGUMENTS: Mapping[str, Callable[[Iterable[float]], float]] = {"min": min, "max": max}
FUNCTIONS = (*_MANY_ARGUMENTS, *_ONE_ARGUMENT)


class FormulaError(ValueError):
    """The formula cannot be read, or has no finite value for these scores; the text says which."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that has been read and checked."""

    text: str
    names: frozenset[str]
    """The graders it uses."""
    _evaluate: Evaluate

    def value(self, scores: Values) -> float:
        """The formula's value for `scores`, always finite.

        Raises:
            FormulaError: a division by zero, the root or logarithm of what has none, or an overflow.
        """
        try:
            value = self._evaluate(scores)
        except ZeroDivisionError:
            raise FormulaError(self._failure("divides by zero", scores)) from None
        except (ValueError, OverflowError):
            raise FormulaError(self._failure("has no finite value", scores)) from None
        if not math.isfinite(value):
            raise FormulaError(self._failure("has no finite value", scores))
        return value

    def _failure(self, what: str, scores: Values) -> str:
        used = ", ".join(f"{name} = {scores[name]:g}" for name in sorted(self.names))
        return f"the formula `{self.text}` {what}" + (f" with {used}" if used else "")


def parse_formula(text: str, names: Iterable[str]) -> Formula:
    """Reads `text` over the variables `names`.

    Raises:
        FormulaError: it is too long or too deep, is not a formula, or uses a name or a function that is not there.
    """
    known = tuple(names)
    _check_text(text)
    tree = _tree(text)
    used: set[str] = set()
    evaluate = _Reader(known, used).read(tree, 0)
    return Formula(text, frozenset(used), evaluate)


def _check_text(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        msg = f"the formula has {len(text):,} characters; at most {MAX_CHARACTERS:,} are allowed"
        raise FormulaError(msg)
    if not text.strip():
        msg = "the formula is empty"
        raise FormulaError(msg)
    if "**" in text:
        msg = "write ^ for a power, not **"
        raise FormulaError(msg)
    flat = " ".join(text.split())
    matched = _ALLOWED.match(flat)
    end = matched.end() if matched else 0
    if end < len(flat):
        functions = ", ".join(FUNCTIONS)
        msg = f"`{flat[end]}` has no place in a formula; it has numbers, grader names, + - * / ^ ( ) and {functions}"
        raise FormulaError(msg)
    for literal in _LITERAL.finditer(re.sub(r"[A-Za-z_][A-Za-z0-9_]*", _blank_name, flat)):
        if not _DECIMAL.fullmatch(literal[0]):
            msg = f"`{literal[0]}` is not a number"
            raise FormulaError(msg)


def _blank_name(name: re.Match[str]) -> str:
    """Blanks out a name, but leaves letters that hang on to a number, so that `0x1F` and `1_000` are seen whole."""
    before = name.string[name.start() - 1 : name.start()]
    return name[0] if before.isdigit() or before == "." else " " * len(name[0])


def _tree(text: str) -> ast.expr:
    try:
        return ast.parse(" ".join(text.split()).replace("^", "**"), mode="eval").body
    except SyntaxError:
        msg = f"`{text}` is not a formula: check its operators and parentheses"
        raise FormulaError(msg) from None
    except (RecursionError, MemoryError):
        raise FormulaError(_too_deep()) from None


def _too_deep() -> str:
    return f"the formula is nested deeper than {MAX_DEPTH} levels"


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns syntax into functions, and takes down which names were used."""

    known: tuple[str, ...]
    used: set[str]

    def read(self, node: ast.expr, depth: int) -> Evaluate:
        if depth > MAX_DEPTH:
            raise FormulaError(_too_deep())
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.read(operand, depth + 1)
                return lambda scores: -inner(scores)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand, depth + 1)
            case ast.BinOp():
                return self._operation(node, depth)
            case ast.Call():
                return self._call(node, depth)
        msg = f"`{_shown(node)}` has no place in a formula"
        raise FormulaError(msg)

    def _number(self, node: ast.Constant) -> Evaluate:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            msg = f"`{_shown(node)}` is not a number"
            raise FormulaError(msg)
        try:
            number = float(node.value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            msg = "the formula contains a number that is too large"
            raise FormulaError(msg)
        return lambda _scores: number

    def _name(self, name: str) -> Evaluate:
        if name not in self.known:
            close = difflib.get_close_matches(name, self.known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"its graders are {', '.join(self.known)}"
            msg = f"the formula uses {name}, which is not one of its graders; {hint}"
            raise FormulaError(msg)
        self.used.add(name)
        return lambda scores: scores[name]

    def _operation(self, node: ast.BinOp, depth: int) -> Evaluate:
        operator = _OPERATORS.get(type(node.op))
        if operator is None:
            msg = f"`{_shown(node)}` uses an operator that a formula does not have; it has + - * / ^"
            raise FormulaError(msg)
        left, right = self.read(node.left, depth + 1), self.read(node.right, depth + 1)
        return lambda scores: operator(left(scores), right(scores))

    def _call(self, node: ast.Call, depth: int) -> Evaluate:
        name = node.func.id if isinstance(node.func, ast.Name) else _shown(node.func)
        if name not in FUNCTIONS:
            msg = f"a formula has no function {name}; it has {', '.join(FUNCTIONS)}"
            raise FormulaError(msg)
        arguments = [self.read(argument, depth + 1) for argument in node.args]
        if node.keywords or not arguments or (name in _ONE_ARGUMENT and len(arguments) != 1):
            takes = "one number" if name in _ONE_ARGUMENT else "one number or more"
            msg = f"{name} takes {takes}"
            raise FormulaError(msg)
        if name in _ONE_ARGUMENT:
            function, argument = _ONE_ARGUMENT[name], arguments[0]
            return lambda scores: function(argument(scores))
        choose = _MANY_ARGUMENTS[name]
        return lambda scores: choose([argument(scores) for argument in arguments])


def _shown(node: ast.AST) -> str:
    try:
        text = ast.unparse(node)
    except RecursionError:
        return "..."
    return text.replace("**", "^")[:60]
