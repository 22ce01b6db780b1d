"""A check of schemathesis' (read by it through SCHEMATHESIS_HOOKS): every error is a problem document, whatever the request was."""

import jsonschema
import schemathesis

from services.common.errors.openapi import PROBLEM_DOCUMENT

VALIDATOR = jsonschema.Draft202012Validator(PROBLEM_DOCUMENT)


@schemathesis.check
def errors_are_problem_documents(_context, response, _case):
    if response.status_code < 400:
        return
    media_types = response.headers.get("content-type")
    assert media_types == ["application/problem+json"], media_types
    document = response.json()
    VALIDATOR.validate(document)
    assert document["status"] == response.status_code
