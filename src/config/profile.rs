//! Which checks run, apart from those that the file switches on and off one by one.

use serde::{Deserialize, Serialize};

/// What a check is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// How a cluster is protected.
    #[default]
    Security,
    /// How a cluster runs: never part of a security result.
    Operations,
}

impl Profile {
    /// Every profile, the default first.
    pub const ALL: [Profile; 2] = [Profile::Security, Profile::Operations];

    /// Name in check files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Security => "security",
            Profile::Operations => "operations",
        }
    }
}

/// The profiles of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Checks about security.
    #[default]
    Security,
    /// Checks about operations, which count then.
    Operations,
    /// Both; checks of operations are reported but not counted.
    All,
}

impl Selection {
    /// Every selection, the default first.
    pub const ALL: [Selection; 3] = [Selection::Security, Selection::Operations, Selection::All];

    /// Name on the command line and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Selection::Security => "security",
            Selection::Operations => "operations",
            Selection::All => "all",
        }
    }

    /// Whether it selects the checks of a profile; the configuration can also enable a check by its id.
    pub fn includes(self, profile: Profile) -> bool {
        match self {
            Selection::Security => profile == Profile::Security,
            Selection::Operations => profile == Profile::Operations,
            Selection::All => true,
        }
    }
}

/// A permission that decides what the API shows to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum CallerPermission {
    /// Shows client certificates.
    #[serde(rename = "container.clusters.getCredentials")]
    GetCredentials,
}

impl CallerPermission {
    /// Every permission.
    pub const ALL: [CallerPermission; 1] = [CallerPermission::GetCredentials];

    /// Name in IAM.
    pub fn name(self) -> &'static str {
        match self {
            CallerPermission::GetCredentials => "container.clusters.getCredentials",
        }
    }
}
