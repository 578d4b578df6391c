"""Spelled words, corrected and completed: `dictionary.Dictionary`; whole texts: `text.correct_text`."""
