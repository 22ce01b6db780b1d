"""Dashboard: an overview read from orders over HTTP, each user's settings, and layouts and preferences of users who signed in."""
