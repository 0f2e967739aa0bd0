"""What can be said of a python grader's source without running it."""

import ast

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
    except SyntaxError as failure:
        raise InvalidGrader(path, f"line {failure.lineno or 1}: {failure.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        why = "cannot be read as Python: it holds a null character or is nested too deeply"
        raise InvalidGrader(path, why) from None
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    grade = next((function for function in reversed(functions) if function.name == "grade"), None)
    if grade is None and not _binds_grade(tree):
        raise InvalidGrader(path, "must define `grade(sample, item)`")
    if isinstance(grade, ast.AsyncFunctionDef):
        raise InvalidGrader(path, f"line {grade.lineno}: `grade` must be a plain function, not an async one")
    if grade is not None and not _takes_two(grade.args):
        raise InvalidGrader(path, f"line {grade.lineno}: `grade` must take two arguments, sample and item")
    return source


def _binds_grade(tree: ast.Module) -> bool:
    """Whether `grade` is bound in another way, such as `grade = score`; only running it tells more."""
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
