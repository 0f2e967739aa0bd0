"""Requests without an answer, in words."""

import pytest

from jobs.evals.failures import is_permanent, told


@pytest.mark.parametrize(
    ("reason", "permanent"),
    [
        ("400 invalid_request_error", True),
        ("HTTP 413", True),
        ("429 rate limited", False),
        ("HTTP 408", False),
        ("HTTP 503", False),
        ("time-out", False),
        ("failed (400)", False),
    ],
)
def test_a_refusal_is_permanent_unless_it_asks_for_less_or_for_time(reason: str, *, permanent: bool) -> None:
    assert is_permanent(reason) is permanent


def test_counts_and_codes_cannot_run_together() -> None:
    assert told({"400 invalid_request_error": 1_088, "time-out": 1, "HTTP 500": 2}) == (
        "1,088 requests refused (HTTP 400 invalid_request_error), 1 request failed (time-out) and "
        "2 requests failed (HTTP 500)"
    )
