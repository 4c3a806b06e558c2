//! `bundle`: makes, checks and shows bundles, and makes keys for them.

mod arguments;

use std::fs;
use std::path::Path;

use mdoc::crypto::{Curve, Signer as _, SigningKey, generate_pkcs8};
use relying_party::bundle::{
    self, BuildError, BundleError, BundleFacts, Entry, LoadedBundle, SignedBundle, age_words, next_number,
};
use relying_party::purpose::duration_seconds;
use relying_party::{PublicKey, UnixTime, sha256_text};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub(crate) use arguments::Bundle;
use arguments::{BundleBuild, BundleCommand, BundleInspect, BundleKey, BundleVerify};

use crate::fetch::{self, FetchSettings, SettingsError, StoreError};
use crate::{input, report};

const MAX_KEY_FILE: u64 = 64 * 1024;

/// What keeps a bundle from being made or shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// An operator's file.
    #[error(transparent)]
    Operator(#[from] operator::OperatorError),
    /// The settings of fetching.
    #[error(transparent)]
    Fetch(#[from] SettingsError),
    /// The cache of fetched lists.
    #[error("the cache of lists: {0}")]
    Cache(#[from] StoreError),
    /// A file's content.
    #[error("{file}: {fault}")]
    File { file: String, fault: String },
    /// An argument that clap let pass.
    #[error("{0}")]
    Argument(String),
    /// The bundle itself.
    #[error("{0}")]
    Build(#[from] BuildError),
    /// Standard output.
    #[error("{0}")]
    Stream(#[from] std::io::Error),
    /// The system's random source.
    #[error("no key could be made")]
    Random,
}

/// Runs the command; its exit status: 0, or 1 for a bundle that is refused.
pub(crate) fn run(arguments: &Bundle) -> Result<u8, CommandError> {
    match &arguments.command {
        BundleCommand::Build(arguments) => build(arguments),
        BundleCommand::Verify(arguments) => verify(arguments),
        BundleCommand::Inspect(arguments) => inspect(arguments),
        BundleCommand::Key(arguments) => key(arguments),
    }
}

fn build(arguments: &BundleBuild) -> Result<u8, CommandError> {
    let bytes = Zeroizing::new(operator::read_file(&arguments.key, MAX_KEY_FILE)?);
    let key = SigningKey::from_pkcs8(&bytes).map_err(|error| fault(&arguments.key, error))?;
    let created = instant(arguments.at.as_deref())?;
    let lifetime = duration_seconds(&arguments.lifetime)
        .map_err(|fault| CommandError::Argument(format!("--lifetime: {fault}")))?;
    let lifetime = i64::try_from(lifetime).unwrap_or(i64::MAX);
    let last = last_number(&arguments.out, key.public_key())?;
    let number = match arguments.number {
        Some(number) if last.is_some_and(|last| number <= last) => {
            let words = format!("--number: {number} is not above the number of the bundle in its place");
            return Err(CommandError::Argument(words));
        }
        Some(number) => number,
        None => next_number(last, created),
    };
    let facts = BundleFacts {
        number,
        created,
        expires: created.saturating_add(lifetime),
    };
    let mut entries =
        operator::bundle_entries(arguments.trust.as_deref(), arguments.purposes.as_deref(), created)?;
    if let Some(settings) = &arguments.fetch {
        let lists = fetch::cached(&FetchSettings::load(settings)?)?;
        entries.extend(lists.into_iter().map(|list| Entry {
            expires: bundle::expiry_of(&list.file.name, &list.file.bytes),
            name: list.file.name,
            // No younger than the bundle, whatever the clock of the machine that fetched it.
            fetched: list.fetched_at.min(created),
            content: list.file.bytes,
        }));
    }
    let (bytes, loaded) = bundle::build(&facts, entries, &key)?;
    operator::write_file(&arguments.out, &bytes)?;
    for remark in loaded.trust().remarks(created) {
        report::complain(&format!("warning: {remark}"));
    }
    report::line(&summary(&loaded, &bytes))?;
    Ok(0)
}

/// The number of the bundle that is replaced. What is there and is no bundle of this key is never
/// written over: it may be somebody's only copy.
fn last_number(out: &Path, key: &PublicKey) -> Result<Option<u64>, CommandError> {
    if !fs::exists(out)? {
        return Ok(None);
    }
    let bytes = operator::read_bundle(out)?;
    let bundle = SignedBundle::decode(&bytes).and_then(|signed| signed.verify(key));
    let bundle = bundle.map_err(|error| {
        let words = format!("it is there already and is no bundle of this key ({error}); move it away");
        fault(out, words)
    })?;
    Ok(Some(bundle.facts().number))
}

fn verify(arguments: &BundleVerify) -> Result<u8, CommandError> {
    let key = operator::load_public_key(&arguments.key)?;
    let now = instant(arguments.at.as_deref())?;
    let bytes = operator::read_bundle(&arguments.file)?;
    let loaded = SignedBundle::decode(&bytes)
        .and_then(|signed| signed.verify(&key))
        .and_then(|bundle| bundle.load(now));
    match loaded {
        Ok(loaded) => {
            for remark in loaded.trust().remarks(now) {
                report::complain(&format!("warning: {remark}"));
            }
            report::line(&summary(&loaded, &bytes))?;
            Ok(0)
        }
        Err(error) => refused(&arguments.file, &error),
    }
}

fn inspect(arguments: &BundleInspect) -> Result<u8, CommandError> {
    let now = instant(arguments.at.as_deref())?;
    let bytes = operator::read_bundle(&arguments.file)?;
    let content = SignedBundle::decode(&bytes).and_then(|signed| signed.unverified());
    let (facts, entries) = match content {
        Ok(content) => content,
        Err(error) => return refused(&arguments.file, &error),
    };
    if arguments.json {
        let entries: Vec<Value> = entries.iter().map(entry_json).collect();
        let mut json = facts_json(&facts, &bytes);
        json["verified"] = json!(false);
        json["entries"] = json!(entries);
        report::line(&json)?;
    } else {
        report::text(&words(&facts, &entries, now))?;
    }
    Ok(0)
}

fn key(arguments: &BundleKey) -> Result<u8, CommandError> {
    let key = if arguments.new {
        // The operating system's source; where it fails there is nothing to go on with.
        let mut random = rand_core::UnwrapErr(getrandom::SysRng);
        let pem = generate_pkcs8(Curve::P256, &mut random).map_err(|_| CommandError::Random)?;
        operator::write_new_private_file(&arguments.key, pem.as_bytes())?;
        pem.as_bytes().to_vec()
    } else {
        operator::read_file(&arguments.key, MAX_KEY_FILE)?
    };
    let key = Zeroizing::new(key);
    let key = SigningKey::from_pkcs8(&key).map_err(|error| fault(&arguments.key, error))?;
    let public = key.public_key().to_spki_pem().ok_or(CommandError::Random)?;
    report::text(&public)?;
    Ok(0)
}

fn refused(file: &Path, error: &BundleError) -> Result<u8, CommandError> {
    report::complain(&format!("{}: {error}", file.display()));
    Ok(1)
}

/// What a program that makes or checks bundles goes on with.
fn summary(loaded: &LoadedBundle, bytes: &[u8]) -> Value {
    let trust = loaded.trust();
    let mut json = facts_json(loaded.facts(), bytes);
    json["anchors"] = json!(trust.anchor_count());
    json["crls"] = json!(trust.evidence().crls().count());
    json["lists"] = json!(trust.evidence().tokens().count());
    json["vicals"] = json!(trust.trust_lists().len());
    json["purposes"] = json!(loaded.purposes().map(|purpose| purpose.id()).collect::<Vec<_>>());
    json["trust_hash"] = json!(sha256_text(&trust.hash()));
    json
}

fn facts_json(facts: &BundleFacts, bytes: &[u8]) -> Value {
    json!({
        "number": facts.number,
        "created": facts.created.to_string(),
        "expires": facts.expires.to_string(),
        "bytes": bytes.len(),
        "sha256": sha256_text(&Sha256::digest(bytes).into()),
    })
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "name": entry.name,
        "fetched": entry.fetched.to_string(),
        "expires": entry.expires.map(|at| at.to_string()),
        "bytes": entry.content.len(),
        "sha256": sha256_text(&Sha256::digest(&entry.content).into()),
    })
}

fn words(facts: &BundleFacts, entries: &[Entry], now: UnixTime) -> String {
    let [age, _] = age_words(facts.age(now));
    let mut text = format!(
        "bundle {} of {} ({age} old), counts until {}{}\nthe signature is not checked here: bundle verify does\n",
        facts.number,
        facts.created,
        facts.expires,
        if now > facts.expires {
            ", which is past"
        } else {
            ""
        },
    );
    for entry in entries {
        let [age, _] = age_words(u64::try_from(now.seconds() - entry.fetched.seconds()).unwrap_or(0));
        text += &format!(
            "  {:<40} {:>9} bytes, fetched {} ({age} ago)",
            entry.name,
            entry.content.len(),
            entry.fetched
        );
        if let Some(expires) = entry.expires {
            text += &format!(
                ", until {expires}{}",
                if now > expires { ", which is past" } else { "" }
            );
        }
        text.push('\n');
    }
    text
}

fn instant(at: Option<&str>) -> Result<UnixTime, CommandError> {
    at.map_or_else(
        || Ok(input::now()),
        |at| input::instant(at).map_err(|fault| CommandError::Argument(format!("--at: {fault}"))),
    )
}

fn fault(file: &Path, fault: impl core::fmt::Display) -> CommandError {
    CommandError::File {
        file: file.display().to_string(),
        fault: fault.to_string(),
    }
}
