"""Findings of runs and tunings, and their rendering."""
