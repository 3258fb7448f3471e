"""Tokens through azure-identity: secret, certificate, workload identity, managed identity, a challenge, and a refusal."""

import json
import os
import tempfile

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential

from stage import BASE, CLIENT, IDENTITY_HEADER, IMDS, SCOPE, SECRET, TENANT, certificate, control, foreign_assertion, users_with

# Instance discovery asks Microsoft whether an authority is one of its own.
ours = {"authority": BASE, "disable_instance_discovery": True}


def good(credential, **options):
    token = credential.get_token(SCOPE, **options)
    assert users_with(token.token) == 200
    return token.token


secret = ClientSecretCredential(TENANT, CLIENT, SECRET, **ours)
assert good(secret) == good(secret), "the second one comes from the cache"
print("secret: ok")

try:
    ClientSecretCredential(TENANT, CLIENT, "wrong", **ours).get_token(SCOPE)
    raise AssertionError("a wrong secret gave a token")
except ClientAuthenticationError as refusal:
    assert "AADSTS7000215" in refusal.message, refusal.message
try:
    ClientSecretCredential("11111111-1111-1111-1111-111111111111", CLIENT, SECRET, **ours).get_token(SCOPE)
    raise AssertionError("an unknown tenant gave a token")
except ClientAuthenticationError as refusal:
    assert "Unable to get authority configuration" in refusal.message, refusal.message
print("refusals: ok")

_, key_pem, certificate_pem, _ = certificate()
control("POST", "credentials", {"addCertificate": certificate_pem})
good(CertificateCredential(TENANT, CLIENT, certificate_data=(key_pem + certificate_pem).encode(), **ours))
print("certificate: ok")

with tempfile.NamedTemporaryFile("w") as file:
    file.write(foreign_assertion("azure-identity"))
    file.flush()
    good(WorkloadIdentityCredential(tenant_id=TENANT, client_id=CLIENT, token_file_path=file.name, **ours))
print("workload identity: ok")

# Another emulated tenant has its own objects, and its tokens open only those.
other = control("POST", "tenants", {"name": "fabrikam"})
elsewhere = good(ClientSecretCredential(other["tenantId"], other["clientId"], other["clientSecret"], **ours))
assert elsewhere != good(secret)
try:
    ClientSecretCredential(other["tenantId"], CLIENT, SECRET, **ours).get_token(SCOPE)
    raise AssertionError("the application of one tenant signed in to another")
except ClientAuthenticationError as refusal:
    assert "AADSTS700016" in refusal.message, refusal.message
print("two tenants: ok")

capable = good(secret, enable_cae=True)
claims = control("POST", "challenge", {})["claims"]
assert users_with(capable) == 401
good(secret, enable_cae=True, claims=json.dumps(claims))
print("challenge: ok")

os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = IMDS
good(ManagedIdentityCredential())
good(ManagedIdentityCredential(client_id=CLIENT))
os.environ["IDENTITY_ENDPOINT"] = IMDS + "/msi/token"
os.environ["IDENTITY_HEADER"] = IDENTITY_HEADER
good(ManagedIdentityCredential())
print("managed identity: ok")
