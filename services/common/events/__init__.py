"""Events between services: a transactional outbox, Redis Streams, and consumers that may see an event more than once."""
