//! The walk over CBOR: one line an item, as far as the bytes can be read.

use mdoc::cbor::{ErrorKind, TAG_ENCODED};
use mdoc::time::UnixTime;

use super::fault::Fault;
use super::head::{self, At, Head, MAX_DEPTH, Skip, is_break};
use super::node::{Check, Form, Key, Meaning, Member, Node};
use super::place::{Place, Settings, counted, is_embedded, is_key, is_wrapping, kind};
use super::scalar::Scalar;
use super::schema::{self, ANY, HIDDEN};
use super::tree::{Stop, Tree};
use super::{certificate, strict, words};

/// Steps that one view may take to look ahead, whatever its content does.
const FUEL: usize = 256 * 1024 * 1024;
const TAG_DATE: u64 = 0;

/// A view in the making.
pub(super) struct Walk<'a, 't> {
    bytes: &'a [u8],
    tree: &'t mut Tree,
    settings: Settings,
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
        let judged = self.judge(place);
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
    fn judge(&mut self, place: Place<'_>) -> Result<Option<String>, At> {
        if place.node.check == Check::Nothing {
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
            return Ok(place);
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
        self.tree.hide();
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
        let inner = place.inside(at, end, node);
        let strict = if let Some(rest) = self.fuel.checked_sub(end - at) {
            self.fuel = rest;
            strict::cbor(self.slice(at, end), at)
        } else {
            Ok(())
        };
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

    fn array(&mut self, place: Place<'_>, head: Head, summary: Option<&str>) -> Result<usize, Stop> {
        let handover = (place.node.meaning == Meaning::Handover).then(|| self.handover(head, place.end));
        self.line(place, &counted("array", head), summary.or(handover))?;
        let method = (place.node.meaning == Meaning::RetrievalMethod)
            .then(|| {
                Scalar::read(self.bytes, head.content, place.end)
                    .ok()
                    .flatten()?
                    .0
                    .as_i64()
            })
            .flatten();
        let mut at = head.content;
        let mut index = 0;
        while self.another(head, index, at, place.end) {
            let node = match place.node.form {
                Form::Array(node) => node,
                Form::Tuple(nodes) => match (nodes.get(index), method) {
                    (Some(_), Some(method)) if index == 2 => schema::retrieval_options(method),
                    (Some(node), _) => node,
                    (None, _) => &ANY,
                },
                Form::Certificates => place.node,
                _ if place.node.personal => &HIDDEN,
                _ => &ANY,
            };
            at = self.item(place.inside(at, place.end, node))?;
            index += 1;
        }
        if let Form::Tuple(nodes) = place.node.form
            && nodes.len() != index
        {
            self.tree
                .fault(place.at, place.depth + 1, Fault::Length(nodes.len()))?;
        }
        self.after(place, head, at)
    }

    fn map(&mut self, place: Place<'_>, head: Head, summary: Option<&str>) -> Result<usize, Stop> {
        self.line(place, &counted("map", head), summary)?;
        let members = match place.node.form {
            Form::Map(members) => members,
            _ => &[],
        };
        let mut seen = vec![false; members.len()];
        let mut at = head.content;
        let mut index = 0;
        while self.another(head, index, at, place.end) {
            at = self.pair(place, at, members, &mut seen)?;
            index += 1;
        }
        for (member, seen) in members.iter().zip(seen) {
            if let (Key::Text(key), true) = (member.key, member.needed && !seen) {
                self.tree.fault(place.at, place.depth + 1, Fault::Missing(key))?;
            }
        }
        self.after(place, head, at)
    }

    fn pair(
        &mut self,
        place: Place<'_>,
        at: usize,
        members: &[Member],
        seen: &mut [bool],
    ) -> Result<usize, Stop> {
        let key = match Scalar::read(self.bytes, at, place.end) {
            Ok(key) => key,
            Err(fault) => return self.broken(place.inside(at, place.end, &ANY), fault),
        };
        let hidden = if place.node.personal { &HIDDEN } else { &ANY };
        let Some((key, value_at)) = key else {
            let key_place = Place {
                label: "(a key)",
                ..place.inside(at, place.end, hidden)
            };
            let value_at = self.item(key_place)?;
            return self.item(place.inside(value_at, place.end, hidden));
        };
        let member = members.iter().position(|member| is_key(member.key, key));
        if let Some(slot) = member.and_then(|index| seen.get_mut(index)) {
            *slot = true;
        }
        let node = match (member.and_then(|index| members.get(index)), place.node.form, key) {
            (Some(member), _, _) => member.node,
            (None, Form::MapOf(node), _) => node,
            _ if place.node.personal => &HIDDEN,
            (None, _, Scalar::Text(name)) => schema::known_anywhere(name).unwrap_or(&ANY),
            _ => &ANY,
        };
        // A shifted map could have a value where a key is due.
        let name_is_due =
            matches!(place.node.form, Form::MapOf(_)) && matches!(key, Scalar::Text(_) | Scalar::Unsigned(_));
        let label = if member.is_some() || name_is_due || !place.node.personal || self.settings.values {
            format!("{}: ", key.diagnostic())
        } else {
            "(an unknown key): ".to_owned()
        };
        let value = Place {
            line_at: at,
            label: &label,
            ..place.inside(value_at, place.end, node)
        };
        self.item(value)
    }

    /// A string of indefinite length, which the strict decoder refuses.
    fn chunks(&mut self, place: Place<'_>, head: Head) -> Result<usize, Stop> {
        self.line(place, &counted(kind(head), head), None)?;
        let node = if place.node.personal { &HIDDEN } else { &ANY };
        let mut at = head.content;
        while !is_break(self.bytes, at, place.end) {
            at = self.item(place.inside(at, place.end, node))?;
        }
        self.after(place, head, at)
    }

    /// Whether a container has another element at `at`.
    fn another(&self, head: Head, index: usize, at: usize, end: usize) -> bool {
        match head.argument {
            Some(count) => u64::try_from(index).is_ok_and(|index| index < count),
            None => !is_break(self.bytes, at, end),
        }
    }

    /// Where a container ends, after its break if it has one.
    fn after(&mut self, place: Place<'_>, head: Head, at: usize) -> Result<usize, Stop> {
        if head.argument.is_some() {
            return Ok(at);
        }
        self.tree
            .fault(place.at, place.depth + 1, Fault::Cbor(ErrorKind::Indefinite))?;
        Ok(at + 1)
    }

    fn handover(&self, head: Head, end: usize) -> &'static str {
        let first = Scalar::read(self.bytes, head.content, end).ok().flatten();
        let second = first.and_then(|(_, at)| Scalar::read(self.bytes, at, end).ok().flatten());
        words::handover(first.map(|(value, _)| value), second.map(|(value, _)| value))
    }

    fn line(&mut self, place: Place<'_>, text: &str, words: Option<&str>) -> Result<(), Stop> {
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

    fn broken<T>(&mut self, place: Place<'_>, (offset, fault): At) -> Result<T, Stop> {
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
