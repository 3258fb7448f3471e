//! Products that the tenant has subscribed to, and who holds a licence of which.

use super::object::Row;
use super::value::Value;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A part of a product.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ServicePlan {
    /// Its id.
    #[serde(deserialize_with = "id")]
    pub(crate) service_plan_id: Uuid,
    /// Its name.
    pub(crate) service_plan_name: String,
}

/// A product.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Product {
    /// Its id.
    #[serde(deserialize_with = "id")]
    pub(crate) sku_id: Uuid,
    /// Its name.
    pub(crate) sku_part_number: String,
    /// How many licences were bought.
    pub(crate) enabled: usize,
    /// `Enabled`, or why not.
    #[serde(default = "enabled")]
    pub(crate) capability_status: String,
    /// `User` or `Company`.
    #[serde(default = "for_users")]
    pub(crate) applies_to: String,
    /// Its parts.
    #[serde(default)]
    pub(crate) service_plans: Vec<ServicePlan>,
}

fn id<'de, D: Deserializer<'de>>(text: D) -> Result<Uuid, D::Error> {
    String::deserialize(text)?.parse().map_err(serde::de::Error::custom)
}

fn enabled() -> String {
    "Enabled".to_owned()
}

fn for_users() -> String {
    "User".to_owned()
}

/// All products and the holders of their licences.
#[derive(Debug, Default)]
pub(crate) struct Licences {
    products: Vec<Product>,
    holders: BTreeMap<Uuid, BTreeSet<Row>>,
}

impl Licences {
    /// The products.
    pub(crate) fn products(&self) -> &[Product] {
        &self.products
    }

    /// The product of an id.
    pub(crate) fn product(&self, id: Uuid) -> Option<&Product> {
        self.products.iter().find(|product| product.sku_id == id)
    }

    /// Adds a product, in place of one of the same id.
    pub(crate) fn subscribe(&mut self, product: Product) {
        self.products.retain(|known| known.sku_id != product.sku_id);
        self.products.push(product);
    }

    /// The objects with a licence of a product, those in the recycle bin too.
    pub(crate) fn holders(&self, product: Uuid) -> impl Iterator<Item = Row> {
        self.holders.get(&product).into_iter().flatten().copied()
    }

    /// Notes which licences an object has now.
    pub(super) fn note(&mut self, row: Row, value: Option<&Value>) {
        for holders in self.holders.values_mut() {
            holders.remove(&row);
        }
        for id in assigned(value) {
            self.holders.entry(id).or_default().insert(row);
        }
    }
}

/// The products of a value of `assignedLicenses`.
pub(crate) fn assigned(value: Option<&Value>) -> Vec<Uuid> {
    let Some(Value::Json(json)) = value else { return Vec::new() };
    let items = json.as_array().into_iter().flatten();
    items.filter_map(|item| item.get("skuId").and_then(Json::as_str)?.parse().ok()).collect()
}
