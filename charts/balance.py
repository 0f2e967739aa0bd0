"""How evenly labels are spread, in words: the same in a picture and in its alt text."""

from collections.abc import Sequence

from charts.wording import number


def balance(counts: Sequence[int | None]) -> str:
    """Return the range of the counts and max/min over the labels that occur; labels without any item are told apart."""
    counted = [count for count in counts if count is not None]
    there = [count for count in counted if count > 0]
    if not counted:
        return "not counted"
    if not there:
        return "no label occurs"
    words = f"{max(there):,} to {min(there):,} items a label, max/min {number(max(there) / min(there), 1)}"
    missing = len(counted) - len(there)
    return words + (f", {missing:,} label{'s' if missing != 1 else ''} without any" if missing else "")
