"""State in Redis: records, and the one script that writes a change all or nothing."""
