"""What every service has: starting and draining, health, metrics, and the adapters to PostgreSQL, Redis and other services."""
