"""Optimiser, schedules, stopping, checkpoints, journal and the loop that ties them together."""
