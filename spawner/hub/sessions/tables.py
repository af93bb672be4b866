"""Our own tables in the Hub's own database, so that what we remember needs neither slurmdbd nor a file."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa

from ..database import Transaction

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

RELEASE_MARKS = sa.Table(
    "resource_form_release_marks",
    TABLES,
    sa.Column("tag", sa.String(64), primary_key=True),
    sa.Column("what", sa.String(16), nullable=False),
    sa.Column("by_name", sa.String(255), nullable=False),
    sa.Column("at", sa.Float(53), nullable=False),
)
"""What administrators have said of releases besides the admin's file: tested, disabled, or not."""

RELEASE_CHECKS = sa.Table(
    "resource_form_release_checks",
    TABLES,
    sa.Column("tag", sa.String(64), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("by_name", sa.String(255), nullable=False),
    sa.Column("at", sa.Float(53), nullable=False),
    sa.Column("record", sa.Text, nullable=False),
)
"""The last check of each release; ``record`` is what it found, as JSON."""

MESSAGE_CHOICES = sa.Table(
    "resource_form_messages",
    TABLES,
    sa.Column("user_name", sa.String(255), primary_key=True),
    sa.Column("kinds", sa.Text, nullable=False),
    sa.Column("at", sa.Float(53), nullable=False),
)
"""Which messages users want; ``kinds`` is a list of their names, as JSON."""


def has_row(own: Transaction, table: sa.Table, key: str) -> bool:
    """Tell whether a table of ours has the session of this key."""
    return own.execute(sa.select(table.c.session).where(table.c.session == key)).first() is not None


def keep_newest(own: Transaction, table: sa.Table, user: str, moment: sa.ColumnElement[float], number: int, *, at_once: int) -> None:
    """Delete what a user has beyond ``number`` rows of a table of ours, the newest by ``moment``; so many rows at once at most."""
    newest_first = sa.select(table.c.session).where(table.c.user_name == user).order_by(moment.desc(), table.c.session)
    beyond = [row.session for row in own.execute(newest_first.offset(number).limit(at_once))]
    if beyond:
        own.execute(sa.delete(table).where(table.c.session.in_(beyond)))


def session_key(nonce: str, *, user: str = "", server: str = "", at: float = 0.0) -> str:
    """Return what tells a session from all others: a digest of its nonce, or of the rest where it came to none."""
    text = nonce or json.dumps([user, server, at])
    return hashlib.sha256(text.encode()).hexdigest()
