"""The engine: a small numpy policy that really learns.

engine           what the job runner asks of it
models           the models that can be called, and their answers
trainer          the child process that trains one job; train_step, one step of it and its metrics
policy           what it sees of a text, where it starts from, how it draws and learns
answer_schema    what it may answer; free_text, in plain text; job_plan, in one job
weights          all of that on disk
"""
