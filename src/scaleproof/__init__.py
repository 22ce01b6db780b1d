"""Proves a Kubernetes scaling policy under load before users do."""

__version__ = "0.1.0"
