"""The HTTP side of identity: what is taken, what is answered, which status. Decides nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, Security
from fastapi.security import APIKeyCookie

from services.common.errors.openapi import problems
from services.common.errors.raised import ServiceError
from services.common.given import IdInUrl, Nothing
from services.common.json_response import json_response
from services.common.tokens.caller import TOKEN_CODES, Caller
from services.identity import cookie
from services.identity.schemas import (
    AccessToken,
    Credentials,
    NewUser,
    PasswordChange,
    RoleAssignment,
    StatusChange,
    User,
    UserPage,
    UserQuery,
)
from services.identity.service import UserService
from services.identity.session_service import Session, SessionEndedError, SessionService

UserId = Annotated[IdInUrl, Path()]
RefreshToken = Annotated[
    str | None,
    Security(APIKeyCookie(name=cookie.NAME, scheme_name="refresh token", description="See docs/jwt.md.", auto_error=False)),
]


def create_router(users: UserService, sessions: SessionService) -> APIRouter:
    """The routes of the API."""
    router = APIRouter(prefix="/api/v1/identity", tags=["identity"])
    add_session_routes(router, sessions)
    add_user_routes(router, users)
    return router


def add_session_routes(router: APIRouter, sessions: SessionService) -> None:
    """Signing in and out, refreshing, changing the password."""

    @router.post(
        "/sessions",
        status_code=201,
        response_model=AccessToken,
        openapi_extra=problems("invalid_credentials", "too_many_attempts"),
    )
    async def sign_in(credentials: Credentials, _query: Nothing) -> Response:
        """Sign in."""
        session = await sessions.sign_in(credentials.email, credentials.password.get_secret_value())
        return session_response(session, status_code=201)

    @router.post("/sessions/refresh", response_model=AccessToken, openapi_extra=problems("session_ended"))
    async def refresh(presented: RefreshToken, _query: Nothing) -> Response:
        """A new access token for the session in the cookie; the cookie is replaced."""
        try:
            session = await sessions.refresh(presented)
        except SessionEndedError:
            raise ServiceError("session_ended", headers={"set-cookie": cookie.REMOVED}) from None
        return session_response(session)

    @router.delete("/sessions/current", status_code=204)
    async def sign_out(request: Request, _query: Nothing) -> Response:
        """Sign out: the session in the cookie ends."""
        await sessions.sign_out(request.cookies.get(cookie.NAME))
        return Response(status_code=204, headers={"set-cookie": cookie.REMOVED})

    @router.put(
        "/users/{user_id}/password",
        response_model=AccessToken,
        openapi_extra=problems(*TOKEN_CODES, "invalid_credentials", "too_many_attempts", "user_unknown"),
    )
    async def change_password(user_id: UserId, change: PasswordChange, caller: Caller, _query: Nothing) -> Response:
        """Change the own password: every session of the user ends, and a new one begins."""
        caller.must_own(user_id)
        current, wanted = change.current_password.get_secret_value(), change.new_password.get_secret_value()
        return session_response(await sessions.change_password(user_id, current, wanted))


def add_user_routes(router: APIRouter, users: UserService) -> None:
    """Registering, reading, changing and deleting users."""

    @router.post("/users", status_code=201, response_model=User, openapi_extra=problems("email_taken"))
    async def register(new: NewUser, _query: Nothing) -> Response:
        """Register."""
        user = await users.register(new)
        return json_response(user, status_code=201, headers={"location": f"/api/v1/identity/users/{user.id}"})

    @router.get("/users", response_model=UserPage, openapi_extra=problems(*TOKEN_CODES))
    async def list_users(query: Annotated[UserQuery, Query()], _caller: Caller) -> Response:
        """Users by id, page by page."""
        return json_response(await users.page(after=query.after, limit=query.limit))

    @router.get("/users/{user_id}", response_model=User, openapi_extra=problems(*TOKEN_CODES, "user_unknown"))
    async def read_user(user_id: UserId, caller: Caller, _query: Nothing) -> Response:
        """One user."""
        caller.must_own(user_id)
        return json_response(await users.find(user_id))

    @router.put(
        "/users/{user_id}/roles", response_model=User, openapi_extra=problems(*TOKEN_CODES, "user_unknown", "last_admin")
    )
    async def assign_roles(user_id: UserId, assignment: RoleAssignment, caller: Caller, _query: Nothing) -> Response:
        """Replace a user's roles; in force within five seconds."""
        caller.must_own(user_id)
        return json_response(await users.assign_roles(user_id, assignment.roles))

    @router.put(
        "/users/{user_id}/status", response_model=User, openapi_extra=problems(*TOKEN_CODES, "user_unknown", "last_admin")
    )
    async def set_status(user_id: UserId, change: StatusChange, caller: Caller, _query: Nothing) -> Response:
        """Lock a user out, or let one in again. Every session of the user ends."""
        caller.must_own(user_id)
        return json_response(await users.set_disabled(user_id, disabled=change.disabled))

    @router.delete("/users/{user_id}", status_code=204, openapi_extra=problems(*TOKEN_CODES, "user_unknown", "last_admin"))
    async def delete_user(user_id: UserId, caller: Caller, _query: Nothing) -> Response:
        """Delete a user with all sessions."""
        caller.must_own(user_id)
        await users.delete(user_id)
        return Response(status_code=204)


def session_response(session: Session, *, status_code: int = 200) -> Response:
    """The access token in the body, the refresh token in the cookie, and nothing of it in any cache (RFC 6749, section 5.1)."""
    body = AccessToken(
        access_token=session.access_token, expires_in=session.access_seconds, user_id=session.user_id, roles=session.roles
    )
    set_cookie = cookie.cookie_of(session.refresh_token, live_seconds=session.refresh_seconds)
    return json_response(body, status_code=status_code, headers={"set-cookie": set_cookie, "cache-control": "no-store"})
