"""The only place where real adapters are chosen and joined. Imports of what a verb needs happen in it, so that --help stays quick."""

from scaleproof.wiring.outcome import report
from scaleproof.wiring.project import Project
from scaleproof.wiring.questions import SCHEMA_NAMES, explain_hpa, schema_of

__all__ = ["SCHEMA_NAMES", "Project", "explain_hpa", "report", "schema_of"]
