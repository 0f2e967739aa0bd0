"""The form for exported files, what is told of an import, and the archive of a task that goes out."""

import io
import zipfile
from typing import Any

from handlers.slack.files import SlackFile
from handlers.tasks.imports import ImportRequest, form, import_message, promptfoo_archive, read_form
from jobs.tasks.imports.draft import ImportOptions
from jobs.tasks.imports.read import Imported
from jobs.tasks.promptfoo_export import Exported
from local.slack.blocks import too_much_text, validate, validate_view
from tests.handlers.known_people import ALICE, RFT

FILES = [SlackFile("F0000000A1", "<!channel> eval.json", 1200, ""), SlackFile("F0000000A2", "x" * 300, None, "")]
MADE = Imported("tickets", "the hosted eval 'T'", {"valid": 3}, ("exact",), "exact", ("a: b",), ("c: d",), "tickets")


def test_the_form_names_the_files_and_may_be_sent_empty() -> None:
    view: dict[str, Any] = dict(form(FILES, RFT, "1.2"))
    assert validate_view(view) == []
    assert "<!channel>" not in str(view["blocks"])
    assert all(block["optional"] for block in view["blocks"] if block["type"] == "input")
    view["state"] = {"values": {"name": {"name": {"value": " mine "}}, "judge": {"judge": {"value": None}}}}
    options = ImportOptions(name="mine")
    assert read_form(view, ALICE) == ImportRequest(("F0000000A1", "F0000000A2"), options, RFT, "1.2", ALICE)


def test_a_message_of_an_import_lists_what_is_not_carried_over_and_stays_within_slacks_limits() -> None:
    many = tuple(f"setting {n} <!here>: {'why ' * 200}" for n in range(40))
    message = import_message(Imported("t", "files", {"valid": 3}, ("g",), "g", many, many, "t"))
    assert validate(list(message.blocks), "message") == []
    assert not too_much_text(list(message.blocks))
    assert "and 28 more" in str(message.blocks)
    assert "<!here>" not in str(message.blocks)
    said = str(import_message(MADE).blocks)
    assert "tickets is made from the hosted eval 'T': valid 3 rows, 1 grader, reward exact." in said
    assert "*Not carried over*\\n\u2022 c: d" in said
    assert "/proctor check tickets" in said


def test_an_archive_holds_the_project_in_one_folder_and_is_the_same_each_time() -> None:
    exported = Exported({"promptfooconfig.yaml": b"a", "prompts/v1.json": b"[]"}, ())
    archive = promptfoo_archive("goods", exported)
    assert zipfile.ZipFile(io.BytesIO(archive)).namelist() == ["goods/promptfooconfig.yaml", "goods/prompts/v1.json"]
    assert archive == promptfoo_archive("goods", exported)
