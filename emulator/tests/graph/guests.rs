//! Guests: how they come, how they look, and where they may not be.

use crate::client::{Tenant, id, ids};
use serde_json::{Value, json};

fn invitation(address: &str) -> Value {
    json!({ "invitedUserEmailAddress": address, "inviteRedirectUrl": "https://myapps.example", "invitedUserDisplayName": "Gus" })
}

#[tokio::test]
async fn an_invitation_makes_a_guest() {
    let tenant = Tenant::start().await;
    let made = tenant.post("/invitations", invitation("gus@partner.example")).await.ok(201);
    assert_eq!((&made["status"], &made["invitedUserType"]), (&json!("PendingAcceptance"), &json!("Guest")));
    let guest = made["invitedUser"]["id"].as_str().unwrap();
    let path = format!("/users/{guest}?$select=userPrincipalName,userType,externalUserState,creationType,mail,otherMails");
    let guest_is = tenant.get(&path).await.ok(200);
    assert_eq!(guest_is["userPrincipalName"], "gus_partner.example#EXT#@contoso.onmicrosoft.com");
    assert_eq!((&guest_is["userType"], &guest_is["externalUserState"]), (&json!("Guest"), &json!("PendingAcceptance")));
    assert_eq!((&guest_is["creationType"], &guest_is["mail"]), (&json!("Invitation"), &json!("gus@partner.example")));
    // Invited again, it is the same guest.
    let again = tenant.post("/invitations", invitation("GUS@partner.example")).await.ok(201);
    assert_eq!(again["invitedUser"]["id"].as_str(), Some(guest));
    let guests = tenant.get("/users?$filter=userType eq 'Guest'&$select=id").await.ok(200);
    assert_eq!(ids(&guests), [guest]);
    // In a path the number sign is escaped.
    let by_name = tenant.get("/users/gus_partner.example%23EXT%23@contoso.onmicrosoft.com").await.ok(200);
    assert_eq!(id(&by_name), guest);
}

#[tokio::test]
async fn who_cannot_be_invited() {
    let mut tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let there = tenant.post("/invitations", invitation("ann@contoso.example")).await;
    there.refused(400, "BadRequest", &format!("already exists in the directory as object ID: {ann}"));
    tenant.post("/invitations", invitation("new@contoso.example")).await.refused(400, "BadRequest", "verified domain");
    tenant.post("/invitations", invitation("nonsense")).await.refused(400, "BadRequest", "nonsense");
    tenant.post("/invitations", json!({ "inviteRedirectUrl": "x" })).await.refused(400, "BadRequest", "invitedUserEmailAddress");
    tenant.get("/invitations").await.refused(405, "Request_BadRequest", "");
    tenant.control("POST", "credentials", json!({ "roles": ["User.ReadUpdate.All"] }));
    tenant.sign_in().await;
    tenant.post("/invitations", invitation("a@partner.example")).await.refused(403, "Authorization_RequestDenied", "");
}
