"""The program of a grading process, and how it locks itself in before it runs a grader.

Started by `jobs.graders.process`. Nothing here imports the rest of the project, which cannot be read from inside.
"""
