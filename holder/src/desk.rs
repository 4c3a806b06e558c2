//! Where a phone answers one reader, whatever carries the messages.

use std::io;
use std::time::Duration;

use holder::fault::Fault;
use holder::phone::{self, Engaged, Message, PhoneError, Session};
use holder::reader_auth::{self, Reader};
use holder::wallet::requested_documents;

use crate::present::Phone;
use crate::say;

/// What moves whole messages between this phone and a reader.
pub(crate) trait Carrier {
    /// Sends a message.
    fn send(&mut self, message: &[u8]) -> io::Result<()>;

    /// Sends the message with a response; a link fault spoils how.
    fn send_response(&mut self, message: &[u8]) -> io::Result<()> {
        self.send(message)
    }

    /// The next message; none at the end of the connection.
    fn receive(&mut self) -> io::Result<Option<Vec<u8>>>;
}

/// Where a phone answers one reader.
pub(crate) struct Desk<'p> {
    pub(crate) phone: &'p Phone,
    pub(crate) authority: Option<&'p [u8]>,
    pub(crate) require_reader_auth: bool,
    /// How long the holder thinks.
    pub(crate) consent_after: Duration,
}

impl Desk<'_> {
    /// The reader's first message establishes the session; then messages in turn.
    pub(crate) fn answer(&self, carrier: &mut dyn Carrier, engaged: &Engaged) -> io::Result<()> {
        let Some(establishment) = carrier.receive()? else {
            return Ok(());
        };
        let (mut session, mut request) = match engaged.establish(&establishment) {
            Ok(established) => established,
            Err(error) => return refuse(carrier, error),
        };
        loop {
            let Some(asked) = requested_documents(&request) else {
                return refuse(carrier, PhoneError::Decoding);
            };
            for document in &asked {
                say(&format!("asked for {}", document.doc_type));
            }
            let reader = reader_auth::judge(&request, &session.session_transcript, self.authority);
            say(&match &reader {
                Reader::Anonymous => "the reader does not say whose it is".to_owned(),
                Reader::Known(name) => format!("the reader is {name}"),
                Reader::Unknown(name) => {
                    format!("the reader says that it is {name}; nobody trusted vouches for it")
                }
                Reader::Bad(fault) => format!("the reader's authentication is bad: {fault}"),
            });
            if self.require_reader_auth && !matches!(reader, Reader::Known(_)) {
                return carrier.send(&phone::status(20));
            }
            std::thread::sleep(self.consent_after);
            let response = self.phone.respond(asked, &session);
            let Some(message) = misbehave(self.phone, &mut session, &response, carrier)? else {
                return Ok(());
            };
            carrier.send_response(&message)?;
            let Some(next) = carrier.receive()? else {
                return Ok(());
            };
            match session.receive(&next) {
                Ok(Message::Request(again)) => request = again,
                Ok(Message::Status(_)) => return Ok(()),
                Err(error) => return refuse(carrier, error),
            }
        }
    }
}

fn refuse(carrier: &mut dyn Carrier, error: PhoneError) -> io::Result<()> {
    say(&error.to_string());
    carrier.send(&phone::status(match error {
        PhoneError::Decryption => 10,
        PhoneError::Decoding => 11,
    }))
}

/// The message with the response, or what a phone with this fault sends; none where it sends nothing.
fn misbehave(
    phone: &Phone,
    session: &mut Session,
    response: &[u8],
    carrier: &mut dyn Carrier,
) -> io::Result<Option<Vec<u8>>> {
    Ok(match phone.fault {
        Some(Fault::BadTag) => {
            let mut data = session.encrypt(response);
            if let Some(last) = data.last_mut() {
                *last ^= 1;
            }
            Some(phone::session_data(data))
        }
        Some(Fault::WrongCounter) => {
            session.encrypt(response);
            Some(session.seal(response))
        }
        Some(Fault::Reflected) => Some(phone::session_data(session.first_data.clone())),
        Some(Fault::Plaintext) => Some(phone::session_data(response.to_vec())),
        Some(Fault::Status10) => Some(phone::status(10)),
        Some(Fault::Status11) => Some(phone::status(11)),
        Some(Fault::Garbage) => Some(b"this is no session message".to_vec()),
        Some(Fault::EarlyClose) => None,
        Some(Fault::Silent) => {
            // Until the reader has had enough.
            while carrier.receive()?.is_some() {}
            None
        }
        _ if phone.ends_by_status => Some(phone::last_session_data(session.encrypt(response))),
        _ => Some(session.seal(response)),
    })
}
