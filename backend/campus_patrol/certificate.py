"""HTTPS for a school's own network: a local authority, a certificate for this machine, and a check of given ones.

A browser gives a page the camera and a service worker only on https that it trusts (or on localhost). A certificate
made here is trusted by a phone only after the phone was told to trust the authority that signed it; trust_page.py
shows a phone how.
"""

import ipaddress
import os
import re
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from campus_patrol import clock

AUTHORITY_YEARS = 10
# Apple refuses certificates that live longer than 825 days, and browsers lean to 398 at most.
CERTIFICATE_DAYS = 397
RENEW_DAYS = 21
# Phones' clocks are wrong by minutes and, after an empty battery, by hours.
CLOCK_SLACK = timedelta(days=1)

# What the local authority may ever vouch for. Whoever steals its key can then pretend to be a machine of a private
# network, but not a bank: phones that trust it enforce this list.
PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
PRIVATE_NETWORKS += ("127.0.0.0/8", "::1/128", "fc00::/7", "fe80::/10")
PRIVATE_DOMAINS = ("localhost", "local", "lan", "internal", "home.arpa")

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")


class CertificateError(ValueError):
    """A certificate or key cannot be used; the message is one sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate chain and its key as files, and what they say.

    names are DNS names and addresses as text; authority is the local authority's certificate file, or None when the
    certificate came from elsewhere; new_authority is true when it replaced one that phones trust.
    """

    cert: Path
    key: Path
    names: tuple[str, ...]
    not_after: datetime
    authority: Path | None = None
    new_authority: bool = False


def machine_names(extra: Iterable[str] = ()) -> tuple[str, ...]:
    """Name this machine as its network knows it: localhost, host name, host name under .local, addresses, extras."""
    names = ["localhost", "127.0.0.1", "::1"]
    host = socket.gethostname().lower()
    if _HOST_NAME.fullmatch(host):
        names.append(host)
        if "." not in host:
            names.append(f"{host}.local")
    names.extend(lan_addresses())
    names.extend(name.lower() for name in extra)
    return tuple(dict.fromkeys(names))


def lan_addresses() -> tuple[str, ...]:
    """List the addresses other machines can reach this one at, the likeliest first.

    Connecting a datagram socket sends nothing; it only asks the system from which address it would send.
    """
    found = []
    towards = ("192.0.2.1", "192.168.0.1", "10.0.0.1", "172.16.0.1")
    for family, hosts in ((socket.AF_INET, towards), (socket.AF_INET6, ("2001:db8::1",))):
        for host in hosts:
            try:
                with socket.socket(family, socket.SOCK_DGRAM) as probe:
                    probe.connect((host, 9))
                    found.append(probe.getsockname()[0])
            except OSError:
                continue
    if sys.platform == "win32":
        found.extend(socket.gethostbyname_ex(socket.gethostname())[2])
    return tuple(dict.fromkeys(a for a in found if not ipaddress.ip_address(a.split("%")[0]).is_loopback))


def make_local(folder: Path, names: Sequence[str]) -> Certificate:
    """Return this machine's certificate signed by the local authority in `folder`, making or renewing what is needed.

    The certificate is renewed when it ends within RENEW_DAYS or does not carry every name; the authority is replaced
    when it ends before a new certificate would, cannot be read, or may not vouch for a name.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca_cert_file, ca_key_file = folder / "authority.pem", folder / "authority-key.pem"
    cert_file, key_file = folder / "server.pem", folder / "server-key.pem"
    now = clock.now()

    authority = _read_pair(ca_cert_file, ca_key_file)
    fresh = (
        authority is None
        or not _may_vouch(authority[0], names)
        or _ends_within(authority[0], CERTIFICATE_DAYS + 1)
    )
    replaced = fresh and ca_cert_file.exists()
    if fresh:
        authority = _make_authority(names, now)
        _write_pair(ca_cert_file, ca_key_file, (authority[0],), authority[1])
    ca_cert, ca_key = authority

    pair = None if fresh else _read_pair(cert_file, key_file)
    if (
        pair is None
        or pair[0].issuer != ca_cert.subject
        or _ends_within(pair[0], RENEW_DAYS)
        or not set(names) <= set(_names(pair[0]))
    ):
        pair = _make_certificate(names, now, ca_cert, ca_key)
        _write_pair(cert_file, key_file, (pair[0], ca_cert), pair[1])
    return Certificate(
        cert=cert_file,
        key=key_file,
        names=_names(pair[0]),
        not_after=pair[0].not_valid_after_utc,
        authority=ca_cert_file,
        new_authority=replaced,
    )


def read_given(cert: Path, key: Path) -> Certificate:
    """Check a certificate that came from elsewhere: readable, key fits, chain in order, in force.

    Raises CertificateError with the sentence that says what to do. What only deserves a warning is in `warnings`.
    """
    cert_text, key_text = _read(cert), _read(key)
    try:
        chain = x509.load_pem_x509_certificates(cert_text)
    except ValueError:
        raise CertificateError(f"{cert} is not a certificate in PEM form (BEGIN CERTIFICATE).") from None
    try:
        private = serialization.load_pem_private_key(key_text, password=None)
    except TypeError:
        raise CertificateError(
            f"{key} is locked with a password; save it without one, readable only by you."
        ) from None
    except ValueError:
        raise CertificateError(f"{key} is not a private key in PEM form (BEGIN PRIVATE KEY).") from None
    leaf = chain[0]
    if private.public_key() != leaf.public_key():
        raise CertificateError(
            f"{key} does not belong to the first certificate in {cert}; the server's own certificate must come first."
        )
    for below, above in pairwise(chain):
        if below.issuer != above.subject:
            raise CertificateError(
                f"The certificates in {cert} do not follow from one another; use the full chain, own certificate first."
            )
    now = clock.now()
    if leaf.not_valid_after_utc <= now:
        raise CertificateError(
            f"The certificate in {cert} ended on {leaf.not_valid_after_utc:%Y-%m-%d}; renew it."
        )
    if leaf.not_valid_before_utc > now:
        raise CertificateError(
            f"The certificate in {cert} is valid only from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC; "
            "check this machine's clock."
        )
    names = _names(leaf)
    if not names:
        raise CertificateError(
            f"The certificate in {cert} names no host (subject alternative name), so no browser accepts it."
        )
    return Certificate(cert=cert, key=key, names=names, not_after=leaf.not_valid_after_utc)


def warnings(certificate: Certificate, host: str | None) -> list[str]:
    """Say what is not wrong yet but will keep phones out: it ends soon, is self-signed, or does not name the host."""
    found = []
    left = (certificate.not_after - clock.now()).days
    if left < RENEW_DAYS:
        found.append(
            f"The certificate ends in {left} days, on {certificate.not_after:%Y-%m-%d}; renew it now."
        )
    if certificate.authority is None:
        leaf = x509.load_pem_x509_certificates(certificate.cert.read_bytes())[0]
        if leaf.issuer == leaf.subject:
            found.append(
                "The certificate is signed by itself: phones refuse the camera and offline use with it, "
                "even after a tap on 'proceed anyway'."
            )
    if host and not covers(certificate.names, host):
        found.append(f"The certificate does not name {host}; it names {', '.join(certificate.names)}.")
    return found


def covers(names: Sequence[str], host: str) -> bool:
    """Decide whether a certificate with these names is valid for a host (RFC 6125: * stands for one label)."""
    host = host.lower().rstrip(".")
    return any(
        name.lower() == host
        or (name.startswith("*.") and "." in host and name[2:].lower() == host.split(".", 1)[1])
        for name in names
    )


def fingerprint(cert: Path) -> str:
    """Return a certificate's SHA-256 as phones show it: 32 pairs of upper-case hex, parted by colons."""
    digest = x509.load_pem_x509_certificate(cert.read_bytes()).fingerprint(hashes.SHA256())
    return digest.hex(":").upper()


def der(cert: Path) -> bytes:
    """Return a certificate in the binary form that every phone installs."""
    return x509.load_pem_x509_certificate(cert.read_bytes()).public_bytes(serialization.Encoding.DER)


def keep_fresh(certificate: Certificate, renew: Callable[[], Certificate | None]) -> Certificate | None:
    """Return the certificate to serve from now on, or None while the one in use is still right.

    A given certificate counts as new when its file changed, as it does when a robot renews it.
    """
    if certificate.authority is not None:
        return renew() if _ends_within(_load(certificate.cert), RENEW_DAYS) else None
    try:
        again = read_given(certificate.cert, certificate.key)
    except CertificateError:
        # Half-written by whoever renews it; the next look will find it whole.
        return None
    return again if again != certificate else None


def _make_authority(
    names: Sequence[str], now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Campus Patrol"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Campus Patrol {now:%Y-%m-%d} {os.urandom(3).hex()}"),
        ]
    )
    permitted: dict[x509.GeneralName, None] = {}
    for network in PRIVATE_NETWORKS:
        permitted[x509.IPAddress(ipaddress.ip_network(network))] = None
    for domain in PRIVATE_DOMAINS:
        permitted[x509.DNSName(domain)] = None
    for name in names:
        address = _address(name)
        permitted[
            x509.DNSName(name) if address is None else x509.IPAddress(ipaddress.ip_network(address))
        ] = None
    cert = (
        _builder(subject, subject, key, now, timedelta(days=365 * AUTHORITY_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(list(permitted), None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return cert, key


def _make_certificate(
    names: Sequence[str], now: datetime, ca_cert: x509.Certificate, ca_key: CertificateIssuerPrivateKeyTypes
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Campus Patrol")])
    alternatives = [
        x509.DNSName(name) if (address := _address(name)) is None else x509.IPAddress(address)
        for name in names
    ]
    cert = (
        _builder(subject, ca_cert.subject, key, now, timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_cert.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    return cert, key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now - CLOCK_SLACK + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _may_vouch(ca_cert: x509.Certificate, names: Sequence[str]) -> bool:
    permitted = (
        ca_cert.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    )
    networks = [name.value for name in permitted if isinstance(name, x509.IPAddress)]
    domains = [name.value for name in permitted if isinstance(name, x509.DNSName)]
    for name in names:
        address = _address(name)
        if address is None:
            if not any(name == domain or name.endswith("." + domain) for domain in domains):
                return False
        elif not any(address in network for network in networks):
            return False
    return True


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return None


def _names(cert: x509.Certificate) -> tuple[str, ...]:
    try:
        value = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in value if isinstance(name, x509.DNSName | x509.IPAddress))


def _ends_within(cert: x509.Certificate, days: int) -> bool:
    return cert.not_valid_after_utc - clock.now() < timedelta(days=days)


def _load(cert: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(cert.read_bytes())[0]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CertificateError(f"{file} cannot be read: {error.strerror}.") from None


def _read_pair(cert: Path, key: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    """Read what an earlier start wrote; None when it is missing or damaged, so that it is made again."""
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
        public = _load(cert)
    except (OSError, ValueError, TypeError):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != public.public_key():
        return None
    return public, private


def _write_pair(
    cert: Path, key: Path, chain: Iterable[x509.Certificate], private: ec.EllipticCurvePrivateKey
) -> None:
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for file, content in (
        (key, secret),
        (cert, b"".join(c.public_bytes(serialization.Encoding.PEM) for c in chain)),
    ):
        # Replaced whole, so that a start that is cut short leaves either the old file or the new one.
        part = file.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
        part.replace(file)
