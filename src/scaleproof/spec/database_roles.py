"""A database role for each service: what it may do, as a psql script, the same on this machine and on a cluster. Pure.

A role owns the schema of its name and has no rights on another one's. `PUBLIC` has none at all: neither to connect to a database nor
to use the schema `public`. Run by a superuser, in the database that the services share; twice changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Final

from scaleproof.spec.errors import BadInputError

SUPERUSER: Final = "scaleproof"
"""Of the servers that scaleproof starts. Services never learn its password."""
RESERVED: Final = frozenset({SUPERUSER, "public", "none"})
"""PostgreSQL keeps the latter two to itself."""
_ITERATIONS: Final = 4096
"""PostgreSQL's own (scram_iterations)."""


def check_names(services: Iterable[str]) -> None:
    """Raises BadInputError for a service after which no role can be named."""
    for name in services:
        if name in RESERVED:
            raise BadInputError(
                f"platform.yaml: services.{name}: no role of PostgreSQL can have this name",
                hint="name the service otherwise; if it does not use the database, give it `postgres_connections: 0`",
            )


def scram_verifier(password: str, salt: bytes) -> str:
    """What PostgreSQL stores of a password of ASCII characters (RFC 5803): no log or catalogue that shows it tells the password."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt_text}${stored_text}:{server_text}"


def roles_script(verifiers: Mapping[str, str]) -> str:
    r"""Role → its verifier as psql's `\set` takes it: 'in quotes', or a `command` whose output it is.

    Names are those of services. A schema of a role's name that somebody else made, and what is in it, is handed over to the role.
    """
    return _FIRST + "".join(_role(name, verifier) for name, verifier in verifiers.items()) + "COMMIT;\n"


def _role(name: str, verifier: str) -> str:
    return f"\\set role {name}\n\\set verifier {verifier}\n{_EACH}"


_FIRST: Final = """\
BEGIN;
SET LOCAL search_path = pg_catalog;
-- Whoever waits for a lock makes users wait; it is tried again.
SET LOCAL lock_timeout = '2s';
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', datname) FROM pg_database \\gexec
SELECT 'REVOKE ALL ON SCHEMA public FROM PUBLIC' FROM pg_namespace WHERE nspname = 'public' \\gexec
"""

_EACH: Final = """\
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
ALTER ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'verifier';
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE :"DBNAME" TO :"role";
SELECT format('CREATE SCHEMA %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = :'role') \\gexec
ALTER SCHEMA :"role" OWNER TO :"role";
-- What was made before there were roles. Indexes, a column's sequence and a table's type go with their table.
SELECT format('ALTER %s %s OWNER TO %I', kind, object, :'role') FROM (
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
                        ELSE 'TABLE' END AS kind,
           c.oid::regclass::text AS object, relowner AS owner, relnamespace AS schema, 'pg_class'::regclass AS catalogue, c.oid
    FROM pg_class c
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
       OR relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i'))
    UNION ALL
    SELECT 'ROUTINE', oid::regprocedure::text, proowner, pronamespace, 'pg_proc'::regclass, oid FROM pg_proc
    UNION ALL
    SELECT 'TYPE', t.oid::regtype::text, typowner, typnamespace, 'pg_type'::regclass, t.oid
    FROM pg_type t LEFT JOIN pg_class c ON c.oid = typrelid
    WHERE typtype IN ('e', 'd', 'r') OR relkind = 'c'
) made
WHERE schema = (SELECT oid FROM pg_namespace WHERE nspname = :'role')
  AND owner <> (SELECT oid FROM pg_roles WHERE rolname = :'role')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = catalogue AND d.objid = made.oid AND d.deptype = 'e')
ORDER BY kind, object
\\gexec
"""
