//! The walk over CBOR: one line an item, as far as the bytes can be read.

use mdoc::cbor::{ErrorKind, Item, Rules, TAG_ENCODED};
use mdoc::time::UnixTime;

use super::fault::Fault;
use super::head::{self, At, Head, MAX_DEPTH, Skip};
use super::kind::is_element;
use super::node::{Check, Form, Key, Member, Node};
use super::place::{Place, Settings, is_embedded, is_wrapping, kind};
use super::scalar::Scalar;
use super::schema::{ANY, HIDDEN, ITEM};
use super::tree::{Stop, Tree};
use super::{certificate, strict, words};

/// Steps that one view may take to look ahead, whatever its content does.
const FUEL: usize = 160 * 1024 * 1024;
const TAG_DATE: u64 = 0;

/// A view in the making.
pub(super) struct Walk<'a, 't> {
    pub(super) bytes: &'a [u8],
    pub(super) tree: &'t mut Tree,
    pub(super) settings: Settings,
    fuel: usize,
}

impl<'a, 't> Walk<'a, 't> {
    pub(super) const fn new(bytes: &'a [u8], tree: &'t mut Tree, settings: Settings) -> Self {
        Self {
            bytes,
            tree,
            settings,
            fuel: FUEL,
        }
    }

    /// Shows the item; where it ends.
    pub(super) fn item(&mut self, place: Place<'_>) -> Result<usize, Stop> {
        if place.depth > MAX_DEPTH {
            return self.broken(place, (place.at, Fault::TooDeep(MAX_DEPTH)));
        }
        let head = match Head::read(self.bytes, place.at, place.end) {
            Ok(head) => head,
            Err(at) => return self.broken(place, at),
        };
        let place = self.fit(place, head)?;
        match place.node.form {
            Form::Hidden if !self.settings.values => return self.unshown(place, "hidden"),
            Form::Secret => return self.unshown(place, "private key, not shown"),
            _ => {}
        }
        let judged = self.judge(place, head);
        let summary = judged.as_ref().ok().and_then(|words| words.as_deref());
        let started = match (head.major, head.argument) {
            (head::TAG, _) => self.tagged(place, head, summary),
            (head::ARRAY, _) => self.array(place, head, summary),
            (head::MAP, _) => self.map(place, head, summary),
            (head::BYTES | head::TEXT, None) => self.chunks(place, head),
            _ => self.scalar(place, ""),
        };
        if let Err((offset, fault)) = judged {
            self.tree.fault(offset, place.depth + 1, fault)?;
        }
        started
    }

    /// What the product's decoder says of the item, where it has one and the item is whole.
    fn judge(&mut self, place: Place<'_>, head: Head) -> Result<Option<String>, At> {
        // A wrapping is not judged: what it holds has its own turn.
        if place.node.check == Check::Nothing || head.major == head::TAG {
            return Ok(None);
        }
        let Ok(end) = self.skip(place.at, place.end) else {
            return Ok(None);
        };
        strict::run(place.node.check, self.slice(place.at, end), place.at)
    }

    /// The place with the form that the item can be shown in: its own, or any.
    fn fit<'l>(&mut self, place: Place<'l>, head: Head) -> Result<Place<'l>, Stop> {
        let form = place.node.form;
        let absent = head.major == head::SIMPLE && matches!(head.argument, Some(22 | 23));
        let fits = match form {
            Form::Any | Form::Hidden | Form::Secret => true,
            _ if absent => true,
            Form::Unsigned => head.major == head::UNSIGNED,
            Form::Integer => matches!(head.major, head::UNSIGNED | head::NEGATIVE),
            Form::Text => head.major == head::TEXT,
            Form::Bytes | Form::BytesOf(_) => head.major == head::BYTES,
            Form::Bool => head.major == head::SIMPLE && matches!(head.argument, Some(20 | 21)),
            Form::Date => head.major == head::TAG && head.argument == Some(TAG_DATE),
            // Some messages come wrapped: the wrapping is shown, and then what it holds.
            Form::Map(_) | Form::MapOf(_) => head.major == head::MAP || is_wrapping(head),
            Form::Array(_) | Form::Tuple(_) => head.major == head::ARRAY || is_wrapping(head),
            Form::Embedded(_) => is_embedded(head),
            Form::Certificates => matches!(head.major, head::BYTES | head::ARRAY),
        };
        if fits {
            return self.keep_whole(place, head);
        }
        let fault = match form {
            Form::Embedded(inner) => {
                self.tree.fault(place.at, place.depth, Fault::Untagged)?;
                return self.fit(place.with_node(inner), head);
            }
            _ => Fault::Kind {
                expected: form.words(),
                found: kind(head),
            },
        };
        self.tree.fault(place.at, place.depth, fault)?;
        Ok(place.with_node(if place.node.personal { &HIDDEN } else { &ANY }))
    }

    /// A personal map is opened only when it is whole: in a damaged one a name can reach into the
    /// value that follows it.
    fn keep_whole<'l>(&mut self, place: Place<'l>, head: Head) -> Result<Place<'l>, Stop> {
        let Form::Map(members) = place.node.form else {
            return Ok(place);
        };
        if !place.node.personal || head.major != head::MAP || self.settings.values {
            return Ok(place);
        }
        let Ok(end) = self.skip(place.at, place.end) else {
            // What hides the item tells the fault.
            return Ok(place.with_node(&HIDDEN));
        };
        let whole = strict::cbor(self.slice(place.at, end), place.at);
        let missing = members
            .iter()
            .find_map(|member| self.missing(member, place.at, end));
        match (whole, missing) {
            (Ok(()), None) => return Ok(place),
            (Err((offset, fault)), _) => self.tree.fault(offset, place.depth, fault)?,
            (Ok(()), Some(key)) => self.tree.fault(place.at, place.depth, Fault::Missing(key))?,
        }
        Ok(place.with_node(&HIDDEN))
    }

    /// The key of a member that a map lacks and needs.
    fn missing(&self, member: &Member, at: usize, end: usize) -> Option<&'static str> {
        let Key::Text(key) = member.key else { return None };
        let map = Item::decode(self.slice(at, end), &Rules::default())
            .ok()?
            .as_map()?;
        (member.needed && map.get_text(key).is_none()).then_some(key)
    }

    /// An item that is told by its kind and length alone.
    fn unshown(&mut self, place: Place<'_>, why: &str) -> Result<usize, Stop> {
        let end = match self.skip(place.at, place.end) {
            Ok(end) => end,
            Err(at) => return self.broken(place, at),
        };
        let Ok(head) = Head::read(self.bytes, place.at, place.end) else {
            return Ok(end);
        };
        let text = match head.major {
            head::BYTES | head::TEXT => format!("({why}: {}, {} bytes)", kind(head), end - head.content),
            head::ARRAY | head::MAP | head::TAG => {
                format!("({why}: {}, {} bytes encoded)", kind(head), end - place.at)
            }
            _ => format!("({why}: {})", kind(head)),
        };
        if matches!(place.node.form, Form::Hidden) {
            self.tree.hide();
        }
        self.line(place, &text, None)?;
        Ok(end)
    }

    fn scalar(&mut self, place: Place<'_>, tag: &str) -> Result<usize, Stop> {
        let (value, end) = match Scalar::read(self.bytes, place.at, place.end) {
            Ok(Some(read)) => read,
            Ok(None) => return self.broken(place, (place.at, Fault::Cbor(ErrorKind::Reserved))),
            Err((offset, fault @ Fault::Cbor(ErrorKind::Utf8))) => {
                self.line(place, "(a text that cannot be shown)", None)?;
                self.tree.fault(offset, place.depth + 1, fault)?;
                return self.skip(place.at, place.end).map_err(|_| Stop::Broken);
            }
            Err(at) => return self.broken(place, at),
        };
        let close = if tag.is_empty() { "" } else { ")" };
        match (place.node.form, value) {
            (Form::Certificates, Scalar::Bytes(content)) => {
                self.line(place, &format!("a certificate of {} bytes", content.len()), None)?;
                certificate::show(
                    self.tree,
                    self.bytes,
                    end - content.len(),
                    end,
                    place.depth + 1,
                    self.settings.now,
                )?;
            }
            (Form::BytesOf(_), Scalar::Bytes([])) => self.line(place, "h''", Some("empty"))?,
            (Form::BytesOf(inner), Scalar::Bytes(content)) => {
                self.line(place, &format!("<< {} bytes >>", content.len()), None)?;
                self.embedded(place, end - content.len(), end, inner)?;
            }
            _ => {
                let words = words::of(place.node.meaning, value, self.settings.now);
                let text = format!("{tag}{}{close}", value.diagnostic());
                self.line(place, &text, words.as_deref())?;
                if let Some(fault) = fault_of(place, value) {
                    self.tree.fault(place.at, place.depth + 1, fault)?;
                }
            }
        }
        Ok(end)
    }

    fn tagged(&mut self, place: Place<'_>, head: Head, summary: Option<&str>) -> Result<usize, Stop> {
        let number = head.argument.unwrap_or_default();
        let inner = match Head::read(self.bytes, head.content, place.end) {
            Ok(inner) => inner,
            Err(at) => return self.broken(place, at),
        };
        let definite_bytes = inner.major == head::BYTES && inner.argument.is_some();
        if number == TAG_ENCODED && definite_bytes {
            let end = match inner.string_end(head.content, place.end) {
                Ok(end) => end,
                Err(at) => return self.cut_short(place, inner, at),
            };
            self.line(
                place,
                &format!("24(<< {} bytes >>)", end - inner.content),
                summary,
            )?;
            let node = match place.node.form {
                Form::Embedded(node) => node,
                Form::Any | Form::Hidden => &ANY,
                _ => place.node,
            };
            self.embedded(place, inner.content, end, node)?;
            return Ok(end);
        }
        let value = Place {
            at: head.content,
            ..place
        };
        let scalar =
            matches!(inner.major, head::UNSIGNED..=head::TEXT | head::SIMPLE) && inner.argument.is_some();
        match place.node.form {
            // A value under a tag is one value.
            Form::Any | Form::Hidden | Form::Date if scalar => self.scalar(value, &format!("{number}(")),
            Form::Embedded(_) => {
                self.line(place, &format!("tag {number}"), summary)?;
                self.tree.fault(place.at, place.depth + 1, Fault::Untagged)?;
                let node = if place.node.personal { &HIDDEN } else { &ANY };
                self.item(place.inside(head.content, place.end, node))
            }
            _ => {
                self.line(place, &format!("tag {number}"), summary)?;
                let node = if is_wrapping(head) { place.node } else { &ANY };
                self.item(place.inside(head.content, place.end, node))
            }
        }
    }

    /// The encoded item that a byte string holds.
    fn embedded(&mut self, place: Place<'_>, at: usize, end: usize, node: &'static Node) -> Result<(), Stop> {
        let content = self.slice(at, end);
        let strict = match self.fuel.checked_sub(content.len()) {
            Some(rest) => {
                self.fuel = rest;
                strict::cbor(content, at)
            }
            None => Err((at, Fault::TooMuch)),
        };
        let node = match node.form {
            Form::Any if is_element(content) => &ITEM,
            _ if node.personal && strict.is_err() && !self.settings.values => &HIDDEN,
            _ => node,
        };
        let inner = place.inside(at, end, node);
        if let Err((offset, fault)) = strict {
            self.tree.fault(offset, inner.depth, fault)?;
        }
        match self.item(inner) {
            // The byte string ends where its head says, whatever is inside.
            Ok(_) | Err(Stop::Broken) => Ok(()),
            Err(Stop::Full) => Err(Stop::Full),
        }
    }

    /// Encoded CBOR whose byte string reaches beyond the input: what is there is shown.
    fn cut_short(&mut self, place: Place<'_>, inner: Head, at: At) -> Result<usize, Stop> {
        self.line(place, "24(<< cut short >>)", None)?;
        let node = match place.node.form {
            Form::Embedded(node) => node,
            _ => &ANY,
        };
        let _ = self.item(place.inside(inner.content, place.end, node))?;
        self.broken(place, at)
    }

    pub(super) fn line(&mut self, place: Place<'_>, text: &str, words: Option<&str>) -> Result<(), Stop> {
        let label = place.label;
        // A member's name that repeats its key says nothing.
        let name = Some(place.node.name).filter(|name| !name.is_empty() && label != format!("\"{name}\": "));
        let explained = match (name, words) {
            (Some(name), Some(words)) => format!("{label}{text}  — {name}: {words}"),
            (Some(words), None) | (None, Some(words)) => format!("{label}{text}  — {words}"),
            (None, None) => format!("{label}{text}"),
        };
        self.tree.line(place.line_at, place.depth, &explained)
    }

    pub(super) fn broken<T>(&mut self, place: Place<'_>, (offset, fault): At) -> Result<T, Stop> {
        if !place.label.is_empty() {
            self.tree.line(place.line_at, place.depth, place.label)?;
        }
        self.tree.fault(offset, place.depth, fault)?;
        Err(Stop::Broken)
    }

    fn skip(&mut self, at: usize, end: usize) -> Result<usize, At> {
        let mut skip = Skip {
            bytes: self.bytes,
            fuel: &mut self.fuel,
        };
        skip.item(at, end)
    }

    fn slice(&self, at: usize, end: usize) -> &'a [u8] {
        self.bytes.get(at..end).unwrap_or(&[])
    }
}

/// What is wrong with a value of the kind that is due.
fn fault_of(place: Place<'_>, value: Scalar<'_>) -> Option<Fault> {
    match (place.node.form, value) {
        (_, Scalar::Simple(_)) => Some(Fault::Cbor(ErrorKind::Simple)),
        (Form::Date, Scalar::Text(text)) => UnixTime::parse(text).err().map(Fault::Date),
        _ => None,
    }
}
