"""Data sets of a task: labels counted and renamed, repeats found, balanced splits drawn, uploads taken in.

Whatever changes a task writes a new one beside it (`<task>-balanced-1`, `<task>-data-1`). Everything here blocks while
it reads, computes and writes: callers on the event loop use `asyncio.to_thread`.
"""

from jobs.tasks.datasets.balancing import NATURAL, Balanced, BalanceRequest, balance, read_ratio
from jobs.tasks.datasets.duplicates import Pair, find_duplicates
from jobs.tasks.datasets.label_map import read_label_map
from jobs.tasks.datasets.labels import imbalance, label_counts
from jobs.tasks.datasets.uploads import LARGEST_UPLOAD, Ingested, Upload, check_size, ingest

__all__ = [
    "LARGEST_UPLOAD",
    "NATURAL",
    "BalanceRequest",
    "Balanced",
    "Ingested",
    "Pair",
    "Upload",
    "balance",
    "check_size",
    "find_duplicates",
    "imbalance",
    "ingest",
    "label_counts",
    "read_label_map",
    "read_ratio",
]
