//! From a body to its verdict, in one round where all evidence is at hand. Where some is missing that can be had, the caller
//! waits for it, no longer than the configured time, and what is then there decides.

use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use actix_web::web;
use zeroize::Zeroizing;

use super::observe::Judged;
use super::problem::{Kind, Problem};
use super::state::State;
use super::verification::{Encoding, Verification};
use crate::fetch::{Fetcher, Pending};

/// Bodies of more bytes are judged away from the threads that serve: hashing them would keep other
/// callers waiting. Handing over smaller ones would cost more than it saves.
const IN_PLACE: usize = 256 * 1024;
/// A list may have to be unfolded, then to be fetched because it is stale, then to be unfolded again.
const MAX_ROUNDS: usize = 4;

/// What one judgement came to.
enum Round {
    Final(String, Judged),
    Lacking(Box<Verification>, Pending),
}

/// The verdict on a body as JSON, and what the log may know of it.
pub(super) async fn verdict(
    body: Zeroizing<Vec<u8>>,
    encoding: Encoding,
    state: web::Data<State>,
) -> Result<(String, Judged), Problem> {
    let large = body.len() > IN_PLACE;
    let deadline = Instant::now() + state.fetcher.as_ref().map_or(Duration::ZERO, Fetcher::wait);
    let own = web::Data::clone(&state);
    let mut round = place(large, move || {
        let verification = Verification::read(&body, encoding, &own.purposes)?;
        Ok(judge(Box::new(verification), &own, true))
    })
    .await?;
    let mut rounds = 1;
    loop {
        let (verification, pending) = match round {
            Round::Final(verdict, judged) => return Ok((verdict, judged)),
            Round::Lacking(verification, pending) => (verification, pending),
        };
        wait(pending, deadline, &state).await?;
        rounds += 1;
        let more = rounds < MAX_ROUNDS && Instant::now() < deadline;
        let own = web::Data::clone(&state);
        round = place(large, move || Ok(judge(verification, &own, more))).await?;
    }
}

/// Judges once. With `more`, evidence is asked for that is missing and can be had.
fn judge(verification: Box<Verification>, state: &State, more: bool) -> Round {
    // Read again for each round: a list that was made while this request waited is not one of the future.
    let world = state.world.load();
    let judgement = verification.judge(&world, (state.clock)());
    if let (true, Some(fetcher)) = (more && !judgement.wanted.is_empty(), &state.fetcher) {
        let pending = fetcher.request(&judgement.wanted, &world);
        if !pending.is_empty() {
            drop(judgement);
            return Round::Lacking(verification, pending);
        }
    }
    let mut verdict = judgement.verdict;
    state.seen.check(&mut verdict);
    let judged = Judged {
        purpose: verdict.purpose.to_owned(),
        decision: verdict.decision,
        reason: verdict.reason,
    };
    Round::Final(verdict.to_json().to_string(), judged)
}

/// Waits until what is pending is there or failed, or the time is over.
async fn wait(mut pending: Pending, deadline: Instant, state: &web::Data<State>) -> Result<(), Problem> {
    if pending.is_cold() {
        let own = web::Data::clone(state);
        let unfolded = web::block(move || {
            if let Some(fetcher) = &own.fetcher {
                fetcher.inflate(&pending);
            }
            pending
        });
        pending = unfolded.await.map_err(|_| not_done())?;
    }
    let left = deadline.saturating_duration_since(Instant::now());
    // Too late is no failure: the judgement goes by what is there.
    let _ = timeout(left, pending.settled()).await;
    Ok(())
}

/// Runs the work where it keeps nobody waiting.
async fn place(
    large: bool,
    work: impl FnOnce() -> Result<Round, Problem> + Send + 'static,
) -> Result<Round, Problem> {
    if large {
        web::block(work).await.map_err(|_| not_done())?
    } else {
        work()
    }
}

fn not_done() -> Problem {
    Problem::new(Kind::Internal, "the work was not done")
}
