//! Commands that write to the source.

use anyhow::{Context as _, bail};
use entrain_model::{Attributes, Kind, SourceId, TargetId};
use entrain_store::{GroupRow, Membership, Role, SourceChange, UserRow};
use serde_json::Value as Json;

use super::object;
use crate::rig::Rig;
use crate::scenario::Command;

/// Does what the command says, in one transaction.
pub(super) async fn write(rig: &Rig, command: &Command) -> anyhow::Result<()> {
    let change = match (command.word(0, "a noun")?, command.word(1, "`add`, `set` or `remove`")?) {
        ("member", verb) => membership(command, verb, Role::Member)?,
        ("owner", verb) => membership(command, verb, Role::Owner)?,
        (noun, verb) => {
            let (kind, id) = (noun.parse::<Kind>()?, SourceId::from(command.word(2, "an id")?));
            match (kind, verb) {
                (Kind::User, "remove") => SourceChange::RemoveUser(id),
                (Kind::Group, "remove") => SourceChange::RemoveGroup(id),
                (Kind::User, _) => SourceChange::PutUser(user(rig, command, verb, id).await?),
                (Kind::Group, _) => SourceChange::PutGroup(group(rig, command, verb, id).await?),
            }
        }
    };
    rig.write(&[change]).await
}

fn membership(command: &Command, verb: &str, role: Role) -> anyhow::Result<SourceChange> {
    let membership = Membership { group: command.word(2, "a group")?.into(), member: object(command, 3)?, role };
    match verb {
        "add" => Ok(SourceChange::PutMembership(membership)),
        "remove" => Ok(SourceChange::RemoveMembership(membership)),
        other => bail!("`{other}` is neither `add` nor `remove`"),
    }
}

async fn user(rig: &Rig, command: &Command, verb: &str, id: SourceId) -> anyhow::Result<UserRow> {
    let mut row = match (rig.store().user_row(&id).await?, verb) {
        (None, "add") => UserRow::new(id, ""),
        (Some(row), "set") => row,
        (row, _) => bail!("cannot {verb} user {id}, which {} there", if row.is_some() { "is" } else { "is not" }),
    };
    for (name, value) in &command.settings {
        let text = value.as_str().map(str::to_owned);
        match name.as_str() {
            "userName" => row.user_name = text.context("`userName` is a text")?,
            "externalId" => row.external_id = text,
            "displayName" => row.display_name = text,
            "name.givenName" => row.given_name = text,
            "name.familyName" => row.family_name = text,
            "mail" => row.mail = text,
            "active" => row.active = *value == Json::Bool(true),
            "serviceAccount" => row.service_account = *value == Json::Bool(true),
            "manager" => row.manager = text.map(SourceId::from),
            "targetObjectId" => row.target_object_id = text.map(TargetId::from),
            _ => put(&mut row.document, name, value),
        }
    }
    Ok(row)
}

async fn group(rig: &Rig, command: &Command, verb: &str, id: SourceId) -> anyhow::Result<GroupRow> {
    let mut row = match (rig.store().group_row(&id).await?, verb) {
        (None, "add") => GroupRow::new(id, ""),
        (Some(row), "set") => row,
        (row, _) => bail!("cannot {verb} group {id}, which {} there", if row.is_some() { "is" } else { "is not" }),
    };
    for (name, value) in &command.settings {
        let text = value.as_str().map(str::to_owned);
        match name.as_str() {
            "displayName" => row.display_name = text.context("`displayName` is a text")?,
            "description" => row.description = text,
            "externalId" => row.external_id = text,
            "targetObjectId" => row.target_object_id = text.map(TargetId::from),
            _ => put(&mut row.document, name, value),
        }
    }
    Ok(row)
}

fn put(document: &mut Attributes, name: &str, value: &Json) {
    if value.is_null() {
        document.remove(name);
    } else {
        document.insert(name.to_owned(), value.clone());
    }
}
