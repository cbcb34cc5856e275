"""What the token endpoints take and answer, for the OpenAPI document. What is optional may also be sent to no effect:
RFC 6749, 3.2, has unknown fields ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from .answers import Part

_ASSERTION = Field(description="`urn:ietf:params:oauth:client-assertion-type:jwt-bearer`")


class Proof(BaseModel):
    """How a program proves itself: HTTP Basic, or its secret here, or a token that it signed; one of them."""

    client_id: str | None = None
    client_secret: str | None = None
    client_assertion_type: Annotated[str | None, _ASSERTION] = None
    client_assertion: Annotated[str | None, Field(description="RFC 7523")] = None


class TokenForm(Proof):
    """RFC 6749, 4.4, and RFC 8693, 2.1."""

    grant_type: Literal["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"]
    scope: Annotated[str | None, Field(description="space separated; default: all that may be had")] = None
    subject_token: Annotated[str | None, Field(description="the citizen's own token, for an exchange")] = None
    subject_token_type: Annotated[
        str | None, Field(description="`urn:ietf:params:oauth:token-type:` and `access_token`, `id_token` or `jwt`")
    ] = None
    requested_token_type: Annotated[
        str | None, Field(description="`urn:ietf:params:oauth:token-type:access_token`, if anything")
    ] = None
    audience: Annotated[str | None, Field(description="this service, if anything")] = None


class Token(Part):
    """RFC 6749, 5.1, and RFC 8693, 2.2.1."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="seconds")]
    scope: str
    issued_token_type: Annotated[str | None, Field(description="of an exchange")] = None


class TokenError(Part):
    """RFC 6749, 5.2, and RFC 8693, 2.2.2."""

    error: Literal[
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "invalid_target",
        "temporarily_unavailable",
    ]
    error_description: str


class RevocationForm(Proof):
    """RFC 7009, 2.1: `token`. Beyond it `sub`: every token of that citizen. One of the two."""

    token: Annotated[str | None, Field(description="the token to revoke")] = None
    token_type_hint: Annotated[str | None, Field(description="not needed")] = None
    sub: Annotated[
        str | None, Field(description="the citizen who has logged out; all their tokens that your client got end now")
    ] = None


class KeySet(Part):
    """RFC 7517."""

    keys: Annotated[list[dict[str, Any]], Field(description="public keys; those that will sign soon are among them")]


class Metadata(Part):
    """RFC 8414. The URLs are those of the issuer when it is one, or else of the host that was asked."""

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    service_documentation: str
    scopes_supported: list[str]
    response_types_supported: Annotated[list[str], Field(description="none: nobody is sent here by redirection")]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
