"""Certificates for phones: what is made holds in a real TLS handshake, what is given is checked with clear words."""

import re
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from campus_patrol import certificate, clock
from campus_patrol.certificate import CertificateError

NAMES = ("localhost", "127.0.0.1", "patrol-box", "patrol-box.local", "192.168.3.7")
NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)


def handshake(made: certificate.Certificate, name: str) -> str:
    """Shake hands as a phone that trusts the authority does; returns the protocol, raises ssl.SSLError otherwise."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.cert, made.key)
    client = ssl.create_default_context(cafile=made.authority)
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    theirs.settimeout(10)

    def answer() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=name) as secure:
            return secure.version() or ""
    finally:
        ours.close()
        thread.join()


def given(
    folder: Path, *, names=("patrol.example.cn",), days=90, since=-1, key=None, curve=None
) -> tuple[Path, Path]:
    """Write a certificate signed by itself, as somebody may hand us one."""
    private = key or ec.generate_private_key(curve or ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "given")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() + timedelta(days=since))
        .not_valid_after(clock.now() + timedelta(days=days))
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        )
    cert_file, key_file = folder / "given.pem", folder / "given-key.pem"
    cert_file.write_bytes(builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_file, key_file


@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_trusts_the_authority_accepts_every_name_of_the_machine(
    tmp_path: Path, name: str
) -> None:
    assert handshake(certificate.make_local(tmp_path, NAMES), name) == "TLSv1.3"


def test_a_client_refuses_a_name_that_the_certificate_does_not_carry(tmp_path: Path) -> None:
    made = certificate.make_local(tmp_path, NAMES)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made, "192.168.3.8")


def test_a_stolen_authority_cannot_vouch_for_a_site_on_the_internet(tmp_path: Path) -> None:
    certificate.make_local(tmp_path, NAMES)
    ca = x509.load_pem_x509_certificate((tmp_path / "authority.pem").read_bytes())
    ca_key = serialization.load_pem_private_key((tmp_path / "authority-key.pem").read_bytes(), password=None)
    forged, forged_key = certificate._make_certificate(("bank.example.com",), clock.now(), ca, ca_key)
    certificate._write_pair(tmp_path / "forged.pem", tmp_path / "forged-key.pem", (forged, ca), forged_key)
    thief = certificate.Certificate(
        cert=tmp_path / "forged.pem",
        key=tmp_path / "forged-key.pem",
        names=("bank.example.com",),
        not_after=forged.not_valid_after_utc,
        authority=tmp_path / "authority.pem",
    )
    with pytest.raises(
        ssl.SSLCertVerificationError, match=r"permitted subtree|not permitted|name constraint"
    ):
        handshake(thief, "bank.example.com")


def test_only_the_owner_may_read_the_keys(tmp_path: Path) -> None:
    certificate.make_local(tmp_path / "tls", NAMES)
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    for file in (tmp_path / "tls").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    first = certificate.make_local(tmp_path, NAMES)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    second = certificate.make_local(tmp_path, NAMES)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert second == first
    assert not second.new_authority


def test_a_new_address_renews_the_certificate_and_phones_need_not_trust_again(tmp_path: Path) -> None:
    certificate.make_local(tmp_path, NAMES)
    authority = (tmp_path / "authority.pem").read_bytes()
    moved = certificate.make_local(tmp_path, (*NAMES, "10.20.30.40"))
    assert (tmp_path / "authority.pem").read_bytes() == authority
    assert not moved.new_authority
    assert handshake(moved, "10.20.30.40")


def test_a_name_outside_the_authority_s_list_replaces_it_and_says_so(tmp_path: Path) -> None:
    certificate.make_local(tmp_path, NAMES)
    moved = certificate.make_local(tmp_path, (*NAMES, "patrol.example.cn"))
    assert moved.new_authority
    assert handshake(moved, "patrol.example.cn")


@pytest.mark.parametrize(("days_before_the_end", "renewed"), [(22, False), (20, True), (-3, True)])
def test_the_certificate_is_renewed_three_weeks_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days_before_the_end: int, renewed: bool
) -> None:
    first = certificate.make_local(tmp_path, NAMES)
    monkeypatch.setattr(clock, "now", lambda: first.not_after - timedelta(days=days_before_the_end))
    second = certificate.make_local(tmp_path, NAMES)
    assert (second.not_after > first.not_after) is renewed
    assert not second.new_authority


def test_the_running_server_learns_of_a_certificate_that_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = certificate.make_local(tmp_path, NAMES)

    def renew() -> certificate.Certificate:
        return certificate.make_local(tmp_path, NAMES)

    assert certificate.keep_fresh(made, renew) is None
    monkeypatch.setattr(clock, "now", lambda: made.not_after - timedelta(days=5))
    newer = certificate.keep_fresh(made, renew)
    assert newer is not None
    assert newer.not_after > made.not_after


def test_the_running_server_learns_that_a_robot_renewed_a_given_certificate(tmp_path: Path) -> None:
    pair = given(tmp_path, days=10)
    used = certificate.read_given(*pair)
    assert certificate.keep_fresh(used, lambda: None) is None
    pair[0].write_bytes(b"half")
    assert certificate.keep_fresh(used, lambda: None) is None
    given(tmp_path, days=90)
    newer = certificate.keep_fresh(used, lambda: None)
    assert newer is not None
    assert newer.not_after > used.not_after


def test_damaged_files_are_made_again(tmp_path: Path) -> None:
    certificate.make_local(tmp_path, NAMES)
    (tmp_path / "server-key.pem").write_text("not a key")
    assert handshake(certificate.make_local(tmp_path, NAMES), "localhost")


def test_phones_get_limits_they_accept(tmp_path: Path) -> None:
    """Apple's rules of 2019: at most 825 days, names as alternatives, usage for servers; SHA-256."""
    made = certificate.make_local(tmp_path, NAMES)
    leaf = x509.load_pem_x509_certificates(made.cert.read_bytes())[0]
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < timedelta(days=398)
    assert leaf.not_valid_before_utc < clock.now() - timedelta(hours=12)
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.SERVER_AUTH]
    assert isinstance(leaf.signature_hash_algorithm, hashes.SHA256)
    assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", certificate.fingerprint(tmp_path / "authority.pem"))


def test_the_machine_knows_itself_as_localhost_and_by_what_it_is_told() -> None:
    names = certificate.machine_names(["Patrol.Example.CN"])
    assert names[:3] == ("localhost", "127.0.0.1", "::1")
    assert names[-1] == "patrol.example.cn"
    assert len(names) == len(set(names))


def test_a_good_given_certificate_is_taken(tmp_path: Path) -> None:
    found = certificate.read_given(*given(tmp_path, names=("patrol.example.cn", "*.school.example")))
    assert found.names == ("patrol.example.cn", "*.school.example")
    assert found.authority is None


def test_what_is_wrong_with_a_given_certificate_is_said_in_one_sentence(tmp_path: Path) -> None:
    cert, key = given(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    other_cert, other_key = given(other)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(cert.read_bytes() + certificate.make_local(tmp_path / "tls", NAMES).cert.read_bytes())
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    text = tmp_path / "text.pem"
    text.write_text("hello")
    for pair, words in (
        ((tmp_path / "none.pem", key), "cannot be read"),
        ((cert, tmp_path / "none.pem"), "cannot be read"),
        ((text, key), "not a certificate in PEM form"),
        ((cert, text), "not a private key in PEM form"),
        ((cert, locked), "locked with a password"),
        ((cert, other_key), "does not belong to the first certificate"),
        ((chain, key), "do not follow from one another"),
    ):
        with pytest.raises(CertificateError, match=words) as caught:
            certificate.read_given(*pair)
        assert "\n" not in str(caught.value)
    assert certificate.read_given(other_cert, other_key)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"days": -0.01}, "ended on"), ({"since": 2}, "valid only from"), ({"names": ()}, "names no host")],
)
def test_a_certificate_that_no_phone_accepts_today_is_refused(
    tmp_path: Path, options: dict, words: str
) -> None:
    with pytest.raises(CertificateError, match=words):
        certificate.read_given(*given(tmp_path, **options))


def test_what_will_keep_phones_out_is_warned_of(tmp_path: Path) -> None:
    soon = certificate.read_given(*given(tmp_path, days=20.5))
    said = " ".join(certificate.warnings(soon, "other.example.cn"))
    assert "ends in 20 days" in said
    assert "signed by itself" in said
    assert "does not name other.example.cn" in said
    local = certificate.make_local(tmp_path / "tls", NAMES)
    assert certificate.warnings(local, "patrol-box.local") == []


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("patrol.example.cn", True),
        ("PATROL.example.cn.", True),
        ("a.school.example", True),
        ("a.b.school.example", False),
        ("school.example", False),
        ("example.cn", False),
    ],
)
def test_a_star_stands_for_one_label(host: str, covered: bool) -> None:
    assert certificate.covers(("patrol.example.cn", "*.school.example"), host) is covered
