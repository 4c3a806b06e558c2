//! What cameras send, and what is made of it.

mod conditions;
mod drawing;
mod frames;
mod recordings;

/// The text of a code as a phone shows it: as long as one with Bluetooth in both modes.
fn code(last: char) -> String {
    let mut text =
        "mdoc:owBjMS4wAYIB2BhYS6QBAiABIVggWojRgrzp9C70bvMxviodqYmGM4yj7OjFoEkwtFhIlnIiWCC".to_owned();
    text.push_str("-Ptp7YzOL8VYDDfsNhvSIPXbMuE1CEjGgiXvXXt7CggKBgwIBowD1AfUKUFwOz1xzQkKqkxqhw1JxIM");
    text.push(last);
    text
}
