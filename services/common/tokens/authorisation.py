"""Who may do what, as data: one row an endpoint, for each role how far it reaches. docs/users.md shows the table.

What is not in the table nobody may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from services.common.tokens.principal import Principal, Role


class Reach(IntEnum):
    """Whose objects; of several roles the one that reaches farthest counts."""

    none = 0
    own = 1
    any = 2


@dataclass(frozen=True, slots=True)
class Permission:
    """One endpoint: `METHOD /path/{template}`. `public` needs no access token."""

    service: str
    endpoint: str
    reaches: Mapping[Role, Reach]
    public: bool = False


def _row(service: str, endpoint: str, *, customer: Reach, staff: Reach, admin: Reach) -> Permission:
    return Permission(service, endpoint, {Role.customer: customer, Role.staff: staff, Role.admin: admin})


def _public(service: str, endpoint: str) -> Permission:
    return Permission(service, endpoint, dict.fromkeys(Role, Reach.none), public=True)


_NONE, _OWN, _ANY = Reach.none, Reach.own, Reach.any

PERMISSIONS: tuple[Permission, ...] = (
    _row("orders", "GET /api/v1/orders", customer=_OWN, staff=_ANY, admin=_NONE),
    _row("orders", "GET /api/v1/orders/search", customer=_OWN, staff=_ANY, admin=_NONE),
    _row("orders", "GET /api/v1/orders/revenue/daily", customer=_NONE, staff=_ANY, admin=_NONE),
    _row("orders", "GET /api/v1/orders/products/top", customer=_NONE, staff=_ANY, admin=_NONE),
    _row("orders", "GET /api/v1/orders/{order_id}", customer=_OWN, staff=_ANY, admin=_NONE),
    _row("orders", "POST /api/v1/orders", customer=_OWN, staff=_ANY, admin=_NONE),
    _row("orders", "GET /api/v2/orders", customer=_OWN, staff=_ANY, admin=_NONE),
    _row("orders", "GET /api/v2/orders/search", customer=_OWN, staff=_ANY, admin=_NONE),
    _row("orders", "GET /api/v2/orders/revenue/daily", customer=_NONE, staff=_ANY, admin=_NONE),
    _row("orders", "GET /api/v2/orders/products/top", customer=_NONE, staff=_ANY, admin=_NONE),
    _row("orders", "GET /api/v2/orders/{order_id}", customer=_OWN, staff=_ANY, admin=_NONE),
    _row("orders", "POST /api/v2/orders", customer=_OWN, staff=_ANY, admin=_NONE),
    _row("dashboard", "GET /api/v1/dashboard/overview", customer=_NONE, staff=_ANY, admin=_NONE),
    _row("dashboard", "GET /api/v1/dashboard/settings/{user_id}", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "PUT /api/v1/dashboard/settings/{user_id}", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "GET /api/v1/dashboard/layouts", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "POST /api/v1/dashboard/layouts", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "GET /api/v1/dashboard/layouts/{layout_id}", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "PUT /api/v1/dashboard/layouts/{layout_id}", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "DELETE /api/v1/dashboard/layouts/{layout_id}", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "GET /api/v1/dashboard/layouts/{layout_id}/shares", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "PUT /api/v1/dashboard/layouts/{layout_id}/shares", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "GET /api/v1/dashboard/preferences", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "PUT /api/v1/dashboard/preferences", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("dashboard", "GET /api/v1/dashboard/platform/replicas", customer=_NONE, staff=_NONE, admin=_ANY),
    _row("dashboard", "GET /api/v1/dashboard/platform/health", customer=_NONE, staff=_ANY, admin=_ANY),
    _public("identity", "GET /.well-known/jwks.json"),
    _public("identity", "GET /internal/v1/revocations"),
    _public("identity", "POST /api/v1/identity/users"),
    _public("identity", "POST /api/v1/identity/sessions"),
    _public("identity", "POST /api/v1/identity/sessions/refresh"),
    _public("identity", "DELETE /api/v1/identity/sessions/current"),
    _row("identity", "GET /api/v1/identity/users", customer=_NONE, staff=_NONE, admin=_ANY),
    _row("identity", "GET /api/v1/identity/users/{user_id}", customer=_OWN, staff=_OWN, admin=_ANY),
    _row("identity", "PUT /api/v1/identity/users/{user_id}/password", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("identity", "PUT /api/v1/identity/users/{user_id}/roles", customer=_NONE, staff=_NONE, admin=_ANY),
    _row("identity", "PUT /api/v1/identity/users/{user_id}/status", customer=_NONE, staff=_NONE, admin=_ANY),
    _row("identity", "DELETE /api/v1/identity/users/{user_id}", customer=_OWN, staff=_OWN, admin=_ANY),
    _public("identity", "GET /api/v1/identity/oidc"),
    _public("identity", "GET /api/v1/identity/oidc/{provider}/start"),
    _public("identity", "GET /api/v1/identity/oidc/{provider}/callback"),
    _row("identity", "POST /api/v1/identity/oidc/{provider}/link", customer=_OWN, staff=_OWN, admin=_OWN),
    _row("identity", "GET /api/v1/identity/users/{user_id}/external-identities", customer=_OWN, staff=_OWN, admin=_ANY),
    _row(
        "identity",
        "DELETE /api/v1/identity/users/{user_id}/external-identities/{provider}",
        customer=_OWN,
        staff=_OWN,
        admin=_ANY,
    ),
)

_BY_ENDPOINT = {permission.endpoint: permission for permission in PERMISSIONS}


def reach_of(principal: Principal, endpoint: str) -> Reach:
    """How far the caller reaches there."""
    permission = _BY_ENDPOINT.get(endpoint)
    if permission is None:
        return Reach.none
    return max((permission.reaches[role] for role in principal.roles), default=Reach.none)


def allowed(principal: Principal | None, endpoint: str, *, owner: str | None = None) -> bool:
    """Whether the caller may. `owner` is the id of the user whose object it is; None: nobody's in particular, as in a list.

    Who reaches only own objects may ask for a list: the service then lists that user's own.
    """
    permission = _BY_ENDPOINT.get(endpoint)
    if permission is None:
        return False
    if permission.public:
        return True
    if principal is None:
        return False
    reach = reach_of(principal, endpoint)
    return reach is Reach.any or (reach is Reach.own and owner in (None, principal.user_id))
