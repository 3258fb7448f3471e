//! Flat field names, as spreadsheets and directories have them, and their places in a document in SCIM shape.

use entrain_model::Attributes;
use serde_json::{Map, Value as Json, json};

/// Where a field belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An attribute of the document.
    Top(String),
    /// `name.` this.
    Name(&'static str),
    /// `addresses[type eq "work"].` this.
    Work(&'static str),
    /// `addresses[type eq "other"].formatted`.
    Office,
    /// `phoneNumbers` of this type.
    Phone(&'static str),
    /// `emails` of type `other`, several of them separated by `;` or `,`.
    OtherMails,
    /// `onPremisesExtensionAttributes.` this.
    Extension(String),
    /// `active`.
    Active,
    /// `active`, said the other way round.
    Blocked,
    /// `serviceAccount`.
    ServiceAccount,
    /// A password: never stored.
    Password,
}

/// Attributes of the document and other names for them, folded to letters and digits.
const TOP: [(&str, &[&str]); 22] = [
    ("id", &["sourceid"]),
    ("userName", &["userprincipalname", "upn"]),
    ("externalId", &["login", "mailnickname"]),
    ("displayName", &["name"]),
    ("mail", &["email"]),
    ("manager", &["managerid"]),
    ("targetObjectId", &["entraobjectid", "objectid"]),
    ("employeeNumber", &["employeeid"]),
    ("title", &["jobtitle"]),
    ("startDateTime", &["hiredate", "employeehiredate"]),
    ("endDateTime", &["employeeleavedatetime"]),
    ("companyName", &["company"]),
    ("city", &["locality"]),
    ("state", &["stateorprovince", "region"]),
    ("country", &["countryorregion"]),
    ("department", &[]),
    ("division", &[]),
    ("costCenter", &[]),
    ("employeeType", &[]),
    ("preferredLanguage", &[]),
    ("usageLocation", &[]),
    ("memberGroup", &[]),
];

impl Place {
    /// The place of a field; a name that is not known is an attribute of its own.
    pub(super) fn of(name: &str) -> Place {
        let folded: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        if let Some(place) = nested(&folded) {
            return place;
        }
        if let Some(number) = folded.strip_prefix("extensionattribute")
            && number.parse().is_ok_and(|number: u8| (1..=15).contains(&number))
        {
            return Place::Extension(format!("extensionAttribute{number}"));
        }
        let known = TOP.iter().find(|(own, others)| own.eq_ignore_ascii_case(&folded) || others.contains(&folded.as_str()));
        Place::Top(known.map_or(name, |(own, _)| own).to_owned())
    }

    /// Puts a value, which is not empty, there.
    pub(super) fn put(&self, document: &mut Attributes, value: &str) -> Result<(), String> {
        match self {
            Place::Top(name) => put_once(document, name, value.into())?,
            Place::Name(part) => insert(document, "name", part, value),
            Place::Extension(name) => insert(document, "onPremisesExtensionAttributes", name, value),
            Place::Work(part) => element(document, "addresses", "work", part, value),
            Place::Office => element(document, "addresses", "other", "formatted", value),
            Place::Phone(kind) => element(document, "phoneNumbers", kind, "value", value),
            Place::OtherMails => {
                for mail in value.split([';', ',']).map(str::trim).filter(|mail| !mail.is_empty()) {
                    push(document, "emails", json!({ "type": "other", "value": mail }));
                }
            }
            Place::Active => put_once(document, "active", truth(value)?.into())?,
            Place::Blocked => put_once(document, "active", (!truth(value)?).into())?,
            Place::ServiceAccount => put_once(document, "serviceAccount", truth(value)?.into())?,
            Place::Password => {}
        }
        Ok(())
    }
}

fn nested(folded: &str) -> Option<Place> {
    Some(match folded {
        "givenname" | "firstname" => Place::Name("givenName"),
        "surname" | "familyname" | "lastname" | "sn" => Place::Name("familyName"),
        "middlename" => Place::Name("middleName"),
        "honorificprefix" => Place::Name("honorificPrefix"),
        "honorificsuffix" => Place::Name("honorificSuffix"),
        "streetaddress" | "street" => Place::Work("streetAddress"),
        "postalcode" | "ziporpostalcode" => Place::Work("postalCode"),
        "officelocation" | "physicaldeliveryofficename" | "office" => Place::Office,
        "telephonenumber" | "businessphones" | "businessphone" | "officephone" => Place::Phone("work"),
        "mobile" | "mobilephone" => Place::Phone("mobile"),
        "faxnumber" | "facsimiletelephonenumber" | "fax" => Place::Phone("fax"),
        "homephone" => Place::Phone("home"),
        "othermails" | "othermail" => Place::OtherMails,
        "active" | "accountenabled" => Place::Active,
        "blocksignin" | "blocksigninyesno" => Place::Blocked,
        "serviceaccount" => Place::ServiceAccount,
        "password" | "passwordprofile" | "initialpassword" | "userpassword" | "unicodepwd" => Place::Password,
        _ => return None,
    })
}

/// Yes or no, as people write it.
pub(super) fn truth(word: &str) -> Result<bool, String> {
    match word.trim().to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" => Ok(false),
        _ => Err(format!("`{word}` is neither yes nor no")),
    }
}

fn put_once(document: &mut Attributes, name: &str, value: Json) -> Result<(), String> {
    match document.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(format!("`{name}` is given twice")),
    }
}

fn insert(document: &mut Attributes, name: &str, part: &str, value: &str) {
    let object = document.entry(name.to_owned()).or_insert_with(|| Json::Object(Map::new()));
    if let Json::Object(object) = object {
        object.insert(part.to_owned(), value.into());
    }
}

/// Adds an element to a list of the document, which only this file makes.
fn push(document: &mut Attributes, name: &str, element: Json) {
    if let Json::Array(list) = document.entry(name.to_owned()).or_insert_with(|| Json::Array(Vec::new())) {
        list.push(element);
    }
}

/// Sets a part of the list's element of that type, which is added if it is not there.
fn element(document: &mut Attributes, name: &str, kind: &str, part: &str, value: &str) {
    let list = document.get_mut(name).and_then(Json::as_array_mut);
    match list.and_then(|list| list.iter_mut().find(|element| element["type"] == kind)) {
        Some(element) => element[part] = value.into(),
        None => push(document, name, json!({ "type": kind, part: value })),
    }
}
