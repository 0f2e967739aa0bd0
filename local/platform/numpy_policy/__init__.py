"""The engine: a small numpy policy that really learns.

engine           what the job runner asks of it
models           the models that can be called, and their answers
trainer          the child process that trains one job
train_step       one step of training; step_metrics, the figures of a step
policy           how it draws and learns; base_policy, where it starts from; features, what it sees of a text
answer_schema    what it may answer
weights          all of that on disk
"""
