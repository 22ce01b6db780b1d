"""One table of questions to a gateway, and what every target must answer: asked of Envoy here, and of Envoy Gateway on a cluster."""
