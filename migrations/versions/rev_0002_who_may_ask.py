"""Who may ask: keys and roles of programs, revocations, citizens' data, what limits count, the chain of the audit.

Changes: clients give their secret to client_keys and get what else is known about a program; calls and audit get
blind marks (old rows have none: they cannot be made without the pepper); new tables for the rest. Lines of the audit
that are there already stay outside the chain. Words and types are spelled out here, not imported.
On the way down every program that is no portal is disabled, for the older release knows no roles.
The previous release still runs on it: no, it asks for the secret in clients.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

Utc = sa.DateTime(timezone=True)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ROLES = "'admin', 'auditor', 'engineer', 'portal', 'supervisor'"


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _calls()
    op.create_index("idempotency_of_call", "idempotency", ["call_id"])
    _audit()
    _clients()
    _signing_keys()
    _revocations()
    _nonces()
    _citizens()
    _authenticators()
    _tries()


def downgrade() -> None:
    for table in ("tries", "authenticators", "citizen_marks", "citizens", "nonces", "revocations", "signing_keys"):
        op.drop_table(table)
    _clients_of_0001()
    _audit_of_0001()
    op.drop_index("idempotency_of_call", "idempotency")
    op.drop_index("calls_of_number", "calls")
    op.drop_column("calls", "number_mark")
    _comment_on_request("request and terms, never changed")


def _calls() -> None:
    comment = "blind mark of the citizen's number; none after erasure, or without a number"
    op.add_column("calls", sa.Column("number_mark", sa.Text(), nullable=True, comment=comment))
    op.create_index("calls_of_number", "calls", ["number_mark", "id"], **_where("number_mark IS NOT NULL"))
    _comment_on_request("request and terms; only erasure changes them")


def _comment_on_request(words: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"COMMENT ON COLUMN calls.sealed_request IS '{words}'")


def _audit() -> None:
    mark = sa.Column("mark", sa.Text(), nullable=True, comment="blind mark of the citizen whose data it is about")
    op.add_column("audit", mark)
    comment = "binds the line to all before it; none: written before there was a chain"
    op.add_column("audit", sa.Column("chain", sa.Text(), nullable=True, comment=comment))
    op.create_index("audit_of_mark", "audit", ["mark", "id"], **_where("mark IS NOT NULL"))
    op.create_index("audit_of_actor", "audit", ["actor", "id"])
    op.create_index("audit_of_time", "audit", ["at", "id"])
    op.create_table(
        "audit_head",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False, comment="there is one row"),
        sa.Column("id", sa.BigInteger(), nullable=False, comment="of the last line"),
        sa.Column("chain", sa.Text(), nullable=False, comment="of the last line; empty before the first that has one"),
        sa.Column(
            "proof",
            sa.Text(),
            nullable=True,
            comment="that we wrote this row; none before the first line that has a chain",
        ),
        sa.CheckConstraint("one = 1", name=op.f("ck_audit_head_one")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_audit_head")),
        comment="the end of the audit chain; writers of lines wait for each other here",
    )
    op.execute("INSERT INTO audit_head (one, id, chain) SELECT 1, COALESCE(MAX(id), 0), '' FROM audit")


def _audit_of_0001() -> None:
    op.drop_table("audit_head")
    for index in ("audit_of_mark", "audit_of_actor", "audit_of_time"):
        op.drop_index(index, "audit")
    op.drop_column("audit", "chain")
    op.drop_column("audit", "mark")
    if op.get_bind().dialect.name == "postgresql":
        # The older release lets the database count, and the database has not counted along.
        op.execute(
            "SELECT setval(pg_get_serial_sequence('audit', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM audit), FALSE)"
        )


def _clients() -> None:
    op.execute("CREATE TABLE clients_before AS SELECT * FROM clients")
    op.drop_table("clients")
    op.create_table(
        "clients",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("disabled_at", Utc, nullable=True),
        sa.Column("token_lifetime_s", sa.Integer(), nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("services", Json, nullable=True, comment="it may call these only; none: all"),
        sa.Column(
            "prefixes",
            Json,
            nullable=True,
            comment="only numbers that begin so may be rung; none: all the operator allows",
        ),
        sa.Column("requests_per_minute", sa.Integer(), nullable=True, comment="none: as the operator's settings say"),
        sa.Column("calls_per_hour", sa.Integer(), nullable=True, comment="none: as the operator's settings say"),
        sa.Column("second_step", sa.Text(), nullable=False, comment="what must follow a request before anything rings"),
        sa.Column("vouching", Json, nullable=True, comment="when a citizen's own token spares the code; none: never"),
        sa.Column("issuers", Json, nullable=False, comment="whose citizens it may speak for"),
        sa.Column("require_signature", sa.Boolean(), nullable=False),
        sa.CheckConstraint("token_lifetime_s > 0", name=op.f("ck_clients_lifetime")),
        sa.CheckConstraint(f"role IN ({ROLES})", name=op.f("ck_clients_role")),
        sa.CheckConstraint("second_step IN ('click', 'code', 'none')", name=op.f("ck_clients_second_step")),
        sa.CheckConstraint("requests_per_minute > 0 AND calls_per_hour > 0", name=op.f("ck_clients_limits")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        comment="the programs that may ask",
    )
    _client_keys()
    # Nothing had to follow a request until now, so nothing has to for programs that count on it.
    op.execute(
        "INSERT INTO clients (id, name, role, scopes, created_at, disabled_at, token_lifetime_s, second_step, issuers,"
        " require_signature) SELECT id, name, 'portal', scopes, created_at, disabled_at, token_lifetime_s, 'none',"
        " '[]', FALSE FROM clients_before"
    )
    op.execute(
        "INSERT INTO client_keys (client, id, kind, material, created_at)"
        " SELECT id, 'first', 'secret', secret_hash, created_at FROM clients_before"
    )
    op.drop_table("clients_before")


def _client_keys() -> None:
    op.create_table(
        "client_keys",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=True, comment="the hash of a secret, or a public JWK"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="a shared key"),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("expires_at", Utc, nullable=True),
        sa.CheckConstraint("kind IN ('hmac', 'public', 'secret')", name=op.f("ck_client_keys_kind")),
        sa.CheckConstraint("(material IS NULL) = (kind = 'hmac')", name=op.f("ck_client_keys_material")),
        sa.CheckConstraint("(sealed IS NOT NULL) = (kind = 'hmac')", name=op.f("ck_client_keys_sealed")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_client_keys_client")),
        sa.PrimaryKeyConstraint("client", "id", name=op.f("pk_client_keys")),
        comment="what the programs prove themselves with",
    )


def _clients_of_0001() -> None:
    # The newest secret; a program without one gets a hash that no secret has.
    newest = (
        "COALESCE((SELECT material FROM client_keys WHERE client = clients.id AND kind = 'secret'"
        " ORDER BY expires_at IS NOT NULL, created_at DESC, id LIMIT 1), '')"
    )
    disabled = "CASE WHEN role = 'portal' THEN disabled_at ELSE COALESCE(disabled_at, CURRENT_TIMESTAMP) END"
    op.execute(
        f"CREATE TABLE clients_before AS SELECT id, name, {newest} AS secret_hash, scopes, created_at,"  # noqa: S608
        f" {disabled} AS disabled_at, token_lifetime_s FROM clients"
    )
    op.drop_table("client_keys")
    op.drop_table("clients")
    op.create_table(
        "clients",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "secret_hash", sa.Text(), nullable=False, comment="of a generated secret; the secret is kept nowhere"
        ),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("disabled_at", Utc, nullable=True),
        sa.Column("token_lifetime_s", sa.Integer(), nullable=False),
        sa.CheckConstraint("token_lifetime_s > 0", name=op.f("ck_clients_lifetime")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        comment="the programs that may ask",
    )
    columns = "id, name, secret_hash, scopes, created_at, disabled_at, token_lifetime_s"
    op.execute(f"INSERT INTO clients ({columns}) SELECT {columns} FROM clients_before")  # noqa: S608
    op.drop_table("clients_before")


def _signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the private key"),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("signs_until", Utc, nullable=False),
        sa.Column("valid_until", Utc, nullable=False),
        sa.CheckConstraint("purpose IN ('response', 'token')", name=op.f("ck_signing_keys_purpose")),
        sa.CheckConstraint("signs_until <= valid_until", name=op.f("ck_signing_keys_times")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
        comment="the service's own keys, of all its processes",
    )


def _revocations() -> None:
    op.create_table(
        "revocations",
        sa.Column("id", Serial, sa.Identity(), nullable=False, comment="never used twice; they appear in its order"),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("token_id", sa.Text(), nullable=True, comment="this token only"),
        sa.Column("mark", sa.Text(), nullable=True, comment="blind mark of the citizen whose tokens these are"),
        sa.Column(
            "sealed_user", sa.LargeBinary(), nullable=True, comment="the same citizen, for those who hold the key"
        ),
        sa.Column("at", Utc, nullable=False),
        sa.Column("until", Utc, nullable=False, comment="no such token can be alive then"),
        sa.CheckConstraint("(mark IS NULL) = (sealed_user IS NULL)", name=op.f("ck_revocations_citizen")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revocations")),
        comment="tokens that are dead before their time",
        sqlite_autoincrement=True,
    )
    op.create_index("revocations_of_mark", "revocations", ["mark"], **_where("mark IS NOT NULL"))


def _nonces() -> None:
    op.create_table(
        "nonces",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("until", Utc, nullable=False, comment="an older signature is refused for its age"),
        sa.PrimaryKeyConstraint("key_id", "nonce", name=op.f("pk_nonces")),
        comment="of signatures that were taken: none counts twice",
    )
    op.create_index("nonces_past", "nonces", ["until"])


def _citizens() -> None:
    op.create_table(
        "citizens",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="what the portal supplied, sealed"),
        sa.Column("updated_at", Utc, nullable=False),
        sa.PrimaryKeyConstraint("client", "user_id", name=op.f("pk_citizens")),
        comment="identity data of a portal's citizens",
    )
    comment = "blind mark of client and value: no portal finds another's citizens"
    op.create_table(
        "citizen_marks",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False, comment=comment),
        sa.ForeignKeyConstraint(
            ["client", "user_id"], ["citizens.client", "citizens.user_id"], name=op.f("fk_citizen_marks_client")
        ),
        sa.PrimaryKeyConstraint("client", "user_id", "kind", name=op.f("pk_citizen_marks")),
        comment="what a citizen can be found by",
    )
    op.create_index("citizen_marks_found", "citizen_marks", ["mark"])


def _authenticators() -> None:
    op.create_table(
        "authenticators",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="sealed"),
        sa.Column("recovery", Json, nullable=False, comment="hashes of recovery codes that are still unused"),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("confirmed_at", Utc, nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False, comment="the last time step whose code was used"),
        sa.CheckConstraint("last_step >= 0", name=op.f("ck_authenticators_last_step")),
        sa.PrimaryKeyConstraint("client", "user_id", name=op.f("pk_authenticators")),
        comment="citizens' authenticator apps",
    )


def _tries() -> None:
    op.create_table(
        "tries",
        sa.Column("id", Serial, sa.Identity(), nullable=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("citizen", sa.Text(), nullable=False, comment="blind mark of client and user"),
        sa.Column("number", sa.Text(), nullable=True, comment="blind mark of the number"),
        sa.CheckConstraint("kind IN ('mismatch', 'opened', 'sent')", name=op.f("ck_tries_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tries")),
        comment="what limits count, for a day",
        sqlite_autoincrement=True,
    )
    op.create_index("tries_of_citizen", "tries", ["citizen", "at"])
    op.create_index("tries_of_number", "tries", ["number", "at"], **_where("number IS NOT NULL"))
    op.create_index("tries_past", "tries", ["at"])
