"""The reference platform: what scaleproof is shown on. Every service is the same slice with the same file names."""
