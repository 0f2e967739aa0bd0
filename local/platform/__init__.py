"""A local training platform: speaks the public fine-tuning API's shapes and truly trains a small policy.

refusal, body          what a request may say, and the API's way of saying no
files, rows            uploads and the training rows in them
orders, records        what a fine-tuning job was asked to be, and what it is now
foreman, trainer       who trains when; the child process that trains one job
examination, events    the look at its files before; what happened to it, as told
choices, features,     the policy: what it may answer, what it sees of a text,
leaning, policy        where it starts from, how it draws and learns
lesson, report         one step of training, and the figures of that step
shelf, answering       the models that can be called, and their answers
*_api, server          the HTTP routes
"""
