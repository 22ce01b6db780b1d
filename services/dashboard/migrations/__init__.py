"""The schema `dashboard`, step by step: docs/database.md says how a step is added."""
