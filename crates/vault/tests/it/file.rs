//! The key file: made once, for its owner only, and refused when it is not what it should be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use response_domain::ports::vault::SecretVault;
use response_vault::{KEY_FILE, Vault};
use rstest::rstest;

use crate::{KEY_A, TOKEN, binding, told};

/// A key file with this text and mode, in a folder that lives as long as the answer.
fn file(text: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEY_FILE);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (folder, path)
}

fn refused(folder: &Path) -> String {
    told(&Vault::from_file_in(folder).unwrap_err())
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn the_file_is_made_at_the_first_use_and_kept() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("not/there/yet");
    let sealed = Vault::from_file_in(&folder)
        .unwrap()
        .seal(TOKEN.as_bytes(), &binding("ada", 1))
        .unwrap();
    let text = fs::read_to_string(folder.join(KEY_FILE)).unwrap();

    let again = Vault::from_file_in(&folder).unwrap();
    assert_eq!(
        *again.open(&sealed, &binding("ada", 1)).unwrap(),
        TOKEN.as_bytes()
    );
    assert_eq!(fs::read_to_string(folder.join(KEY_FILE)).unwrap(), text);
    assert_eq!(
        names(&folder),
        [folder.join(KEY_FILE)],
        "no draft is left behind"
    );
}

#[test]
fn only_its_owner_may_read_the_file_that_is_made() {
    let folder = tempfile::tempdir().unwrap();
    Vault::from_file_in(folder.path()).unwrap();
    let made = fs::metadata(folder.path().join(KEY_FILE)).unwrap();
    assert_eq!(made.permissions().mode() & 0o7777, 0o600);
}

#[test]
fn each_folder_gets_a_key_of_its_own() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let texts = folders.each_ref().map(|folder| {
        Vault::from_file_in(folder.path()).unwrap();
        fs::read_to_string(folder.path().join(KEY_FILE)).unwrap()
    });
    let [one, other] = texts.each_ref().map(|text| text.split_once(':').unwrap());
    assert_ne!(one.0, other.0, "the ids differ");
    assert_ne!(one.1, other.1, "the keys differ");
}

#[test]
fn the_text_of_the_file_is_the_text_of_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let of_file = Vault::from_file_in(folder.path()).unwrap();
    let text = fs::read_to_string(folder.path().join(KEY_FILE)).unwrap();
    let of_text = Vault::from_keys(&text).unwrap();
    let sealed = of_file.seal(TOKEN.as_bytes(), &binding("ada", 1)).unwrap();
    assert_eq!(
        *of_text.open(&sealed, &binding("ada", 1)).unwrap(),
        TOKEN.as_bytes()
    );

    let (folder, _) = file(format!("b:{KEY_A}\na:{KEY_A}\n").as_bytes(), 0o600);
    let by_hand = Vault::from_file_in(folder.path()).unwrap();
    assert_eq!(by_hand.key_ids().collect::<Vec<_>>(), ["b", "a"]);
}

#[rstest]
#[case(0o604)]
#[case(0o644)]
#[case(0o602)]
#[case(0o601)]
#[case(0o666)]
fn a_file_that_is_open_to_others_is_refused(#[case] mode: u32) {
    let (folder, path) = file(format!("a:{KEY_A}").as_bytes(), mode);
    let expected = format!(
        "the key file `{}` is open to others (mode {mode:04o}): let only its owner read it (`chmod 600`)",
        path.display()
    );
    assert_eq!(refused(folder.path()), expected);
}

/// Who sets the group of a volume, as Kubernetes does, opens each file of it to that group.
#[rstest]
#[case(0o600)]
#[case(0o400)]
#[case(0o440)]
#[case(0o660)]
fn a_file_that_is_closed_to_others_is_read(#[case] mode: u32) {
    let (folder, _) = file(format!("a:{KEY_A}").as_bytes(), mode);
    assert!(Vault::from_file_in(folder.path()).is_ok());
}

#[rstest]
#[case::empty(b"", "no key is in it")]
#[case::words(
    b"once upon a time",
    "entry 1 of the keys cannot be used: it is not written `id:key`"
)]
#[case::half_a_line(
    b"a:qqqq",
    "entry 1 of the keys cannot be used: the key `a` is not 32 bytes long"
)]
fn a_file_without_keys_is_refused(#[case] text: &[u8], #[case] why: &str) {
    let (folder, path) = file(text, 0o600);
    let expected = format!(
        "the key file `{}` does not hold keys: {why}",
        path.display()
    );
    assert_eq!(refused(folder.path()), expected);
    assert_eq!(fs::read(&path).unwrap(), text, "it is left as it is");
}

#[rstest]
#[case::not_text(b"a:\xff", "stream did not contain valid UTF-8")]
#[case::far_too_long(&vec![b'a'; 70_000], "it is longer than 65536 bytes")]
fn a_file_that_is_no_text_cannot_be_read(#[case] text: &[u8], #[case] why: &str) {
    let (folder, path) = file(text, 0o600);
    let expected = format!("the key file `{}` cannot be read: {why}", path.display());
    assert_eq!(refused(folder.path()), expected);
}

#[test]
fn a_link_that_leads_nowhere_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEY_FILE);
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
    assert!(refused(folder.path()).starts_with(&format!(
        "the key file `{}` cannot be read: ",
        path.display()
    )));
    assert!(path.is_symlink());
}

#[test]
fn a_folder_that_cannot_be_made_is_told_with_the_file() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a-file");
    fs::write(&folder, "").unwrap();
    let told = refused(&folder);
    assert!(
        told.contains(&folder.join(KEY_FILE).display().to_string()),
        "{told}"
    );
}
