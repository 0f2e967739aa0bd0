"""Checks of a task before money is spent on it: its grader, its rewards, its rows, and how models are asked.

findings = await check_task(task, catalogue, runtime, profile=profile, platform=gateway)
"""

from jobs.checks.check_task import CHECKS, check_task
from jobs.checks.finding import Finding, Level, worst

__all__ = ["CHECKS", "Finding", "Level", "check_task", "worst"]
