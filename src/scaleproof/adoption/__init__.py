"""From what somebody has (manifests, a cluster's objects, an OpenAPI document) to platform.yaml, a policy and journeys. Pure.

Every value that was in no source is a guess: it carries its reason, into the file and onto the terminal.
"""
