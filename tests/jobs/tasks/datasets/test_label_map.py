import pytest

from jobs.core.errors import InvalidRequest
from jobs.tasks.datasets.label_map import read_label_map


@pytest.mark.parametrize(
    "content",
    [
        b'{"100142": "trade", "100144": "law"}',
        b"100142,trade\n100144,law\n",
        b"\xef\xbb\xbf100142, trade \r\n\r\n100144,law",
    ],
)
def test_json_and_csv_are_read(content: bytes) -> None:
    assert read_label_map(content, "map") == {"100142": "trade", "100144": "law"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "map is empty"),
        (b"{", "map line 1, column 2 is not JSON"),
        (b'{"a": 3}', "the name of 'a' must be text, not a number"),
        (b"a,b,c\n", "map line 1 has 3 fields"),
        (b"a,b\na,c\n", "map has 'a' twice"),
        (b"a,x\nb,x\n", "gives 'a' and 'b' the same name, 'x'"),
        (b"a,\n", "an id or a name that is empty"),
        (b'a,"b\n', "map line 1 is not CSV"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"a" * 1_100_000, "a label map has at most 1 MiB"),
    ],
)
def test_what_is_no_label_map_is_refused_in_words(content: bytes, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        read_label_map(content, "map")
