"""`scaleproof demo …`: a part of the reference platform at work, before and after. Starts what both `services` and `scaleproof` have."""
