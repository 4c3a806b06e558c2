use super::*;

fn file(name: &str, bytes: &[u8]) -> DatedTrustFile {
    DatedTrustFile {
        file: TrustFile {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        },
        written: None,
    }
}

fn put(state: &TrustState, number: u8) -> TrustPointer {
    let files = [file("status/a", &[number])];
    let locked = state.lock().unwrap();
    let how = (TrustAction::Apply, "somebody", "2026-11-23T06:00:00Z");
    let change = locked.put_in_force(&files, &[number; 32], how).unwrap();
    change.log.unwrap();
    change.pointer
}

fn hash(number: u8) -> String {
    sha256_text(&[number; 32])
}

#[test]
fn what_is_put_in_force_is_there_and_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let state = TrustState::new(&folder.path().join("state"));
    assert_eq!(state.current().unwrap(), None);
    assert_eq!(state.last_changes().unwrap(), []);
    let first = put(&state, 1);
    assert_eq!((first.change.number, &first.change.before), (1, &None));
    assert!(first.history.is_empty());
    let second = put(&state, 2);
    assert_eq!(second.change.before, Some(hash(1)));
    assert_eq!(second.history, [hash(1)]);
    assert_eq!(state.current().unwrap(), Some(second.clone()));
    assert_eq!(state.last_changes().unwrap(), [second.change, first.change]);
    let files = state.files(&hash(2)).unwrap();
    assert_eq!((files.len(), files[0].file.bytes.as_slice()), (1, &[2][..]));
}

#[test]
fn a_snapshot_comes_back_and_the_oldest_give_way() {
    let folder = tempfile::tempdir().unwrap();
    let state = TrustState::new(folder.path());
    put(&state, 1);
    put(&state, 2);
    assert_eq!(put(&state, 1).history, [hash(2)]);
    assert_eq!(put(&state, 1).history, [hash(2)], "the same again");
    for number in 3..40 {
        put(&state, number);
    }
    let kept = state.current().unwrap().unwrap().history;
    assert_eq!((kept.len(), &kept[0]), (KEPT_SNAPSHOTS, &hash(38)));
    assert!(kept.iter().all(|hash| state.files(hash).is_ok()));
    let there = fs::read_dir(folder.path().join(SNAPSHOTS)).unwrap().count();
    assert_eq!(there, KEPT_SNAPSHOTS + 1);
}

#[test]
fn one_changes_and_the_other_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let state = TrustState::new(folder.path());
    let held = state.lock().unwrap();
    assert!(matches!(state.lock(), Err(TrustStateError::Busy(_))));
    drop(held);
    assert!(state.lock().is_ok());
}

#[test]
fn a_damaged_pointer_is_named_and_nothing_else_is_taken_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = TrustState::new(folder.path());
    let pointer = put(&state, 1);
    let whole = fs::read(state.current_file()).unwrap();
    let fault = || match state.current() {
        Err(TrustStateError::Damaged { path, fault }) => {
            assert_eq!(path, state.current_file());
            fault
        }
        other => panic!("{other:?}"),
    };
    for length in 0..whole.len() {
        fs::write(state.current_file(), &whole[..length]).unwrap();
        fault();
    }
    let text = String::from_utf8(whole.clone()).unwrap();
    for other in [
        text.replace(&hash(1), "../../etc"),
        text.replace(&hash(1), &hash(1).to_uppercase()),
        text.replace(&hash(1), &hash(1)[..70]),
    ] {
        fs::write(state.current_file(), other).unwrap();
        assert_eq!(fault(), "a snapshot is not named by its hash");
    }
    fs::write(state.current_file(), text.replacen('{', "{\"more\":1,", 1)).unwrap();
    assert!(fault().contains("more"));
    assert!(matches!(state.lock(), Err(TrustStateError::Damaged { .. })));
    fs::write(state.current_file(), whole).unwrap();
    assert_eq!(state.current().unwrap(), Some(pointer));
}

#[test]
fn the_log_gets_the_line_that_an_interrupted_change_owes_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = TrustState::new(folder.path());
    put(&state, 1);
    let log = folder.path().join(LOG);
    let before = fs::read(&log).unwrap();
    let second = put(&state, 2);
    let after = fs::read(&log).unwrap();
    // Cut off at every length of the second line, as a machine that stops leaves it.
    for length in before.len()..after.len() {
        fs::write(&log, &after[..length]).unwrap();
        assert_eq!(
            state.last_changes().unwrap()[0],
            second.change,
            "the pointer knows it"
        );
        drop(state.lock().unwrap());
        let written = fs::read(&log).unwrap();
        assert!(written.starts_with(&after[..length]), "nothing is rewritten");
        let numbers: Vec<u64> = log::tail(&log).unwrap().iter().map(|r| r.number).collect();
        assert_eq!(numbers, [1, 2], "{length}");
    }
    drop(state.lock().unwrap());
    fs::remove_file(state.current_file()).unwrap();
    assert_eq!(put(&state, 3).change.number, 3, "it counts on without a pointer");
}

#[test]
fn a_damaged_snapshot_gives_way_to_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let state = TrustState::new(folder.path());
    put(&state, 1);
    let path = state.folder(&hash(1)).unwrap().join("status/a");
    fs::write(&path, "other").unwrap();
    fs::write(path.with_file_name("b"), "more").unwrap();
    fs::create_dir(folder.path().join(SNAPSHOTS).join(".incoming-half")).unwrap();
    put(&state, 1);
    let files = state.files(&hash(1)).unwrap();
    assert_eq!((files.len(), files[0].file.bytes.as_slice()), (1, &[1][..]));
    assert_eq!(fs::read_dir(folder.path().join(SNAPSHOTS)).unwrap().count(), 1);
}

#[test]
fn what_is_known_of_lists_only_rises_and_a_damaged_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let state = TrustState::new(folder.path());
    assert_eq!(state.newest().unwrap(), NewestLists::default());
    state.remember(&NewestLists::default()).unwrap();
    fs::write(folder.path().join(NEWEST), "{").unwrap();
    let error = state.newest().unwrap_err().to_string();
    assert!(error.contains("newest.json is damaged"), "{error}");
    assert!(state.remember(&NewestLists::default()).is_err());
}
