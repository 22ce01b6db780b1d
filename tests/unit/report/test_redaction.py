"""Credentials are taken out; ordinary sentences are not."""

from __future__ import annotations

import pytest

from scaleproof.report.redaction import redacted

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl"  # made up


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://shop:s3cret@db:5432/shop", "postgresql://***@db:5432/shop"),
        ("redis://:s3c@ret@cache:6379", "redis://***@cache:6379"),
        ("https://token@git.example/x", "https://***@git.example/x"),
        ("Authorization: Basic c2hvcDpzM2NyZXQ=", "Authorization: ***"),
        ('{"authorization": "Bearer abc123def456"}', '{"authorization": ***"}'),
        ("sent Bearer abc123.def-456", "sent Bearer ***"),
        (f"token was {JWT}, refused", "token was ***, refused"),
        ("password=hunter2&user=a", "password=***&user=a"),
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: ***"),
        ('{"api_key": "a b c", "n": 1}', '{"api_key": ***, "n": 1}'),
        ("scaleproof:databaseUrl:\n    secure: v1:abc:def==", "scaleproof:databaseUrl:\n    secure: ***"),
        ("ghp_0123456789abcdefghij0123", "***"),
        ("key AKIAABCDEFGHIJKLMNOP end", "key *** end"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nrest", "***\nrest"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", "***"),
    ],
)
def test_credentials(text, expected):
    assert redacted(text) == expected
    assert redacted(redacted(text)) == redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "orders starts from 5 replicas: the rise of 20 s is quicker than two decisions of the autoscaler",
        "+          averageUtilization: 60",
        "scaleproof prove --target local --stack dev --users 10000 --shape spike --seed 7 --indicative",
        "http://127.0.0.1:8080/api/v1/orders?x=1",
        "the bearer certificates of this platform",
        "a basic calibration; tokens are verified at the gateway",
    ],
)
def test_ordinary_text_stays(text):
    assert redacted(text) == text
