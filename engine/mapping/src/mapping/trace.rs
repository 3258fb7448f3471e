//! Which script and line says what of a record.

use std::collections::BTreeMap;

use entrain_model::{DesiredRecord, Setting, SourceRecord};

use super::{Mapping, Outcome, settings, unmapped};
use crate::{Context, Mapped, MappingError, explain, output, places};

/// A mapping result, and where each of its settings comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    /// The result.
    pub mapped: Mapped,
    /// By attribute, the scripts that set it, the one that wins last. Empty if a script skips the record.
    pub origins: BTreeMap<String, Vec<Origin>>,
}

/// What one script says of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The script.
    pub script: String,
    /// The lines on which it names the attribute: one, unless it decides between several. None if the name is computed.
    pub lines: Vec<usize>,
    /// What it says.
    pub setting: Setting,
}

impl Mapping {
    /// Maps one record and says where each value comes from. The result is that of [`Mapping::evaluate`].
    ///
    /// # Errors
    /// As in [`Mapping::evaluate`].
    pub fn trace(&self, record: &SourceRecord, context: &Context<'_>) -> Result<Traced, MappingError> {
        let (mut desired, mut any) = (DesiredRecord::default(), false);
        let mut origins = BTreeMap::<String, Vec<Origin>>::new();
        for script in self.scripts.iter().filter(|script| script.kind == record.object.kind) {
            any = true;
            let value = match self.run(script, record, context)? {
                Outcome::Skip(reason) => return Ok(Traced { mapped: Mapped::Skip(reason), origins: BTreeMap::new() }),
                Outcome::Value(value) => value,
            };
            let settings =
                settings(&value).map_err(|error| script.failed(explain::error(&error, &script.text, &self.limits), record))?;
            let mut places = places::places(&script.text);
            for (name, setting) in &settings {
                let lines = places.remove(name).unwrap_or_default();
                let origin = Origin { script: script.name.clone(), lines, setting: setting.clone() };
                origins.entry(name.clone()).or_default().push(origin);
            }
            output::merge(&mut desired, settings);
        }
        if any { Ok(Traced { mapped: Mapped::Record(desired), origins }) } else { Err(unmapped(record)) }
    }
}
