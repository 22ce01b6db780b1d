"""Identity: users, sign-in, access and refresh tokens, the keys that sign them, and what was revoked."""
