"""Rules that read a job's series and warn. To add one: write a class like `Truncation`, and name it in `RULES`."""

from jobs.rules.alert import Level
from jobs.rules.evaluate import Trace, blind, evaluate, notes, trace, why
from jobs.rules.inputs import RuleInputs
from jobs.rules.job_facts import JobFacts, facts_of
from jobs.rules.rule import Rule
from jobs.rules.settings import RULES, changed_rules, rules_of

__all__ = [
    "RULES",
    "JobFacts",
    "Level",
    "Rule",
    "RuleInputs",
    "Trace",
    "blind",
    "changed_rules",
    "evaluate",
    "facts_of",
    "notes",
    "rules_of",
    "trace",
    "why",
]
