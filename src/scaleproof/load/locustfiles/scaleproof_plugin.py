"""Given to Locust beside an ordinary locustfile (`-f yours.py,scaleproof_plugin.py`): installs what a JourneyUser installs by its import."""

from __future__ import annotations

from scaleproof.load import plugin

plugin.install()
