"""Signing in through an external OpenID provider (code, PKCE, state, nonce), linked by issuer and subject. docs/jwt.md tells the flow."""
