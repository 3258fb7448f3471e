//! The source as a whole: values that occur twice, references to nobody, circles.

use entrain_model::ObjectRef;
use entrain_store::{Dangling, Scratch, Store, Web};

use super::finding::{Check, EXAMPLES, Findings};
use super::values;
use crate::SyncError;
use crate::engine::PAGE;

/// Checks what no record shows by itself.
pub(super) async fn check(scratch: &mut Scratch, store: &Store, findings: &mut Findings) -> Result<(), SyncError> {
    let mut after = None;
    loop {
        let page = scratch.shared(after.as_ref(), PAGE).await?;
        page.iter().for_each(|shared| values::shared(shared, findings));
        match page.last() {
            Some(last) => after = Some(last.clone()),
            None => break,
        }
    }
    for (what, check) in [
        (Dangling::Managers, Check::ManagerMissing),
        (Dangling::Members, Check::MemberMissing),
        (Dangling::Groups, Check::GroupMissing),
    ] {
        let (count, first) = store.dangling(what, EXAMPLES).await?;
        findings.add_all(check, count, first.iter().map(|(from, to)| format!("{from} names {to}")).collect());
    }
    for (web, check) in [(Web::Managers, Check::ManagerCycle), (Web::Groups, Check::GroupCycle)] {
        let (count, first) = scratch.circles(web, EXAMPLES).await?;
        findings.add_all(check, count, first.iter().map(|circle| round(circle)).collect());
    }
    Ok(())
}

/// A circle from one of its objects to the same; a long one by its beginning.
fn round(circle: &[ObjectRef]) -> String {
    let mut ids: Vec<String> = circle.iter().take(EXAMPLES).map(ToString::to_string).collect();
    if circle.len() > EXAMPLES {
        ids.push(format!(".. ({} in all)", circle.len()));
    }
    ids.extend(circle.first().map(ToString::to_string));
    ids.join(" -> ")
}
