"""What was seen: samples, windows, percentiles and a run on disk. Pure but for reading and writing run folders."""
