"""Dashboard: an overview read from orders over HTTP, and each user's settings."""
