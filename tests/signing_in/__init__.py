"""Signing in to the panel: sessions, the guard against guessing, the second factor."""
