//! The differences. Each statement reads one table, in the order of the index that the page is made by, and asks about each of its
//! rows by keys. Joins would let PostgreSQL begin elsewhere, and look for the page once for each row that it finds there.

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

/// Ends a question about one row: PostgreSQL takes none with an offset apart, to answer it for all rows at once.
const ONE: &str = "limit 1 offset 0";

/// Edges of the source, between present objects, that the mirror of `$1` does not have. The other end may be held. What the
/// plan of the run `$2` will link counts as linked.
pub(super) fn additions(edges: &Edges, page: &str) -> String {
    let Edges { table, kind, id, relation, to_kind, to_id } = edges;
    let (from, to) = (record(kind, id), record(to_kind, to_id));
    let (from_planned, to_planned) = (planned(kind, id), planned(to_kind, to_id));
    let (from_present, to_present) =
        (state(kind, id, "d.state = 'present'"), state(to_kind, to_id, "d.state in ('present', 'held')"));
    let writable = writable(kind, id);
    format!(
        "select {kind} as kind, {id} as id, {relation} as relation, {to_kind} as to_kind, {to_id} as to_id,
           ({to_present}) as to_state, ({to}) as to_record,
           case when exists (select 1 from reference_moves q where q.target = $1 and q.id = ({from})
             and q.relation = {relation} and q.to_id = ({to}) and q.present = 0 {ONE}) then 1 else 0 end as moved
         from {table}
         where exists ({from_present} {ONE}) and exists ({to_present} {ONE})
           and not exists (select 1 from mirror_refs r where r.target = $1 and r.id = coalesce(({from}), ({from_planned}))
             and r.relation = {relation} and r.to_id = coalesce(({to}), ({to_planned})) {ONE})
           and {writable}
           and {page}"
    )
}

/// The record that an object is linked to.
fn record(kind: &str, id: &str) -> String {
    format!("select l.target_id from links l where l.target = $1 and l.kind = {kind} and l.id = {id}")
}

/// The record that the plan of the run `$2` will link it to.
fn planned(kind: &str, id: &str) -> String {
    format!("select p.target_id from plan_links p where p.run = $2 and p.kind = {kind} and p.id = {id}")
}

/// The state of an object that is in the source, if it is such a one.
fn state(kind: &str, id: &str, such: &str) -> String {
    format!(
        "select d.state from desired d where d.target = $1 and d.kind = {kind} and d.id = {id} and {such}
           and exists (select 1 from source_versions v where v.kind = d.kind and v.id = d.id and v.present = 1 {ONE})"
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
    let of =
        |column: &str, record: &str| format!("(select l.{column} from links l where l.target = $1 and l.target_id = {record})");
    format!(
        "select {} as kind, {} as id, r.relation as relation, {} as to_kind, {} as to_id,
           cast(null as text) as to_state, r.to_id as to_record, r.id as from_record,
           case when exists (select 1 from reference_moves q where q.target = $1 and q.id = r.id and q.relation = r.relation
             and q.to_id = r.to_id and q.present = 1 {ONE}) then 1 else 0 end as moved
         from mirror_refs r
         where r.target = $1 and exists (
             select 1 from links lf cross join links lt
               cross join desired df cross join source_versions vf cross join desired dt cross join source_versions vt
             where lf.target = $1 and lf.target_id = r.id and lt.target = $1 and lt.target_id = r.to_id
               and df.target = $1 and df.kind = lf.kind and df.id = lf.id and df.state = 'present'
               and vf.kind = df.kind and vf.id = df.id and vf.present = 1
               and dt.target = $1 and dt.kind = lt.kind and dt.id = lt.id and vt.kind = dt.kind and vt.id = dt.id
               and (({DROPPED}) {went})
               and not exists (select 1 from mirror z where z.target = $1 and z.kind = lt.kind and z.id = r.to_id and {shielded} {ONE})
               and {writable} {ONE})
           and {page}",
        of("kind", "r.id"),
        of("id", "r.id"),
        of("kind", "r.to_id"),
        of("id", "r.to_id"),
    )
}

/// Both ends are present, and the source does not have the reference.
const DROPPED: &str = "dt.state = 'present' and vt.present = 1
             and not exists (select 1 from memberships m
               where m.group_id = lf.id and m.role = r.relation and m.member_kind = lt.kind and m.member_id = lt.id
                 and lf.kind = 'group' limit 1 offset 0)
             and not exists (select 1 from users u cross join desired dm cross join source_versions vm
               where r.relation = 'manager' and u.id = lf.id and dm.target = $1 and dm.kind = 'user' and dm.id = u.manager_id
                 and vm.kind = 'user' and vm.id = dm.id and vm.present = 1
                 and (dm.state = 'present' or (dm.state = 'held'
                   and exists (select 1 from links lm where lm.target = $1 and lm.kind = 'user' and lm.id = dm.id)))
               limit 1 offset 0)";

/// A member that left, and that no operator parked or retains.
const LEFT: &str =
    "r.relation = 'member' and lf.kind = 'group' and lt.kind = 'user' and (vt.present = 0 or dt.state = 'out_of_scope')
             and not exists (select 1 from parked p where p.target = $1 and p.kind = lt.kind and p.id = lt.id)
             and not exists (select 1 from retained rt where rt.target = $1 and rt.kind = lt.kind and rt.id = lt.id)";

/// The object is not parked, and its record, if it has one, is one that we may write.
fn writable(kind: &str, id: &str) -> String {
    let shielded = shielded("x");
    format!(
        "not exists (select 1 from parked p where p.target = $1 and p.kind = {kind} and p.id = {id} {ONE})
           and not exists (select 1 from links w cross join mirror x
             where w.target = $1 and w.kind = {kind} and w.id = {id} and x.target = $1 and x.kind = w.kind and x.id = w.target_id
               and (x.mastered = 1 or x.unwritable is not null or {shielded}) {ONE})"
    )
}

#[cfg(test)]
mod tests {
    use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _};

    use super::*;
    use crate::dialect::Dialect;
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

    fn of<'s>(steps: &'s [String], table: &str) -> Vec<&'s String> {
        steps.iter().filter(|step| step.starts_with(&format!("SEARCH {table} "))).collect()
    }

    #[tokio::test]
    async fn the_page_comes_first_and_each_question_has_its_key() {
        let members = "m.group_id, m.role, m.member_kind, m.member_id";
        let of_members =
            format!("({members}) > ($2, $2, $2, $2) and ({members}) <= ($2, $2, $2, $2) order by {members} limit $2");
        for (edges, page, first) in
            [(&MANAGER, "u.id > $2 and u.id <= $2 order by u.id limit $2", "u"), (&MEMBER, &of_members, "m")]
        {
            let steps = plan(&additions(edges, page), 2).await;
            assert!(steps[0].starts_with(&format!("SEARCH {first} USING PRIMARY KEY")), "{steps:?}");
            assert!(of(&steps, "d").iter().all(|step| step.contains("(target=? AND kind=? AND id=?")), "{steps:?}");
            let references = of(&steps, "r");
            assert!(references[0].contains("PRIMARY KEY (target=? AND id=? AND relation=? AND to_id=?)"), "{steps:?}");
            assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{steps:?}");
        }
        let steps = plan(
            &removals(Leavers::GoOut, "(r.id, r.relation, r.to_id) > ($2, $2, $2) order by r.id, r.relation, r.to_id limit $2"),
            2,
        )
        .await;
        assert!(steps[0].starts_with("SEARCH r USING PRIMARY KEY"), "{steps:?}");
        assert!(of(&steps, "l").iter().all(|step| step.contains("links_record (target=? AND target_id=?)")), "{steps:?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{steps:?}");
    }

    /// What a PostgreSQL server does with it over empty tables, not knowing the arguments; `None` where only SQLite is tested.
    async fn plan_of_server(text: &str, args: usize) -> Option<String> {
        if std::env::var("ENTRAIN_TEST_STORE").is_ok_and(|store| store == "sqlite") {
            return None;
        }
        sqlx::any::install_default_drivers();
        let server = std::env::var("ENTRAIN_TEST_POSTGRES").expect("ENTRAIN_TEST_POSTGRES holds the URL of a server");
        let mut connection = AnyConnection::connect(&server).await.unwrap();
        // Nothing of it stays.
        connection.execute("begin; create schema planned; set local search_path = planned").await.unwrap();
        for migration in MIGRATIONS {
            connection.execute(AssertSqlSafe(migration.postgres)).await.unwrap();
        }
        let (types, values) = (vec!["text"; args].join(", "), vec!["'x'"; args].join(", "));
        let greeting = Dialect::Postgres.greeting();
        let prepare = format!("{greeting}; set local plan_cache_mode = force_generic_plan; prepare planned({types}) as {text}");
        connection.execute(AssertSqlSafe(prepare)).await.unwrap();
        let explained = AssertSqlSafe(format!("explain (costs off) execute planned({values})"));
        let rows = connection.fetch_all(explained).await.unwrap();
        Some(rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n"))
    }

    #[tokio::test]
    async fn a_server_reads_the_page_once_and_joins_nothing_to_it() {
        let members = "m.group_id, m.role, m.member_kind, m.member_id";
        let of_members = format!(
            "({members}) > ($3, $4, $5, $6) and ({members}) <= ($7, $8, $9, $10) order by {members} limit cast($11 as bigint)"
        );
        let of_records = "(r.id, r.relation, r.to_id) > ($3, $4, $5) and (r.id, r.relation, r.to_id) <= ($6, $7, $8) \
                          order by r.id, r.relation, r.to_id limit cast($9 as bigint)";
        for (text, args) in [(additions(&MEMBER, &of_members), 11), (removals(Leavers::GoOut, of_records), 9)] {
            let Some(plan) = plan_of_server(&text, args).await else { return };
            let (outside, questions) = plan.split_once("SubPlan").unwrap();
            assert!(!outside.contains("Join") && !outside.contains("Loop"), "{plan}");
            assert!(questions.contains("mirror_refs") || outside.contains("mirror_refs"), "{plan}");
        }
    }
}
