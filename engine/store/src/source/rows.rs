//! Rows of the source tables.

use entrain_model::{Attributes, Kind, ObjectRef, SourceId, SourceRecord, TargetId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use sqlx::any::AnyRow;

use crate::Result;
use crate::sql::{Arg, Columns as _, to_json};

/// A row of a source table.
pub(crate) trait Stored: Sized + PartialEq {
    /// Its table.
    const TABLE: &'static str;
    /// The columns that carry meaning, the key first.
    const COLUMNS: &'static str;
    /// Its key.
    fn id(&self) -> &SourceId;
    /// A row as stored.
    fn read(row: &AnyRow) -> Result<Self>;
    /// Its columns, in the order of `COLUMNS`.
    fn args(&self) -> Result<Vec<Arg>>;
    /// The record that scripts see: the columns merged over the document.
    fn record(self, version: i64) -> SourceRecord;
}

/// A user as stored. Columns win over the document, which holds everything else in SCIM shape (RFC 7643).
#[derive(Clone, Debug, PartialEq)]
pub struct UserRow {
    /// The operator's stable id.
    pub id: SourceId,
    /// SCIM `userName`.
    pub user_name: String,
    /// SCIM `externalId`.
    pub external_id: Option<String>,
    /// SCIM `displayName`.
    pub display_name: Option<String>,
    /// SCIM `name.givenName`.
    pub given_name: Option<String>,
    /// SCIM `name.familyName`.
    pub family_name: Option<String>,
    /// The e-mail address at work.
    pub mail: Option<String>,
    /// SCIM `active`: may sign in.
    pub active: bool,
    /// Not a person.
    pub service_account: bool,
    /// The user's manager.
    pub manager: Option<SourceId>,
    /// The id of the target record that the operator says is this user's.
    pub target_object_id: Option<TargetId>,
    /// Everything else.
    pub document: Attributes,
}

impl UserRow {
    /// An active user with nothing but an id and a name to sign in with.
    pub fn new(id: impl Into<SourceId>, user_name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            user_name: user_name.into(),
            external_id: None,
            display_name: None,
            given_name: None,
            family_name: None,
            mail: None,
            active: true,
            service_account: false,
            manager: None,
            target_object_id: None,
            document: Attributes::new(),
        }
    }
}

/// A group as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRow {
    /// The operator's stable id.
    pub id: SourceId,
    /// SCIM `displayName`.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// SCIM `externalId`.
    pub external_id: Option<String>,
    /// The id of the target record that the operator says is this group's.
    pub target_object_id: Option<TargetId>,
    /// Everything else.
    pub document: Attributes,
}

impl GroupRow {
    /// A group with nothing but an id and a name.
    pub fn new(id: impl Into<SourceId>, display_name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            display_name: display_name.into(),
            description: None,
            external_id: None,
            target_object_id: None,
            document: Attributes::new(),
        }
    }
}

/// What a member is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A member.
    Member,
    /// An owner.
    Owner,
}

/// One row of memberships.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Membership {
    /// The group.
    pub group: SourceId,
    /// Who is in it.
    pub member: ObjectRef,
    /// As what.
    pub role: Role,
}

impl Stored for UserRow {
    const TABLE: &'static str = "users";
    const COLUMNS: &'static str = "id, user_name, external_id, display_name, given_name, family_name, mail, active, \
         service_account, manager_id, target_object_id, document";

    fn id(&self) -> &SourceId {
        &self.id
    }

    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.str("id")?.into(),
            user_name: row.str("user_name")?,
            external_id: row.opt_str("external_id")?,
            display_name: row.opt_str("display_name")?,
            given_name: row.opt_str("given_name")?,
            family_name: row.opt_str("family_name")?,
            mail: row.opt_str("mail")?,
            active: row.int("active")? != 0,
            service_account: row.int("service_account")? != 0,
            manager: row.opt_str("manager_id")?.map(SourceId::from),
            target_object_id: row.opt_str("target_object_id")?.map(TargetId::from),
            document: row.json("document")?,
        })
    }

    fn args(&self) -> Result<Vec<Arg>> {
        Ok(vec![
            (&self.id).into(),
            (&self.user_name).into(),
            self.external_id.clone().into(),
            self.display_name.clone().into(),
            self.given_name.clone().into(),
            self.family_name.clone().into(),
            self.mail.clone().into(),
            self.active.into(),
            self.service_account.into(),
            self.manager.as_ref().map(SourceId::as_str).into(),
            self.target_object_id.as_ref().map(TargetId::as_str).into(),
            to_json(&self.document)?.into(),
        ])
    }

    fn record(self, version: i64) -> SourceRecord {
        let mut attributes = self.document;
        let mut name = match attributes.remove("name") {
            Some(Json::Object(name)) => name,
            _ => Map::new(),
        };
        for (part, value) in [("givenName", self.given_name), ("familyName", self.family_name)] {
            if let Some(value) = value {
                name.insert(part.into(), value.into());
            }
        }
        if !name.is_empty() {
            attributes.insert("name".into(), name.into());
        }
        attributes.insert("active".into(), self.active.into());
        attributes.insert("serviceAccount".into(), self.service_account.into());
        let object = ObjectRef { kind: Kind::User, id: self.id };
        let columns = [
            ("id", Some(object.id.to_string())),
            ("userName", Some(self.user_name)),
            ("externalId", self.external_id),
            ("displayName", self.display_name),
            ("mail", self.mail),
            ("manager", self.manager.map(|id| id.to_string())),
            ("targetObjectId", self.target_object_id.map(|id| id.to_string())),
        ];
        merge(&mut attributes, columns);
        SourceRecord { object, version, attributes }
    }
}

impl Stored for GroupRow {
    const TABLE: &'static str = "groups";
    const COLUMNS: &'static str = "id, display_name, description, external_id, target_object_id, document";

    fn id(&self) -> &SourceId {
        &self.id
    }

    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.str("id")?.into(),
            display_name: row.str("display_name")?,
            description: row.opt_str("description")?,
            external_id: row.opt_str("external_id")?,
            target_object_id: row.opt_str("target_object_id")?.map(TargetId::from),
            document: row.json("document")?,
        })
    }

    fn args(&self) -> Result<Vec<Arg>> {
        Ok(vec![
            (&self.id).into(),
            (&self.display_name).into(),
            self.description.clone().into(),
            self.external_id.clone().into(),
            self.target_object_id.as_ref().map(TargetId::as_str).into(),
            to_json(&self.document)?.into(),
        ])
    }

    fn record(self, version: i64) -> SourceRecord {
        let mut attributes = self.document;
        let object = ObjectRef { kind: Kind::Group, id: self.id };
        let columns = [
            ("id", Some(object.id.to_string())),
            ("displayName", Some(self.display_name)),
            ("description", self.description),
            ("externalId", self.external_id),
            ("targetObjectId", self.target_object_id.map(|id| id.to_string())),
        ];
        merge(&mut attributes, columns);
        SourceRecord { object, version, attributes }
    }
}

impl Membership {
    pub(crate) fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self { group: row.str("group_id")?.into(), member: row.object("member_")?, role: row.word("role")? })
    }

    /// Its columns in the order of the key.
    pub(crate) fn args(&self) -> [Arg; 4] {
        [(&self.group).into(), self.role.as_str().into(), self.member.kind.into(), (&self.member.id).into()]
    }
}

impl Role {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Owner => "owner",
        }
    }
}

fn merge<const N: usize>(attributes: &mut Attributes, columns: [(&str, Option<String>); N]) {
    for (name, value) in columns {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), value.into());
        }
    }
}
