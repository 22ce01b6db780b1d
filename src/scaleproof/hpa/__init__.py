"""HPA v2 with upstream's function names. Pure; time is an argument."""
