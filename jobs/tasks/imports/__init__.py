"""Moving in: what people exported elsewhere becomes a task.

`read.py` tells what the files are, `openai_evals.py` and `promptfoo.py` read them into a `Draft`, `write.py` makes it a
task folder. What is read was written by others: sizes are bounded, references lead nowhere but to what was given, and
nothing is executed. Nothing is guessed either: what a task cannot hold is listed by name.
"""
