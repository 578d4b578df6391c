"""What is seen over time → signs → text. Pure: no clock, no camera, no randomness."""
