"""The cache of a service: a level in the process, a level in Redis, and the news between replicas. See docs/caching.md."""
