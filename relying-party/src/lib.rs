//! relying-party.
