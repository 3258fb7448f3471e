use std::sync::Arc;

use async_trait::async_trait;
use entrain_model::{Condition, Cursor, Directory as _, Protection, Relation, SinkError};
use serde_json::json;

use super::*;
use crate::testing::{Say, Script, entra, error};

#[derive(Default)]
struct Sheet(Vec<Vec<Observed>>);

#[async_trait]
impl Pages for Sheet {
    async fn page(&mut self, page: Vec<Observed>) -> Result<(), SinkError> {
        self.0.push(page);
        Ok(())
    }
}

async fn read(script: &Arc<Script>, query: Query) -> (Result<Read, DirectoryError>, Vec<Vec<Observed>>) {
    let mut sheet = Sheet::default();
    let read = entra(script).0.read(&query, &mut sheet).await;
    (read, sheet.0)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn everything(kind: Kind, since: Option<&str>) -> Query {
    Query::Everything { kind, attributes: names(&["jobTitle", "aboutMe"]), since: since.map(|since| Cursor(since.into())) }
}

const NEXT: &str = "https://graph.test/v1.0/users/delta?$skiptoken=2";
const END: &str = "https://graph.test/v1.0/users/delta?$deltatoken=9";

#[tokio::test]
async fn pages_are_followed_to_the_delta_link_which_proves_completeness() {
    let script = Script::new(|asked| match asked.url.as_str() {
        "/users/delta?$skiptoken=2" => {
            Say::Status(200, json!({"value": [{"id": "2", "jobTitle": "y"}], "@odata.deltaLink": END}))
        }
        "/users/$count" => Say::Status(200, json!(1)),
        _ => Say::Status(200, json!({"value": [], "@odata.nextLink": NEXT})),
    });
    let (done, pages) = read(&script, everything(Kind::User, None)).await;
    assert_eq!(done.unwrap(), Read::Complete(Proof::last_page_seen(2, None, Some(Cursor(END.into()))).with_count(Some(1))));
    assert_eq!(pages.len(), 1);
    assert_eq!(
        script.lines()[0],
        "GET /users/delta?$select=accountEnabled,displayName,id,isManagementRestricted,jobTitle,onPremisesImmutableId,onPremisesSyncEnabled,userPrincipalName,userType,manager"
    );
}

#[tokio::test]
async fn a_read_that_ends_without_a_delta_link_proves_nothing() {
    let script = Script::new(|_| Say::Status(200, json!({"value": [{"id": "1"}]})));
    let (done, _) = read(&script, everything(Kind::User, None)).await;
    assert!(done.unwrap_err().message.contains("nothing was concluded"));
}

#[tokio::test]
async fn a_truncated_page_is_read_again_and_never_handed_on() {
    let mut first = true;
    let script = Script::new(move |_| match std::mem::take(&mut first) {
        true => Say::Garbage(200),
        false => Say::Status(200, json!({"value": [{"id": "1"}], "@odata.deltaLink": END})),
    });
    let (done, pages) = read(&script, everything(Kind::User, None)).await;
    assert!(matches!(done.unwrap(), Read::Complete(_)));
    assert_eq!(pages.concat().len(), 1);
}

#[tokio::test]
async fn an_expired_or_foreign_cursor_asks_for_a_new_start() {
    for say in [error(410, "", ""), error(400, "syncStateNotFound", ""), error(410, "resyncRequired", "")] {
        let script = Script::new(move |_| say.clone());
        let (done, _) = read(&script, everything(Kind::User, Some(END))).await;
        assert_eq!(done.unwrap(), Read::Partial(Subset::CursorExpired));
    }
    let script = Script::new(|_| Say::Status(200, json!({})));
    let (done, _) = read(&script, everything(Kind::User, Some("https://elsewhere.test/v1.0/users/delta"))).await;
    assert_eq!((done.unwrap(), script.lines().len()), (Read::Partial(Subset::CursorExpired), 0));
}

#[tokio::test]
async fn a_next_page_elsewhere_is_not_followed_with_our_token() {
    let script = Script::new(|_| Say::Status(200, json!({"value": [], "@odata.nextLink": "https://graph.test.evil/v1.0/users"})));
    let (done, _) = read(&script, everything(Kind::User, None)).await;
    assert!(done.is_err());
    assert_eq!(script.lines().len(), 1);
}

fn view(kind: Kind, attributes: &[&str], anchor: &str) -> View {
    View::new(kind, &names(attributes), anchor)
}

#[test]
fn what_a_whole_payload_leaves_out_has_no_value_and_what_a_part_leaves_out_is_not_known() {
    let view = view(Kind::User, &["jobTitle", "aboutMe"], "onPremisesExtensionAttributes.extensionAttribute3");
    let whole =
        view.observe(&json!({"id": "1", "displayName": "A", "userPrincipalName": "a@x", "accountEnabled": true})).unwrap();
    assert_eq!(whole.attributes["jobTitle"], Json::Null);
    assert_eq!(whole.attributes["onPremisesExtensionAttributes.extensionAttribute3"], Json::Null);
    assert!(!whole.attributes.contains_key("aboutMe"), "it is never read, so nothing is known of it");
    let part = view.observe(&json!({"id": "1", "displayName": "A"})).unwrap();
    assert_eq!(part.attributes.keys().collect::<Vec<_>>(), ["displayName"]);
}

#[test]
fn parts_of_objects_are_attributes_too() {
    let view = view(Kind::User, &[], "onPremisesExtensionAttributes.extensionAttribute3");
    let seen = view.observe(&json!({"id": "1", "onPremisesExtensionAttributes": {"extensionAttribute3": "anchor"}})).unwrap();
    assert_eq!(seen.attributes["onPremisesExtensionAttributes.extensionAttribute3"], "anchor");
    assert_eq!(seen.attributes["onPremisesExtensionAttributes"]["extensionAttribute3"], "anchor");
}

#[test]
fn removed_records_are_in_the_recycle_bin_or_gone() {
    let view = view(Kind::User, &[], "employeeId");
    let condition = |item: Json| view.observe(&item).unwrap().condition;
    assert_eq!(condition(json!({"id": "1", "@removed": {"reason": "changed"}})), Condition::Deleted);
    assert_eq!(condition(json!({"id": "1", "@removed": {"reason": "deleted"}})), Condition::Gone);
    assert_eq!(condition(json!({"id": "1"})), Condition::Live);
    assert_eq!(view.observe(&json!({"displayName": "no id"})), None);
}

#[test]
fn references_come_and_go() {
    let item = json!({"id": "g", "members@delta": [
        {"@odata.type": "#microsoft.graph.user", "id": "u"},
        {"@odata.type": "#microsoft.graph.device", "id": "d", "@removed": {"reason": "deleted"}},
    ], "owners@delta": [{"@odata.type": "#microsoft.graph.user", "id": "o"}]});
    let seen = view(Kind::Group, &[], "uniqueName").observe(&item).unwrap();
    let short: Vec<_> = seen.references.iter().map(|r| (r.relation, r.to.as_str(), r.to_kind, r.present)).collect();
    assert_eq!(
        short,
        [
            (Relation::Member, "u", Some(Kind::User), true),
            (Relation::Member, "d", None, false),
            (Relation::Owner, "o", Some(Kind::User), true),
        ]
    );
    let user = view(Kind::User, &[], "employeeId");
    for manager in [json!({"id": "1", "manager": {"id": "m"}}), json!({"id": "1", "manager@delta": [{"id": "m"}]})] {
        let seen = user.observe(&manager).unwrap();
        assert_eq!((seen.references[0].to.as_str(), seen.references[0].to_kind), ("m", Some(Kind::User)));
    }
}

#[test]
fn groups_that_nobody_can_write_say_why() {
    let view = view(Kind::Group, &[], "uniqueName");
    let why = |item: Json| view.observe(&item).unwrap().unwritable;
    assert!(why(json!({"id": "1", "groupTypes": ["DynamicMembership"]})).unwrap().starts_with("dynamic membership"));
    assert!(why(json!({"id": "1", "groupTypes": [], "mailEnabled": true})).unwrap().contains("Exchange"));
    assert_eq!(why(json!({"id": "1", "groupTypes": ["Unified"], "mailEnabled": true})), None);
    let seen = view.observe(&json!({"id": "1", "isAssignableToRole": true, "onPremisesSyncEnabled": true})).unwrap();
    assert!(seen.protection.contains(&Protection::RoleGroup) && seen.mastered_elsewhere == Some(true));
}

#[tokio::test]
async fn each_slice_of_a_large_group_goes_on_as_it_came() {
    let group =
        json!({"id": "g", "displayName": "G", "mailEnabled": false, "securityEnabled": true, "members@delta": [{"id": "1"}]});
    let slice = json!({"id": "g", "members@delta": [{"id": "2"}]});
    let script = Script::new(move |_| Say::Status(200, json!({"value": [group, slice], "@odata.deltaLink": END})));
    let (_, pages) = read(&script, everything(Kind::Group, None)).await;
    let seen: Vec<_> = pages[0].iter().map(|seen| (seen.attributes.is_empty(), seen.references[0].to.as_str())).collect();
    assert_eq!(seen, [(false, "1"), (true, "2")]);
}

fn matching(kind: Kind, attribute: &str, value: &str) -> Query {
    Query::Matching { kind, attribute: attribute.into(), value: value.into(), attributes: BTreeSet::new() }
}

async fn asked(kind: Kind, attribute: &str, value: &str) -> (String, Json) {
    let script = Script::new(|_| Say::Status(200, json!({"value": []})));
    read(&script, matching(kind, attribute, value)).await.0.unwrap();
    let headers = script.asked.lock().unwrap()[0].headers["ConsistencyLevel"].clone();
    (script.lines()[0].split("&$select").next().unwrap().split("?$select").next().unwrap().to_owned(), headers)
}

#[tokio::test]
async fn keys_are_asked_by_address_and_the_rest_by_filter() {
    let plain = |line: &str| (line.to_owned(), Json::Null);
    assert_eq!(asked(Kind::User, "userPrincipalName", "o'hara@x.y").await, plain("GET /users/o%27hara@x.y"));
    assert_eq!(asked(Kind::User, "userPrincipalName", "$1@x.y").await, plain("GET /users('%241@x.y')"));
    assert_eq!(asked(Kind::User, "userPrincipalName", "me").await, plain("GET /users?$filter=userPrincipalName%20eq%20%27me%27"));
    assert_eq!(asked(Kind::Group, "uniqueName", "a+b/c=").await, plain("GET /groups(uniqueName='a%2Bb%2Fc%3D')"));
    assert_eq!(asked(Kind::User, "mail", "o'h@x.y").await, plain("GET /users?$filter=mail%20eq%20%27o%27%27h@x.y%27"));
    assert_eq!(
        asked(Kind::User, "otherMails", "a@x").await,
        plain("GET /users?$filter=otherMails/any%28x%3Ax%20eq%20%27a@x%27%29")
    );
    let indexed = |line: &str| (line.to_owned(), json!("eventual"));
    assert_eq!(
        asked(Kind::User, "onPremisesImmutableId", "a=").await,
        indexed("GET /users?$filter=onPremisesImmutableId%20eq%20%27a=%27")
    );
    assert_eq!(
        asked(Kind::User, "onPremisesExtensionAttributes.extensionAttribute2", "v").await,
        indexed("GET /users?$filter=onPremisesExtensionAttributes/extensionAttribute2%20eq%20%27v%27")
    );
}

#[tokio::test]
async fn no_record_is_a_complete_read_without_a_page() {
    let script = Script::new(|_| error(404, "Request_ResourceNotFound", "Resource 'x' does not exist"));
    for query in [
        matching(Kind::User, "userPrincipalName", "a@x.y"),
        matching(Kind::Group, "uniqueName", "k"),
        Query::Record { kind: Kind::User, id: "x".into(), attributes: BTreeSet::new() },
    ] {
        let (done, pages) = read(&script, query).await;
        assert_eq!((done.unwrap(), pages.len()), (complete(1), 0));
    }
}

#[tokio::test]
async fn a_record_with_another_sign_in_name_is_not_the_one_asked_for() {
    let script = Script::new(|_| Say::Status(200, json!({"id": "1", "userPrincipalName": "other@x.y"})));
    assert!(read(&script, matching(Kind::User, "userPrincipalName", "a@x.y")).await.1.is_empty());
    let script = Script::new(|_| Say::Status(200, json!({"id": "1", "userPrincipalName": "A@x.y"})));
    assert_eq!(read(&script, matching(Kind::User, "userPrincipalName", "a@x.y")).await.1.concat().len(), 1);
}

#[tokio::test]
async fn a_filter_that_is_not_offered_is_no_empty_result() {
    let script = Script::new(|_| error(400, "Request_UnsupportedQuery", "no"));
    let (done, _) = read(&script, matching(Kind::User, "faxNumber", "1")).await;
    assert!(matches!(done.unwrap(), Read::Partial(Subset::NotOffered(_))));
}

#[tokio::test]
async fn the_recycle_bin_is_searched_by_filter_and_read_whole_where_that_is_refused() {
    let script = Script::new(|asked| match asked.url.contains("$filter") {
        true => error(
            400,
            "Request_BadRequest",
            "Unsupported or invalid query filter clause specified for property 'employeeId' of resource 'User'.",
        ),
        false => Say::Status(200, json!({"value": [{"id": "1", "employeeId": "ours"}, {"id": "2", "employeeId": "other"}]})),
    });
    let query =
        Query::Deleted { kind: Kind::User, matching: Some(("employeeId".into(), "ours".into())), attributes: BTreeSet::new() };
    let (done, pages) = read(&script, query).await;
    assert_eq!(done.unwrap(), complete(1));
    let seen: Vec<_> = pages.concat().into_iter().map(|seen| (seen.id.to_string(), seen.condition)).collect();
    assert_eq!(seen, [("1".to_owned(), Condition::Deleted)]);
    assert!(script.lines()[0].starts_with("GET /directory/deletedItems/microsoft.graph.user?$filter=employeeId"));
}

#[tokio::test]
async fn the_protected_are_found_directly_in_depth_and_one_step_away() {
    let principal = |id: &str, kind: &str, role: &str| json!({"principalId": id, "roleDefinitionId": role, "principal": {"@odata.type": format!("#microsoft.graph.{kind}"), "id": id}});
    let administrator = "62e90394-69f5-4237-9190-012177145e10";
    let assignments = json!({"value": [principal("u1", "user", administrator), principal("g1", "group", "reader"),
        principal("sp", "servicePrincipal", administrator), {"principalId": "x1"}]});
    let eligible = json!({"value": [principal("u3", "user", administrator)]});
    let users = |ids: &[&str]| {
        let list: Vec<_> = ids.iter().map(|id| json!({"@odata.type": "#microsoft.graph.user", "id": id})).collect();
        Say::Status(200, json!({ "value": list }))
    };
    let script = Script::new(move |asked| match asked.url.split('?').next().unwrap() {
        "/roleManagement/directory/roleAssignments" => Say::Status(200, assignments.clone()),
        "/roleManagement/directory/roleEligibilitySchedules" => Say::Status(200, eligible.clone()),
        "/groups" => Say::Status(200, json!({"value": [{"id": "g2"}]})),
        "/groups/g1/transitiveMembers" => users(&["u2"]),
        "/groups/g2/transitiveMembers" => users(&["u4", "u1"]),
        "/groups/g2/owners" => users(&["u5"]),
        "/groups/g3/transitiveMembers" => users(&["u7"]),
        "/identityGovernance/privilegedAccess/group/eligibilitySchedules" => {
            assert!(asked.url.ends_with("?$filter=groupId%20eq%20%27g2%27"), "{}", asked.url);
            Say::Status(
                200,
                json!({"value": [{"principalId": "u6", "accessId": "member"}, {"principalId": "g3", "accessId": "owner"}]}),
            )
        }
        _ => error(404, "Request_ResourceNotFound", "Resource 'x1' does not exist"),
    });
    let (done, pages) = read(&script, Query::Privileged).await;
    assert!(matches!(done.unwrap(), Read::Complete(_)));
    let found: Vec<_> =
        pages.concat().into_iter().map(|seen| format!("{} {} {:?}", seen.kind, seen.id, seen.protection)).collect();
    assert_eq!(
        found,
        [
            "user g3 {RoleGroupEligible}",
            "user u1 {Administrator, Role, RoleGroupMember}",
            "user u2 {Role}",
            "user u3 {Eligible}",
            "user u4 {RoleGroupMember}",
            "user u5 {RoleGroupOwner}",
            "user u6 {RoleGroupEligible}",
            "user u7 {RoleGroupEligible}",
            "user x1 {Role}",
            "group g1 {Role}",
            "group g2 {RoleGroup}"
        ]
    );
}

#[tokio::test]
async fn only_a_tenant_without_the_licence_has_nobody_who_is_eligible() {
    const ROLES: &str = "/roleManagement/directory/roleEligibilitySchedules";
    const GROUPS: &str = "/identityGovernance/privilegedAccess/group/eligibilitySchedules";
    let ask = async |closed: &'static str, refusal: Say| {
        let script = Script::new(move |asked| match asked.url.split('?').next().unwrap() {
            place if place == closed => refusal.clone(),
            "/groups" => Say::Status(200, json!({ "value": [{ "id": "g1" }] })),
            _ => Say::Status(200, json!({ "value": [] })),
        });
        read(&script, Query::Privileged).await.0.unwrap()
    };
    let denied = || error(403, "Authorization_RequestDenied", "Insufficient privileges");
    for (closed, permission) in [
        ("/roleManagement/directory/roleAssignments", "RoleManagement.Read.Directory"),
        (ROLES, "RoleManagement.Read.Directory"),
        (GROUPS, "PrivilegedEligibilitySchedule.Read.AzureADGroup"),
        ("/groups", "Group.Read.All"),
    ] {
        let Read::Partial(Subset::NotOffered(why)) = ask(closed, denied()).await else { panic!("{closed} taken for none") };
        assert!(why.contains(permission), "{why}");
    }
    for (status, code) in [(403, "AadPremiumLicenseRequired"), (400, "AadPremiumLicenseRequired")] {
        let unlicensed =
            error(status, code, "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.");
        assert!(matches!(ask(ROLES, unlicensed.clone()).await, Read::Complete(_)), "{status}");
        assert!(matches!(ask(GROUPS, unlicensed).await, Read::Complete(_)), "{status}");
    }
}

#[tokio::test]
async fn a_tenant_without_the_licence_is_not_asked_about_groups() {
    let script = Script::new(|asked| match asked.url.split('?').next().unwrap() {
        "/roleManagement/directory/roleEligibilitySchedules" => error(400, "AadPremiumLicenseRequired", "needs a license"),
        "/groups" => Say::Status(200, json!({ "value": [{ "id": "g1" }] })),
        _ => Say::Status(200, json!({ "value": [] })),
    });
    assert!(matches!(read(&script, Query::Privileged).await.0.unwrap(), Read::Complete(_)));
    assert!(script.lines().iter().all(|line| !line.contains("privilegedAccess")), "{:?}", script.lines());
}

#[test]
fn a_record_that_only_certain_administrators_keep_is_protected() {
    for kind in Kind::ALL {
        let view = View::new(kind, &BTreeSet::new(), "employeeId");
        assert!(view.select().contains("isManagementRestricted"));
        let protection =
            |value: serde_json::Value| view.observe(&json!({"id": "1", "isManagementRestricted": value})).unwrap().protection;
        assert_eq!(protection(json!(true)), BTreeSet::from([Protection::Restricted]));
        assert!(protection(json!(false)).is_empty() && protection(json!(null)).is_empty());
    }
}

#[tokio::test]
async fn guests_are_told_by_their_sort_and_by_their_name() {
    let items = json!([
        {"id": "1", "userType": "Guest", "userPrincipalName": "a@x.y"},
        {"id": "2", "userType": "Member", "userPrincipalName": "b_other.org#EXT#@x.onmicrosoft.com"},
        {"id": "3", "userType": "Member", "userPrincipalName": "c@x.y"},
        {"id": "4", "userType": null, "userPrincipalName": "d@x.y"}
    ]);
    let script = Script::new(move |_| Say::Status(200, json!({ "value": items })));
    let (_, pages) = read(&script, matching(Kind::User, "displayName", "x")).await;
    let guests: Vec<_> =
        pages.concat().into_iter().map(|seen| (seen.id.to_string(), seen.protection.contains(&Protection::Guest))).collect();
    assert_eq!(guests, [("1".into(), true), ("2".into(), true), ("3".into(), false), ("4".into(), false)]);
}

#[tokio::test]
async fn without_the_permission_role_holders_are_not_offered_rather_than_none() {
    for status in [403, 404] {
        let script = Script::new(move |_| error(status, "", ""));
        let (done, pages) = read(&script, Query::Privileged).await;
        let Read::Partial(Subset::NotOffered(why)) = done.unwrap() else { panic!("{status}") };
        assert!(why.contains("RoleManagement.Read.Directory") && pages.is_empty());
    }
}

async fn facts(synchronised: bool, federated: &'static str) -> entrain_model::Tenant {
    let script = Script::new(move |asked| match asked.url.starts_with("/organization") {
        true => {
            Say::Status(200, json!({"value": [{"id": "t", "displayName": "Contoso", "onPremisesSyncEnabled": synchronised}]}))
        }
        false => Say::Status(
            200,
            json!({"value": [
            {"id": "contoso.com", "isVerified": true, "authenticationType": federated},
            {"id": "new.com", "isVerified": false, "authenticationType": "Managed"}]}),
        ),
    });
    entra(&script).0.tenant().await.unwrap()
}

#[tokio::test]
async fn the_tenant_says_its_domains_and_whether_the_anchor_may_be_used() {
    let managed = facts(false, "Managed").await;
    assert_eq!((managed.display_name.as_str(), managed.anchor_refused, managed.mastered_elsewhere), ("Contoso", None, false));
    assert_eq!(
        managed.domains.iter().map(|d| (d.name.as_str(), d.verified)).collect::<Vec<_>>(),
        [("contoso.com", true), ("new.com", false)]
    );
    assert!(facts(true, "Managed").await.anchor_refused.unwrap().contains("synchronised into this tenant"));
    assert!(facts(false, "Federated").await.anchor_refused.unwrap().contains("contoso.com"));
}

#[tokio::test]
async fn a_full_read_brings_the_count_and_an_increment_does_not() {
    let say = |asked: &crate::testing::Asked| match asked.url.as_str() {
        "/users/$count" => Say::Status(200, json!(7)),
        _ => Say::Status(200, json!({"value": [{"id": "1"}], "@odata.deltaLink": END})),
    };
    let script = Script::new(say);
    let Ok(Read::Complete(proof)) = read(&script, everything(Kind::User, None)).await.0 else { panic!("it is complete") };
    assert_eq!(proof.counted(), Some(7));
    assert_eq!(script.asked.lock().unwrap()[1].headers["ConsistencyLevel"], "eventual");
    let script = Script::new(say);
    let Ok(Read::Complete(proof)) = read(&script, everything(Kind::User, Some(END))).await.0 else { panic!("it is complete") };
    assert_eq!((proof.counted(), script.lines().len()), (None, 1));
}

#[tokio::test]
async fn a_tenant_that_does_not_count_is_read_without_it() {
    let script = Script::new(|asked| match asked.url.as_str() {
        "/users/$count" => error(400, "Request_BadRequest", "$count is not currently supported."),
        _ => Say::Status(200, json!({"value": [{"id": "1"}], "@odata.deltaLink": END})),
    });
    let Ok(Read::Complete(proof)) = read(&script, everything(Kind::User, None)).await.0 else { panic!("it is complete") };
    assert_eq!(proof.counted(), None);
}
