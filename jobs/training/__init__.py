"""RFT jobs: plan, launch, poll, and what news of a job changes."""
