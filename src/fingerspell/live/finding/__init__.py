"""Finding the hand in a whole frame, and following it from frame to frame."""
