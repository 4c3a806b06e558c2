//! The NDEF application: a capability container and one file, which a phone that negotiates lets the reader write.

use super::messages;
use super::{Command, DONE, Exchanged, NOT_ALLOWED, NOT_FOUND, Reply, Terms, UNKNOWN, WRONG_LENGTH};
use crate::nfc_fault::NfcFault;

const CAPABILITY: [u8; 2] = [0xe1, 0x03];
const NDEF: [u8; 2] = [0xe1, 0x04];
/// The size of the file.
const SIZE: u16 = 0x7fff;
/// N_WAIT.
const RETRIES: u8 = 15;

#[derive(Debug)]
pub(super) struct Tag {
    engagement: Vec<u8>,
    terms: Terms,
    selected: [u8; 2],
    /// The file: a length and a message.
    file: Vec<u8>,
    /// How often the length is still given as nought.
    empty: u8,
    stage: Stage,
    exchanged: Option<Exchanged>,
    is_read: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// The reader is to select the service.
    Service,
    /// The reader is to write its request.
    Request,
    /// There is nothing to write.
    Fixed,
}

impl Tag {
    pub(super) fn new(engagement: Vec<u8>, terms: Terms) -> Self {
        let mut tag = Self {
            engagement,
            terms,
            selected: [0; 2],
            file: Vec::new(),
            empty: 0,
            stage: Stage::Fixed,
            exchanged: None,
            is_read: false,
        };
        tag.begin();
        tag
    }

    /// The application was selected: everything from the beginning.
    pub(super) fn begin(&mut self) {
        (self.selected, self.is_read, self.exchanged) = ([0; 2], false, None);
        if self.terms.negotiates {
            self.stage = Stage::Service;
            self.show(&messages::service_parameter(self.terms.waiting_time, RETRIES));
        } else {
            self.stage = Stage::Fixed;
            let (ble, nfc, selected) = messages::all(&self.terms);
            let unknown = self.terms.fault == Some(NfcFault::UnknownCarriers);
            let select = messages::select(&self.engagement, ble, nfc, unknown);
            self.show(&select);
            self.exchanged = Some(Exchanged {
                select,
                request: None,
                selected,
            });
        }
    }

    pub(super) fn exchanged(&self) -> Option<&Exchanged> {
        self.exchanged.as_ref().filter(|_| self.is_read)
    }

    pub(super) fn handle(&mut self, command: &Command<'_>) -> Reply {
        let [class, instruction, high, low] = command.header;
        let offset = usize::from(u16::from_be_bytes([high, low]));
        let answer = match (class, instruction) {
            (0, 0xa4) => self.select(command.data).to_vec(),
            (0, 0xb0) if self.is_taken_away(offset) => return Reply::Gone,
            (0, 0xb0) => self.read(offset, command.expected),
            (0, 0xd6) => self.write(offset, command.data).to_vec(),
            _ => UNKNOWN.to_vec(),
        };
        Reply::Answer(answer)
    }

    fn is_taken_away(&self, offset: usize) -> bool {
        self.terms.fault == Some(NfcFault::RemovedInHandover) && self.selected == NDEF && offset > 0
    }

    fn select(&mut self, id: &[u8]) -> [u8; 2] {
        match <[u8; 2]>::try_from(id) {
            Ok(id) if id == CAPABILITY || id == NDEF => {
                self.selected = id;
                DONE
            }
            _ => NOT_FOUND,
        }
    }

    fn read(&mut self, offset: usize, expected: Option<usize>) -> Vec<u8> {
        let most = expected.unwrap_or_default().min(self.terms.read_at_once.into());
        let is_ndef = self.selected == NDEF;
        let content = match self.selected {
            NDEF => self.file.clone(),
            CAPABILITY => self.capability(),
            _ => return NOT_ALLOWED.to_vec(),
        };
        if is_ndef && offset == 0 && self.is_empty() {
            return [&[0, 0][..], &DONE].concat();
        }
        let Some(rest) = content.get(offset..) else {
            return WRONG_LENGTH.to_vec();
        };
        let given = &rest[..most.min(rest.len())];
        self.is_read |= is_ndef && self.exchanged.is_some() && given.len() == rest.len();
        [given, &DONE].concat()
    }

    /// Whether the tag is still to be taken for an empty one.
    fn is_empty(&mut self) -> bool {
        let is_empty = self.empty > 0 || self.terms.fault == Some(NfcFault::NeverReady);
        self.empty = self.empty.saturating_sub(1);
        is_empty
    }

    fn write(&mut self, offset: usize, data: &[u8]) -> [u8; 2] {
        let end = offset + data.len();
        if self.stage == Stage::Fixed || self.selected != NDEF || end > usize::from(SIZE) {
            return NOT_ALLOWED;
        }
        if data.len() > usize::from(self.terms.write_at_once) {
            return WRONG_LENGTH;
        }
        self.file.resize(self.file.len().max(end), 0);
        self.file[offset..end].copy_from_slice(data);
        let length = usize::from(u16::from_be_bytes([self.file[0], self.file[1]]));
        if offset > 0 || length == 0 {
            return DONE;
        }
        match self.file.get(2..2 + length).map(<[u8]>::to_vec) {
            Some(message) => self.written(&message),
            None => NOT_ALLOWED,
        }
    }

    /// The reader has written a whole message.
    fn written(&mut self, message: &[u8]) -> [u8; 2] {
        match self.stage {
            Stage::Service if messages::is_service_select(message) => {
                let refuses = self.terms.fault == Some(NfcFault::RefusesService);
                self.stage = Stage::Request;
                self.show(&messages::service_status(u8::from(refuses)));
                DONE
            }
            Stage::Request => {
                let Some((reader, has_nfc)) = messages::offered(message) else {
                    return NOT_ALLOWED;
                };
                let (ble, nfc, selected) = messages::choose(&self.terms, reader, has_nfc);
                let unknown = self.terms.fault == Some(NfcFault::UnknownCarriers);
                let select = messages::select(&self.engagement, ble, nfc, unknown);
                self.stage = Stage::Fixed;
                self.show(&select);
                self.exchanged = Some(Exchanged {
                    select,
                    request: Some(message.to_vec()),
                    selected,
                });
                DONE
            }
            _ => NOT_ALLOWED,
        }
    }

    fn show(&mut self, message: &[u8]) {
        let mut message = match self.terms.fault {
            Some(NfcFault::WebLink) => messages::web_link(),
            _ => message.to_vec(),
        };
        if self.terms.fault == Some(NfcFault::Chunked) {
            message[0] |= 0x20;
        }
        let length = u16::try_from(message.len()).unwrap_or_default();
        self.file = [&length.to_be_bytes()[..], &message].concat();
        self.empty = self.terms.empty_readings;
    }

    fn capability(&self) -> Vec<u8> {
        let mut capability = vec![0, 15, 0x20];
        capability.extend(self.terms.read_at_once.to_be_bytes());
        capability.extend(self.terms.write_at_once.to_be_bytes());
        let control = if self.terms.fault == Some(NfcFault::BadCapability) {
            9
        } else {
            4
        };
        let write_access = if self.terms.negotiates { 0 } else { 0xff };
        capability.extend([control, 6, NDEF[0], NDEF[1]]);
        capability.extend(SIZE.to_be_bytes());
        capability.extend([0, write_access]);
        capability
    }
}
