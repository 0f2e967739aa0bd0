"""The files that somebody gave to be imported: in memory, by their relative names, of bounded number and size."""

import lzma
import posixpath
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from io import BytesIO
from os import walk
from os.path import commonpath
from pathlib import Path
from typing import Final, NoReturn

from jobs.core.errors import InvalidRequest, NotFound
from jobs.core.nearest import quoted
from jobs.tasks.datasets.uploads import check_size
from jobs.tasks.files import MIB, decoded

MOST_FILES: Final = 1_000
LARGEST_SUM: Final = 256 * MIB
_DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(OSError, EOFError, RuntimeError, NotImplementedError),
)
"""What reading an archive raises that is damaged, encrypted, or packed in a way that is not known."""
_SKIPPED: Final = frozenset({"node_modules", "__pycache__", "venv"})


@dataclass(frozen=True, slots=True)
class GivenFiles:
    """Files by their relative POSIX names; what they refer to is looked for among them and nowhere else."""

    contents: Mapping[str, bytes]

    def text(self, name: str) -> str:
        """Return a file's text; raises InvalidRequest where it is not UTF-8."""
        return decoded(self.contents[name], name).replace("\r\n", "\n")

    def find(self, reference: str, beside: str) -> tuple[str, ...]:
        """Return the files that a reference (a path or glob, with or without file://) means; () where none was given.

        A file posted alone has no folder, so among files without any it is found by its last name.

        Raises:
            InvalidRequest: it leads out of the files that were given.
        """
        wanted = reference.removeprefix("file://").replace("\\", "/")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(beside), wanted))
        if path.startswith(("/", "..")):
            raise InvalidRequest(
                f"{beside} refers to {quoted(reference)}, which leads out of the files that were given."
            )
        if path in self.contents:
            return (path,)
        if any(sign in path for sign in "*?["):
            return tuple(sorted(name for name in self.contents if fnmatchcase(name, path)))
        is_flat = not any("/" in name for name in self.contents)
        return (posixpath.basename(path),) if is_flat and posixpath.basename(path) in self.contents else ()


def given_files(files: Iterable[tuple[str, bytes]]) -> GivenFiles:
    """Take in files by name; an archive (*.zip) stands for what is in it.

    Raises:
        InvalidRequest: there are too many, they are too large, two have one name, or an archive is not to be trusted.
    """
    contents: dict[str, bytes] = {}
    left = LARGEST_SUM
    for name, content in files:
        for inner, data in _unpacked(name, content, left) if name.lower().endswith(".zip") else ((name, content),):
            check_size(len(data), inner)
            left -= len(data)
            if inner in contents:
                raise InvalidRequest(f"Two of the files are called {quoted(inner)}.")
            contents[inner] = data
            if len(contents) > MOST_FILES or left < 0:
                _refuse_size()
    return GivenFiles(contents)


def files_at(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the files at some paths and, of folders, below them, named from the folder that all have in common.

    Hidden files, installed packages and links that lead out of a folder are left out.
    """
    found = [Path(path).absolute() for path in paths]
    missing = next((path for path in found if not path.exists()), None)
    if missing is not None:
        raise NotFound(f"There is no file or folder {quoted(missing)}.")
    root = Path(commonpath([path if path.is_dir() else path.parent for path in found]))
    for path in dict.fromkeys(file for given in found for file in _below(given)):
        check_size(path.stat().st_size, path.name)
        yield path.relative_to(root).as_posix(), path.read_bytes()


def _below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, names in walk(path):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in _SKIPPED)
        for name in sorted(names):
            file = Path(folder, name)
            if not name.startswith(".") and file.resolve().is_relative_to(path.resolve()) and file.is_file():
                yield file


def _unpacked(name: str, content: bytes, limit: int) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            if len(members) > MOST_FILES or sum(each.file_size for each in members) > limit:
                _refuse_size()
            for member in members:
                parts = member.filename.replace("\\", "/").split("/")
                if ".." in parts or not parts[0] or ":" in parts[0]:
                    raise InvalidRequest(f"{quoted(name)} holds {quoted(member.filename)}, which leads out of it.")
                check_size(member.file_size, member.filename)
                if not any(part.startswith(".") or part in _SKIPPED | {"__MACOSX"} for part in parts):
                    with archive.open(member) as file:
                        data = file.read(member.file_size + 1)  # the size that it announces is not to be trusted
                    if len(data) > member.file_size:
                        _refuse_size()
                    yield "/".join(parts), data
    except _DAMAGED as error:
        raise InvalidRequest(f"{quoted(name)} is no archive that can be read: {error}.") from error


def _refuse_size() -> NoReturn:
    raise InvalidRequest(f"An import takes at most {MOST_FILES:,} files with {LARGEST_SUM // MIB} MiB together.")
