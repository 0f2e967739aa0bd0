"""Files come in whole or not at all: bounded, from nowhere but where they were given."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from jobs.core.errors import InvalidRequest, NotFound
from jobs.tasks.datasets.uploads import LARGEST_UPLOAD
from jobs.tasks.imports import given as limits
from jobs.tasks.imports.given import files_at, given_files


def archive(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return content.getvalue()


def test_an_archive_stands_for_what_is_in_it() -> None:
    packed = archive({"p/a.txt": b"a", "__MACOSX/p": b"", "p/.hidden": b"", "p/node_modules/x.js": b""})
    assert dict(given_files([("x.zip", packed), ("b.txt", b"b")]).contents) == {"p/a.txt": b"a", "b.txt": b"b"}


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", "C:/a", "..\\a"])
def test_an_archive_that_leads_out_of_itself_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="leads out of it"):
        given_files([("x.zip", archive({name: b"x"}))])


def test_what_is_too_much_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequest, match="an upload has at most 64 MiB"):
        given_files([("large", bytes(LARGEST_UPLOAD + 1))])
    monkeypatch.setattr(limits, "LARGEST_SUM", 2 << 20)
    bomb = archive({f"{n}.txt": bytes(1 << 20) for n in range(3)})
    assert len(bomb) < 1 << 14
    with pytest.raises(InvalidRequest, match="at most 1,000 files with 2 MiB"):
        given_files([("bomb.zip", bomb)])
    with pytest.raises(InvalidRequest, match="at most 1,000 files with 2 MiB"):
        given_files((str(n), bytes(1 << 20)) for n in range(3))
    monkeypatch.setattr(limits, "MOST_FILES", 2)
    with pytest.raises(InvalidRequest, match="at most"):
        given_files((str(n), b"") for n in range(3))
    with pytest.raises(InvalidRequest, match="at most"):
        given_files([("x.zip", archive({"a": b"", "b": b"", "c": b""}))])


def test_what_is_no_archive_and_two_files_of_one_name_are_said() -> None:
    with pytest.raises(InvalidRequest, match=r"'x\.zip' is no archive that can be read"):
        given_files([("x.zip", b"PK\x03\x04")])
    with pytest.raises(InvalidRequest, match="Two of the files are called 'a'"):
        given_files([("a", b""), ("a", b"")])


@pytest.mark.parametrize(
    ("method", "place"), [(zipfile.ZIP_DEFLATED, 36), (zipfile.ZIP_BZIP2, 36), (zipfile.ZIP_LZMA, 40)]
)
def test_an_archive_that_was_damaged_on_its_way_is_said(method: int, place: int) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive_file:
        archive_file.writestr("a.json", '{"a": 1}' * 300)
    damaged = bytearray(packed.getvalue())
    damaged[place] ^= 0xFF
    with pytest.raises(InvalidRequest, match=r"'x\.zip' is no archive that can be read"):
        given_files([("x.zip", bytes(damaged))])


def test_folders_are_read_whole_but_for_what_is_hidden_installed_or_linked_in(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    for name in ("p/a.txt", "p/deep/b.txt", "p/.git/c", "p/node_modules/d"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "p" / "link.txt").symlink_to(secret)
    assert [name for name, _ in files_at([tmp_path / "p"])] == ["a.txt", "deep/b.txt"]
    assert [name for name, _ in files_at([tmp_path / "p" / "a.txt", tmp_path / "p" / "deep"])] == [
        "a.txt",
        "deep/b.txt",
    ]
    with pytest.raises(NotFound, match="no file or folder"):
        list(files_at([tmp_path / "gone"]))


def test_references_are_looked_for_among_what_was_given() -> None:
    given = given_files([("c/config.yaml", b""), ("c/prompts/a.txt", b""), ("c/prompts/b.txt", b""), ("a.txt", b"")])
    assert given.find("file://prompts/a.txt", "c/config.yaml") == ("c/prompts/a.txt",)
    assert given.find("./prompts/*.txt", "c/config.yaml") == ("c/prompts/a.txt", "c/prompts/b.txt")
    assert given.find("file://../a.txt", "c/config.yaml") == ("a.txt",)
    assert given.find("gone.txt", "c/config.yaml") == ()
    for reference in ("../../a.txt", "/etc/passwd", "file:///etc/passwd", "..\\..\\a"):
        with pytest.raises(InvalidRequest, match="leads out of the files that were given"):
            given.find(reference, "c/config.yaml")
    flat = given_files([("config.yaml", b""), ("a.txt", b"")])
    assert flat.find("file://prompts/a.txt", "config.yaml") == ("a.txt",)
