"""Capacity rules as data: what breaks under load, found in the files alone. Pure; wiring gathers the facts."""
