"""Prometheus, Envoy and Locust results as telemetry."""
