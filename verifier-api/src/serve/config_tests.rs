use super::*;

fn load(flags: Layer, file: Option<&str>, variables: &[(&str, &str)]) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.toml");
    let named = file.map(|text| std::fs::write(&path, text).map(|()| path.clone()).unwrap());
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Loaded::load(flags, named, variables).map_err(|error| error.to_string())
}

fn flag(listen: &str) -> Layer {
    Layer {
        listen: Some(listen.to_owned()),
        ..Layer::default()
    }
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_the_defaults() {
    let file = Some("listen = \"127.0.0.1:3\"\nworkers = 3\n");
    let variables = [
        ("VERIFIER_API_LISTEN", "127.0.0.1:2"),
        ("VERIFIER_API_LOG", "warn"),
    ];
    let of = |flags, file, variables: &[_]| {
        let loaded = load(flags, file, variables).unwrap();
        let from = loaded.to_json()["from"]["listen"].as_str().unwrap().to_owned();
        (loaded.config.listen.port(), from)
    };
    assert_eq!(of(flag("127.0.0.1:1"), file, &variables), (1, "flag".to_owned()));
    assert_eq!(
        of(Layer::default(), file, &variables),
        (2, "environment".to_owned())
    );
    assert_eq!(of(Layer::default(), file, &[]), (3, "file".to_owned()));
    assert_eq!(of(Layer::default(), None, &[]), (8080, "default".to_owned()));
    let loaded = load(Layer::default(), file, &variables).unwrap();
    assert_eq!((loaded.config.workers, loaded.config.log), (3, LogLevel::Warn));
}

#[test]
fn faults_name_the_setting_and_its_source() {
    for (file, word) in [
        ("colour = 1", "colour"),
        ("workers = \"2\"", "workers"),
        ("workers = 0", "workers (from the file)"),
        ("listen = \"localhost\"", "listen (from the file)"),
        ("log = \"loud\"", "log (from the file)"),
        ("body_timeout = 0", "body_timeout (from the file)"),
        ("trust_max_age = \"soon\"", "trust_max_age (from the file)"),
        ("listen = ", "line 1"),
    ] {
        let fault = load(Layer::default(), Some(file), &[]).unwrap_err();
        assert!(fault.contains(word), "{file}: {fault}");
    }
    let fault = load(Layer::default(), None, &[("VERIFIER_API_WORKERS", "x")]).unwrap_err();
    assert!(fault.contains("workers (from the environment)"), "{fault}");
    let fault = load(flag("127.0.0.1"), None, &[]).unwrap_err();
    assert!(fault.contains("listen (from the flag)"), "{fault}");
}

#[test]
fn paths_in_the_file_lie_beside_it_and_others_do_not() {
    let file = Some("trust = \"trust\"\npurposes = \"/purposes\"\n");
    let loaded = load(Layer::default(), file, &[("VERIFIER_API_API_KEYS_FILE", "keys")]).unwrap();
    let trust = loaded.config.trust.unwrap();
    assert!(trust.is_absolute() && trust.ends_with("trust"));
    assert_eq!(loaded.config.purposes, Some(PathBuf::from("/purposes")));
    assert_eq!(loaded.config.api_keys_file, Some(PathBuf::from("keys")));
}

#[test]
fn the_environment_may_hold_what_means_nothing_here() {
    let variables = [
        ("VERIFIER_API_SERVICE_HOST", "x"),
        ("VERIFIER_API_TRUST", ""),
        ("PATH", "x"),
    ];
    let loaded = load(Layer::default(), None, &variables).unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].contains("VERIFIER_API_SERVICE_HOST"));
    assert_eq!(loaded.config.trust, None);
}

#[test]
fn only_loopback_is_open_without_keys() {
    let config = |listen: &str, keys: Option<&str>| Config {
        listen: listen.parse().unwrap(),
        api_keys_file: keys.map(PathBuf::from),
        ..Config::default()
    };
    for (listen, open) in [
        ("127.0.0.1:0", true),
        ("127.9.9.9:0", true),
        ("[::1]:0", true),
        ("0.0.0.0:0", false),
        ("[::]:0", false),
        ("192.0.2.1:80", false),
        ("[::ffff:127.0.0.1]:0", false),
    ] {
        assert_eq!(config(listen, None).check().is_ok(), open, "{listen}");
        assert!(config(listen, Some("keys")).check().is_ok(), "{listen}");
    }
}

#[test]
fn every_setting_is_shown() {
    let json = load(Layer::default(), None, &[]).unwrap().to_json();
    let from = json["from"].as_object().unwrap();
    assert_eq!(
        from.keys().collect::<Vec<_>>(),
        SETTINGS.each_ref().map(|name| *name)
    );
    assert!(SETTINGS.iter().all(|name| json.contains_key(*name)));
}
