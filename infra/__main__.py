"""This project's Pulumi program: platform.yaml and the stack's config, on the cluster that the stack names."""

from pathlib import Path

from scaleproof.components.platform import program

program(Path(__file__).resolve().parents[1])
