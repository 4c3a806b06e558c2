//! Every rule with a certificate that breaks it beside one that keeps it, paths, anchors, and
//! certificates that others made.

mod anchors;
mod cache;
mod deviations;
mod factory;
mod intermediates;
mod parsing;
mod path;
mod rules;
mod selection;
mod vectors;
mod vical;
mod vical_entries;
mod vical_factory;
mod vical_vectors;
