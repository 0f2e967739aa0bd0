"""What can be said of a python grader's source without running it."""

import ast
import symtable

from jobs.graders.fields import InvalidGrader

MAX_SOURCE_KB = 256


def python_source(source: object, path: str) -> str:
    """Read the source of a python grader without running it, so that simple mistakes are found early.

    Raises:
        InvalidGrader: it is too long, is not Python, or defines no `grade` of two arguments.
    """
    if not isinstance(source, str) or not source.strip():
        raise InvalidGrader(path, "must be Python source that defines `grade(sample, item)`")
    size = len(source.encode("utf-8", "surrogatepass")) / 1024
    if size > MAX_SOURCE_KB:
        raise InvalidGrader(path, f"is {size:,.1f} KB long; at most {MAX_SOURCE_KB} KB are allowed")
    try:
        tree = ast.parse(source)
        is_bound = _binds_grade(source, tree)
    except SyntaxError as failure:
        raise InvalidGrader(path, f"line {failure.lineno or 1}: {failure.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        why = "cannot be read as Python: it holds a null character or is nested too deeply"
        raise InvalidGrader(path, why) from None
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    grade = next((function for function in reversed(functions) if function.name == "grade"), None)
    if not is_bound:
        raise InvalidGrader(path, "must define `grade(sample, item)`")
    if isinstance(grade, ast.AsyncFunctionDef):
        raise InvalidGrader(path, f"line {grade.lineno}: `grade` must be a plain function, not an async one")
    if grade is not None and not _takes_two(grade.args):
        raise InvalidGrader(path, f"line {grade.lineno}: `grade` must take two arguments, sample and item")
    return source


def _binds_grade(source: str, tree: ast.Module) -> bool:
    """Whether `grade` is defined, assigned or imported; what to, only running it tells."""
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in tree.body):
        return True
    symbols = symtable.symtable(source, "<grader>", "exec").get_symbols()
    return any(symbol.get_name() == "grade" and (symbol.is_assigned() or symbol.is_imported()) for symbol in symbols)


def _takes_two(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    named_only = [default for default in arguments.kw_defaults if default is None]
    return required <= 2 and (positional >= 2 or arguments.vararg is not None) and not named_only
