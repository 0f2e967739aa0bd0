"""Eval runs: N items x K runs of each arm (a model at an effort), graded by the task's own graders."""
