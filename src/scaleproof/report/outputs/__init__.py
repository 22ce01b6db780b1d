"""A policy as others read it: one file a format. Pure: policy and names in, text out."""
