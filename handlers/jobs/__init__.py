"""RFT jobs in Slack: /rft, cards, threads, curves."""
