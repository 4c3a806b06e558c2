//! Purposes that come with the product.

use super::Purpose;

/// The ready-made purposes: identifier and TOML text.
pub const READY_MADE: &[(&str, &str)] = &[
    ("age-20", include_str!("../../purposes/age-20.toml")),
    (
        "age-20-unattended",
        include_str!("../../purposes/age-20-unattended.toml"),
    ),
    ("age-18", include_str!("../../purposes/age-18.toml")),
    (
        "identity-basic",
        include_str!("../../purposes/identity-basic.toml"),
    ),
    ("age-20-any", include_str!("../../purposes/age-20-any.toml")),
    (
        "mdl-driving-privileges",
        include_str!("../../purposes/mdl-driving-privileges.toml"),
    ),
    ("pid-age-18", include_str!("../../purposes/pid-age-18.toml")),
];

/// The ready-made purpose with this identifier.
pub fn ready_made(id: &str) -> Option<Purpose> {
    let (_, text) = READY_MADE.iter().find(|(known, _)| *known == id)?;
    Purpose::from_toml(text).ok()
}
