"""The trail of what people and the bot did: append-only, each entry sealed with the hash of the one before."""
