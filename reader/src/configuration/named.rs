//! Whether what a configuration names can be loaded: files only, no radio and no network, and nothing is written.

use std::path::{Path, PathBuf};

use operator::{BundleStore, OperatorError};
use relying_party::bundle::{LoadedBundle, SignedBundle};
use relying_party::{PublicKey, UnixTime};

use crate::arguments::{Common, Serve};
use crate::bundle::check_flags;
use crate::camera;
use crate::clock::Clock;
use crate::connectors::without_nfc;
use crate::counter::{StartError, check_judge, purpose};
use crate::identity::{Identity, KeyPlace};
#[cfg(feature = "pkcs11")]
use crate::identity::{load_chain, public_key_of};
use crate::till;
use crate::upstream::{api_key, checked_base};

/// The keys at fault, in the order of the help, each with what is wrong.
pub(crate) fn faults(serve: &Serve) -> Vec<(&'static str, String)> {
    let common = &serve.common;
    let mut faults = Vec::new();
    let mut found = |key: &'static str, result: Result<(), StartError>| {
        if let Err(error) = result {
            faults.push((key, error.to_string()));
        }
    };
    let bundle = Named::load(serve);
    found("purpose", judge_purpose(serve, &bundle));
    let trust = common.trust.as_deref();
    found(
        "trust",
        trust.map_or(Ok(()), |path| done(operator::load_trust(path))),
    );
    if common.verify != "local" {
        let base = checked_base(&common.verify, "verify", "local");
        found("verify", base.map(|_| ()));
    }
    let key_file = common.api_key_file.as_deref();
    found(
        "api_key_file",
        key_file.map_or(Ok(()), |path| api_key(path).map(|_| ())),
    );
    if let Some((key, error)) = identity(common) {
        found(key, Err(error));
    }
    let limits = common.limits.as_deref();
    found(
        "limits",
        limits.map_or(Ok(()), |path| done(operator::load_limits(path))),
    );
    let key_file = common.bundle.bundle_api_key_file.as_deref();
    found(
        "bundle_api_key_file",
        key_file.map_or(Ok(()), |path| api_key(path).map(|_| ())),
    );
    if serve.near.nfc && !cfg!(feature = "nfc") {
        found("nfc", Err(without_nfc()));
    }
    let camera = if serve.camera.camera.is_some() {
        "camera"
    } else {
        "camera_recording"
    };
    found(camera, camera::check(&serve.camera));
    for (key, error) in serve
        .scanners
        .faults(serve.has_other_inputs())
        .into_iter()
        .chain(till::faults(&serve.till))
    {
        found(key, Err(error));
    }
    faults.extend(bundle.faults);
    faults
}

/// What is wrong with the reader's certificate or its key. A token is not opened: every try of a PIN counts.
fn identity(common: &Common) -> Option<(&'static str, StartError)> {
    let certificate = common.reader_cert.as_deref()?;
    let place = KeyPlace::new(
        common.reader_key.as_deref(),
        common.pkcs11.as_deref(),
        common.pin_env.as_deref(),
    );
    match place {
        Err(error) => Some(("pkcs11", error)),
        Ok(None) => None,
        Ok(Some(KeyPlace::File(key))) => {
            let error = Identity::load(certificate, KeyPlace::File(key)).err()?;
            let is_the_key = path_of(&error).is_some_and(|path| path == key);
            Some((if is_the_key { "reader_key" } else { "reader_cert" }, error))
        }
        #[cfg(feature = "pkcs11")]
        Ok(Some(KeyPlace::Token(uri, pin_variable))) => {
            if let Err(error) = crate::token::TokenPlace::new(uri, pin_variable) {
                return Some(("pkcs11", error));
            }
            let chain = load_chain(certificate);
            let key = chain.and_then(|chain| public_key_of(certificate, &chain));
            key.err().map(|error| ("reader_cert", error))
        }
    }
}

fn done<T>(loaded: Result<T, OperatorError>) -> Result<(), StartError> {
    loaded.map(|_| ()).map_err(StartError::from)
}

fn judge_purpose(serve: &Serve, bundle: &Named) -> Result<(), StartError> {
    let common = &serve.common;
    match purpose(&common.purpose, bundle.newest.as_ref()) {
        Ok(purpose) => check_judge(&purpose, common.verify == "local"),
        // It may stand in a bundle that is still to come.
        Err(StartError::Operator(OperatorError::NoPurpose { .. })) if bundle.may_come => Ok(()),
        Err(error) => Err(error),
    }
}

/// The file that an error is about.
fn path_of(error: &StartError) -> Option<&PathBuf> {
    match error {
        StartError::File { path, .. }
        | StartError::Operator(OperatorError::Read { path, .. } | OperatorError::TooLarge { path, .. }) => {
            Some(path)
        }
        _ => None,
    }
}

/// The bundle that the flags name, as far as it is here.
struct Named {
    /// The file's, else the newest of the store.
    newest: Option<LoadedBundle>,
    /// There is none here, and one may be pulled.
    may_come: bool,
    faults: Vec<(&'static str, String)>,
}

impl Named {
    fn load(serve: &Serve) -> Self {
        let flags = &serve.common.bundle;
        let mut named = Self {
            newest: None,
            may_come: false,
            faults: Vec::new(),
        };
        let Some(key_file) = &flags.bundle_key else {
            return named;
        };
        if let Err(error) = check_flags(flags) {
            named.faults.push(("bundle_key", error.to_string()));
        }
        let key = match operator::load_public_key(key_file) {
            Ok(key) => Some(key),
            Err(error) => {
                named.faults.push(("bundle_key", error.to_string()));
                None
            }
        };
        let now = Clock::System.now();
        match flags.bundle.as_deref() {
            Some(url) if url.contains("://") => {
                if let Err(error) = checked_base(url, "bundle", "a file") {
                    named.faults.push(("bundle", error.to_string()));
                }
            }
            Some(file) => match key.as_ref().map(|key| from_file(Path::new(file), key, now)) {
                Some(Ok(bundle)) => named.newest = Some(bundle),
                Some(Err(words)) => named.faults.push(("bundle", words)),
                None => {}
            },
            None => {}
        }
        if let Some(store) = &flags.bundle_store {
            match key.as_ref().map(|key| from_store(store, key, now)) {
                Some(Ok(bundle)) => named.newest = named.newest.or(bundle),
                Some(Err(words)) => named.faults.push(("bundle_store", words)),
                None => {}
            }
        }
        named.may_come = named.newest.is_none();
        named
    }
}

fn from_file(path: &Path, key: &PublicKey, now: UnixTime) -> Result<LoadedBundle, String> {
    let bytes = operator::read_bundle(path).map_err(|error| error.to_string())?;
    let signed = SignedBundle::decode(&bytes);
    let bundle = signed.and_then(|signed| signed.verify(key)?.load(now));
    bundle.map_err(|error| format!("{}: {error}", path.display()))
}

/// What the store holds. One that is not there yet is not made.
fn from_store(path: &Path, key: &PublicKey, now: UnixTime) -> Result<Option<LoadedBundle>, String> {
    let words = |error: OperatorError| error.to_string();
    if !is_writable(path) {
        return Err(format!("{} cannot be written to", path.display()));
    }
    if !path.exists() {
        return Ok(None);
    }
    let stored = BundleStore::open(path).and_then(|store| store.load(key, now));
    Ok(stored.map_err(words)?.bundle)
}

/// Whether this user may write into the folder, or make it where it is not there. Asks the system and writes nothing.
#[cfg(unix)]
fn is_writable(folder: &Path) -> bool {
    use rustix::fs::{Access, access};
    let there = folder.ancestors().find(|path| path.exists());
    let there = there.filter(|path| !path.as_os_str().is_empty());
    let there = there.unwrap_or_else(|| Path::new("."));
    there.is_dir() && access(there, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Elsewhere only writing would tell.
#[cfg(not(unix))]
fn is_writable(folder: &Path) -> bool {
    !folder.exists() || folder.is_dir()
}
