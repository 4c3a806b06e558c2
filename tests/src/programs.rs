//! The programs themselves, for tests that start them as their users do.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Where a program lies. All of them are built once; cargo tells where they are.
///
/// # Panics
/// They cannot be built.
pub fn program(name: &str) -> &'static Path {
    static PROGRAMS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--locked",
                "-p",
                "reader",
                "-p",
                "verifier-api",
                "-p",
                "holder",
                // Recordings of cameras need nothing of the machine.
                "--features",
                "reader/camera-recording",
            ])
            .args(["--message-format", "json"])
            .output()
            .expect("cargo runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let lines = output.stdout.split(|byte| *byte == b'\n');
        let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        messages
            .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
            .collect()
    });
    let found = programs
        .iter()
        .find(|path| path.file_stem().is_some_and(|stem| stem == name));
    found.unwrap_or_else(|| panic!("cargo built no {name}"))
}

/// A simulated phone in a process of its own; killed with the test.
pub struct Phone {
    child: Child,
    /// Kept open: the phone announces each of its sessions.
    _announcements: BufReader<ChildStdout>,
    /// Where it listens, as `reader read --connect` takes it.
    pub address: String,
    /// The text of its code.
    pub engagement: String,
}

impl Phone {
    /// Starts one under the test issuer in the folder `pki`.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(pki: &Path, more: &[&str]) -> Self {
        let child = Command::new(program("holder"))
            .args(["present", "--listen", "127.0.0.1:0", "--pki"])
            .arg(pki)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.expect("the phone starts");
        let mut announcements = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        announcements
            .read_line(&mut line)
            .expect("the phone says where it listens");
        let announced: Value = serde_json::from_str(&line).expect("a line of JSON");
        let engagement = announced["engagement"].as_str().expect("an engagement");
        assert!(engagement.starts_with("mdoc:"));
        Self {
            engagement: engagement.to_owned(),
            child,
            _announcements: announcements,
            address: format!("tcp://{}", announced["listening"].as_str().expect("an address")),
        }
    }

    /// Reads it for a purpose, judged by the trust directory of its issuer.
    ///
    /// # Panics
    /// The reader does not start.
    pub fn read(&self, purpose: &str, pki: &Path) -> Output {
        let trust = pki.join("trust");
        let trust = trust.to_str().expect("a path in Unicode");
        self.read_with(purpose, &["--trust", trust])
    }

    /// Reads it for a purpose, with these arguments.
    ///
    /// # Panics
    /// The reader does not start.
    pub fn read_with(&self, purpose: &str, more: &[&str]) -> Output {
        Command::new(program("reader"))
            .args(["read", "--connect", &self.address, "--purpose", purpose])
            .args(more)
            .stdin(Stdio::null())
            .output()
            .expect("the reader starts")
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service in a process of its own; killed with the test.
pub struct Service {
    child: Child,
    /// Where it is, as `reader read --verify` takes it.
    pub url: String,
}

impl Service {
    /// Starts one on a free port, with these arguments.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(arguments: &[&str]) -> Self {
        let child = Command::new(program("verifier-api"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "error"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.expect("the service starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("the service says where it listens");
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        Self {
            child,
            url: format!("http://{}", line["listening"].as_str().expect("an address")),
        }
    }

    /// The address alone.
    ///
    /// # Panics
    /// Never: the URL is of this program's making.
    pub fn address(&self) -> std::net::SocketAddr {
        let address = self
            .url
            .strip_prefix("http://")
            .and_then(|address| address.parse().ok());
        address.expect("an address")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key for bundles and the files that are made with it, in a folder of their own.
pub struct BundleMaker {
    folder: PathBuf,
}

impl BundleMaker {
    /// Makes a key in this folder.
    ///
    /// # Panics
    /// The program does not make it.
    pub fn new(folder: &Path) -> Self {
        let maker = Self {
            folder: folder.to_owned(),
        };
        let made = maker.run(&["key", "--new", &maker.path("bundle-key.pem")]);
        assert!(made.status.success(), "{made:?}");
        std::fs::write(maker.path("bundle-key.pub"), made.stdout).expect("a file can be written");
        maker
    }

    /// A file of the folder.
    ///
    /// # Panics
    /// The folder's name is not Unicode.
    pub fn path(&self, name: &str) -> String {
        let path = self.folder.join(name);
        path.to_str().expect("a path in Unicode").to_owned()
    }

    /// The public key's file.
    pub fn key(&self) -> String {
        self.path("bundle-key.pub")
    }

    /// Runs `verifier-api bundle` with these arguments.
    ///
    /// # Panics
    /// It does not start.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let command = Command::new(program("verifier-api"))
            .arg("bundle")
            .args(arguments)
            .output();
        command.expect("the program starts")
    }

    /// Makes the bundle `name` of a trust directory: what the program says of it.
    ///
    /// # Panics
    /// It is refused.
    pub fn build(&self, name: &str, trust: &Path, more: &[&str]) -> Value {
        let trust = trust.to_str().expect("a path in Unicode");
        let (key, out) = (self.path("bundle-key.pem"), self.path(name));
        let arguments = ["build", "--key", &key, "--out", &out, "--trust", trust];
        let made = self.run(&[&arguments, more].concat());
        assert!(made.status.success(), "{made:?}");
        serde_json::from_slice(&made.stdout).expect("a line of JSON")
    }
}
