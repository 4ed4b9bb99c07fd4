"""Slash commands that people type: which are taken, what each does, and who sees the answer."""
