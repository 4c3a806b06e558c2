//! Changing whom the service trusts: `verifier-api trust`, and the same for `POST /v1/trust/…`.
//!
//! Read on in `desk` (what each command does), `review` (what would change, and what keeps it from
//! changing), `report` (how it is told), `command` and `arguments` (the command line).

mod arguments;
mod command;
mod desk;
mod report;
mod review;

pub(crate) use arguments::Trust;
pub(crate) use command::run;
pub(crate) use desk::{Desk, InForce, Order, Refusal};
pub(crate) use report::{done_json, review_json};
