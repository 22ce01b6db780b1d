"""Files that Locust is given beside somebody's own."""
