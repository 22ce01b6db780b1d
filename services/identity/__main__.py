"""`python -m services.identity`: one replica."""

from __future__ import annotations

import sys

from services.common.launch import launch
from services.identity.settings import Settings

if __name__ == "__main__":
    sys.exit(launch("identity", Settings))
