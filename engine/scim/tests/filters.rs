//! Filters: the examples of RFC 7644 section 3.4.2.2, types, capital letters, lists, and what is refused.
#![allow(clippy::unwrap_used)]

use entrain_scim::{Catalog, Condition, ErrorKind, Map, Profile};
use serde_json::{Value as Json, json};

fn user() -> Map {
    let Json::Object(user) = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "2819c223", "externalId": "Ext-1", "userName": "bjensen@example.com", "title": "Tour Guide", "userType": "Employee",
        "active": true, "nickName": "",
        "name": { "familyName": "O'Malley", "givenName": "Barbara" },
        "emails": [
            { "value": "bjensen@example.com", "type": "work", "primary": true },
            { "value": "babs@jensen.org", "type": "home" },
        ],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Tours", "manager": { "value": "26118915" } },
        "meta": { "resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34Z" },
    }) else {
        panic!("an object")
    };
    user
}

fn judge(filter: &str, profile: Profile) -> Result<bool, ErrorKind> {
    let catalog = Catalog::load(&[]).unwrap();
    let shape = catalog.shape(catalog.named("User").unwrap());
    Condition::parse(filter, &shape, profile).map(|condition| condition.matches(&user())).map_err(|error| error.kind.unwrap())
}

#[test]
fn what_is_so_matches() {
    for filter in [
        r#"userName Eq "BJENSEN@example.com""#,
        r#"name.familyName co "O'Malley""#,
        r#"userName sw "B""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "b""#,
        r#"URN:ietf:params:scim:schemas:core:2.0:user:USERNAME sw "b""#,
        r#"title pr"#,
        r#"meta.lastModified gt "2011-05-13T04:42:33Z""#,
        r#"meta.lastModified ge "2011-05-13T06:42:34+02:00""#,
        r#"meta.lastModified lt "2011-05-13T04:42:34.001Z""#,
        r#"title pr and userType eq "Employee""#,
        r#"title pr or userType eq "Intern""#,
        r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType ne "Employee" or not (emails co "example.net")"#,
        r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
        r#"emails.type eq "HOME""#,
        r#"emails.primary eq true"#,
        r#"active eq true"#,
        r#"active ne false"#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "tours""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "26118915""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "26118915""#,
        r#"not (title eq "x") and not (nickName pr)"#,
        r#"locale eq null and title ne null"#,
        r#"locale ne "de""#,
        r#"externalId eq "Ext-1""#,
        r#"meta.resourceType eq "User""#,
        r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#,
        r#"title gt "Tour" and title le "tour guide""#,
        r#"title ew "GUIDE""#,
        r#"x509Certificates pr or title pr and active eq true"#,
    ] {
        assert_eq!(judge(filter, Profile::Standard), Ok(true), "{filter}");
    }
}

#[test]
fn what_is_not_so_does_not() {
    for filter in [
        r#"externalId eq "ext-1""#,
        r#"id eq "2819C223""#,
        r#"emails[type eq "home" and value co "@example.com"]"#,
        r#"nickName pr"#,
        r#"ims pr"#,
        r#"meta.created gt "2010-01-23T04:56:22Z""#,
        r#"title pr and active eq false"#,
        r#"title eq null"#,
        r#"locale co """#,
        r#"not (userName pr)"#,
        r#"(title pr or active eq true) and userType eq "Intern""#,
    ] {
        assert_eq!(judge(filter, Profile::Standard), Ok(false), "{filter}");
    }
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let deep = format!("{}title pr{}", "(".repeat(80), ")".repeat(80));
    let long = vec!["title pr"; 2000].join(" or ");
    for filter in [
        "",
        " ",
        "title",
        "title eq",
        "title eq x",
        "title xx \"a\"",
        "(title pr",
        "title pr)",
        "title pr and",
        "unknown eq \"x\"",
        "name.unknown eq \"x\"",
        "urn:unknown:x:title eq \"x\"",
        "name eq \"x\"",
        "title eq 5",
        "title gt true",
        "active gt true",
        "active eq \"True\"",
        "meta.created gt \"yesterday\"",
        "emails[unknown eq \"x\"]",
        "title co null",
        "title eq \"\u{0}\"",
        "title eq \"\\u0000\"",
        &deep,
        &long,
    ] {
        assert_eq!(judge(filter, Profile::Standard), Err(ErrorKind::InvalidFilter), "{filter:.80}");
    }
    // What some clients write instead of a boolean, for them alone.
    assert_eq!(judge("active eq \"True\"", Profile::Entra), Ok(true));
    assert_eq!(judge("active eq \"False\"", Profile::Okta), Ok(false));
}

#[test]
fn what_another_type_knows_is_not_set_here() {
    let catalog = Catalog::load(&[]).unwrap();
    let shape = catalog.shape(catalog.named("User").unwrap());
    let judge = |filter| Condition::parse_for_any(filter, &shape, Profile::Standard).unwrap().matches(&user());
    assert!(!judge("members.value eq \"x\""));
    assert!(!judge("members pr"));
    assert!(judge("members.value ne \"x\" and members eq null"));
    assert!(judge("members pr or title pr"));
    assert!(!judge("members[value eq \"x\"]"));
}
