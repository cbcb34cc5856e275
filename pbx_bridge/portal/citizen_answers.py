"""What is answered about citizens and about the audit, for the OpenAPI document; see answers.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from .answers import Masked, Part

Name = Literal["phone", "email", "snils", "inn", "passport"]


class CitizenIdentity(Part):
    """What is known about a citizen, masked."""

    phone: Masked
    email: Annotated[str | None, Field(examples=["a***@e***.ru"])]
    snils: Annotated[str | None, Field(examples=["***-***-*** 95"])]
    inn: Annotated[str | None, Field(examples=["**********59"])]
    passport: Annotated[str | None, Field(examples=["** ** ****56"])]
    verified: Annotated[list[Name], Field(description="which of them the portal has verified")]


class OneCitizen(Part):
    """A citizen, as their portal knows them."""

    client: Annotated[str, Field(description="the program whose citizen it is")]
    user: Annotated[str, Field(description="the id that it knows them by")]
    identity: CitizenIdentity
    updated_at: AwareDatetime


class FoundCitizens(Part):
    """The citizens of one program that have the value."""

    citizens: list[OneCitizen]


class ErasedCitizen(Part):
    """How much was erased; zeros when nothing was there (any more)."""

    calls: Annotated[int, Field(description="calls that name nobody any more")]
    events: Annotated[int, Field(description="events that name nobody any more")]
    records: Annotated[int, Field(description="identity data, authenticators and the like")]


class NewAuthenticator(Part):
    """What an authenticator app needs to know. It is shown once; it counts once it was confirmed."""

    secret: Annotated[str, Field(description="base32, for who cannot scan the picture")]
    otpauth_uri: Annotated[str, Field(description="what the picture says")]
    qr_svg: Annotated[str, Field(description="the picture: a `data:` URI of a QR code in SVG, for an `img` element")]


class RecoveryCodes(Part):
    """The app is confirmed. Each of these takes the place of one code when the app is lost; they are shown once."""

    recovery_codes: Annotated[list[str], Field(examples=[["q7x2m-04kzv"]])]


class OneAuthenticator(Part):
    """What is known about a citizen's authenticator app."""

    confirmed: Annotated[bool, Field(description="whether its codes count")]
    enrolled_at: AwareDatetime
    confirmed_at: AwareDatetime | None
    recovery_left: Annotated[int, Field(description="recovery codes that are still unused")]


class Dropped(Part):
    """The citizen has no authenticator app now."""

    dropped: Annotated[bool, Field(description="false when there was none")]


class Line(Part):
    """One line of the audit."""

    id: Annotated[int, Field(ge=1, description="counts up, without gaps")]
    at: AwareDatetime
    actor: Annotated[str, Field(examples=["client:client_1"])]
    action: Annotated[str, Field(examples=["read-identity"])]
    verdict: Literal["taken", "refused"]
    detail: dict[str, Any]
    call_id: str | None
    mark: Annotated[str | None, Field(description="of the citizen whose data it is about; it names nobody")]
    chain: Annotated[str | None, Field(description="binds the line to all before it; null: older than the chain")]


class Lines(Part):
    """Lines of the audit, oldest first."""

    lines: list[Line]
    last: Annotated[int, Field(description="give this as `after` to go on")]
    more: Annotated[bool, Field(description="whether there are more right now")]


class AnchorAnswer(Part):
    """The end of the chain. Kept elsewhere it proves later that nothing was cut off or chained anew."""

    id: int
    chain: str


class Verification(Part):
    """What a check of the whole chain found."""

    lines: Annotated[int, Field(description="lines that hold")]
    unchained: Annotated[int, Field(description="how many of them are older than the chain")]
    anchor: Annotated[AnchorAnswer, Field(description="how far it holds; as `anchor` of a later check: `id:chain`")]
    fault: Annotated[str | None, Field(description="the first thing that is wrong; null when all is well")]
