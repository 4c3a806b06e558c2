//! The rules of the house that the compiler does not check. Each rule is a function from text to the places
//! that break it; beside each test over the repository stands one that shows the rule biting.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use mdoc::verify::{Check, Reason, Weight};

/// The crates that know no world: what they need is an argument, what they find is a return value.
const PURE_CRATES: [&str; 2] = ["mdoc", "relying-party"];

/// Who may know whom, over all kinds of dependencies.
const DIRECTIONS: [(&str, &[&str]); 7] = [
    ("mdoc", &[]),
    ("relying-party", &["mdoc"]),
    ("operator", &["relying-party"]),
    ("reader", &["mdoc", "operator", "relying-party"]),
    ("verifier-api", &["mdoc", "operator", "relying-party"]),
    ("holder", &["mdoc"]),
    (
        "verifier-tests",
        &[
            "holder",
            "mdoc",
            "operator",
            "reader",
            "relying-party",
            "verifier-api",
        ],
    ),
];

/// Crates that open files, sockets, devices or databases; with them everything named `NAME-…`.
const IO_CRATES: [&str; 42] = [
    "actix",
    "async-io",
    "async-std",
    "axum",
    "bluer",
    "btleplug",
    "curl",
    "dbus",
    "evdev",
    "h2",
    "hickory",
    "hidapi",
    "hyper",
    "isahc",
    "libdbus-sys",
    "libpcsclite",
    "libsqlite3-sys",
    "memmap2",
    "mio",
    "native-tls",
    "nix",
    "nokhwa",
    "notify",
    "openssl",
    "pcsc",
    "polling",
    "postgres",
    "reqwest",
    "rusqlite",
    "rustix",
    "rustls",
    "serialport",
    "smol",
    "socket2",
    "sqlx",
    "tempfile",
    "tokio",
    "udev",
    "ureq",
    "v4l",
    "walkdir",
    "zbus",
];

/// What a source file of a pure crate does not say outside of its tests.
const WORLD: [&str; 15] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::",
    "::now(",
    "TimeZone::system",
    "getrandom",
    "SysRng",
    "OsRng",
    "thread_rng",
    "async fn",
];

/// Lines of a source file without its tests.
const LONGEST_FILE: usize = 550;

/// The one registry that Cargo.lock may name.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

// --- Manifests and dependencies -----------------------------------------------------------------------------

#[test]
fn every_member_opts_into_the_workspace_lints() {
    let metadata = metadata();
    assert!(metadata.packages.len() >= DIRECTIONS.len());
    for package in &metadata.packages {
        let manifest = read(package.manifest_path.as_std_path());
        assert!(
            has_workspace_lints(&manifest),
            "{}: [lints] workspace = true is missing",
            package.name
        );
    }
}

#[test]
fn a_manifest_without_workspace_lints_is_noticed() {
    assert!(has_workspace_lints("[package]\n\n[lints]\nworkspace = true\n"));
    assert!(!has_workspace_lints("[package]\nname = \"a\"\n"));
    assert!(!has_workspace_lints(
        "[lints]\n\n[dependencies]\nworkspace = true\n"
    ));
    assert!(!has_workspace_lints("[lints.rust]\nworkspace = true\n"));
    assert!(!has_workspace_lints("[lints]\n# workspace = true\n"));
}

#[test]
fn no_io_crate_stands_below_the_pure_crates() {
    let (metadata, lock) = (metadata(), lock());
    for name in PURE_CRATES {
        let below = below(member(&metadata, name), &lock);
        assert!(
            below.contains("x509-cert"),
            "{name}: the walk through Cargo.lock finds what is there"
        );
        let found: Vec<&String> = below.iter().filter(|name| is_io_crate(name)).collect();
        assert!(found.is_empty(), "{name} reaches {found:?}");
    }
}

#[test]
fn io_crates_are_known_by_name() {
    for name in [
        "tokio",
        "tokio-util",
        "hyper_util",
        "libdbus-sys",
        "sqlx-core",
        "rustls-pki-types",
        "ureq",
    ] {
        assert!(is_io_crate(name), "{name}");
    }
    for name in ["x509-cert", "notifyd", "smoltcp", "aws-lc-rs", "h2o"] {
        assert!(!is_io_crate(name), "{name}");
    }
}

#[test]
fn the_walk_through_the_lock_file_reaches_everything() {
    let lock = parse_lock(
        "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \"b\",\n]\n\n\
         [[package]]\nname = \"b\"\nversion = \"1.0.0\"\ndependencies = [\n \"mio 2.0.0\",\n]\n\n\
         [[package]]\nname = \"mio\"\nversion = \"2.0.0\"\n",
    );
    assert_eq!(
        reachable(vec!["a".to_owned()], &lock),
        ["a", "b", "mio"].map(str::to_owned).into()
    );
}

#[test]
fn the_pure_crates_have_no_random_source_of_their_own() {
    let metadata = metadata();
    for name in PURE_CRATES {
        let direct: Vec<&str> = production(member(&metadata, name)).collect();
        assert!(direct.contains(&"thiserror"), "{name}: its dependencies are seen");
        for source in ["getrandom", "rand", "fastrand", "uuid"] {
            assert!(!direct.contains(&source), "{name} depends on {source}");
        }
    }
}

#[test]
fn jiff_reads_no_clock_zone_or_file_of_the_system() {
    let metadata = metadata();
    let mut seen = 0;
    for package in &metadata.packages {
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| dependency.name == "jiff")
        {
            seen += 1;
            assert!(
                !dependency.uses_default_features,
                "{}: jiff with default features",
                package.name
            );
            let system = dependency
                .features
                .iter()
                .find(|name| name.starts_with("tz-") || name.starts_with("tzdb-"));
            assert_eq!(system, None, "{}: jiff would look at the system", package.name);
        }
    }
    assert!(seen > 0, "jiff is a dependency");
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let members: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(
        members,
        DIRECTIONS.iter().map(|(name, _)| *name).collect(),
        "DIRECTIONS lists the members"
    );
    for (name, allowed) in DIRECTIONS {
        let known = member(&metadata, name)
            .dependencies
            .iter()
            .map(|dependency| dependency.name.as_str());
        let wrong: Vec<&str> = known
            .filter(|known| members.contains(known) && !allowed.contains(known))
            .collect();
        assert!(wrong.is_empty(), "{name} must not know {wrong:?}");
    }
}

#[test]
fn every_dependency_comes_from_one_registry() {
    let lock = read(&root().join("Cargo.lock"));
    let sources: BTreeSet<&str> = lock_sources(&lock).collect();
    assert_eq!(sources, BTreeSet::from([REGISTRY]));
    assert!(
        !root().join(".cargo").exists(),
        "where crates come from is not set in the repository"
    );
}

#[test]
fn another_registry_is_noticed() {
    let lock = "name = \"a\"\nsource = \"git+https://example.test/a\"\n\nsource = \"sparse+https://example.test/\"\n";
    assert_eq!(
        lock_sources(lock).collect::<Vec<_>>(),
        ["git+https://example.test/a", "sparse+https://example.test/"]
    );
}

#[test]
fn the_pure_crates_repeat_the_clippy_settings() {
    let settings = read(&root().join("clippy.toml"));
    assert!(settings.lines().count() >= 4);
    for name in PURE_CRATES {
        let own = read(&root().join(name).join("clippy.toml"));
        for line in settings
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            assert!(
                own.lines().any(|other| other == line),
                "{name}/clippy.toml lacks: {line}"
            );
        }
        for clock in [
            "std::time::SystemTime::now",
            "std::time::Instant::now",
            "jiff::Timestamp::now",
        ] {
            assert!(
                own.contains(&format!("\"{clock}\"")),
                "{name}/clippy.toml lets {clock} pass"
            );
        }
    }
}

// --- Sources ------------------------------------------------------------------------------------------------

#[test]
fn source_files_stay_short() {
    let files = production_sources(&DIRECTIONS.map(|(name, _)| name));
    assert!(files.len() > 20, "the sources are found");
    let long: Vec<String> = files
        .iter()
        .map(|(path, text)| (path, without_tests(text).lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| format!("{}: {lines} lines", shown(path)))
        .collect();
    assert!(long.is_empty(), "over {LONGEST_FILE} lines: {long:#?}");
}

#[test]
fn only_tests_are_left_out_of_the_count() {
    let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
    assert_eq!(without_tests(text), "fn a() {}\n\n");
    let declared =
        "#[cfg(test)]\nmod tests;\nfn a() {}\n#[cfg(test)]\npub(crate) mod test_vectors;\nmod other;\n";
    assert_eq!(without_tests(declared), declared);
    assert_eq!(test_modules(declared), ["tests", "test_vectors"]);
    let beside = "#[cfg(test)]\n#[path = \"reader_tests.rs\"]\nmod tests;\n#[path = \"a.rs\"]\nmod a;\n";
    assert_eq!(test_modules(beside), ["reader_tests.rs"]);
    let paths = test_module_paths(Path::new("src/session/reader.rs"), beside);
    assert_eq!(paths, [Path::new("src/session/reader_tests")]);
    let paths = test_module_paths(Path::new("src/session/reader.rs"), "#[cfg(test)]\nmod tests;\n");
    assert_eq!(paths, [Path::new("src/session/reader/tests")]);
}

#[test]
fn the_pure_crates_do_not_mention_the_world() {
    let files = production_sources(&PURE_CRATES);
    assert!(files.len() > 20, "the sources are found");
    let found: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| {
            mentions_of_the_world(text)
                .into_iter()
                .map(move |(line, word)| format!("{}:{line}: {word}", shown(path)))
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_clock_in_a_pure_crate_is_noticed() {
    let text = "//! No Instant::now() here.\nfn age() { SystemTime::UNIX_EPOCH; }\nuse std::fs;\n\
                #[cfg(test)]\nmod tests {\n    use std::env;\n}\n";
    assert_eq!(mentions_of_the_world(text), [(2, "SystemTime"), (3, "std::fs")]);
}

#[test]
fn no_test_is_switched_off() {
    let ignored = concat!("#[", "ignore");
    for (path, text) in repository_texts() {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let found = text.lines().any(|line| line.trim_start().starts_with(ignored));
            assert!(!found, "{} holds a test that does not run", shown(&path));
        }
    }
}

#[test]
fn nothing_is_left_to_do_in_the_text() {
    let found: Vec<String> = repository_texts()
        .iter()
        .filter_map(|(path, text)| unfinished(text).map(|word| format!("{}: {word}", shown(path))))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn unfinished_work_is_noticed_as_a_word_of_its_own() {
    let word = concat!("TO", "DO");
    assert_eq!(unfinished(&format!("// {word}: later")), Some(word));
    assert_eq!(unfinished(&format!("({word})")), Some(word));
    assert_eq!(unfinished(&format!("x{word}x {word}S base64{word}")), None);
}

#[test]
fn no_file_names_a_place_on_one_machine() {
    let found: Vec<String> = repository_texts()
        .iter()
        .filter_map(|(path, text)| machine_path(text).map(|place| format!("{}: {place}", shown(path))))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_place_on_one_machine_is_noticed() {
    let home = concat!("/ho", "me/");
    assert_eq!(machine_path(&format!("cd {home}someone")), Some(home));
    assert_eq!(machine_path(&format!("\"{home}someone\"")), Some(home));
    assert_eq!(
        machine_path(&format!("https://example.test{home}page")),
        None,
        "a URL's path is none"
    );
    assert_eq!(machine_path(&format!("$PREFIX{home}")), None);
}

// --- Documents ----------------------------------------------------------------------------------------------

#[test]
fn the_licences_are_whole() {
    let manifest = read(&root().join("Cargo.toml"));
    assert!(manifest.contains("license = \"Apache-2.0 OR MIT\""));
    let apache = read(&root().join("LICENSE-APACHE"));
    assert!(apache.contains("Version 2.0, January 2004") && apache.contains("END OF TERMS AND CONDITIONS"));
    assert!(apache.lines().count() > 190);
    let mit = read(&root().join("LICENSE-MIT"));
    assert!(mit.contains("Permission is hereby granted, free of charge"));
    assert!(mit.contains("WITHOUT WARRANTY OF ANY KIND"));
}

#[test]
fn documented_make_targets_exist() {
    let makefile = read(&root().join("Makefile"));
    let readme = read(&root().join("README.md"));
    let in_readme = make_targets(&readme);
    assert!(
        in_readme.contains("demo") && in_readme.contains("test"),
        "the README's two commands"
    );
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        ".ci/run",
    ] {
        for target in make_targets(&read(&root().join(document))) {
            assert!(
                has_target(&makefile, &target),
                "{document} speaks of `make {target}`"
            );
        }
    }
}

#[test]
fn a_target_that_does_not_exist_is_noticed() {
    let text = "Run `make demo ONCE=1`, then\n\n    make bench\n$ make --no-print-directory deny\nThey make no sense.";
    assert_eq!(
        make_targets(text),
        ["bench", "demo", "deny"].map(str::to_owned).into()
    );
    assert!(has_target("demo: build ## x\n", "demo"));
    assert!(!has_target("demonstrate:\n# demo:\n", "demo"));
}

#[test]
fn the_architecture_names_every_folder() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let metadata = metadata();
    let members = metadata.packages.iter().map(|package| {
        let folder = package
            .manifest_path
            .parent()
            .expect("a manifest stands in a folder");
        folder
            .file_name()
            .expect("a member's folder has a name")
            .to_owned()
    });
    for folder in members.chain(["testdata", "fuzz"].map(str::to_owned)) {
        assert!(
            text.contains(&format!("| `{folder}/` |")),
            "ARCHITECTURE.md does not describe {folder}/"
        );
    }
}

#[test]
fn the_architecture_lists_every_check_and_reason() {
    let text = read(&root().join("ARCHITECTURE.md"));
    for check in Check::ALL {
        assert!(
            text.contains(&format!("`{}`", check.name())),
            "check {}",
            check.name()
        );
    }
    for reason in Reason::ALL {
        let row = reason_row(&text, reason.code());
        let verdict = match reason.weight() {
            Weight::Rejects => "rejected",
            Weight::Undetermined => "undetermined",
        };
        let row = row.unwrap_or_else(|| panic!("no row for {}", reason.code()));
        assert!(
            row.contains(verdict) || row.contains("warning"),
            "{}: {row}",
            reason.code()
        );
    }
}

#[test]
fn a_reason_without_a_row_is_noticed() {
    let table = "| `mso.expired` `mso.malformed` | rejected |\nThe reason `device.key` is old.\n";
    assert_eq!(
        reason_row(table, "mso.expired"),
        Some("| `mso.expired` `mso.malformed` | rejected |")
    );
    assert_eq!(reason_row(table, "mso"), None);
    assert_eq!(reason_row(table, "device.key"), None, "prose is no row");
}

// --- The rules ----------------------------------------------------------------------------------------------

fn has_workspace_lints(manifest: &str) -> bool {
    let mut lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    lines
        .find(|line| !line.is_empty())
        .is_some_and(|line| line == "workspace = true")
}

fn is_io_crate(name: &str) -> bool {
    IO_CRATES.iter().any(|io| {
        name.strip_prefix(io)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-') || rest.starts_with('_'))
    })
}

/// The names of the packages that a lock file holds, each with those that it depends on. Versions of one
/// name fall together: what one of them reaches counts for all.
fn parse_lock(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for block in text.split("[[package]]").skip(1) {
        let name = block
            .lines()
            .find_map(|line| line.strip_prefix("name = "))
            .expect("a package has a name");
        let listed = block.lines().filter_map(|line| line.strip_prefix(" \""));
        let names = listed.filter_map(|entry| entry.trim_end_matches(['"', ',']).split(' ').next());
        packages
            .entry(name.trim_matches('"').to_owned())
            .or_default()
            .extend(names.map(str::to_owned));
    }
    packages
}

fn reachable(start: Vec<String>, lock: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = start;
    while let Some(name) = open.pop() {
        let next = lock
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is not in Cargo.lock"));
        if found.insert(name) {
            open.extend(next.iter().cloned());
        }
    }
    found
}

fn lock_sources(lock: &str) -> impl Iterator<Item = &str> {
    lock.lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .map(|source| source.trim_matches('"'))
}

/// Source text up to its inline test module, which stands last.
fn without_tests(text: &str) -> &str {
    let marker = "#[cfg(test)]\nmod tests {";
    text.find(marker).map_or(text, |position| &text[..position])
}

/// The modules that a source file declares for tests only: their names, or the files that `#[path]` gives.
fn test_modules(text: &str) -> Vec<&str> {
    let mut lines = text.lines().map(str::trim).peekable();
    let mut modules = Vec::new();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            let path = lines
                .peek()
                .and_then(|line| line.strip_prefix("#[path = \"")?.strip_suffix("\"]"));
            let name = lines
                .next()
                .and_then(|line| line.split_once("mod ")?.1.strip_suffix(';'));
            modules.extend(path.or(name));
        }
    }
    modules
}

fn mentions_of_the_world(text: &str) -> Vec<(usize, &'static str)> {
    let code = without_tests(text)
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.flat_map(|(number, line)| {
        WORLD
            .into_iter()
            .filter(move |word| line.contains(word))
            .map(move |word| (number + 1, word))
    })
    .collect()
}

fn unfinished(text: &str) -> Option<&'static str> {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME")];
    words.into_iter().find(|word| {
        text.match_indices(word).any(|(start, _)| {
            let before = text[..start].chars().next_back();
            let after = text[start + word.len()..].chars().next();
            ![before, after]
                .into_iter()
                .flatten()
                .any(|c| c.is_alphanumeric() || "_-+/=".contains(c))
        })
    })
}

fn machine_path(text: &str) -> Option<&'static str> {
    let places = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
        concat!("/t", "mp/"),
        concat!("C:", "\\"),
    ];
    places.into_iter().find(|place| {
        text.match_indices(place).any(|(start, _)| {
            let before = text[..start].chars().next_back();
            before.is_none_or(|c| c.is_whitespace() || "\"'`=:([<,".contains(c))
        })
    })
}

/// What follows `make` where it is a command: in backticks, at the start of a line, or after `$`.
fn make_targets(text: &str) -> BTreeSet<String> {
    let mut targets = BTreeSet::new();
    for line in text.lines() {
        let line = line.trim_start().trim_start_matches("$ ");
        let scripted = line.split("make --no-print-directory ").skip(1);
        let quoted = line.split("`make ").skip(1);
        for words in scripted.chain(quoted).chain(line.strip_prefix("make ")) {
            let end = words
                .find(|c: char| !(c.is_ascii_lowercase() || c == '-'))
                .unwrap_or(words.len());
            if end > 0 && !words.starts_with('-') {
                targets.insert(words[..end].to_owned());
            }
        }
    }
    targets
}

fn has_target(makefile: &str, target: &str) -> bool {
    makefile.lines().any(|line| {
        line.strip_prefix(target)
            .is_some_and(|rest| rest.starts_with(':'))
    })
}

fn reason_row<'a>(text: &'a str, code: &str) -> Option<&'a str> {
    let quoted = format!("`{code}`");
    text.lines()
        .find(|line| line.starts_with('|') && line.contains(&quoted))
}

// --- What the rules look at ---------------------------------------------------------------------------------

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests stand in a folder of the workspace")
        .to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The members alone: nothing is resolved, so nothing is fetched.
fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--locked".to_owned(), "--offline".to_owned()])
        .exec()
        .expect("cargo describes the workspace")
}

fn member<'a>(metadata: &'a Metadata, name: &str) -> &'a Package {
    let found = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == name);
    found.unwrap_or_else(|| panic!("{name} is a member of the workspace"))
}

fn lock() -> BTreeMap<String, BTreeSet<String>> {
    parse_lock(&read(&root().join("Cargo.lock")))
}

/// The direct dependencies of what ships: normal and build dependencies.
fn production(package: &Package) -> impl Iterator<Item = &str> {
    let shipped = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development);
    shipped.map(|dependency| dependency.name.as_str())
}

/// Everything below what ships of a member, on every platform and with every feature in use anywhere.
fn below(package: &Package, lock: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let (members, outside): (Vec<&str>, Vec<&str>) =
        production(package).partition(|name| DIRECTIONS.iter().any(|(member, _)| member == name));
    let mut found = reachable(outside.into_iter().map(str::to_owned).collect(), lock);
    let metadata = metadata();
    for name in members {
        found.extend(below(member(&metadata, name), lock));
    }
    found
}

/// The source files of these members without those that are tests only.
fn production_sources(members: &[&str]) -> Vec<(PathBuf, String)> {
    let metadata = metadata();
    let mut files = Vec::new();
    for name in members {
        let manifest = member(&metadata, name).manifest_path.as_std_path();
        collect(&manifest.with_file_name("src"), &mut files);
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|path| (path.clone(), read(&path)))
        .collect();
    let tests: Vec<PathBuf> = texts
        .iter()
        .flat_map(|(path, text)| test_module_paths(path, text))
        .collect();
    let is_test = |path: &Path| {
        tests
            .iter()
            .any(|test| path.starts_with(test) || path == test.with_extension("rs"))
    };
    texts.into_iter().filter(|(path, _)| !is_test(path)).collect()
}

fn test_module_paths(path: &Path, text: &str) -> Vec<PathBuf> {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .expect("source files have plain names");
    let folder = if ["lib", "main", "mod"].contains(&stem) {
        path.with_file_name("")
    } else {
        path.with_extension("")
    };
    let place = |module: &str| match module.strip_suffix(".rs") {
        Some(beside) => path.with_file_name(beside),
        None => folder.join(module),
    };
    test_modules(text).into_iter().map(place).collect()
}

/// Every text of the repository, but for what git ignores, the lock file and the licences.
fn repository_texts() -> Vec<(PathBuf, String)> {
    let root = root();
    let ignored = ignored_paths(&read(&root.join(".gitignore")));
    let target = metadata().target_directory.into_std_path_buf();
    let mut files = Vec::new();
    collect_unless(&root, &mut files, &|path| {
        path == target || ignored.iter().any(|pattern| matches_ignore(&root, pattern, path))
    });
    let left_out = ["Cargo.lock", "LICENSE-APACHE"];
    files.retain(|path| {
        !path
            .file_name()
            .is_some_and(|name| left_out.iter().any(|left| name == *left))
    });
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
        .collect();
    assert!(texts.len() > 50, "the repository is found");
    texts
}

/// The patterns of .gitignore, all of which start at the root; `.git` is one more.
fn ignored_paths(gitignore: &str) -> Vec<String> {
    let patterns = gitignore
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    patterns
        .map(|line| {
            line.strip_prefix('/')
                .expect("patterns start at the root")
                .to_owned()
        })
        .chain([".git".to_owned()])
        .collect()
}

fn matches_ignore(root: &Path, pattern: &str, path: &Path) -> bool {
    let Ok(relative) = path.strip_prefix(root) else {
        return false;
    };
    pattern.strip_suffix('*').map_or_else(
        || relative == Path::new(pattern),
        |start| relative.to_str().is_some_and(|text| text.starts_with(start)),
    )
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    collect_unless(folder, files, &|_| false);
}

fn collect_unless(path: &Path, files: &mut Vec<PathBuf>, left_out: &dyn Fn(&Path) -> bool) {
    if left_out(path) {
        return;
    }
    if path.is_dir() {
        for entry in entries(path) {
            collect_unless(&entry, files, left_out);
        }
    } else {
        files.push(path.to_owned());
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = listed
        .map(|entry| entry.expect("a folder's entry can be read").path())
        .collect();
    paths.sort();
    paths
}
