"""The Locust plug-in, starting it, and reading its results."""
