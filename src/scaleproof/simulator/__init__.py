"""Pods, queueing, metric lag and the HPA over time. Pure; time and seed are arguments."""
