"""A growth plan as text, markdown, one HTML page with its schedule drawn, and JSON. Pure."""
