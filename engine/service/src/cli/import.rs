//! `entrain import`: files fill the source.

use serde_json::json;

use super::args::{Global, ImportArgs};
use super::session::Session;
use super::{Exit, Output};
use crate::import::{BadRows, ImportFile, Imported, import};

pub(super) async fn run(args: &ImportArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let bad_rows = if args.skip_bad { BadRows::Skip } else { BadRows::Refuse };
    let mut files = Vec::new();
    for path in &args.files {
        let file = ImportFile::open(path, args.format)?;
        let imported = import(&session.store, &file, bad_rows).await?;
        show(&file.name(), &imported, output);
        files.push(json!({ "file": file.name(), "imported": imported }));
    }
    output.object(&json!({ "files": files }));
    Ok(Exit::Converged)
}

fn show(file: &str, imported: &Imported, output: &mut Output) {
    for row in &imported.bad {
        output.line(format_args!("{file}:{}: left out: {}", row.line, row.reason));
    }
    output.line(format_args!(
        "{file}: {} users, {} groups, {} memberships: {} new, {} changed, {} unchanged, {} left out",
        imported.users,
        imported.groups,
        imported.memberships,
        imported.inserted,
        imported.updated,
        imported.unchanged,
        imported.bad.len()
    ));
    if imported.passed_over > 0 {
        output.line(format_args!("{file}: {} entries are neither people nor groups", imported.passed_over));
    }
}
