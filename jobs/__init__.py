"""What a job is and what happens to it: tasks, graders, RFT jobs, rules, approvals."""
