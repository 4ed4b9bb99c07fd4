"""Alerts: raised once, told once, over once."""
