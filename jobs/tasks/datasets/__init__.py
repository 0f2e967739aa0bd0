"""Data sets of a task: labels renamed, repeats found, balanced splits drawn, uploads taken in.

Whatever changes a task writes a new one next to it (`<task>-balanced-1`, `<task>-data-1`). Everything here blocks while
it reads, computes and writes: callers on the event loop use `asyncio.to_thread`.
"""
