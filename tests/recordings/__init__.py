"""Runs on a real cluster with the real autoscaler, written down, and the simulator put beside them."""
