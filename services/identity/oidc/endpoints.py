"""The HTTP side of signing in elsewhere. Decides nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response, Security
from fastapi.security import APIKeyCookie

from services.common.errors.openapi import problems
from services.common.given import IdInUrl, Nothing
from services.common.json_response import json_response
from services.common.tokens.caller import TOKEN_CODES, Caller
from services.identity import cookie as refresh_cookie
from services.identity.oidc import cookie
from services.identity.oidc.schemas import (
    CallbackQuery,
    ExternalIdentityList,
    LinkRequest,
    LinkStart,
    ProviderList,
    ProviderName,
    StartQuery,
)
from services.identity.oidc.service import ExternalSignInService, Started
from services.identity.service import UserService

UserId = Annotated[IdInUrl, Path()]
Provider = Annotated[ProviderName, Path()]
Browser = Annotated[
    str | None,
    Security(APIKeyCookie(name=cookie.NAME, scheme_name="browser", description="See docs/jwt.md.", auto_error=False)),
]
START_CODES = ("oidc_provider_unknown", "oidc_provider_unavailable")
CALLBACK_CODES = (
    *START_CODES,
    "oidc_state_refused",
    "oidc_denied",
    "oidc_code_refused",
    "oidc_nonce_wrong",
    "oidc_token_refused",
    "oidc_not_linked",
    "oidc_already_linked",
    "oidc_email_missing",
    "email_taken",
    "user_disabled",
)


def create_oidc_router(external: ExternalSignInService, users: UserService) -> APIRouter:
    """The routes: a browser's way to the provider and back, and a user's links."""
    router = APIRouter(prefix="/api/v1/identity", tags=["external sign-in"])
    add_browser_routes(router, external)
    add_link_routes(router, external, users)
    return router


def add_browser_routes(router: APIRouter, external: ExternalSignInService) -> None:
    """What a browser goes to itself: links, not calls."""

    @router.get("/oidc", response_model=ProviderList)
    async def list_providers(_query: Nothing) -> Response:
        """The providers that one may sign in with."""
        return json_response(ProviderList(providers=external.names()))

    @router.get("/oidc/{provider}/start", status_code=303, response_class=Response, openapi_extra=problems(*START_CODES))
    async def start(provider: Provider, query: Annotated[StartQuery, Query()], browser: Browser) -> Response:
        """Go to the provider, to sign in."""
        started = await external.start(provider, return_to=query.return_to, browser=browser)
        return Response(status_code=303, headers={"location": started.url, **headers_of(started)})

    @router.get("/oidc/{provider}/callback", status_code=303, response_class=Response, openapi_extra=problems(*CALLBACK_CODES))
    async def callback(provider: Provider, answer: Annotated[CallbackQuery, Query()], browser: Browser) -> Response:
        """Come back from the provider: signed in, or linked. The page that follows gets its access token by refreshing."""
        finished = await external.finish(provider, answer, browser=browser)
        headers = {"location": finished.return_to, "cache-control": "no-store"}
        if finished.session is not None:
            headers["set-cookie"] = refresh_cookie.cookie_of(
                finished.session.refresh_token, live_seconds=finished.session.refresh_seconds
            )
        return Response(status_code=303, headers=headers)


def add_link_routes(router: APIRouter, external: ExternalSignInService, users: UserService) -> None:
    """What somebody who is signed in does about the own account."""

    @router.post(
        "/oidc/{provider}/link",
        response_model=LinkStart,
        openapi_extra=problems(*TOKEN_CODES, *START_CODES, "sign_in_again"),
    )
    async def start_link(
        provider: Provider, request: LinkRequest, caller: Caller, _query: Nothing, browser: Browser
    ) -> Response:
        """Begin to link the own account with a provider, soon after signing in; the browser is to go to the address in the answer."""
        started = await external.start(provider, return_to=request.return_to, browser=browser, caller=caller.principal)
        return json_response(LinkStart(authorization_url=started.url), headers=headers_of(started))

    @router.get(
        "/users/{user_id}/external-identities",
        response_model=ExternalIdentityList,
        openapi_extra=problems(*TOKEN_CODES, "user_unknown"),
    )
    async def list_links(user_id: UserId, caller: Caller, _query: Nothing) -> Response:
        """What a user is linked with."""
        caller.must_own(user_id)
        links = await external.links(user_id)
        if not links:
            await users.find(user_id)
        return json_response(ExternalIdentityList(external_identities=links))

    @router.delete(
        "/users/{user_id}/external-identities/{provider}",
        status_code=204,
        openapi_extra=problems(*TOKEN_CODES, "oidc_provider_unknown", "last_sign_in"),
    )
    async def unlink(user_id: UserId, provider: Provider, caller: Caller, _query: Nothing) -> Response:
        """Remove the link with a provider. Sessions that were opened through it go on."""
        caller.must_own(user_id)
        await external.unlink(provider, user_id)
        return Response(status_code=204)


def headers_of(started: Started) -> dict[str, str]:
    """The cookie; and no cache keeps what is good for once."""
    return {
        "set-cookie": cookie.cookie_of(started.browser, live_seconds=started.live_seconds),
        "cache-control": "no-store",
    }
