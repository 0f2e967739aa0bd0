"""Checks of how models are asked: in training as in evals."""

import json

from jobs.checks.facts import Facts
from jobs.checks.finding import Finding, Level
from jobs.platforms.prompt_hash import prompt_hash
from jobs.tasks.rows import write_training_rows


def same_prompt(facts: Facts) -> Finding | None:
    """Training must ask as evals do, else their scores say nothing about each other."""
    if not facts.train or not facts.task.default_prompt:
        return None
    task = facts.task
    own = sum(row.messages is not None for row in facts.train)
    asked = prompt_hash(task.prompts[task.default_prompt], task.response_format)
    trained = _trained_hash(facts)
    if trained is not None and trained != asked:
        said = f"The training file asks with another prompt than evals (hash {trained}, evals {asked})."
        return Finding("same_prompt", Level.BLOCK, said)
    said = f"Training and evals ask alike: prompt {task.default_prompt}, hash {asked}."
    if own:
        rows = f"{own} of {len(facts.train)} {facts.train_split} rows"
        said += f" {rows} bring messages of their own, which both send as they are."
    last = facts.evals[0] if facts.evals else None
    if last is None or asked in last.prompt_hashes:
        return Finding("same_prompt", Level.NOTE if 0 < own < len(facts.train) else Level.OK, said)
    said += (
        f" The last eval, {last.id}, asked with another prompt or response format (hash {last.prompt_hash}): its "
        "scores are no baseline for this training. Run it again."
    )
    return Finding("same_prompt", Level.WARN, said)


def _trained_hash(facts: Facts) -> str | None:
    """The hash of what the training file really sends before the first item that brings no messages of its own."""
    row = next((row for row in facts.train if row.messages is None), None)
    if row is None:
        return None
    line = json.loads(write_training_rows(facts.task, [row], None))
    before = "\n".join(str(message["content"]) for message in line["messages"][:-1])
    return prompt_hash(before, facts.task.response_format)
