"""OpenTelemetry traces: a span a request served, a span an attempt of a call (docs/telemetry.md)."""
