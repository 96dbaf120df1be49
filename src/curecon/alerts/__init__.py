"""Tells people what is new, worse or overdue: once, grouped, to every channel that was named."""

from curecon.alerts.story import Alert, alert

__all__ = ["Alert", "alert"]
