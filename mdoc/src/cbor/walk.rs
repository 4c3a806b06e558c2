//! The strict walk over an item, and the plain walk over one that has passed it.

use super::head::{FALSE, Head, HeadError, Major, UNDEFINED};
use super::keys::Keys;
use super::{Error, ErrorKind, Rules};

/// Where the one item at the front of `bytes` ends, after every rule has been checked.
pub(super) fn item_end(bytes: &[u8], rules: &Rules) -> Result<usize, Error> {
    let mut walk = Walk { bytes, rules, at: 0 };
    walk.item(1)?;
    Ok(walk.at)
}

/// Where the item at the front of bytes ends that lie inside a checked item.
pub(super) fn checked_item_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    skip(bytes, &mut at)?;
    Some(at)
}

struct Walk<'a> {
    bytes: &'a [u8],
    rules: &'a Rules,
    at: usize,
}

impl<'a> Walk<'a> {
    fn fault<T>(&self, kind: ErrorKind) -> Result<T, Error> {
        Err(Error {
            kind,
            offset: self.at,
        })
    }

    fn head(&self) -> Result<Head, Error> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        Head::parse(rest).or_else(|error| match error {
            HeadError::Truncated => self.fault(ErrorKind::Truncated),
            HeadError::Reserved => self.fault(ErrorKind::Reserved),
        })
    }

    fn item(&mut self, depth: usize) -> Result<(), Error> {
        let head = self.head()?;
        match head.major {
            Major::Unsigned | Major::Negative | Major::Float => self.at += head.len,
            Major::Bytes => self.string(head).map(drop)?,
            Major::Text => self.text(head)?,
            Major::Array | Major::Map | Major::Tag if depth > self.rules.max_depth => {
                return self.fault(ErrorKind::Depth);
            }
            Major::Array => self.array(head, depth)?,
            Major::Map => self.map(head, depth)?,
            Major::Tag => {
                self.at += head.len;
                self.item(depth + 1)?;
            }
            Major::Simple => match head.argument {
                Some(FALSE..=UNDEFINED) if head.len == 1 => self.at += 1,
                _ => return self.fault(ErrorKind::Simple),
            },
            Major::Break => return self.fault(ErrorKind::Reserved),
        }
        Ok(())
    }

    /// Steps over a string; its content.
    fn string(&mut self, head: Head) -> Result<&'a [u8], Error> {
        let Some(len) = head.argument else {
            return self.fault(ErrorKind::Indefinite);
        };
        let rest = self.bytes.get(self.at + head.len..).unwrap_or(&[]);
        let content = usize::try_from(len).ok().and_then(|len| rest.get(..len));
        let Some(content) = content else {
            return self.fault(ErrorKind::Truncated);
        };
        self.at += head.len + content.len();
        Ok(content)
    }

    fn text(&mut self, head: Head) -> Result<(), Error> {
        let start = self.at;
        let content = self.string(head)?;
        match core::str::from_utf8(content) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error {
                kind: ErrorKind::Utf8,
                offset: start,
            }),
        }
    }

    fn array(&mut self, head: Head, depth: usize) -> Result<(), Error> {
        let mut remaining = self.count(head, 1)?;
        while self.another(&mut remaining)? {
            self.item(depth + 1)?;
        }
        Ok(())
    }

    fn map(&mut self, head: Head, depth: usize) -> Result<(), Error> {
        let mut remaining = self.count(head, 2)?;
        let mut keys = Keys::new();
        while self.another(&mut remaining)? {
            let start = self.at;
            self.key(depth + 1)?;
            let key = self.bytes.get(start..self.at).unwrap_or(&[]);
            if !keys.insert(key) {
                return Err(Error {
                    kind: ErrorKind::DuplicateKey,
                    offset: start,
                });
            }
            self.item(depth + 1)?;
        }
        if keys.are_distinct() {
            Ok(())
        } else {
            self.fault(ErrorKind::DuplicateKey)
        }
    }

    fn key(&mut self, depth: usize) -> Result<(), Error> {
        let head = self.head()?;
        match head.major {
            Major::Unsigned | Major::Negative | Major::Bytes | Major::Text => {}
            Major::Break => return self.fault(ErrorKind::Reserved),
            _ => return self.fault(ErrorKind::KeyKind),
        }
        if !head.shortest {
            return self.fault(ErrorKind::KeyNotShortest);
        }
        self.item(depth)
    }

    /// Steps over a container's head. `None` counts until a break.
    fn count(&mut self, head: Head, items_each: usize) -> Result<Remaining, Error> {
        let Some(argument) = head.argument else {
            if !self.rules.indefinite {
                return self.fault(ErrorKind::Indefinite);
            }
            self.at += head.len;
            return Ok(Remaining::UntilBreak { seen: 0 });
        };
        // Each item takes a byte at least: a count beyond the input is refused before anything
        // is made of it.
        let room = self.bytes.len().saturating_sub(self.at + head.len) / items_each;
        match usize::try_from(argument) {
            Ok(count) if count <= room && count <= self.rules.max_items => {
                self.at += head.len;
                Ok(Remaining::Exactly(count))
            }
            Ok(count) if count <= room => self.fault(ErrorKind::TooManyItems),
            _ => self.fault(ErrorKind::Truncated),
        }
    }

    fn another(&mut self, remaining: &mut Remaining) -> Result<bool, Error> {
        match remaining {
            Remaining::Exactly(0) => Ok(false),
            Remaining::Exactly(count) => {
                *count -= 1;
                Ok(true)
            }
            Remaining::UntilBreak { seen } => {
                if self.head()?.major == Major::Break {
                    self.at += 1;
                    return Ok(false);
                }
                *seen += 1;
                if *seen > self.rules.max_items {
                    self.fault(ErrorKind::TooManyItems)
                } else {
                    Ok(true)
                }
            }
        }
    }
}

enum Remaining {
    Exactly(usize),
    UntilBreak { seen: usize },
}

/// Steps over one checked item. Recurses for indefinite lengths alone, as deep as the strict walk allowed.
fn skip(bytes: &[u8], at: &mut usize) -> Option<()> {
    // The items that are due: a container's own join those that follow it.
    let mut due: usize = 1;
    while due > 0 {
        due -= 1;
        let head = Head::parse(bytes.get(*at..)?).ok()?;
        *at += head.len;
        let argument = match head.argument {
            Some(argument) => usize::try_from(argument),
            None => {
                while *bytes.get(*at)? != 0xff {
                    skip(bytes, at)?;
                }
                *at += 1;
                continue;
            }
        };
        match head.major {
            Major::Bytes | Major::Text => *at = at.checked_add(argument.ok()?)?,
            Major::Array => due = due.checked_add(argument.ok()?)?,
            Major::Map => due = due.checked_add(argument.ok()?.checked_mul(2)?)?,
            Major::Tag => due += 1,
            Major::Unsigned | Major::Negative | Major::Simple | Major::Float | Major::Break => {}
        }
    }
    Some(())
}
