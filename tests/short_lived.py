"""`SERVICE=identity python -m short_lived`, or `SERVICE=orders`: a replica for which tokens and keys last seconds, so that a test sees a whole rotation.

The same service in every other respect, and each length stands to the others as in services/: a key is published until whoever reads keys has
read it, and is finished when the last token that it signed is.
"""

import os

from services.common.server import serve
from services.common.tokens import jwks
from services.identity import app as identity_app
from services.identity import key_ring, trust_endpoints
from services.identity.policy import TokenPolicy
from services.identity.settings import Settings as IdentitySettings
from services.orders import app as orders_app
from services.orders.settings import Settings as OrdersSettings

POLICY = TokenPolicy(access_seconds=30, leeway_seconds=6)
RELOAD_SECONDS = 1.0
JWKS_CACHE_SECONDS = 3
REFRESH_SECONDS = 2.4
SOONEST_SECONDS = 1.0
PUBLISH_SECONDS = 2 * RELOAD_SECONDS + 2 * JWKS_CACHE_SECONDS + 1

if __name__ == "__main__":
    key_ring.RELOAD_SECONDS = RELOAD_SECONDS
    trust_endpoints.JWKS_CACHE_SECONDS = JWKS_CACHE_SECONDS
    jwks.REFRESH_SECONDS, jwks.SOONEST_SECONDS = REFRESH_SECONDS, SOONEST_SECONDS
    if os.environ["SERVICE"] == "identity":
        settings = IdentitySettings.from_environment(os.environ, service="identity")
        serve(identity_app.create_app(settings, policy=POLICY), settings)
    else:
        orders_settings = OrdersSettings.from_environment(os.environ, service="orders")
        serve(orders_app.create_app(orders_settings), orders_settings)
