//! The anti-joins. `cross join` makes SQLite walk the tables in the order written, beginning with the index that the page
//! is ordered by; PostgreSQL chooses for itself.

use super::Leavers;
use crate::protection::shielded;

/// Where edges of the source come from.
pub(super) struct Edges {
    table: &'static str,
    kind: &'static str,
    id: &'static str,
    relation: &'static str,
    to_kind: &'static str,
    to_id: &'static str,
}

pub(super) const MANAGER: Edges =
    Edges { table: "users u", kind: "'user'", id: "u.id", relation: "'manager'", to_kind: "'user'", to_id: "u.manager_id" };

pub(super) const MEMBER: Edges = Edges {
    table: "memberships m",
    kind: "'group'",
    id: "m.group_id",
    relation: "m.role",
    to_kind: "m.member_kind",
    to_id: "m.member_id",
};

/// Edges of the source, between present objects, that the mirror of `$1` does not have. The other end may be held. What the
/// plan of the run `$2` will link counts as linked.
///
/// The cast keeps the bounds of the page to its own table: SQLite would carry them over to `desired` and, where there are two,
/// read that range anew for each row instead of the one row with the same id.
pub(super) fn additions(edges: &Edges, page: &str) -> String {
    let Edges { table, kind, id, relation, to_kind, to_id } = edges;
    let writable = writable(kind, id);
    format!(
        "select {kind} as kind, {id} as id, {relation} as relation, {to_kind} as to_kind, {to_id} as to_id,
           dt.state as to_state, lt.target_id as to_record,
           case when exists (select 1 from reference_moves q join links a on a.target = $1 and a.kind = df.kind and a.id = df.id
             where q.target = $1 and q.id = a.target_id and q.relation = {relation} and q.to_id = lt.target_id
               and q.present = 0) then 1 else 0 end as moved
         from {table} cross join desired df cross join source_versions vf cross join desired dt cross join source_versions vt
           left join links lt on lt.target = $1 and lt.kind = dt.kind and lt.id = dt.id
         where df.target = $1 and df.kind = {kind} and df.id = cast({id} as text) and df.state = 'present'
           and vf.kind = df.kind and vf.id = df.id and vf.present = 1
           and dt.target = $1 and dt.kind = {to_kind} and dt.id = {to_id} and dt.state in ('present', 'held')
           and vt.kind = dt.kind and vt.id = dt.id and vt.present = 1
           and not exists (select 1 from mirror_refs r where r.target = $1 and r.relation = {relation}
             and r.id = coalesce((select f.target_id from links f where f.target = $1 and f.kind = df.kind and f.id = df.id),
               (select p.target_id from plan_links p where p.run = $2 and p.kind = df.kind and p.id = df.id))
             and r.to_id = coalesce(lt.target_id,
               (select p.target_id from plan_links p where p.run = $2 and p.kind = dt.kind and p.id = dt.id)))
           and {writable}
           and {page}"
    )
}

/// References of the mirror of `$1`, between records of present objects, that the source does not have. A manager is not
/// removed where another one is about to take its place: a user has one, and a removal would take away the new one. Nothing is
/// taken from a protected record either. Where leavers go out, so do the memberships of users that left in groups that are
/// present, whatever the source says of these.
pub(super) fn removals(leavers: Leavers, page: &str) -> String {
    let writable = writable("lf.kind", "lf.id");
    let shielded = shielded("z");
    let went = match leavers {
        Leavers::Stay => String::new(),
        Leavers::GoOut => format!("or ({LEFT})"),
    };
    format!(
        "select lf.kind as kind, lf.id as id, r.relation as relation, lt.kind as to_kind, lt.id as to_id,
           cast(null as text) as to_state, r.to_id as to_record, r.id as from_record,
           case when exists (select 1 from reference_moves q where q.target = $1 and q.id = r.id and q.relation = r.relation
             and q.to_id = r.to_id and q.present = 1) then 1 else 0 end as moved
         from mirror_refs r cross join links lf cross join links lt
           cross join desired df cross join source_versions vf cross join desired dt cross join source_versions vt
         where r.target = $1 and lf.target = $1 and lf.target_id = r.id and lt.target = $1 and lt.target_id = r.to_id
           and df.target = $1 and df.kind = lf.kind and df.id = lf.id and df.state = 'present'
           and vf.kind = df.kind and vf.id = df.id and vf.present = 1
           and dt.target = $1 and dt.kind = lt.kind and dt.id = lt.id and vt.kind = dt.kind and vt.id = dt.id
           and (({DROPPED}) {went})
           and not exists (select 1 from mirror z where z.target = $1 and z.kind = lt.kind and z.id = r.to_id and {shielded})
           and {writable}
           and {page}"
    )
}

/// Both ends are present, and the source does not have the reference.
const DROPPED: &str = "dt.state = 'present' and vt.present = 1
             and not exists (select 1 from memberships m
               where m.group_id = lf.id and m.role = r.relation and m.member_kind = lt.kind and m.member_id = lt.id
                 and lf.kind = 'group')
             and not exists (select 1 from users u cross join desired dm cross join source_versions vm
               where r.relation = 'manager' and u.id = lf.id and dm.target = $1 and dm.kind = 'user' and dm.id = u.manager_id
                 and vm.kind = 'user' and vm.id = dm.id and vm.present = 1
                 and (dm.state = 'present' or (dm.state = 'held'
                   and exists (select 1 from links lm where lm.target = $1 and lm.kind = 'user' and lm.id = dm.id))))";

/// A member that left, and that no operator parked or retains.
const LEFT: &str =
    "r.relation = 'member' and lf.kind = 'group' and lt.kind = 'user' and (vt.present = 0 or dt.state = 'out_of_scope')
             and not exists (select 1 from parked p where p.target = $1 and p.kind = lt.kind and p.id = lt.id)
             and not exists (select 1 from retained rt where rt.target = $1 and rt.kind = lt.kind and rt.id = lt.id)";

/// The object is not parked, and its record, if it has one, is one that we may write.
fn writable(kind: &str, id: &str) -> String {
    let shielded = shielded("x");
    format!(
        "not exists (select 1 from parked p where p.target = $1 and p.kind = {kind} and p.id = {id})
           and not exists (select 1 from links w cross join mirror x
             where w.target = $1 and w.kind = {kind} and w.id = {id} and x.target = $1 and x.kind = w.kind and x.id = w.target_id
               and (x.mastered = 1 or x.unwritable is not null or {shielded}))"
    )
}

#[cfg(test)]
mod tests {
    use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

    use super::*;
    use crate::schema::MIGRATIONS;
    use crate::sql::{Columns as _, Sql};

    async fn plan(text: &str, args: usize) -> Vec<String> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect("sqlite::memory:").await.unwrap();
        for migration in MIGRATIONS {
            connection.execute(AssertSqlSafe(migration.sqlite)).await.unwrap();
        }
        let sql = (0..args).fold(Sql::new(&format!("explain query plan {text}")), |sql, _| sql.arg("x"));
        sql.all(&mut connection).await.unwrap().iter().map(|row| row.str("detail").unwrap()).collect()
    }

    #[tokio::test]
    async fn a_page_with_two_ends_bounds_its_own_table_alone() {
        for (edges, columns) in [(&MANAGER, "u.id"), (&MEMBER, "m.group_id, m.role, m.member_kind, m.member_id")] {
            let places = columns.split(", ").map(|_| "$2").collect::<Vec<_>>().join(", ");
            let page = format!("({columns}) > ({places}) and ({columns}) <= ({places}) order by {columns} limit $2");
            let steps = plan(&additions(edges, &page), 2).await;
            let desired = steps.iter().find(|step| step.starts_with("SEARCH df ")).unwrap();
            assert!(desired.contains("(target=? AND kind=? AND id=?"), "{steps:?}");
        }
    }

    #[tokio::test]
    async fn members_are_compared_by_keys_that_are_near_each_other() {
        let steps = plan(&additions(&MEMBER, "m.group_id > $2"), 2).await;
        let of = |table: &str| steps.iter().filter(|step| step.starts_with(&format!("SEARCH {table} "))).collect::<Vec<_>>();
        assert!(steps[0].starts_with("SEARCH m USING PRIMARY KEY"), "the page comes first: {steps:?}");
        assert!(
            of("r").iter().all(|step| step.contains("PRIMARY KEY (target=? AND id=? AND relation=? AND to_id=?)")),
            "{steps:?}"
        );
        assert!(of("dt").iter().all(|step| step.contains("COVERING INDEX desired_state")), "{steps:?}");
        assert_eq!((of("r").len(), of("dt").len()), (1, 1));
    }

    #[tokio::test]
    async fn a_manager_is_looked_up_by_its_id() {
        let steps = plan(&additions(&MANAGER, "u.id > $2 and u.id <= $2 order by u.id limit $2"), 2).await;
        let of = |table: &str| steps.iter().filter(|step| step.starts_with(&format!("SEARCH {table} "))).collect::<Vec<_>>();
        assert!(steps[0].starts_with("SEARCH u USING PRIMARY KEY"), "the page comes first: {steps:?}");
        for table in ["df", "dt"] {
            assert!(of(table).iter().all(|step| step.contains("(target=? AND kind=? AND id=?")), "{steps:?}");
            assert_eq!(of(table).len(), 1, "{steps:?}");
        }
    }
}
