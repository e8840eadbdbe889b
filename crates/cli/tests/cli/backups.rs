//! `askfirst backup` and `askfirst restore`: a server is backed up while it works and comes back
//! elsewhere; what must not be restored is refused and changes nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Dev, Done, command, finish, run};

/// A place for backups that nobody else uses.
struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn names(&self) -> Vec<String> {
        names(self.0.path())
    }

    /// A folder whose server has nothing yet but a sealing key.
    fn folder_with_key(&self, name: &str, of: &Dev) -> PathBuf {
        let folder = self.0.path().join(name);
        std::fs::create_dir_all(folder.join("secrets")).unwrap();
        chmod(&folder, 0o700);
        let key = "secrets/sealing.key";
        std::fs::copy(of.folder.join(key), folder.join(key)).unwrap();
        folder
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn back_up(server: &Dev, to: &str, more: &[&str]) -> Done {
    run(&[&["backup", to, "--data", server.folder.to_str().unwrap()], more].concat())
}

fn restore(backup: &str, data: &Path, more: &[&str]) -> Done {
    run(&[&["restore", backup, "--data", data.to_str().unwrap()], more].concat())
}

fn ids(server: &Dev) -> Vec<String> {
    let list = server.admin(&["list", "--limit", "100", "--json"]).expect(0).json();
    let rows = list["data"].as_array().unwrap();
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_server_is_backed_up_at_work_and_comes_back_elsewhere() {
    let (server, shelf) = (Dev::start(), Shelf::new());
    let decided = server.asked(&[]);
    server.vote(&decided, "approve");
    let pending = server.asked(&[]);
    let backup = shelf.path("monday.db");
    let (taken, meanwhile) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| (0..10).map(|_| server.asked(&[])).collect::<Vec<_>>());
        let taken = back_up(&server, &backup, &["--json"]).expect(0).json();
        (taken, asking.join().unwrap())
    });
    assert_eq!(shelf.names(), ["monday.db", "monday.db.json"]);
    let mode = |name: &str| std::fs::metadata(shelf.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("monday.db") & 0o777, 0o600);
    assert_eq!(mode("monday.db.json") & 0o777, 0o600);
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(shelf.path("monday.db.json")).unwrap()).unwrap();
    assert_eq!(manifest, taken["manifest"]);
    assert_eq!(manifest["counts"]["workspaces"], 1);
    assert!(manifest["counts"]["approvals"].as_u64().unwrap() >= 2, "{manifest}");
    let key = std::fs::read_to_string(server.folder.join("secrets/sealing.key")).unwrap();
    let bytes = std::fs::read(&backup).unwrap();
    let found = bytes.windows(key.trim().len()).any(|window| window == key.trim().as_bytes());
    assert!(!found, "the sealing key must not be in the backup");
    assert_eq!(ids(&server).len(), 2 + meanwhile.len(), "the server went on");

    let folder = shelf.folder_with_key("elsewhere", &server);
    let restored = restore(&backup, &folder, &[]).expect(0);
    assert!(restored.out.contains("claimed again"), "{}", restored.out);
    assert_eq!(names(&folder), ["askfirst.db", "askfirst.db.lock", "secrets"]);
    assert_eq!(mode("elsewhere/askfirst.db") & 0o777, 0o600);
    let again = Dev::start_in(&folder);
    let known = ids(&again);
    assert!(known.contains(&decided) && known.contains(&pending), "{known:?}");
    assert_eq!(again.text("admin_key"), server.text("admin_key"));
    again.vote(&pending, "reject");
    // The log goes on from where the backup was taken, and old receipts are still there.
    let workspace = again.text("workspace");
    let head = manifest["audit_heads"][workspace].as_str().unwrap();
    again.admin(&["audit", "verify", "--head", head]).expect(0);
    let (bundle, jwks) = (shelf.path("bundle.json"), shelf.path("jwks.json"));
    again.agent(&["proof", &decided, "--bundle", "--output", &bundle]).expect(0);
    server.agent(&["jwks", "--output", &jwks]).expect(0);
    again.agent(&["verify", &bundle, "--trust", &jwks]).expect(0);
}

#[test]
fn a_backup_replaces_nothing_unless_it_is_told_to() {
    let (server, shelf) = (Dev::start(), Shelf::new());
    let backup = shelf.path("a.db");
    back_up(&server, &backup, &[]).expect(0);
    let first = std::fs::read(&backup).unwrap();
    server.asked(&[]);
    let refused = back_up(&server, &backup, &[]).expect(1);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(std::fs::read(&backup).unwrap(), first);
    std::fs::remove_file(&backup).unwrap();
    let refused = back_up(&server, &backup, &[]).expect(1);
    assert!(refused.err.contains("a.db.json is there already"), "{}", refused.err);
    back_up(&server, &backup, &["--force"]).expect(0);
    assert_ne!(std::fs::read(&backup).unwrap(), first);
    assert_eq!(shelf.names(), ["a.db", "a.db.json"]);

    // Into a folder it goes by the time.
    let told = back_up(&server, &shelf.path(""), &["--json"]).expect(0).json();
    let name = Path::new(told["file"].as_str().unwrap()).file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("askfirst-20") && name.ends_with("Z.db"), "{name}");
    for _ in 0..3 {
        back_up(&server, &shelf.path(""), &[]).expect(0);
    }
    let by_time = shelf.names().iter().filter(|name| name.starts_with("askfirst-20")).count();
    assert_eq!(by_time, 8, "four backups and their manifests: {:?}", shelf.names());

    // Not over the database itself, by whatever name, nor beside it.
    let alias = shelf.path("alias");
    std::os::unix::fs::symlink(&server.folder, &alias).unwrap();
    for name in ["askfirst.db", "askfirst.db-wal", "new.db"] {
        let to = format!("{alias}/{name}");
        let refused = back_up(&server, &to, &["--force"]).expect(1);
        assert!(refused.err.contains("data folder"), "{}", refused.err);
    }
    server.admin(&["audit", "verify"]).expect(0);
    let nowhere = back_up(&server, &shelf.path("missing/b.db"), &[]).expect(1);
    assert!(nowhere.err.contains("missing"), "{}", nowhere.err);
    let empty = run(&["backup", &shelf.path("c.db"), "--data", &shelf.path("")]).expect(78);
    assert!(empty.err.contains("there is no database"), "{}", empty.err);
    assert!(!shelf.names().iter().any(|name| name.contains("partial")), "{:?}", shelf.names());
}

#[test]
fn a_database_that_is_there_gives_way_only_when_told_and_is_kept() {
    let (server, shelf) = (Dev::start(), Shelf::new());
    let early = server.asked(&[]);
    let backup = shelf.path("a.db");
    back_up(&server, &backup, &[]).expect(0);
    let late = server.asked(&[]);
    let folder = server.folder.clone();
    let kept = shelf.folder_with_key("kept", &server);

    // A live server's folder is nobody else's, whatever is said.
    let live = restore(&backup, &folder, &["--force", "--yes"]).expect(78);
    assert!(live.err.contains("another askfirst is using"), "{}", live.err);
    assert_eq!(ids(&server).len(), 2);
    let _folder = server.kill();

    let refused = restore(&backup, &folder, &[]).expect(1);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    let unasked = restore(&backup, &folder, &["--force"]).expect(64);
    assert!(unasked.err.contains("--yes"), "{}", unasked.err);
    let told = restore(&backup, &folder, &["--force", "--yes", "--json"]).expect(0).json();
    let replaced = told["replaced"].as_str().unwrap().to_owned();
    assert!(!folder.join("askfirst.db-wal").exists());
    let again = Dev::start_in(&folder);
    assert_eq!(ids(&again), std::slice::from_ref(&early));
    again.stop();

    // What gave way is whole, with all that was acknowledged before the server was killed.
    std::fs::copy(replaced, kept.join("askfirst.db")).unwrap();
    let before = Dev::start_in(&kept);
    assert_eq!(ids(&before), [late, early]);
}

#[test]
fn what_must_not_be_restored_is_refused_and_changes_nothing() {
    let (server, shelf) = (Dev::start(), Shelf::new());
    server.asked(&[]);
    let good = shelf.path("good.db");
    back_up(&server, &good, &[]).expect(0);
    let folder = shelf.folder_with_key("target", &server);
    let copy = |name: &str, change: &dyn Fn(&mut Vec<u8>, &mut Value)| {
        let mut bytes = std::fs::read(&good).unwrap();
        let manifest = std::fs::read(format!("{good}.json")).unwrap();
        let mut manifest = serde_json::from_slice(&manifest).unwrap();
        change(&mut bytes, &mut manifest);
        let path = shelf.path(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::write(format!("{path}.json"), manifest.to_string()).unwrap();
        path
    };
    let refused = |backup: &str, code: i32, said: &str| {
        let refused = restore(backup, &folder, &[]).expect(code);
        assert!(refused.err.contains(said), "{said}: {}", refused.err);
        let left = names(&folder);
        assert!(
            left.iter().all(|name| ["askfirst.db.lock", "secrets"].contains(&&**name)),
            "{left:?}"
        );
    };
    let flipped = copy("flipped.db", &|bytes, _| *bytes.last_mut().unwrap() ^= 1);
    refused(&flipped, 1, "is damaged");
    let cut = copy("cut.db", &|bytes, _| bytes.truncate(bytes.len() - 4_096));
    refused(&cut, 1, "is damaged");
    refused(&copy("newer.db", &|_, said| said["schema"] = 999.into()), 1, "schema 999");
    refused(&copy("form.db", &|_, said| said["askfirst_backup"] = 9.into()), 1, "form 9");
    refused(&copy("other.db", &|_, said| *said = Value::Null), 1, "not the manifest of a backup");
    std::fs::remove_file(format!("{flipped}.json")).unwrap();
    refused(&flipped, 1, "a backup is two files");
    refused(&shelf.path("missing.db"), 1, "missing.db");

    // The sealing key: another, one that others can read, none; each says where it looked.
    let key = folder.join("secrets/sealing.key");
    let shown = key.to_str().unwrap();
    std::fs::write(&key, "7".repeat(64)).unwrap();
    refused(&good, 78, shown);
    refused(&good, 78, "does not fit this backup");
    chmod(&key, 0o644);
    refused(&good, 78, "others can read it");
    std::fs::remove_file(&key).unwrap();
    refused(&good, 78, &format!("there is no sealing key at {shown}"));
    let elsewhere = server.folder.join("secrets/sealing.key");
    let mut wrong = command(&["restore", &good, "--data", folder.to_str().unwrap()]);
    wrong.arg("--sealing-key-file").arg(&elsewhere).env("ASKFIRST_SEALING_KEY", "7".repeat(64));
    assert!(finish(wrong).expect(78).err.contains("ASKFIRST_SEALING_KEY"));
    restore(&good, &folder, &["--sealing-key-file", elsewhere.to_str().unwrap()]).expect(0);
}
