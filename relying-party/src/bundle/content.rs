//! What is signed: a map of number, times and files.

use core::fmt;

use mdoc::cbor::{Item, Rules, write};
use mdoc::time::UnixTime;

use super::fault::EntryFault;
use super::{BundleError, CLOCK_SKEW, FOLDERS, MAX_ENTRIES, MAX_LIFETIME, MAX_NAME, NUMBER_AHEAD};

/// The version of the format that is read and written here.
const VERSION: u64 = 1;
/// The map, the array of entries, an entry, its value.
const RULES: Rules = Rules {
    max_depth: 4,
    max_items: MAX_ENTRIES,
    indefinite: false,
};

/// Number and times of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleFacts {
    /// Grows from one bundle of a maker to the next.
    pub number: u64,
    /// When it was made.
    pub created: UnixTime,
    /// The last instant at which it counts.
    pub expires: UnixTime,
}

/// A file in a bundle.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// `anchors/…`, `crls/…`, `status/…` and `vicals/…` as in a trust directory; `profiles/NAME.toml`;
    /// `purposes/NAME.toml`.
    pub name: String,
    /// When the maker got it.
    pub fetched: UnixTime,
    /// Until when it counts by its own words, as far as it has any: to tell people. Whoever judges
    /// asks the content itself.
    pub expires: Option<UnixTime>,
    /// The content as the maker got it.
    pub content: Vec<u8>,
}

impl BundleFacts {
    /// Whether the bundle counts at this instant.
    ///
    /// # Errors
    /// [`BundleError::NotYet`] or [`BundleError::Expired`].
    pub fn check_at(&self, now: UnixTime) -> Result<(), BundleError> {
        let (created, expires) = (self.created, self.expires);
        if created > now.saturating_add(CLOCK_SKEW) {
            return Err(BundleError::NotYet { created, now });
        }
        if now > expires {
            return Err(BundleError::Expired { expires, now });
        }
        Ok(())
    }

    /// Whether this bundle may take the place of the one that is held.
    ///
    /// # Errors
    /// [`BundleError::Older`] or [`BundleError::SameNumber`].
    pub const fn check_follows(&self, held: &Self) -> Result<(), BundleError> {
        if self.number < held.number {
            return Err(BundleError::Older {
                held: held.number,
                offered: self.number,
            });
        }
        if self.number == held.number {
            return Err(BundleError::SameNumber(self.number));
        }
        Ok(())
    }

    /// Checks what holds whatever the instant is.
    pub(super) fn check(&self) -> Result<(), BundleError> {
        let &Self {
            number,
            created,
            expires,
        } = self;
        let made = u64::try_from(created.seconds()).unwrap_or(0);
        if number == 0 || number > made.saturating_add(NUMBER_AHEAD) {
            return Err(BundleError::Number { number, created });
        }
        if expires <= created || expires > created.saturating_add(MAX_LIFETIME) {
            return Err(BundleError::Lifetime { created, expires });
        }
        Ok(())
    }

    /// Seconds since the bundle was made; none where that lies ahead.
    pub fn age(&self, now: UnixTime) -> u64 {
        u64::try_from(now.seconds().saturating_sub(self.created.seconds())).unwrap_or(0)
    }
}

/// Reads the content.
pub(super) fn read(payload: &[u8]) -> Result<(BundleFacts, Vec<Entry>), BundleError> {
    let item = Item::decode(payload, &RULES).map_err(BundleError::Content)?;
    let map = item.as_map().ok_or(BundleError::Member("(the map itself)"))?;
    let members = map.get_texts(["version", "number", "created", "expires", "entries"]);
    let [version, number, created, expires, entries] = members;
    let version = version
        .and_then(Item::as_u64)
        .ok_or(BundleError::Member("version"))?;
    if version != VERSION {
        return Err(BundleError::Version(version));
    }
    if map.len() > members.len() {
        return Err(BundleError::Member("(one that is not known)"));
    }
    let facts = BundleFacts {
        number: number
            .and_then(Item::as_u64)
            .ok_or(BundleError::Member("number"))?,
        created: created.and_then(instant).ok_or(BundleError::Member("created"))?,
        expires: expires.and_then(instant).ok_or(BundleError::Member("expires"))?,
    };
    facts.check()?;
    let items = entries
        .and_then(Item::as_array)
        .ok_or(BundleError::Member("entries"))?;
    let mut entries = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let entry = read_entry(item).map_err(|fault| BundleError::Entry { index, fault })?;
        entries.push(entry);
    }
    check_entries(&facts, &entries)?;
    Ok((facts, entries))
}

fn read_entry(item: Item<'_>) -> Result<Entry, EntryFault> {
    let map = item.as_map().ok_or(EntryFault::Type)?;
    let [name, fetched, expires, content] = map.get_texts(["name", "fetched", "expires", "content"]);
    if map.len() > 3 + usize::from(expires.is_some()) {
        return Err(EntryFault::Member("(one that is not known)"));
    }
    let expires = match expires {
        None => None,
        Some(item) => Some(instant(item).ok_or(EntryFault::Member("expires"))?),
    };
    Ok(Entry {
        name: name
            .and_then(Item::as_text)
            .ok_or(EntryFault::Member("name"))?
            .to_owned(),
        fetched: fetched.and_then(instant).ok_or(EntryFault::Member("fetched"))?,
        expires,
        content: content
            .and_then(Item::as_bytes)
            .ok_or(EntryFault::Member("content"))?
            .to_vec(),
    })
}

fn instant(item: Item<'_>) -> Option<UnixTime> {
    item.as_i64()
        .filter(|seconds| *seconds >= 0)
        .and_then(UnixTime::from_seconds)
}

/// Checks names, order and times, for reading and for writing alike.
pub(super) fn check_entries(facts: &BundleFacts, entries: &[Entry]) -> Result<(), BundleError> {
    if entries.len() > MAX_ENTRIES {
        return Err(BundleError::TooManyEntries(entries.len()));
    }
    let mut before: Option<&str> = None;
    for (index, entry) in entries.iter().enumerate() {
        let fault = |fault| Err(BundleError::Entry { index, fault });
        if !is_name(&entry.name) {
            return fault(EntryFault::Name);
        }
        if before.is_some_and(|before| before >= entry.name.as_str()) {
            return fault(EntryFault::Order);
        }
        if entry.fetched > facts.created {
            return fault(EntryFault::Fetched);
        }
        before = Some(&entry.name);
    }
    Ok(())
}

/// One of the folders and a file in it. Nobody writes entries to a disk by their names; still none
/// leads out of its folder.
fn is_name(name: &str) -> bool {
    let Some((folder, file)) = name.split_once('/') else {
        return false;
    };
    name.len() <= MAX_NAME
        && FOLDERS.contains(&folder)
        && !file.is_empty()
        && !file.starts_with('.')
        && !file.contains(|c: char| c == '/' || c == '\\' || c.is_control())
        && (!matches!(folder, "profiles" | "purposes") || file.ends_with(".toml"))
}

/// Writes the content; the caller has checked it.
pub(super) fn encode(facts: &BundleFacts, entries: &[Entry]) -> Vec<u8> {
    // An entry's map, names and times take less than this beside its name and content.
    const ENTRY_OVERHEAD: usize = 64;
    let content = |entry: &Entry| entry.name.len() + entry.content.len() + ENTRY_OVERHEAD;
    let mut out = Vec::with_capacity(entries.iter().map(content).sum::<usize>() + 128);
    write::map(&mut out, 5);
    write::text(&mut out, "version");
    write::unsigned(&mut out, VERSION);
    write::text(&mut out, "number");
    write::unsigned(&mut out, facts.number);
    write::text(&mut out, "created");
    write::integer(&mut out, facts.created.seconds());
    write::text(&mut out, "expires");
    write::integer(&mut out, facts.expires.seconds());
    write::text(&mut out, "entries");
    write::array(&mut out, entries.len());
    for entry in entries {
        write::map(&mut out, 3 + usize::from(entry.expires.is_some()));
        write::text(&mut out, "name");
        write::text(&mut out, &entry.name);
        write::text(&mut out, "fetched");
        write::integer(&mut out, entry.fetched.seconds());
        if let Some(expires) = entry.expires {
            write::text(&mut out, "expires");
            write::integer(&mut out, expires.seconds());
        }
        write::text(&mut out, "content");
        write::bytes(&mut out, &entry.content);
    }
    out
}

/// Says how long the content is.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({}, {} bytes)", self.name, self.content.len())
    }
}
