//! What no single row shows: keys given twice, logins that another user has, references that lead nowhere.

use std::collections::{BTreeMap, HashMap, HashSet};

use entrain_model::{Kind, ObjectRef, SourceId, fold};
use entrain_store::{Membership, Store, UserRow};

use super::row::{BadRow, Numbered, Row};
use super::{ImportError, ImportFile};

/// Rows are looked up in the source in lists of this length.
pub(super) const CHUNK: usize = 500;

/// Whether rows that others lead to are looked at again when they turn out bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// One pass: enough if a bad row ends the import.
    Once,
    /// Until no more bad rows are found: what remains stands by itself.
    UntilStable,
}

/// The keys of a file's good rows, and its bad rows.
#[derive(Debug, Default)]
pub(super) struct Checked {
    users: HashMap<SourceId, u64>,
    groups: HashMap<SourceId, u64>,
    logins: BTreeMap<String, (u64, SourceId)>,
    bad: BTreeMap<u64, String>,
    /// Entries that are neither users, groups nor memberships.
    pub(super) passed_over: u64,
}

/// Reads the whole file and finds every bad row.
pub(super) async fn check(file: &ImportFile, store: &Store, depth: Depth) -> Result<Checked, ImportError> {
    let mut checked = Checked::default();
    for item in file.rows()? {
        checked.index(item.map_err(|cause| file.read_error(cause))?);
    }
    loop {
        let before = checked.bad.len();
        checked.logins_of_others(store).await?;
        checked.references(file, store).await?;
        if checked.bad.len() == before || depth == Depth::Once {
            return Ok(checked);
        }
    }
}

impl Checked {
    pub(super) fn is_bad(&self, line: u64) -> bool {
        self.bad.contains_key(&line)
    }

    pub(super) fn bad_rows(&self) -> Vec<BadRow> {
        self.bad.iter().map(|(line, reason)| BadRow { line: *line, reason: reason.clone() }).collect()
    }

    fn index(&mut self, Numbered { line, row }: Numbered) {
        let result = row.and_then(|row| match row {
            Row::User(user) => self.index_user(line, user),
            Row::Group(group) => once(&mut self.groups, Kind::Group, group.id, line),
            Row::Membership(_) => Ok(()),
            Row::Other => {
                self.passed_over += 1;
                Ok(())
            }
        });
        if let Err(reason) = result {
            self.bad.insert(line, reason);
        }
    }

    fn index_user(&mut self, line: u64, user: UserRow) -> Result<(), String> {
        let login = fold(&user.user_name);
        if let Some((first, other)) = self.logins.get(&login)
            && *other != user.id
        {
            return Err(format!("the login `{}` is that of user {other} on line {first} too", user.user_name));
        }
        once(&mut self.users, Kind::User, user.id.clone(), line)?;
        self.logins.insert(login, (line, user.id));
        Ok(())
    }

    /// Drops a user that turned out bad, so that what leads to it is bad as well.
    fn reject_user(&mut self, line: u64, user: &SourceId, login: &str, reason: String) {
        self.users.remove(user);
        self.logins.remove(login);
        self.bad.insert(line, reason);
    }

    /// A login of the file may be that of a user of the source only if the file changes that user's login.
    async fn logins_of_others(&mut self, store: &Store) -> Result<(), ImportError> {
        let logins: Vec<String> = self.logins.keys().cloned().collect();
        for chunk in logins.chunks(CHUNK) {
            for (login, holders) in store.logins_in_use(chunk).await? {
                let Some((line, user)) = self.logins.get(&login).cloned() else { continue };
                if let Some(other) = holders.into_iter().find(|holder| *holder != user && !self.users.contains_key(holder)) {
                    let reason =
                        format!("the login `{login}` belongs to user {other} of the source, which this file does not change");
                    self.reject_user(line, &user, &login, reason);
                }
            }
        }
        Ok(())
    }

    async fn references(&mut self, file: &ImportFile, store: &Store) -> Result<(), ImportError> {
        let mut waiting: Vec<(u64, Row)> = Vec::new();
        for item in file.rows()? {
            let Numbered { line, row } = item.map_err(|cause| file.read_error(cause))?;
            let Ok(row) = row else { continue };
            if self.is_bad(line) || references(&row).iter().all(|reference| self.has(reference)) {
                continue;
            }
            waiting.push((line, row));
            if waiting.len() >= CHUNK {
                self.resolve(&mut waiting, store).await?;
            }
        }
        self.resolve(&mut waiting, store).await
    }

    fn has(&self, object: &ObjectRef) -> bool {
        match object.kind {
            Kind::User => self.users.contains_key(&object.id),
            Kind::Group => self.groups.contains_key(&object.id),
        }
    }

    /// Looks up in the source what the file does not have.
    async fn resolve(&mut self, waiting: &mut Vec<(u64, Row)>, store: &Store) -> Result<(), ImportError> {
        let wanted: Vec<ObjectRef> =
            waiting.iter().flat_map(|(_, row)| references(row)).filter(|reference| !self.has(reference)).collect();
        let mut found = HashSet::new();
        for chunk in wanted.chunks(CHUNK) {
            found.extend(store.source_records(chunk).await?.into_iter().map(|record| record.object));
        }
        for (line, row) in waiting.drain(..) {
            let missing = references(&row).into_iter().find(|reference| !self.has(reference) && !found.contains(reference));
            let Some(missing) = missing else { continue };
            let reason = format!("{missing} is in neither this file nor the source");
            match row {
                Row::User(user) => self.reject_user(line, &user.id, &fold(&user.user_name), format!("the manager, {reason}")),
                Row::Group(_) | Row::Membership(_) | Row::Other => _ = self.bad.insert(line, reason),
            }
        }
        Ok(())
    }
}

fn once(keys: &mut HashMap<SourceId, u64>, kind: Kind, id: SourceId, line: u64) -> Result<(), String> {
    match keys.get(&id) {
        Some(first) => Err(format!("{kind} {id} is on line {first} too")),
        None => {
            keys.insert(id, line);
            Ok(())
        }
    }
}

/// The objects that a row leads to.
fn references(row: &Row) -> Vec<ObjectRef> {
    match row {
        Row::User(user) => user.manager.iter().map(|manager| ObjectRef { kind: Kind::User, id: manager.clone() }).collect(),
        Row::Membership(Membership { group, member, .. }) => {
            vec![ObjectRef { kind: Kind::Group, id: group.clone() }, member.clone()]
        }
        Row::Group(_) | Row::Other => Vec::new(),
    }
}
