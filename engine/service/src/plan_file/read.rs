//! Reading a plan file, line by line of the plan and never as a whole.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, bail};
use entrain_model::ObjectRef;
use entrain_plan::{PlanDigest, digest_of};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::FORMAT;

/// What a file says about its plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// The target that it was made for.
    pub target: String,
    /// The run that it takes back, if it is for that.
    pub undo: Option<String>,
    /// The digest over all its lines.
    pub digest: String,
    /// How many changes it has.
    pub changes: u64,
}

/// A page of changes: whose, and the digest of each.
pub(crate) type Page = Vec<(ObjectRef, String)>;

const PAGE: usize = 500;

/// Reads a file. Each page of changes goes to `sink`, which ends the reading by an error. The digest that the file states
/// must be that of its lines: a file that was cut off or edited is refused.
pub(crate) fn read(path: &Path, sink: &mut dyn FnMut(Page) -> anyhow::Result<()>) -> anyhow::Result<Header> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut reading =
        Reading { header: Header::default(), format: String::new(), digest: PlanDigest::default(), page: Vec::new(), sink };
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(file));
    let plan = Plan(&mut reading);
    plan.deserialize(&mut json)
        .and_then(|()| json.end())
        .with_context(|| format!("{} is no whole plan; `entrain plan --out` writes one", path.display()))?;
    let Reading { header, format, digest, page, sink } = reading;
    if format != FORMAT {
        bail!("{} is no plan of the form {FORMAT}", path.display());
    }
    if digest.finish() != header.digest {
        bail!("{} was changed after it was made: its lines do not have the digest that it states", path.display());
    }
    sink(page)?;
    Ok(header)
}

struct Reading<'a> {
    header: Header,
    format: String,
    digest: PlanDigest,
    page: Page,
    sink: &'a mut dyn FnMut(Page) -> anyhow::Result<()>,
}

impl Reading<'_> {
    fn line(&mut self, line: &Json) -> anyhow::Result<()> {
        let decision = &line["decision"];
        self.digest.add_json(decision);
        if decision.get("action").is_none() {
            return Ok(());
        }
        let object: ObjectRef = serde_json::from_value(decision["object"].clone()).context("a line names no object")?;
        self.header.changes += 1;
        self.page.push((object, digest_of(decision)));
        if self.page.len() == PAGE {
            (self.sink)(std::mem::take(&mut self.page))?;
        }
        Ok(())
    }
}

struct Plan<'r, 'a>(&'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for Plan<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Plan<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plan")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "format" => self.0.format = map.next_value()?,
                "target" => self.0.header.target = map.next_value()?,
                "undo" => self.0.header.undo = map.next_value()?,
                "digest" => self.0.header.digest = map.next_value()?,
                "lines" => map.next_value_seed(Lines(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Lines<'r, 'a>(&'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for Lines<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Lines<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lines of a plan")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut lines: A) -> Result<(), A::Error> {
        while let Some(line) = lines.next_element::<Json>()? {
            self.0.line(&line).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
