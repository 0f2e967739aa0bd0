"""The formula of a multi grader: read once into a tree of small functions, never handed to Python's own evaluation.

The grammar is Python's expression grammar narrowed to numbers, names, `+ - * / ^`, parentheses and a few functions. `^`
is the power (right-associative, binding tighter than a minus before it), so it is read as Python's `**`. Everything is
computed in floats, so that 9^9^9 is an overflow instead of a hang.
"""

import ast
import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Values: TypeAlias = Mapping[str, float]
Evaluate: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""Of scores, or of the spans that they may lie in."""

MAX_CHARACTERS = 4096
MAX_DEPTH = 100
_TOO_DEEP = f"the formula is nested deeper than {MAX_DEPTH} levels"

_ALLOWED = re.compile(r"[A-Za-z0-9_.,+\-*/^() ]*")
_DECIMAL = re.compile(r"[0-9.]+([eE][+-]?[0-9]+)?")

_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "min": lambda *numbers: min(numbers),
    "max": lambda *numbers: max(numbers),
    "abs": abs,
    "floor": lambda number: float(math.floor(number)),
    "ceil": lambda number: float(math.ceil(number)),
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}


class FormulaError(ValueError):
    """The formula cannot be read, or has no finite value for the scores; the text says which."""


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
            FormulaError: a division by zero, a root or logarithm that does not exist, or an overflow.
        """
        failure = "has no finite value"
        try:
            value: float = self._evaluate(scores)
        except ZeroDivisionError:
            value, failure = math.nan, "divides by zero"
        except (ValueError, OverflowError):
            value = math.nan
        if math.isfinite(value):
            return value
        used = ", ".join(f"{name} = {scores[name]:g}" for name in sorted(self.names))
        raise FormulaError(f"the formula `{self.text}` {failure}" + (f" with {used}" if used else ""))

    def range(self, ranges: Mapping[str, tuple[float, float]]) -> tuple[float, float] | None:
        """The lowest and highest value for scores within `ranges`, or a little beyond; None unless it adds and scales.

        A formula that divides by a score, raises to a power or calls a function has no range that could be relied on.
        """
        try:
            found = self._evaluate({name: _Span(*each) for name, each in ranges.items()})
        except (TypeError, ZeroDivisionError, OverflowError):
            return None
        return (found.low, found.high) if isinstance(found, _Span) else (float(found), float(found))


@dataclass(frozen=True, slots=True)
class _Span:
    """All numbers from `low` to `high`; adds, and is multiplied by numbers and other spans."""

    low: float
    high: float

    def __neg__(self) -> "_Span":
        return _Span(-self.high, -self.low)

    def __add__(self, other: "_Span | float") -> "_Span":
        low, high = _ends(other)
        return _Span(self.low + low, self.high + high)

    def __sub__(self, other: "_Span | float") -> "_Span":
        low, high = _ends(other)
        return _Span(self.low - high, self.high - low)

    def __rsub__(self, other: float) -> "_Span":
        return -self + other

    def __mul__(self, other: "_Span | float") -> "_Span":
        products = [own * factor for own in (self.low, self.high) for factor in _ends(other)]
        return _Span(min(products), max(products))

    def __truediv__(self, other: float) -> "_Span":
        return self * (1 / other)

    __radd__, __rmul__ = __add__, __mul__


def _ends(value: _Span | float) -> tuple[float, float]:
    return (value.low, value.high) if isinstance(value, _Span) else (value, value)


def parse_formula(text: str, names: Iterable[str]) -> Formula:
    """Read `text` over the variables `names`.

    Raises:
        FormulaError: it is too long or too deep, is not a formula, or uses a name or a function that does not exist.
    """
    _check_text(text)
    flat = " ".join(text.split()).replace("^", "**")
    try:
        tree = ast.parse(flat, mode="eval").body
    except SyntaxError:
        raise FormulaError(f"`{text}` is not a formula: check its numbers, operators and parentheses") from None
    except (RecursionError, MemoryError):
        raise FormulaError(_TOO_DEEP) from None
    reader = _Reader(flat, tuple(names))
    evaluate = reader.read(tree, 0)
    return Formula(text, frozenset(reader.used), evaluate)


def _check_text(text: str) -> None:
    flat = " ".join(text.split())
    allowed = _ALLOWED.match(flat)
    end = allowed.end() if allowed else 0
    if len(text) > MAX_CHARACTERS:
        msg = f"the formula has {len(text):,} characters; at most {MAX_CHARACTERS:,} are allowed"
    elif not flat:
        msg = "the formula is empty"
    elif "**" in text:
        msg = "write ^ for a power, not **"
    elif end < len(flat):
        functions = ", ".join(FUNCTIONS)
        msg = f"`{flat[end]}` has no place in a formula; it has numbers, grader names, + - * / ^ ( ) and {functions}"
    else:
        return
    raise FormulaError(msg)


@dataclass(slots=True)
class _Reader:
    """Turns syntax into functions, and notes which names were used."""

    text: str
    known: tuple[str, ...]
    used: set[str] = field(default_factory=set)

    def read(self, node: ast.expr, depth: int) -> Evaluate:
        if depth > MAX_DEPTH:
            raise FormulaError(_TOO_DEEP)
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
        raise FormulaError(f"`{self._source(node)[:60]}` has no place in a formula")

    def _number(self, node: ast.Constant) -> Evaluate:
        literal = self._source(node)
        if not _DECIMAL.fullmatch(literal):  # Python has more: 0x1F, 1_000, 2j, True
            raise FormulaError(f"`{literal[:60]}` is not a number")
        number = float(literal)
        if not math.isfinite(number):
            raise FormulaError("the formula contains a number that is too large")
        return lambda _scores: number

    def _name(self, name: str) -> Evaluate:
        if name not in self.known:
            close = difflib.get_close_matches(name, self.known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"its graders are {', '.join(self.known)}"
            raise FormulaError(f"the formula uses {name}, which is not one of its graders; {hint}")
        self.used.add(name)
        return lambda scores: scores[name]

    def _operation(self, node: ast.BinOp, depth: int) -> Evaluate:
        operation = _OPERATORS.get(type(node.op))
        if operation is None:
            used = self._source(node)[:60]
            raise FormulaError(f"`{used}` uses an operator that a formula does not have; it has + - * / ^")
        left, right = self.read(node.left, depth + 1), self.read(node.right, depth + 1)
        return lambda scores: operation(left(scores), right(scores))

    def _call(self, node: ast.Call, depth: int) -> Evaluate:
        name = self._source(node.func)[:60]
        if name not in FUNCTIONS:
            raise FormulaError(f"a formula has no function {name}; it has {', '.join(FUNCTIONS)}")
        function, arguments = FUNCTIONS[name], [self.read(argument, depth + 1) for argument in node.args]
        if node.keywords or not arguments or (len(arguments) > 1 and name not in ("min", "max")):
            raise FormulaError(f"{name} takes {'one number or more' if name in ('min', 'max') else 'one number'}")
        return lambda scores: function(*[argument(scores) for argument in arguments])

    def _source(self, node: ast.expr) -> str:
        """The node as it was written; the text is one line of ASCII, so that offsets are characters."""
        return self.text[node.col_offset : node.end_col_offset].replace("**", "^")
