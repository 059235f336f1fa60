"""Alarms on disk: those that are raised and were told, and the events that tell operators."""
