"""Sentences: translations, errors and notifications."""
