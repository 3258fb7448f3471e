//! The schemas and resource types of a site: a folder of JSON files.

use std::path::{Path, PathBuf};

use entrain_scim::{Catalog, CatalogError, SiteDocument};

use crate::config::ScimConfig;

/// Why the schemas of a site cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemasError {
    /// The folder, or a file in it, cannot be read.
    #[error("{0} (scim.schemas) cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// There is none.
    #[error("{0} (scim.schemas) holds no file that ends with .json")]
    Empty(PathBuf),
    /// One of them is wrong.
    #[error("{0} (scim.schemas): {1}")]
    Wrong(PathBuf, CatalogError),
}

/// The standard schemas, and those of the folder that the configuration names.
pub(crate) fn catalog(config: &ScimConfig) -> Result<Catalog, SchemasError> {
    let folder = config.schemas.as_deref().unwrap_or(Path::new(""));
    let documents = if config.schemas.is_some() { documents(folder)? } else { Vec::new() };
    Catalog::load(&documents).map_err(|error| SchemasError::Wrong(folder.to_owned(), error))
}

fn documents(folder: &Path) -> Result<Vec<SiteDocument>, SchemasError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| SchemasError::Unreadable(path, error)
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(SchemasError::Empty(folder.to_owned()));
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(SiteDocument { name, text })
    };
    paths.into_iter().map(read).collect()
}
