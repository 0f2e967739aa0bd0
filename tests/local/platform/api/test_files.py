from pathlib import Path

import pytest
from openai import APIStatusError, AsyncOpenAI, BadRequestError, NotFoundError

from local.platform.job_runner import Limits
from local.platform.server import serve
from tests.local.platform.small_task import rows, upload

GOOD = b'{"messages": [{"role": "user", "content": "Cod."}]}\n'


async def test_an_upload_can_be_waited_for_listed_read_and_deleted(client: AsyncOpenAI) -> None:
    content = rows(3)
    sent = await client.files.create(file=("train.jsonl", content), purpose="fine-tune")

    done = await client.files.wait_for_processing(sent.id)

    assert (done.status, done.filename, done.bytes) == ("processed", "train.jsonl", len(content))
    assert (await client.files.content(sent.id)).content == content
    assert [file.id async for file in client.files.list(purpose="fine-tune")] == [sent.id]
    assert [file.id async for file in client.files.list(purpose="batch")] == []
    assert (await client.files.delete(sent.id)).deleted
    for ask in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(NotFoundError):
            await ask(sent.id)


async def test_uploads_outlive_the_platform(tmp_path: Path) -> None:
    async with serve(tmp_path) as first, AsyncOpenAI(base_url=first.url, api_key="local") as client:
        file = await upload(client, rows(2))
    async with serve(tmp_path) as second, AsyncOpenAI(base_url=second.url, api_key="local") as client:
        assert (await client.files.content(file)).content == rows(2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file has no examples"),
        (b"\n\n", "The file has no examples"),
        (GOOD + b"{nothing\n", "Line 2: not valid JSON"),
        (GOOD + b"\n[1]\n", "Line 3: must be a JSON object"),
        (b'{"messages": "Cod."}', "Line 1: 'messages' must be a list"),
        (b'{"messages": []}', "Line 1: 'messages' must be a list with at least one message"),
        (b'{"messages": ["Cod."]}', "Line 1: messages[0] must be an object"),
        (b'{"messages": [{"role": "sailor", "content": "Cod."}]}', "Line 1: messages[0].role must be one of"),
        (b'{"messages": [{"role": "user", "content": " "}]}', "Line 1: messages[0].content has no text"),
        (
            b'{"messages": [{"role": "user", "content": "Cod?"}, {"role": "developer", "content": "Be brief."}]}',
            "Line 1: the last message must have the role user, tool or assistant, not developer",
        ),
        (
            b'{"messages": [{"role": "user", "content": "Cod?"}, {"role": "assistant", "tool_calls": [{"id": "c"}]}]}',
            "Line 1: the last message calls tools, and no message says what they returned",
        ),
        (
            b'{"messages": [{"role": "developer", "content": "Be brief."}, {"role": "tool", "content": ""}]}',
            "Line 1: no message has text from the user or a tool",
        ),
        (GOOD + b'{"messages": "\xff"}', "Line 2: not valid UTF-8"),
        (b"[" * 100_000, "Line 1: not valid JSON"),
    ],
)
async def test_a_malformed_line_is_named(client: AsyncOpenAI, content: bytes, message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        await upload(client, content)

    assert message in refused.value.message
    assert refused.value.param == "file"
    assert [file async for file in client.files.list()] == []


async def test_a_byte_order_mark_and_windows_line_ends_are_taken(client: AsyncOpenAI) -> None:
    assert await upload(client, b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") * 2)


async def test_a_file_that_is_too_big_is_refused(tmp_path: Path) -> None:
    limits = Limits(upload_bytes=200)
    async with (
        serve(tmp_path, limits=limits) as platform,
        AsyncOpenAI(base_url=platform.url, api_key="local", max_retries=0) as client,
    ):
        with pytest.raises(APIStatusError) as refused:
            await upload(client, GOOD * 5)
        assert (refused.value.status_code, refused.value.code) == (413, "file_too_large")


async def test_an_upload_needs_a_file_and_its_purpose(client: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError, match="'batch' is not one of"):
        await client.files.create(file=("rows.jsonl", GOOD), purpose="batch")
    with pytest.raises(BadRequestError) as refused:
        await client.post("/files", body={"purpose": "fine-tune"}, cast_to=object)
    assert refused.value.param == "file"
