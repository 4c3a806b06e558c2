//! A test issuer on disk: a seed from which its keys are made, and a trust directory.

use std::fs;
use std::path::Path;

use holder::certificate::{CertificateSpec, name, pem, private_key_pem};
use holder::evidence;
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer, IssuerOptions};
use holder::keys::SigningKey;
use mdoc::crypto::Curve;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};

/// Makes a test issuer in `directory`, unless there is one already.
pub(crate) fn make(directory: &Path) -> Result<(), String> {
    let file = directory.join("issuer.json");
    if file.exists() {
        return load(directory).map(drop);
    }
    let options = fresh();
    let issuer = Issuer::new(&options, &Hooks::default());
    let trust = directory.join("trust");
    let anchors = trust.join("anchors");
    let write = |path: &Path, text: &str| fs::write(path, text).map_err(|error| fault(path, &error));
    fs::create_dir_all(&anchors).map_err(|error| fault(&anchors, &error))?;
    write(&anchors.join("test-iaca.pem"), &pem(&issuer.root))?;
    for (name, bytes) in evidence::files(&issuer, &options) {
        let path = trust.join(name);
        let folder = path.parent().unwrap_or(&trust);
        fs::create_dir_all(folder).map_err(|error| fault(folder, &error))?;
        fs::write(&path, bytes).map_err(|error| fault(&path, &error))?;
    }
    reader(directory, &options)?;
    let seed = json!({ "test_keys_only": true, "seed": options.seed, "now": options.now });
    write(&file, &format!("{seed}\n"))
}

/// Writes the reader's authority, its certificate and its key.
fn reader(directory: &Path, options: &IssuerOptions) -> Result<(), String> {
    let folder = directory.join("reader");
    fs::create_dir_all(&folder).map_err(|error| fault(&folder, &error))?;
    let mut random = ChaCha20Rng::seed_from_u64(options.seed ^ 0x7265_6164);
    let (root_key, key) = (
        SigningKey::generate(Curve::P256, &mut random),
        SigningKey::generate(Curve::P256, &mut random),
    );
    let root_name = name(options.country, None, "TEST reader authority");
    let window = (options.now - DAY, options.now + 300 * DAY);
    let root = CertificateSpec::root(&root_key, root_name.clone(), vec![1], window).sign(&root_key);
    let own = name(options.country, None, "TEST reader");
    let certificate = CertificateSpec::reader(&key, (&root_name, &root_key), own, vec![2], window);
    for (file, text) in [
        ("ca.pem", pem(&root)),
        ("certificate.pem", pem(&certificate.sign(&root_key))),
        ("key.pem", private_key_pem(&key)),
    ] {
        let path = folder.join(file);
        fs::write(&path, text).map_err(|error| fault(&path, &error))?;
    }
    Ok(())
}

/// The authority of readers that the phone trusts, where there is one.
pub(crate) fn reader_authority(directory: &Path) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let text = fs::read_to_string(directory.join("reader/ca.pem")).ok()?;
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).ok()
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
