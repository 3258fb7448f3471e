"""Where the emulated tenant is: told by the environment, shared by the programs beside this one."""

import json
import os
import urllib.request

BASE = os.environ["EMULATOR_URL"]
TENANT = os.environ["EMULATOR_TENANT"]
CLIENT = os.environ["EMULATOR_CLIENT"]
SECRET = os.environ["EMULATOR_SECRET"]
IMDS = os.environ["EMULATOR_IMDS"]
IDENTITY_HEADER = os.environ["EMULATOR_IDENTITY_HEADER"]

GRAPH = BASE + "/v1.0"
AUTHORITY = BASE + "/" + TENANT
SCOPE = "https://graph.microsoft.com/.default"
RESOURCE = "https://graph.microsoft.com"


def control(method, path, body=None):
    """Asks the control plane. Whom to trust is in SSL_CERT_FILE."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + "/_emulator/" + path, data=data, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def users_with(token):
    """The status of a read with this token."""
    request = urllib.request.Request(GRAPH + "/users?$top=1", headers={"Authorization": "Bearer " + token})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def certificate():
    """A new key and a certificate of its own: key as PEM, certificate as PEM, SHA-1 thumbprint."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return key, key_pem, made.public_bytes(serialization.Encoding.PEM).decode(), made.fingerprint(hashes.SHA1()).hex()


def foreign_assertion(subject):
    """Registers a federated credential under this subject; returns a signed assertion of its identity provider."""
    import time

    import jwt

    key, _, _, _ = certificate()
    issuer = "https://idp.example/" + subject
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    credential = {"name": subject, "issuer": issuer, "subject": subject, "keys": {"keys": [dict(public, kid="k1")]}}
    control("POST", "credentials", {"addFederated": credential})
    now = int(time.time())
    claims = {"iss": issuer, "sub": subject, "aud": "api://AzureADTokenExchange", "iat": now, "nbf": now, "exp": now + 600}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k1"})
