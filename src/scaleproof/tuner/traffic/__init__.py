"""Tuning a policy on recorded traffic: no platform, no load, one service."""
