"""A Redis-compatible server of the bot's own, for when none is named: its binary, its data folder, its process."""
