"""Who is notified, how loudly and when: mutes, quiet hours, digests, mentions."""
