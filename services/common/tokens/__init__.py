"""What a service needs to know who calls: verifying access tokens, hearing of revocations, and who may do what."""
