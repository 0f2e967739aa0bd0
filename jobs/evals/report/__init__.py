"""The browsable report of an eval: its data, its page, and the files that are kept of it."""
