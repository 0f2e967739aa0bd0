"""The one place where a task folder's files are opened: inside the root, of bounded size, as UTF-8."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import kind

MIB = 1024 * 1024
SMALL_FILE = 1 * MIB  # task.yaml, a prompt, a schema, a grader (whose source may have 256 KiB)
SPLIT_FILE = 512 * MIB  # what the public API takes as one upload
BOM = b"\xef\xbb\xbf"


class TaskFolder:
    """A folder under the root of all tasks; nothing outside that root is ever opened, links included.

    Attributes:
        digests: the SHA-256 of each file read so far, so that what was read is what is vouched for.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name, self.path = root, name, root / name
        self.digests: dict[str, str] = {}

    def called(self, relative: str) -> str:
        """What sentences call a file of this folder."""
        return f"{self.name}/{relative}"

    def listing(self, pattern: str) -> tuple[str, ...]:
        """Relative names of the files that match, sorted; hidden files are left out."""
        found = (path for path in self.path.glob(pattern) if not path.name.startswith("."))
        return tuple(sorted(path.relative_to(self.path).as_posix() for path in found))

    def read(self, relative: str, limit: int = SMALL_FILE) -> bytes:
        """Return a file's bytes without its byte order mark; raise InvalidRequest if it cannot be read."""
        path, where = self.path / relative, self.called(relative)
        try:
            if not path.resolve().is_relative_to(self.root.resolve()):
                raise InvalidRequest(f"{where} is a link that leads out of the tasks folder; copy the file in instead.")
            if not path.is_file():
                raise InvalidRequest(f"{where} is missing, or is no plain file.")
            size = path.stat().st_size
            if size > limit:
                raise InvalidRequest(f"{where} has {size / MIB:.1f} MiB; at most {limit // MIB} MiB can be read.")
            content = path.read_bytes().removeprefix(BOM)
        except (OSError, RuntimeError) as error:  # RuntimeError is how 3.11 tells of links that go round in circles
            raise InvalidRequest(f"{where} cannot be read: {error}.") from error
        self.digests[relative] = digest(content)
        return content

    def text(self, relative: str) -> str:
        """Return a small file's text, with every line end a single newline."""
        return decoded(self.read(relative), self.called(relative)).replace("\r\n", "\n")

    def json_object(self, relative: str) -> dict[str, object]:
        """Return the JSON object that a small file holds."""
        where = self.called(relative)
        value = parsed(self.text(relative), where)
        if not isinstance(value, dict):
            raise InvalidRequest(f"{where} must hold a JSON object, not {kind(value)}.")
        return value


def digest(content: bytes) -> str:
    """SHA-256 of a file's bytes, hex."""
    return hashlib.sha256(content).hexdigest()


def decoded(content: bytes, where: str) -> str:
    """Return the bytes as text without a byte order mark, or say at which line and byte they stop being UTF-8."""
    content = content.removeprefix(BOM)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        at = f"{where} line {line}, byte {column}"
        raise InvalidRequest(f"{at} is not UTF-8 text; save the file as UTF-8.") from error


def parsed(text: str, where: str, *, line: int | None = None) -> object:
    """Return the JSON value of a text; raise InvalidRequest saying where and why it is not JSON.

    Args:
        text: JSON.
        where: what sentences call the file.
        line: the number of the line, where the text is one line of the file.
    """
    place = where if line is None else f"{where} line {line}"
    try:
        value: object = json.loads(text, parse_constant=_refuse_constant)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        at = f"line {error.lineno if line is None else line}, column {error.colno}"
        raise InvalidRequest(f"{where} {at} is not JSON: {error.msg}.") from error
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{place} holds half of a surrogate pair, which is no text.") from error
    except RecursionError as error:
        raise InvalidRequest(f"{place} is nested too deeply to be read.") from error
    except ValueError as error:
        raise InvalidRequest(f"{place} is not JSON: {error}.") from error
    return value


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that is not blank, with its number from 1; without spaces and carriage returns around it."""
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: a JSON text may hold U+2028
        if stripped := line.strip():
            yield number, stripped


def csv_records(text: str, where: str, delimiter: str = ",", *, strip: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each CSV record that is not blank, with the number of its last line; stripped of spaces."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield reader.line_num, [field.strip() if strip else field for field in fields]
    except csv.Error as error:
        raise InvalidRequest(f"{where} line {reader.line_num} is not CSV: {error}.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
