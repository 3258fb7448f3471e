use std::path::PathBuf;
use std::sync::Arc;

use entrain_model::{Kind, ObjectRef};
use entrain_store::{GroupRow, Membership, Role, Store, UserRow};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::wiring::SystemClock;

struct Place {
    folder: TempDir,
    store: Store,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder, "a").await;
        Self { folder, store }
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn import(&self, name: &str, text: impl AsRef<[u8]>) -> Result<Imported, ImportError> {
        self.import_with(name, text, BadRows::Refuse).await
    }

    async fn import_with(&self, name: &str, text: impl AsRef<[u8]>, bad: BadRows) -> Result<Imported, ImportError> {
        let file = ImportFile::open(&self.file(name, text), None)?;
        import(&self.store, &file, bad).await
    }

    async fn user(&self, id: &str) -> UserRow {
        self.store.user_row(&id.into()).await.unwrap().unwrap()
    }
}

async fn open(folder: &TempDir, name: &str) -> Store {
    let url = format!("sqlite://{}/{name}.sqlite3", folder.path().display());
    Store::open(&url, Arc::new(SystemClock)).await.unwrap()
}

/// Everything that the source holds, in one order.
async fn everything(store: &Store) -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        for record in store.source_page(kind, None, 10_000).await.unwrap() {
            text.push_str(&format!("{} {}\n", record.object, json!(record.attributes)));
            if kind == Kind::Group {
                text.push_str(&format!("{:?}\n", store.memberships_of(&record.object.id, None, 10_000).await.unwrap()));
            }
        }
    }
    text
}

/// What is wrong with the rows, as `line: reason`.
fn reasons(error: ImportError) -> Vec<String> {
    let ImportError::Bad { rows, .. } = error else { panic!("{error}") };
    rows.into_iter().map(|row| format!("{}: {}", row.line, row.reason)).collect()
}

/// The rows of a text, read without a store.
fn read(name: &str, text: impl AsRef<[u8]>) -> Vec<(u64, Result<Row, String>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let rows = ImportFile::open(&path, None).unwrap().rows().unwrap();
    rows.map(|row| row.map(|row| (row.line, row.row)).unwrap()).collect()
}

fn users(rows: Vec<(u64, Result<Row, String>)>) -> Vec<UserRow> {
    rows.into_iter()
        .filter_map(|(_, row)| match row.unwrap() {
            Row::User(user) => Some(user),
            Row::Group(_) | Row::Membership(_) | Row::Other => None,
        })
        .collect()
}

const PEOPLE: &str = r#"{"type": "user", "id": "u1", "login": "zoë", "userName": "zoe@corp.example", "givenName": "Zoë", "surname": "O'Brien", "displayName": "Zoë O'Brien", "employeeId": "100001", "country": "CH", "jobTitle": "Analyst", "hireDate": "2018-11-04", "shoeSize": 38, "manager": "u2", "entraObjectId": "11111111-2222-3333-4444-555555555555"}
{"type": "user", "id": "u2", "userName": "ada@corp.example", "active": false, "name": {"familyName": "Ng", "middleName": "K"}, "serviceAccount": true, "password": "hunter2"}
{"type": "group", "id": "g1", "displayName": "all", "kind": "team", "description": "Everybody"}

{"type": "group", "id": "g2", "displayName": "inner"}
{"type": "membership", "group": "g1", "user": "u1", "role": "owner"}
{"type": "membership", "group": "g1", "user": "u1", "role": "member"}
{"type": "membership", "group": "g1", "memberGroup": "g2"}
"#;

#[tokio::test]
async fn json_lines_fill_the_source_and_a_second_import_changes_nothing() {
    let place = Place::new().await;
    let first = place.import("people.jsonl", PEOPLE).await.unwrap();
    assert_eq!((first.users, first.groups, first.memberships, first.inserted), (2, 2, 3, 7));
    let zoe = place.user("u1").await;
    assert_eq!(zoe.external_id.as_deref(), Some("zoë"));
    assert_eq!((zoe.given_name.as_deref(), zoe.family_name.as_deref()), (Some("Zoë"), Some("O'Brien")));
    assert_eq!(zoe.manager, Some("u2".into()));
    assert_eq!(zoe.target_object_id, Some("11111111-2222-3333-4444-555555555555".into()));
    let document =
        json!({"country": "CH", "employeeNumber": "100001", "shoeSize": 38, "startDateTime": "2018-11-04", "title": "Analyst"});
    assert_eq!(json!(zoe.document), document);
    let ada = place.user("u2").await;
    assert!(!ada.active && ada.service_account);
    assert_eq!(json!(ada.document), json!({"name": {"middleName": "K"}}));
    let group = place.store.group_row(&"g1".into()).await.unwrap().unwrap();
    assert_eq!(json!(group.document), json!({"kind": "team"}));
    let second = place.import("people.jsonl", PEOPLE).await.unwrap();
    assert_eq!((second.inserted, second.updated, second.unchanged), (0, 0, 7));
}

#[tokio::test]
async fn every_bad_row_is_listed_and_nothing_is_written() {
    let place = Place::new().await;
    place.import("old.jsonl", "{\"type\":\"user\",\"id\":\"old\",\"userName\":\"Taken@corp.example\"}").await.unwrap();
    let text = [
        r#"{"type": "user", "id": "u1", "userName": "a@corp.example"}"#,
        r#"{"type": "user", "id": "u1", "userName": "b@corp.example"}"#,
        r#"{"type": "user", "id": "u2", "userName": "A@CORP.example"}"#,
        r#"{"type": "user", "id": "u3", "userName": "taken@CORP.example"}"#,
        r#"{"type": "user", "userName": "c@corp.example"}"#,
        r#"{"type": "user", "id": "u4", "userName": "no spaces@corp.example"}"#,
        r#"{"type": "user", "id": "u5", "userName": "e@corp.example", "manager": "nobody"}"#,
        r#"{"type": "user", "id": "u6", "userName": "f@corp.example", "active": "yes"}"#,
        r#"{"type": "user", "id": "u7", "userName": "g@corp.example", "entraObjectId": "123"}"#,
        r#"{"type": "membership", "group": "g9", "user": "u1"}"#,
        r#"{"type": "group", "id": "g1", "displayName": "g"}"#,
        r#"{"type": "membership", "group": "g1", "memberGroup": "g1"}"#,
        r#"{"type": "membership", "group": "g1", "user": "u1", "role": "boss"}"#,
        r#"{"type": "membership", "group": "g1", "memberGroup": "g2", "role": "owner"}"#,
        r#"{"type": "membership", "group": "g1", "user": "old"}"#,
        r#"{"type": "user", "id": "u8", "#,
        r#"{"type": "robot", "id": "u8"}"#,
        r#"["a", "b"]"#,
    ];
    let before = everything(&place.store).await;
    let error = place.import("bad.jsonl", text.join("\n")).await.unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("bad.jsonl:2: user u1 is on line 1 too\n"), "{shown}");
    assert!(
        shown.ends_with("nothing was imported: 15 rows cannot be taken; mend them, or leave them out with --skip-bad"),
        "{shown}"
    );
    let expected = [
        "2: user u1 is on line 1 too",
        "3: the login `A@CORP.example` is that of user u1 on line 1 too",
        "4: the login `taken@corp.example` belongs to user old of the source, which this file does not change",
        "5: `id` is missing",
        "6: `no spaces@corp.example` is no login",
        "7: the manager, user nobody is in neither this file nor the source",
        "8: `active` is a text; write true or false",
        "9: `123` is no object id of the target",
        "10: group g9 is in neither this file nor the source",
        "12: group g1 cannot be a member of itself",
        "13: `role` is `boss`",
        "14: group g2 cannot own group g1: an owner is a user",
        "16: the line is no JSON: EOF while parsing a value, at column 28",
        "17: `type` is `robot`",
        "18: the line is a list; write one object",
    ];
    let found = reasons(error);
    for expected in expected {
        assert!(found.iter().any(|reason| reason.starts_with(expected)), "{expected} is not in {found:#?}");
    }
    assert_eq!(everything(&place.store).await, before);
}

#[tokio::test]
async fn skip_bad_imports_the_rest_and_what_leads_to_a_bad_row_is_bad_too() {
    let place = Place::new().await;
    let text = [
        r#"{"type": "membership", "group": "g1", "user": "u3"}"#,
        r#"{"type": "user", "id": "u1", "userName": "a@corp.example"}"#,
        r#"{"type": "user", "id": "u2", "userName": "b@corp.example", "manager": "nobody"}"#,
        r#"{"type": "user", "id": "u3", "userName": "c@corp.example", "manager": "u2"}"#,
        r#"{"type": "group", "id": "g1", "displayName": "g"}"#,
        r#"{"type": "membership", "group": "g1", "user": "u1"}"#,
    ];
    let imported = place.import_with("some.jsonl", text.join("\n"), BadRows::Skip).await.unwrap();
    assert_eq!(imported.bad.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(imported.inserted, 3);
    let members = place.store.memberships_of(&"g1".into(), None, 10).await.unwrap();
    assert_eq!(members, [Membership { group: "g1".into(), member: ObjectRef::user("u1"), role: Role::Member }]);
}

#[tokio::test]
async fn two_users_may_swap_their_logins_in_one_file() {
    let place = Place::new().await;
    let file = |a: &str, b: &str| {
        format!(
            "{{\"type\":\"user\",\"id\":\"u1\",\"userName\":\"{a}\"}}\n{{\"type\":\"user\",\"id\":\"u2\",\"userName\":\"{b}\"}}\n"
        )
    };
    place.import("one.jsonl", file("a@x.example", "b@x.example")).await.unwrap();
    let swapped = place.import("two.jsonl", file("b@x.example", "a@x.example")).await.unwrap();
    assert_eq!(swapped.updated, 2);
    assert_eq!(place.user("u1").await.user_name, "b@x.example");
}

#[test]
fn the_template_for_bulk_creation_is_read_without_its_passwords() {
    let text = "\u{feff}version:v1.0,,,,,,,,\r\n\
        Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,Block sign in (Yes/No) [accountEnabled] Required,First name [givenName],Last name [surname],Job title [jobTitle],Office [physicalDeliveryOfficeName],Office phone [telephoneNumber],Mobile phone [mobile],Street address [streetAddress],Country or region [country]\r\n\
        Example: Chris Green,chris@contoso.example,myPassword1234,No,,,,,,,,\r\n\
        \"Ng, Ada\",Ada@corp.example,Passw0rd!,No,Ada,Ng,Analyst,\"Building 1\r\nRoom 2\",+41 44 1,+41 79 1,Main Street 1,CH\r\n\
        \r\n\
        Zoë,zoe@corp.example,Passw0rd!,Yes,Zoë,,,,,,,\r\n\
        ,,,,,,,,,,,\r\n";
    let rows = read("template.csv", text);
    assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4, 7]);
    assert!(!format!("{rows:?}").contains("assw0rd"), "{rows:?}");
    let users = users(rows);
    assert_eq!((users[0].id.as_str(), users[0].user_name.as_str()), ("ada@corp.example", "Ada@corp.example"));
    assert_eq!((users[0].active, users[1].active), (true, false));
    assert_eq!(users[0].display_name.as_deref(), Some("Ng, Ada"));
    let document = json!({
        "addresses": [{"type": "other", "formatted": "Building 1\nRoom 2"}, {"type": "work", "streetAddress": "Main Street 1"}],
        "country": "CH", "title": "Analyst",
        "phoneNumbers": [{"type": "work", "value": "+41 44 1"}, {"type": "mobile", "value": "+41 79 1"}],
    });
    assert_eq!(json!(users[0].document), document);
}

#[test]
fn a_plain_header_row_names_fields_of_the_source_or_of_graph() {
    for (delimiter, name) in [(";", "a.csv"), ("\t", "a.tsv"), (",", "a.txt")] {
        let text = "id,userPrincipalName,First Name,mail,accountEnabled,extensionAttribute7,employeeHireDate,otherMails,badge\n\
                    7,ng@corp.example,Ada,ada@corp.example,false,x,2020-01-02,a@x.example | b@x.example,B-1\n"
            .replace(',', delimiter)
            .replace(" | ", if delimiter == "," { ";" } else { "," });
        let text = if delimiter == "," { text.replace("a@x.example;b@x.example", "\"a@x.example;b@x.example\"") } else { text };
        let users = users(read(name, text));
        assert_eq!(users[0].id.as_str(), "7");
        assert_eq!((users[0].given_name.as_deref(), users[0].active), (Some("Ada"), false));
        let document = json!({
            "badge": "B-1", "startDateTime": "2020-01-02", "onPremisesExtensionAttributes": {"extensionAttribute7": "x"},
            "emails": [{"type": "other", "value": "a@x.example"}, {"type": "other", "value": "b@x.example"}],
        });
        assert_eq!(json!(users[0].document), document, "{delimiter:?}");
    }
}

#[test]
fn delimited_groups_and_memberships_are_read_too() {
    let groups = read("g.csv", "id,displayName,description\ng1,All,\"Every \"\"body\"\"\"\n");
    let mut expected = GroupRow::new("g1", "All");
    expected.description = Some("Every \"body\"".into());
    assert_eq!(groups, [(2, Ok(Row::Group(expected)))]);
    let memberships = read("m.csv", "group,user,memberGroup,role\ng1,u1,,owner\ng1,,g2,\n");
    let [(2, Ok(Row::Membership(first))), (3, Ok(Row::Membership(second)))] = &memberships[..] else { panic!("{memberships:?}") };
    assert_eq!((&first.member, first.role), (&ObjectRef::user("u1"), Role::Owner));
    assert_eq!((&second.member, second.role), (&ObjectRef::group("g2"), Role::Member));
}

#[test]
fn delimited_text_that_cannot_be_understood_is_explained() {
    let rows = read("bad.csv", b"userName,mail\nA\xE9@x.example,\na@x.example,b,c\nb@x.example\n".as_slice());
    assert!(rows[0].1.as_ref().unwrap_err().contains("not UTF-8"), "{rows:?}");
    assert!(rows[1].1.as_ref().unwrap_err().contains("3 cells, the header 2"), "{rows:?}");
    assert!(rows[2].1.is_ok());
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let opened = ImportFile::open(&path, None);
        opened.and_then(|file| file.rows().map(|_| ())).unwrap_err().to_string()
    };
    assert!(refused("a.csv", b"colour,size\n").contains("the header names none of userName"));
    assert!(refused("b.csv", b"").contains("no header row"));
    assert!(refused("c.csv", b"\xFF\xFEu\0").contains("UTF-16"));
}

const LDIF: &str = "version: 1
# The people of the house, a comment
 that goes on

dn: ou=people,dc=corp
objectClass: organizationalUnit
ou: people

dn: cn=Staff,ou=groups,dc=corp
objectClass: groupOfNames
cn: Staff
description: Every
 body
member: UID=ang, OU=People,dc=corp
member: cn=nested,ou=groups,dc=corp
member:
owner: uid=ang,ou=people,dc=corp

dn: uid=ang,ou=people,dc=corp
changetype: add
objectClass: top
objectClass: inetOrgPerson
uid: ang
cn: Ada Ng
cn;lang-de: Ada
sn: Ng
givenName:: QWTDoQ==
mail: ada@corp.example
mail: ng@corp.example
telephoneNumber: +41 44 1
l: Zürich
userPassword:: e1NTSEF9eA==
jpegPhoto:: /9j/4AAQ
manager: uid=zo\\C3\\AB,ou=people,dc=corp
departmentNumber: 7

dn:: dWlkPXpvw6ssb3U9cGVvcGxlLGRjPWNvcnA=
objectClass: inetOrgPerson
entryUUID: 0b4e
uid: zoë
cn: Zoë
nsAccountLock: TRUE

dn: cn=nested,ou=groups,dc=corp
objectClass: groupOfUniqueNames
cn: nested
uniqueMember: uid=zoë,ou=people,dc=corp
";

#[tokio::test]
async fn ldif_entries_become_people_groups_and_memberships() {
    let place = Place::new().await;
    for (name, text) in [("a.ldif", LDIF.to_owned()), ("b.ldif", LDIF.replace('\n', "\r\n"))] {
        let imported = place.import(name, text).await.unwrap();
        assert_eq!((imported.users, imported.groups, imported.memberships, imported.passed_over), (2, 2, 4, 1), "{name}");
    }
    let ada = place.user("ang").await;
    assert_eq!(ada.user_name, "ada@corp.example");
    assert_eq!((ada.display_name.as_deref(), ada.given_name.as_deref()), (Some("Ada Ng"), Some("Adá")));
    assert_eq!(ada.manager, Some("0b4e".into()));
    let document = json!({
        "city": "Zürich", "cn;lang-de": "Ada", "departmentNumber": "7",
        "emails": [{"type": "other", "value": "ng@corp.example"}], "phoneNumbers": [{"type": "work", "value": "+41 44 1"}],
    });
    assert_eq!(json!(ada.document), document);
    assert!(!place.user("0b4e").await.active);
    let staff = place.store.group_row(&"Staff".into()).await.unwrap().unwrap();
    assert_eq!(staff.description.as_deref(), Some("Everybody"));
    let members = place.store.memberships_of(&"Staff".into(), None, 10).await.unwrap();
    assert_eq!(members.len(), 3);
    assert!(members.contains(&Membership { group: "Staff".into(), member: ObjectRef::group("nested"), role: Role::Member }));
}

#[tokio::test]
async fn ldif_that_cannot_be_taken_is_listed_by_line() {
    let text = "dn: uid=a,dc=x\nobjectClass: inetOrgPerson\nuid: a\nmail: a@x.example\nmanager: uid=gone,dc=x\n\n\
                dn: uid=b,dc=x\nchangetype: modify\nreplace: mail\nmail: x\n\n\
                dn: uid=c,dc=x\nobjectClass: inetOrgPerson\nuid: c\nmail:: ***\n\n\
                dn: uid=d,dc=x\nobjectClass: inetOrgPerson\nuid: d\njpegPhoto:< file:///etc/passwd\n\n\
                uid: e\n\n\
                dn: cn=g,dc=x\nobjectClass: groupOfNames\ncn: g\nmember: cn=g,dc=x\nmember: ou=gone,dc=x\nmember: nonsense\n\n\
                dn: dc=x\nobjectClass: inetOrgPerson\ncn: no id\n";
    let place = Place::new().await;
    let found = reasons(place.import("bad.ldif", text).await.unwrap_err());
    let expected = [
        "1: the manager, user gone is in neither",
        "7: the entry is a change (`changetype: modify`)",
        "12: line 15: `mail` is no base64",
        "17: line 20: `jpegPhoto` is in another file",
        "22: the entry does not begin with `dn:`",
        "27: group g cannot be a member of itself",
        "28: `member`: no person and no group of this file has the name `ou=gone,dc=x`",
        "29: `member`: `nonsense` is no distinguished name",
        "31: the user has neither `entryUUID` nor `uid`",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\nis not\n{expected}");
    }
}

#[test]
fn a_file_without_a_telling_name_is_known_by_its_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let format = |text: &str| {
        let path = folder.path().join("export");
        std::fs::write(&path, text).unwrap();
        ImportFile::open(&path, None).unwrap().format()
    };
    assert_eq!(format("\u{feff}\n{\"type\": \"user\"}"), Format::Jsonl);
    assert_eq!(format("version: 1\n\ndn: dc=x"), Format::Ldif);
    assert_eq!(format("# export\ndn: dc=x"), Format::Ldif);
    assert_eq!(format("version:v1.0\nName"), Format::Csv);
    let missing = ImportFile::open(&folder.path().join("missing"), None).unwrap_err().to_string();
    assert!(missing.contains("missing: cannot be read: No such file"), "{missing}");
}

const EVENTS: &str = r#"{"seq": 1, "change": 1, "op": "user.update", "user": "u1", "set": {"login": "zo", "surname": "Ng", "jobTitle": null}, "was": {"login": "zoë"}}
{"seq": 2, "change": 2, "op": "user.add", "user": "u3", "rehire": false, "profile": {"id": "u3", "userName": "new@corp.example", "givenName": "New"}}
{"seq": 3, "change": 2, "op": "membership.add", "group": "g2", "user": "u3", "role": "member"}
{"seq": 4, "change": 2, "op": "user.update", "user": "u3", "set": {"givenName": "Newer"}}
{"seq": 5, "change": 3, "op": "membership.remove", "group": "g1", "memberGroup": "g2", "implied": true}
{"seq": 6, "change": 3, "op": "group.remove", "group": "g2"}
{"seq": 7, "change": 4, "op": "group.rename", "group": "g1", "displayName": "everyone"}
{"seq": 8, "change": 5, "op": "user.remove", "user": "u2"}
"#;

/// What `PEOPLE` is after `EVENTS`.
const AFTER: &str = r#"{"type": "user", "id": "u1", "login": "zo", "userName": "zoe@corp.example", "givenName": "Zoë", "surname": "Ng", "displayName": "Zoë O'Brien", "employeeId": "100001", "country": "CH", "hireDate": "2018-11-04", "shoeSize": 38, "entraObjectId": "11111111-2222-3333-4444-555555555555"}
{"type": "user", "id": "u3", "userName": "new@corp.example", "givenName": "Newer"}
{"type": "group", "id": "g1", "displayName": "everyone", "kind": "team", "description": "Everybody"}
{"type": "membership", "group": "g1", "user": "u1", "role": "owner"}
{"type": "membership", "group": "g1", "user": "u1", "role": "member"}
"#;

#[tokio::test]
async fn events_replayed_on_a_beginning_give_the_end() {
    let place = Place::new().await;
    place.import("people.jsonl", PEOPLE.replace(r#""manager": "u2", "#, "")).await.unwrap();
    let replay = apply_events(&place.store, &place.file("events.jsonl", EVENTS)).await.unwrap();
    assert_eq!((replay.changes, replay.events), (5, 8));
    let expected = open(&place.folder, "b").await;
    let file = ImportFile::open(&place.file("after.jsonl", AFTER), None).unwrap();
    import(&expected, &file, BadRows::Refuse).await.unwrap();
    assert_eq!(everything(&place.store).await, everything(&expected).await);
}

#[tokio::test]
async fn a_wrong_event_stops_before_its_change_and_says_where() {
    let place = Place::new().await;
    place.import("people.jsonl", PEOPLE).await.unwrap();
    let text = r#"{"change": 1, "op": "group.rename", "group": "g1", "displayName": "renamed"}
{"change": 2, "op": "group.rename", "group": "g2", "displayName": "renamed too"}
{"change": 2, "op": "user.update", "user": "u9", "set": {}}
"#;
    let error = apply_events(&place.store, &place.file("events.jsonl", text)).await.unwrap_err().to_string();
    assert!(error.ends_with("events.jsonl:3: there is no user u9 to change (changes applied before it: 1)"), "{error}");
    let names = [place.store.group_row(&"g1".into()).await.unwrap(), place.store.group_row(&"g2".into()).await.unwrap()];
    assert_eq!(names.map(|group| group.unwrap().display_name), ["renamed", "inner"]);
}
