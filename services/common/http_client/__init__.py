"""Calls to another service: time limits, retries within a budget, a circuit breaker, a bulkhead, deadlines handed on (docs/retry.md)."""
