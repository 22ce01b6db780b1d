"""A test-only Kubernetes provider for Pulumi's engine.

The official plugin cannot be had on the build machines. This one does what the tests need, the way the official one does it:
server-side apply, autonaming, awaiting readiness, differences against the pruned live state, replacement of immutable fields,
helm releases. It is attached with PULUMI_DEBUG_PROVIDERS and never shipped; where `pulumi-resource-kubernetes` is on PATH, the
tests use that instead. Source of the behaviour: pulumi/pulumi-kubernetes, provider/pkg/provider/provider.go.
"""
