//! The configuration of targets: what the database keeps of it, where a file says something else, and what changes it.

mod change;
mod places;

use std::collections::BTreeSet;
use std::path::Path;

use entrain_model::TargetName;
use entrain_store::{Expected, Settings, SettingsChange, SettingsRow, UnderWay};

use crate::config::{Block, Difference, TargetConfig};

pub(crate) use change::{Desk, SettingsError};

/// What the database keeps, as it can be used on this machine.
pub(crate) struct Stored {
    pub(crate) targets: Vec<TargetConfig>,
    /// Targets that cannot be used here, and why.
    pub(crate) unusable: Vec<(TargetName, String)>,
}

impl Stored {
    /// Paths are relative to `folder`.
    pub(crate) fn of(settings: &Settings, folder: &Path) -> Self {
        let (mut targets, mut unusable) = (Vec::new(), Vec::new());
        for row in &settings.targets {
            match block(row).check(folder) {
                Ok(target) => targets.push(TargetConfig { revision: Some(row.revision), ..target }),
                Err(problems) => {
                    let shown: Vec<_> = problems.iter().map(|problem| problem.said()).collect();
                    unusable
                        .push((row.name.clone(), format!("the configuration of target `{}`: {}", row.name, shown.join("; "))));
                }
            }
        }
        Self { targets, unusable }
    }
}

/// The block that the database keeps.
pub(crate) fn block(row: &SettingsRow) -> Block {
    Block { name: row.name.clone(), body: row.body.clone() }
}

/// The names of the sealed secrets that it names.
pub(crate) fn sealed(row: &SettingsRow) -> BTreeSet<String> {
    places::sealed(&row.body)
}

/// What is to be done about one target, so that the database says what a file does.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// The file alone has it.
    Add(Block),
    /// Both have it, and not the same.
    Change(Block, i64, Vec<Difference>),
    /// Both have the same.
    Same(TargetName),
    /// The database alone has it, in this revision.
    Extra(TargetName, i64),
}

impl Step {
    pub(crate) fn name(&self) -> &TargetName {
        match self {
            Step::Add(block) | Step::Change(block, ..) => &block.name,
            Step::Same(name) | Step::Extra(name, _) => name,
        }
    }

    /// The change that it is; a target that the file has not goes only if that is wanted.
    pub(crate) fn change(&self, extra: Extra) -> Option<SettingsChange> {
        let (body, expected, under_way) = match (self, extra) {
            (Step::Add(block), _) => (Some(block.body.clone()), Expected::Absent, UnderWay::Drops),
            (Step::Change(block, revision, differences), _) => {
                (Some(block.body.clone()), Expected::Revision(*revision), under_way(differences))
            }
            (Step::Extra(_, revision), Extra::Remove) => (None, Expected::Revision(*revision), UnderWay::Drops),
            (Step::Extra(..), Extra::Leave) | (Step::Same(_), _) => return None,
        };
        Some(SettingsChange { name: self.name().clone(), body, expected, under_way })
    }
}

/// What becomes of targets that a file has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    /// They stay.
    Leave,
    /// They are removed.
    Remove,
}

/// What makes the database say what the blocks do, target by target.
pub(crate) fn steps(settings: &Settings, blocks: &[Block]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for wanted in blocks {
        let row = settings.targets.iter().find(|row| row.name == wanted.name);
        steps.push(match row.map(|row| (row, block(row).differences(wanted))) {
            None => Step::Add(wanted.clone()),
            Some((row, differences)) if differences.is_empty() => Step::Same(row.name.clone()),
            Some((row, differences)) => Step::Change(wanted.clone(), row.revision, differences),
        });
    }
    let extra = settings.targets.iter().filter(|row| blocks.iter().all(|block| block.name != row.name));
    steps.extend(extra.map(|row| Step::Extra(row.name.clone(), row.revision)));
    steps
}

/// The targets of which a file says something else. One without targets says nothing about them, and neither does one as long as
/// the database has no configuration.
pub(crate) fn differing(settings: &Settings, blocks: &[Block]) -> Vec<TargetName> {
    if settings.revision == 0 || blocks.is_empty() {
        return Vec::new();
    }
    let differing = steps(settings, blocks).into_iter().filter(|step| !matches!(step, Step::Same(_)));
    differing.map(|step| step.name().clone()).collect()
}

/// What is said of a file that differs.
pub(crate) fn remedy(file: Option<&Path>) -> String {
    let file = file.map_or_else(|| "the configuration file".to_owned(), |file| file.display().to_string());
    format!(
        "{file} says something else of these targets than the database, and the database counts: nothing of the difference is in \
         force. `entrain config apply --check` shows it, `entrain config apply` takes the file, `entrain config export` writes what counts"
    )
}

/// A run that is under way goes on if nothing that it does depends on the change.
fn under_way(differences: &[Difference]) -> UnderWay {
    let beside = |difference: &Difference| {
        let top = difference.key.split('.').next().unwrap_or_default();
        top == "schedule" || top == "graph"
    };
    if differences.iter().all(beside) { UnderWay::GoesOn } else { UnderWay::Drops }
}
