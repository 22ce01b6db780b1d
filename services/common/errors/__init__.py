"""Every answer that is an error: one document (RFC 9457), made by one factory from codes that are data."""
