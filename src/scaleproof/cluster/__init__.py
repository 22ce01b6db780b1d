"""Kubernetes as the target: the Pulumi stack, holding and observing pods and their autoscalers."""
