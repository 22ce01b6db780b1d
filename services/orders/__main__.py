"""`python -m services.orders`: one replica."""

from __future__ import annotations

import sys

from services.common.launch import launch
from services.orders.settings import Settings

if __name__ == "__main__":
    sys.exit(launch("orders", Settings))
