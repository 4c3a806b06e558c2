//! Server-sent events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use actix_web::{Error, HttpRequest, HttpResponse, rt, web};
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc::{self, Receiver, error::TrySendError};

use super::State;
use super::refusal::Refusal;
use crate::till::hub::{Begin, Hub, Kind, Place, QUEUE, Refused, Told, Unheard};

/// The header by which a browser says what it heard last.
const LAST_EVENT_ID: &str = "last-event-id";

/// `GET /v1/events`: every event from now on, or behind the one that was heard last.
pub(super) async fn events(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Refusal> {
    let query = query(request.query_string())?;
    match query.get("ticket") {
        Some(ticket) => state.tickets.redeem(ticket, Instant::now())?,
        None => state.keys.admit(request.headers())?,
    }
    let header = request.headers().get(LAST_EVENT_ID);
    let heard = header
        .and_then(|value| value.to_str().ok())
        .or_else(|| query.get("last_event_id").map(String::as_str));
    let (sender, receiver) = mpsc::channel::<Arc<Told>>(QUEUE);
    let sink = Box::new(move |told: &Arc<Told>| {
        sender.try_send(Arc::clone(told)).map_err(|error| match error {
            TrySendError::Full(_) => Unheard::Slow,
            TrySendError::Closed(_) => Unheard::Gone,
        })
    });
    let from = heard.map_or(Begin::Now, |heard| from(heard, &state.run));
    let place = state
        .hub
        .listen(Kind::Http, from, sink)
        .map_err(|refused| match refused {
            Refused::Full => Refusal::Full,
            Refused::Over => Refusal::Over,
        })?;
    let stream = Events {
        receiver,
        run: state.run.clone(),
        heartbeat: state.heartbeat,
        _seat: Seat {
            hub: Arc::clone(&state.hub),
            place,
        },
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .streaming(stream.start()))
}

/// The members of a query, each once and each known.
fn query(text: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(text).map_err(|_| Refusal::Query)?;
    let mut members = BTreeMap::new();
    for (name, value) in pairs.into_inner() {
        if !["ticket", "last_event_id"].contains(&name.as_str()) || members.insert(name, value).is_some() {
            return Err(Refusal::Query);
        }
    }
    Ok(members)
}

/// Where to begin for a till that heard this last: `RUN-NUMBER`. One of another run has missed all that is kept.
fn from(heard: &str, run: &str) -> Begin {
    let number = heard
        .split_once('-')
        .filter(|(heard, _)| *heard == run)
        .and_then(|(_, number)| number.parse().ok());
    Begin::Behind(number.unwrap_or(0))
}

/// A place at the hub; left when dropped.
struct Seat {
    hub: Arc<Hub>,
    place: Place,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.leave(self.place);
    }
}

struct Events {
    receiver: Receiver<Arc<Told>>,
    run: String,
    heartbeat: Duration,
    _seat: Seat,
}

impl Events {
    /// Begins with a comment, so that the head leaves at once; a comment also shows a till that the counter is there.
    fn start(self) -> impl Stream<Item = Result<Bytes, Error>> {
        stream::unfold((self, true), |(mut events, is_first)| async move {
            let text = if is_first {
                ": the counter is there\n\n".to_owned()
            } else {
                match rt::time::timeout(events.heartbeat, events.receiver.recv()).await {
                    Ok(told) => {
                        let told = told?;
                        let (run, name) = (&events.run, told.event.name());
                        format!(
                            "id: {run}-{}\nevent: {name}\ndata: {}\n\n",
                            told.number, told.line
                        )
                    }
                    Err(_) => ": still there\n\n".to_owned(),
                }
            };
            Some((Ok(Bytes::from(text)), (events, false)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_till_goes_on_where_it_was() {
        assert_eq!(from("0a0b-7", "0a0b"), Begin::Behind(7));
        for other in [
            "ffff-7",
            "7",
            "",
            "-",
            "0a0b-",
            "0a0b--1",
            "0a0b-99999999999999999999999",
            "0a0b-x",
        ] {
            assert_eq!(from(other, "0a0b"), Begin::Behind(0), "{other}");
        }
    }

    #[test]
    fn a_query_has_known_members_each_once() {
        assert_eq!(query("").unwrap().len(), 0);
        let members = query("ticket=a%20b&last_event_id=c").unwrap();
        assert_eq!(
            (members["ticket"].as_str(), members["last_event_id"].as_str()),
            ("a b", "c")
        );
        for wrong in [
            "ticket=a&ticket=a",
            "key=a",
            "Ticket=a",
            "ticket=a&last_event_id=b&last_event_id=c",
        ] {
            assert_eq!(query(wrong), Err(Refusal::Query), "{wrong}");
        }
    }
}
