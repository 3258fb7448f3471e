//! Conditions on rows of the source that an index answers. Each is true or false, never unknown, so that `Not` means what it says.

use entrain_model::{Kind, Millis, SourceId};

use crate::sql::Sql;

/// How a time is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The same.
    Equal,
    /// Later.
    After,
    /// Later, or the same.
    NotBefore,
    /// Earlier.
    Before,
    /// Earlier, or the same.
    NotAfter,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Users,
    Groups,
    Resources,
}

impl From<Kind> for Table {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => Table::Users,
            Kind::Group => Table::Groups,
        }
    }
}

/// A condition on a user, a group or another resource. What a table has not is never so.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceTest {
    /// All of these; of none, always.
    All(Vec<SourceTest>),
    /// One of these; of none, never.
    Any(Vec<SourceTest>),
    /// Not this.
    Not(Box<SourceTest>),
    /// Its id.
    Id(String),
    /// Its external id.
    ExternalId(String),
    /// Its login, folded. Only users have one.
    Login(String),
    /// Its display name, folded.
    Name(String),
    /// Whether it may sign in. Only users do.
    Active(bool),
    /// When it was changed.
    Modified(Compared, Millis),
    /// Somebody who is a member of it. Only groups have members.
    Member(SourceId),
    /// A group that it is a direct member of.
    MemberOf(SourceId),
}

impl SourceTest {
    /// Adds it to a statement on a table.
    pub(crate) fn write(&self, table: Table, sql: Sql) -> Sql {
        match self {
            SourceTest::All(all) => joined(all, table, sql, " and ", "1 = 1"),
            SourceTest::Any(any) => joined(any, table, sql, " or ", "1 = 0"),
            SourceTest::Not(inner) => inner.write(table, sql.text("(not ")).text(")"),
            SourceTest::Id(id) => sql.bind("id = ", id),
            SourceTest::ExternalId(id) => sql.bind("(external_id is not null and external_id = ", id).text(")"),
            SourceTest::Name(name) if table != Table::Resources => {
                sql.bind("(display_name is not null and lower(display_name) = ", name).text(")")
            }
            SourceTest::Login(login) if table == Table::Users => sql.bind("lower(user_name) = ", login),
            SourceTest::Active(active) if table == Table::Users => sql.bind("active = ", *active),
            SourceTest::Modified(compared, at) => sql.bind(&format!("updated_at {} ", compared.sign()), *at),
            SourceTest::Member(id) if table == Table::Groups => {
                let part = |sql: Sql, kind: &str| {
                    let text = format!(
                        "select group_id from memberships where member_kind = '{kind}' and role = 'member' and member_id = "
                    );
                    sql.bind(&text, id)
                };
                part(part(sql.text("id in ("), "user").text(" union all "), "group").text(")")
            }
            SourceTest::MemberOf(group) if table != Table::Resources => sql
                .bind("id in (select member_id from memberships where group_id = ", group)
                .bind(" and role = 'member' and member_kind = ", if table == Table::Users { Kind::User } else { Kind::Group })
                .text(")"),
            SourceTest::Login(_)
            | SourceTest::Active(_)
            | SourceTest::Name(_)
            | SourceTest::Member(_)
            | SourceTest::MemberOf(_) => sql.text("1 = 0"),
        }
    }
}

fn joined(tests: &[SourceTest], table: Table, mut sql: Sql, word: &str, none: &str) -> Sql {
    sql = sql.text("(");
    for (index, test) in tests.iter().enumerate() {
        sql = test.write(table, if index == 0 { sql } else { sql.text(word) });
    }
    if tests.is_empty() {
        sql = sql.text(none);
    }
    sql.text(")")
}

impl Compared {
    fn sign(self) -> &'static str {
        match self {
            Compared::Equal => "=",
            Compared::After => ">",
            Compared::NotBefore => ">=",
            Compared::Before => "<",
            Compared::NotAfter => "<=",
        }
    }
}
