"""`python -m cluster.provider [--helm PATH] [--port N]`: prints its port, serves until it is killed."""

from __future__ import annotations

import argparse
import sys

from cluster.provider.server import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="test-only Kubernetes provider")
    parser.add_argument("--helm", default="helm")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    server, port = serve(arguments.helm, arguments.port)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
