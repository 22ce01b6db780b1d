"""The embedded default: a platform as processes on one machine."""
