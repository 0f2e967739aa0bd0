"""The ids of the local workspace's people and channel."""

ALICE, BOB, CAROL, DAVE = "U0ALICE01", "U0BOB0001", "U0CAROL01", "U0DAVE001"
RFT = "C0RFT0001"
