"""A policy store in memory: the fake of `spec.stack_file.StackFile`."""

from __future__ import annotations

from scaleproof.spec.policy import Policy


class FakeStackFile:
    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.original = policy
        self.writes: list[Policy] = []
        self.restored = 0

    def read(self) -> Policy:
        return self.policy

    def preview(self, policy: Policy) -> str:
        return "" if policy == self.policy else "--- a/Pulumi.dev.yaml\n+++ b/Pulumi.dev.yaml\n"

    def write(self, policy: Policy) -> str:
        diff = self.preview(policy)
        self.policy = policy
        self.writes.append(policy)
        return diff

    def restore(self) -> None:
        self.policy = self.original
        self.restored += 1
