"""Tells people what is new, worse or overdue: once, grouped, to every channel that was named."""

from curecon.alerts.story import Alert, Told, alert

__all__ = ["Alert", "Told", "alert"]
