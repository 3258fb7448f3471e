"""Tokens through msal: secret, certificate, federated assertion, managed identity, a challenge, and refusals."""

import json
import os

import msal
import requests

from stage import AUTHORITY, CLIENT, IDENTITY_HEADER, IMDS, RESOURCE, SCOPE, SECRET, certificate, control, foreign_assertion, users_with


def application(credential, **options):
    return msal.ConfidentialClientApplication(
        CLIENT, authority=AUTHORITY, client_credential=credential, instance_discovery=False, **options
    )


def good(app, **options):
    result = app.acquire_token_for_client([SCOPE], **options)
    assert "access_token" in result, result
    assert users_with(result["access_token"]) == 200
    return result


app = application(SECRET)
first = good(app)
assert first["token_source"] == "identity_provider" and 3000 < first["expires_in"] <= 3599, first
assert good(app)["token_source"] == "cache"
print("secret: ok")

wrong = application("wrong").acquire_token_for_client([SCOPE])
assert wrong["error"] == "invalid_client" and wrong["error_codes"] == [7000215], wrong
assert wrong["error_description"].startswith("AADSTS7000215"), wrong
bad = app.acquire_token_for_client(["https://graph.microsoft.com/User.Read"])
assert bad["error"] == "invalid_scope" and bad["error_codes"] == [70011], bad
print("refusals: ok")

_, key_pem, certificate_pem, thumbprint = certificate()
control("POST", "credentials", {"addCertificate": certificate_pem})
# With the certificate msal signs PS256 under x5t#S256, with a bare thumbprint RS256 under x5t.
good(application({"private_key": key_pem, "public_certificate": certificate_pem}))
good(application({"private_key": key_pem, "thumbprint": thumbprint}))
_, other_key, other_pem, _ = certificate()
unknown = application({"private_key": other_key, "public_certificate": other_pem}).acquire_token_for_client([SCOPE])
assert unknown["error_codes"] == [700027], unknown
print("certificate: ok")

good(application({"client_assertion": lambda: foreign_assertion("msal")}))
print("federated: ok")

capable = application(SECRET, client_capabilities=["cp1"])
long_lived = good(capable)
assert long_lived["expires_in"] > 80000, long_lived
claims = control("POST", "challenge", {})["claims"]
assert users_with(long_lived["access_token"]) == 401
assert users_with(first["access_token"]) == 200, "a client without the capability is not challenged"
again = good(capable, claims_challenge=json.dumps(claims))
assert again["token_source"] == "identity_provider", again
print("challenge: ok")

os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = IMDS
machine = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=requests.Session())
result = machine.acquire_token_for_client(resource=RESOURCE)
assert "access_token" in result and users_with(result["access_token"]) == 200, result
stranger = msal.UserAssignedManagedIdentity(client_id="00000000-0000-0000-0000-000000000009")
refused = msal.ManagedIdentityClient(stranger, http_client=requests.Session()).acquire_token_for_client(resource=RESOURCE)
assert refused.get("error") == "invalid_request", refused
os.environ["IDENTITY_ENDPOINT"] = IMDS + "/msi/token"
os.environ["IDENTITY_HEADER"] = IDENTITY_HEADER
hosted = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=requests.Session())
result = hosted.acquire_token_for_client(resource=RESOURCE)
assert "access_token" in result and users_with(result["access_token"]) == 200, result
print("managed identity: ok")
