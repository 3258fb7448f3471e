//! What is accepted of real clients beyond the RFC: each quirk has a name, and a profile is the set of those that a client has.

/// Which client is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// As the RFC says.
    #[default]
    Standard,
    /// Microsoft Entra's provisioning service.
    Entra,
    /// Okta.
    Okta,
}

impl Profile {
    /// The profile of a name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "standard" => Some(Profile::Standard),
            "entra" => Some(Profile::Entra),
            "okta" => Some(Profile::Okta),
            _ => None,
        }
    }

    /// `"True"` and `"False"` are booleans, numbers are texts where a text is asked for.
    pub fn reads_values_as_texts(self) -> bool {
        self != Profile::Standard
    }

    /// `"Add"`, `"Replace"`, `"Remove"`.
    pub fn reads_any_case_of_verbs(self) -> bool {
        self != Profile::Standard
    }

    /// A PATCH without a path may name paths as keys: `{"name.givenName": "Ada", "emails[type eq \"work\"].value": ".."}`.
    pub fn reads_paths_as_keys(self) -> bool {
        self == Profile::Entra
    }

    /// A complex attribute may be given as the text of its `value`: `"manager": "2819c223"`. An empty one removes it.
    pub fn reads_bare_values(self) -> bool {
        self != Profile::Standard
    }

    /// Replacing `addresses[type eq "work"].country` where there is no such address makes it.
    pub fn makes_missing_elements(self) -> bool {
        self != Profile::Standard
    }

    /// Attributes that cannot be written are ignored in a PATCH without a path, `id` among them.
    pub fn ignores_read_only(self) -> bool {
        self != Profile::Standard
    }

    /// `schemas` may be missing, or name extensions alone.
    pub fn guesses_schemas(self) -> bool {
        self != Profile::Standard
    }
}
