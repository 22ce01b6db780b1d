"""Pulumi ComponentResources for a platform that scales: one a file, for anyone's program.

Every component renders plain manifests by a pure function and registers exactly those. It knows the spec and nothing else of
scaleproof.
"""
