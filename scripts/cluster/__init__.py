"""A real one-node Kubernetes out of package registries, for tests (docs/cluster-for-tests.md)."""
