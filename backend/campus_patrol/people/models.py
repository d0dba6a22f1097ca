"""Schools, the people in them, how they sign in, and the phones they carry."""

import secrets
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, Float, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campus_patrol.database import Base, Entity, new_id


class School(Base):
    """A tenant: everything else belongs to exactly one school."""

    __tablename__ = "school"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120))
    zone: Mapped[str] = mapped_column(String(60))
    language: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]
    # Changes when a backup is restored, so that phones know that numbers may go back.
    generation: Mapped[str] = mapped_column(String(36), default=new_id)
    # The school's log: how many lines it holds and the hash of the last; the row is the lock that orders writers.
    log_length: Mapped[int] = mapped_column(Integer, default=0)
    log_hash: Mapped[str] = mapped_column(String(64), default="0" * 64)
    # The highest number of the log that the newest verified backup off this machine holds; phones may forget up to it.
    durable_log: Mapped[int] = mapped_column(Integer, default=0)
    # How many findings were numbered in each year, so that numbers have no gaps: {"2026": 41}.
    finding_counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # Up to this night the plans are written down (see plans); later ones follow the routes as they stand.
    plans_until: Mapped[date | None] = mapped_column(Date)
    is_demo: Mapped[bool] = mapped_column(Boolean, default=False)
    # What the figures on doors are drawn from (see places); never leaves the server.
    figure_key: Mapped[str] = mapped_column(String(64), default=lambda: secrets.token_hex(32))


class Person(Entity, Base):
    """Somebody who patrols, repairs, inspects, supervises or administers."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("account"), Index(None, "school_id", "name"))

    name: Mapped[str] = mapped_column(String(60))
    role: Mapped[str] = mapped_column(String(20))
    account: Mapped[str | None] = mapped_column(String(60))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    pin_hash: Mapped[str | None] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime]


class SignIn(Entity, Base):
    """A member of staff signed in to the desk; the cookie's token is stored hashed."""

    __tablename__ = "sign_in"
    __table_args__ = (UniqueConstraint("token_hash"),)

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Device(Entity, Base):
    """An enrolled phone; its token is stored hashed and can be revoked."""

    __tablename__ = "device"
    __table_args__ = (UniqueConstraint("token_hash"),)

    name: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64))
    public_key: Mapped[str | None] = mapped_column(String(400))
    app: Mapped[str | None] = mapped_column(String(40))
    enrolled_at: Mapped[datetime]
    enrolled_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    seen_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    # As the phone last announced them: records not yet here, whether its storage is persistent.
    waiting: Mapped[int | None] = mapped_column(Integer)
    persisted: Mapped[bool | None] = mapped_column(Boolean)
    # Who last signed in on it and whether the PIN was checked; and the two clocks of its last record. The next record
    # is judged by them.
    last_person_id: Mapped[str | None] = mapped_column(String(36))
    pin_verified: Mapped[bool | None] = mapped_column(Boolean)
    last_boot: Mapped[str | None] = mapped_column(String(80))
    last_at: Mapped[datetime | None]
    last_elapsed: Mapped[int | None] = mapped_column(BigInteger)


class Enrolment(Entity, Base):
    """A one-time code that lets one phone in; stored hashed."""

    __tablename__ = "enrolment"
    __table_args__ = (UniqueConstraint("code_hash"),)

    name: Mapped[str | None] = mapped_column(String(60))
    code_hash: Mapped[str] = mapped_column(String(64))
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    device_id: Mapped[str | None] = mapped_column(ForeignKey("device.id"))


class Bucket(Base):
    """How many tries a caller has left. The one table without a school: the caller is not known yet."""

    __tablename__ = "bucket"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    tokens: Mapped[float] = mapped_column(Float)
    at: Mapped[float] = mapped_column(
        Float
    )  # seconds since 1970, so that one statement can refill on both engines
