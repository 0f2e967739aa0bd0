"""The program of the process that runs python graders, and how it locks itself in.

Started by `jobs.graders.process`. Standard library only, and nothing here imports the rest of the project: inside,
there is nothing of it to read.
"""
