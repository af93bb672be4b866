"""Our own tables in the Hub's own database, so that what we remember needs neither slurmdbd nor a file."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa

TABLES = sa.MetaData()

SESSIONS = sa.Table(
    "resource_form_sessions",
    TABLES,
    sa.Column("session", sa.String(64), primary_key=True),
    sa.Column("user_name", sa.String(255), nullable=False),
    sa.Column("server_name", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("ended", sa.Float(53), nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Index("resource_form_sessions_of_user", "user_name", "ended"),
    sa.Index("resource_form_sessions_by_end", "ended"),
)
"""The record of past sessions. ``record`` is the rest as JSON, so that a later version needs no other table."""

OVER = sa.Table(
    "resource_form_over",
    TABLES,
    sa.Column("session", sa.String(64), primary_key=True),
    sa.Column("user_name", sa.String(255), nullable=False),
    sa.Column("begun", sa.Float(53), nullable=False),
    sa.Index("resource_form_over_of_user", "user_name", "begun"),
    sa.Index("resource_form_over_by_begin", "begun"),
)
"""The sessions that are over, whose nonces make no other. ``begun`` is when the start began."""


def session_key(nonce: str, *, user: str = "", server: str = "", at: float = 0.0) -> str:
    """Return what tells a session from all others: a digest of its nonce, or of the rest where it came to none."""
    text = nonce or json.dumps([user, server, at])
    return hashlib.sha256(text.encode()).hexdigest()
