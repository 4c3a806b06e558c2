//! A trust directory, its state directory and the program that changes one by the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use holder::certificate::{CertificateSpec, name};
use holder::evidence::CrlSpec;
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer, IssuerOptions};
use holder::keys::SigningKey;
use holder::scenario::NOW;
use holder::vical::VicalSpec;
use holder::{Scenario, certificate};
use mdoc::crypto::Curve;
use rand_core::SeedableRng as _;
use serde_json::Value;

use crate::programs::program;

/// The instant of the test issuer, as the program takes it.
pub const AT: &str = "2026-11-23T06:00:00Z";

/// An operator with both directories in one folder.
pub struct Operator {
    folder: PathBuf,
    /// The issuer of [`Scenario::my_number`].
    pub issuer: Issuer,
    options: IssuerOptions,
}

impl Operator {
    /// One who trusts the issuer of a scenario; nothing is in force yet.
    ///
    /// # Panics
    /// The folder cannot be written.
    pub fn new(folder: &Path) -> Self {
        let options = Scenario::my_number().issuer.clone();
        let operator = Self {
            folder: folder.to_owned(),
            issuer: Issuer::new(&options, &Hooks::default()),
            options,
        };
        operator.put(
            "anchors/own.pem",
            certificate::pem(&operator.issuer.root).as_bytes(),
        );
        operator
    }

    /// The trust directory.
    pub fn trust(&self) -> PathBuf {
        self.folder.join("trust")
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Writes a file of the trust directory.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.trust().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, bytes).expect("a file can be written");
    }

    /// Removes a file of the trust directory.
    ///
    /// # Panics
    /// It is not there.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.trust().join(name)).expect("the file is there");
    }

    /// A CRL of the issuer with this number, made so many days before the instant of the scenario.
    pub fn crl(&self, number: u8, days_ago: i64) -> Vec<u8> {
        self.crl_by(&self.issuer.root_key, number, days_ago)
    }

    /// As [`Self::crl`], signed with another key.
    pub fn crl_by(&self, key: &SigningKey, number: u8, days_ago: i64) -> Vec<u8> {
        let issuer = name(self.options.country, self.options.state, "TEST IACA");
        let mut spec = CrlSpec::new(issuer, &self.issuer.root_key, number, NOW);
        spec.this_update = NOW - days_ago * DAY;
        spec.sign(key)
    }

    /// The command with the directories of this operator.
    pub fn command(&self, command: &str, more: &[&str]) -> Command {
        let mut program = Command::new(program("verifier-api"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("VERIFIER_API_") {
                program.env_remove(name);
            }
        }
        program.args(["trust", command, "--state"]).arg(self.state());
        if matches!(command, "list" | "preview") {
            program.args(["--at", AT]);
        }
        if matches!(command, "preview" | "apply") {
            program.arg(self.trust());
        }
        program.args(more);
        program
    }

    /// Runs the command.
    ///
    /// # Panics
    /// It does not start.
    pub fn run(&self, command: &str, more: &[&str]) -> Output {
        self.command(command, more).output().expect("the program starts")
    }

    /// Runs the command, which succeeds: what it says.
    ///
    /// # Panics
    /// It does not succeed.
    #[track_caller]
    pub fn done(&self, command: &str, more: &[&str]) -> Value {
        let output = self.run(command, more);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("a line of JSON")
    }

    /// Runs the command, which is refused: what it says.
    ///
    /// # Panics
    /// It is not refused.
    #[track_caller]
    pub fn refused(&self, command: &str, more: &[&str]) -> Value {
        let output = self.run(command, more);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("a line of JSON")
    }

    /// The hash of the snapshot in force.
    ///
    /// # Panics
    /// Nothing is in force.
    pub fn in_force(&self) -> String {
        let pointer = operator::TrustState::new(&self.state()).current();
        let pointer = pointer.expect("a pointer").expect("something is in force");
        pointer.snapshot().to_owned()
    }
}

/// A key of this seed.
pub fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Curve::P256, &mut rand_chacha::ChaCha20Rng::seed_from_u64(seed))
}

/// A root that stands for itself, valid for so many days from the instant of the scenario.
pub fn root(seed: u64, days: i64) -> Vec<u8> {
    let key = key(seed);
    let name = name("JP", None, &format!("TEST root {seed}"));
    CertificateSpec::root(&key, name, vec![3], (NOW - 400 * DAY, NOW + days * DAY)).sign(&key)
}

/// A VICAL to be, of one entry.
pub fn vical(issue_id: u64, date: i64, entry: &[u8]) -> VicalSpec {
    VicalSpec {
        provider: "TEST lists".to_owned(),
        issue_id,
        date,
        next_update: None,
        not_after: None,
        entries: vec![(entry.to_vec(), vec!["org.iso.18013.5.1.mDL".to_owned()])],
    }
}
