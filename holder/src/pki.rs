//! A test issuer on disk: a seed from which its keys are made, and a trust directory.

use std::fs;
use std::path::Path;

use holder::certificate::pem;
use holder::hooks::Hooks;
use holder::issuer::{Issuer, IssuerOptions};
use mdoc::crypto::Curve;
use serde_json::{Value, json};

/// Makes a test issuer in `directory`, unless there is one already.
pub(crate) fn make(directory: &Path) -> Result<(), String> {
    let file = directory.join("issuer.json");
    if file.exists() {
        return load(directory).map(drop);
    }
    let options = fresh();
    let issuer = Issuer::new(&options, &Hooks::default());
    let anchors = directory.join("trust/anchors");
    let write = |path: &Path, text: &str| fs::write(path, text).map_err(|error| fault(path, &error));
    fs::create_dir_all(&anchors).map_err(|error| fault(&anchors, &error))?;
    write(&anchors.join("test-iaca.pem"), &pem(&issuer.root))?;
    let seed = json!({ "test_keys_only": true, "seed": options.seed, "now": options.now });
    write(&file, &format!("{seed}\n"))
}

/// The options of the issuer in `directory`.
pub(crate) fn load(directory: &Path) -> Result<IssuerOptions, String> {
    let file = directory.join("issuer.json");
    let bytes = fs::read(&file).map_err(|error| fault(&file, &error))?;
    let seed: Value = serde_json::from_slice(&bytes).map_err(|error| fault(&file, &error))?;
    let (Some(number), Some(now)) = (seed["seed"].as_u64(), seed["now"].as_i64()) else {
        return Err(fault(&file, &"no seed of a test issuer"));
    };
    Ok(IssuerOptions {
        seed: number,
        now,
        ..fresh()
    })
}

/// A new issuer that is valid now.
pub(crate) fn fresh() -> IssuerOptions {
    let mut seed = [0; 8];
    // Keys that protect nothing: where the source fails, a fixed seed does as well.
    if getrandom::fill(&mut seed).is_err() {
        seed = [7; 8];
    }
    IssuerOptions {
        // JSON readers keep integers to 53 bits.
        seed: u64::from_be_bytes(seed) >> 11,
        root_curve: Curve::P384,
        signer_curve: Curve::P256,
        country: "JP",
        state: None,
        signer_purpose: "1.0.18013.5.1.2",
        now: jiff::Timestamp::now().as_second(),
    }
}

fn fault(path: &Path, error: &dyn core::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
