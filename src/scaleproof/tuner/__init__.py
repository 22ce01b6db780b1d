"""Calibrate, optimise and verify. Everything it needs of the world is named in ports.py."""
