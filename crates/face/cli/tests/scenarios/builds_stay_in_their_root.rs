//! `lode build` reads what strangers wrote; none of their files makes it read other files of this
//! machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use e2e::GitServer;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::ground;

/// Must never be printed.
const SECRET: &str = "canary-of-this-machine";
const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
/// A build reads a few files; one that takes this long is blocked.
const BUILD_MAX: Duration = Duration::from_secs(30);

/// A folder with a repository in it, and files outside the repository that no build may read.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        machine.write("beside/kustomization.yaml", "resources: [secret.yaml]\n");
        machine.write(
            "beside/secret.yaml",
            &format!("{CONFIG_MAP}data: {{key: {SECRET}}}\n"),
        );
        machine
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Builds in a working folder outside the machine's folder, with a variable that
    /// `/proc/self/environ` would show.
    fn build(&self, path: &str, flags: &[&str]) -> Output {
        self.build_from("/usr", self.at(path).to_str().unwrap(), flags)
    }

    fn build_from(&self, current: impl AsRef<Path>, path: &str, flags: &[&str]) -> Output {
        let mut command = Command::new(ground::binary());
        command
            .args(["build", path, "--egress-allow", "127.0.0.0/8"])
            .args(flags)
            .current_dir(current);
        command
            .env("CANARY", SECRET)
            .env("XDG_CACHE_HOME", self.at("cache"))
            .output()
            .unwrap()
    }

    /// Builds and expects an error that contains all of `words` and no part of the secret.
    fn refuses(&self, path: &str, flags: &[&str], words: &[&str]) {
        let run = self.build(path, flags);
        let (out, talk) = (
            String::from_utf8_lossy(&run.stdout),
            String::from_utf8_lossy(&run.stderr),
        );
        assert!(
            !run.status.success() && out.is_empty(),
            "{path} {flags:?}: {out}{talk}"
        );
        assert!(!talk.contains(SECRET), "{path} {flags:?}: {talk}");
        for word in words {
            assert!(
                talk.contains(word),
                "{path} {flags:?}: \"{word}\" is not in: {talk}"
            );
        }
    }

    fn builds(&self, path: &str, flags: &[&str]) {
        let run = self.build(path, flags);
        assert!(
            run.status.success(),
            "{path} {flags:?}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
    }
}

const ANY_FILE: [&str; 2] = ["--load-restrictor", "LoadRestrictionsNone"];

/// Returns a kustomization for every way to name a file.
fn naming(path: &str) -> Vec<String> {
    vec![
        format!("resources: [\"{path}\"]\n"),
        format!("resources: [a.yaml]\npatches: [{{path: \"{path}\"}}]\n"),
        format!("resources: [a.yaml]\npatchesStrategicMerge: [\"{path}\"]\n"),
        format!("configMapGenerator: [{{name: x, files: [\"{path}\"]}}]\n"),
        format!("configMapGenerator: [{{name: x, envs: [\"{path}\"]}}]\n"),
        format!("secretGenerator: [{{name: x, files: [\"k={path}\"]}}]\n"),
        format!("resources: [a.yaml]\ncrds: [\"{path}\"]\n"),
        format!("resources: [a.yaml]\nconfigurations: [\"{path}\"]\n"),
        format!("resources: [a.yaml]\nopenapi: {{path: \"{path}\"}}\n"),
        format!("resources: [a.yaml]\ntransformers: [\"{path}\"]\n"),
        format!("resources: [a.yaml]\ngenerators: [\"{path}\"]\n"),
        format!("resources: [a.yaml]\nreplacements: [{{path: \"{path}\"}}]\n"),
    ]
}

#[test]
fn neither_dots_nor_links_leave_the_checkout() {
    let machine = Machine::new();
    fs::create_dir_all(machine.at("top/.git")).unwrap();
    machine.write("top/app/a.yaml", CONFIG_MAP);
    symlink("../../beside/secret.yaml", machine.at("top/app/link.yaml")).unwrap();
    symlink("/proc/self/environ", machine.at("top/app/environ")).unwrap();
    symlink("../../beside", machine.at("top/app/folder")).unwrap();
    for (path, words) in [
        ("../../beside/secret.yaml", vec!["is outside of", "--root"]),
        (
            "../../../../../../../proc/self/environ",
            vec!["is outside of", "--root"],
        ),
        (
            "link.yaml",
            vec!["app/link.yaml", "../../beside/secret.yaml", "--root"],
        ),
        (
            "environ",
            vec!["app/environ", "/proc/self/environ", "--root"],
        ),
        (
            "folder/secret.yaml",
            vec!["app/folder", "../../beside", "--root"],
        ),
    ] {
        for text in naming(path) {
            machine.write("top/app/kustomization.yaml", &text);
            for flags in [&["--flux"][..], &ANY_FILE[..]] {
                machine.refuses("top/app", flags, &words);
            }
            machine.refuses("top/app", &[], &[]);
        }
    }
}

#[test]
fn the_kustomization_file_and_the_base_itself_may_not_be_links_out() {
    let machine = Machine::new();
    fs::create_dir_all(machine.at("top/.git")).unwrap();
    fs::create_dir_all(machine.at("top/app")).unwrap();
    symlink(
        "../../beside/kustomization.yaml",
        machine.at("top/app/kustomization.yaml"),
    )
    .unwrap();
    symlink("../beside", machine.at("top/base")).unwrap();
    machine.write("top/user/kustomization.yaml", "resources: [../base]\n");
    machine.write("top/dots/kustomization.yaml", "resources: [../../beside]\n");
    for flags in [&["--flux"][..], &ANY_FILE[..], &[]] {
        machine.refuses("top/app", flags, &["app/kustomization.yaml", "--root"]);
        machine.refuses("top/user", flags, &["top/base", "../beside", "--root"]);
        machine.refuses("top/dots", flags, &["is outside of", "--root"]);
    }
    // A generated kustomization includes every manifest it finds.
    machine.write("top/plain/a.yaml", CONFIG_MAP);
    symlink("../../beside/secret.yaml", machine.at("top/plain/b.yaml")).unwrap();
    machine.refuses(
        "top/plain",
        &["--flux"],
        &["plain/b.yaml", "../../beside/secret.yaml", "--root"],
    );
}

#[test]
fn the_user_may_widen_the_root_and_must_name_it_where_nothing_says_it() {
    let machine = Machine::new();
    machine.write(
        "top/app/kustomization.yaml",
        "resources: [../../beside/secret.yaml]\n",
    );
    machine.refuses("top/app", &["--flux"], &["--root"]);
    machine.refuses("top/app", &ANY_FILE, &["--root"]);
    let (all, top) = (machine.at(""), machine.at("top"));
    let (all, top) = (all.to_str().unwrap(), top.to_str().unwrap());
    for flags in [&["--flux"][..], &ANY_FILE[..]] {
        machine.builds("top/app", &[flags, &["--root", all]].concat());
        machine.refuses(
            "top/app",
            &[flags, &["--root", top]].concat(),
            &["is outside of", top],
        );
    }
    // The current folder is a root too if the build lies in it.
    assert!(
        machine
            .build_from(all, "top/app", &["--flux"])
            .status
            .success()
    );
    assert!(!machine.build_from(top, "app", &["--flux"]).status.success());
}

#[test]
fn without_any_root_the_rules_of_kustomize_hold() {
    let machine = Machine::new();
    machine.write("top/app/kustomization.yaml", "resources: [../../beside]\n");
    machine.builds("top/app", &[]);
    machine.write(
        "top/app/kustomization.yaml",
        "resources: [../../beside/secret.yaml]\n",
    );
    machine.refuses("top/app", &[], &["load restrictions"]);
    symlink("../../beside/secret.yaml", machine.at("top/app/link.yaml")).unwrap();
    machine.write("top/app/kustomization.yaml", "resources: [link.yaml]\n");
    machine.refuses("top/app", &[], &["load restrictions"]);
    fs::remove_file(machine.at("top/app/kustomization.yaml")).unwrap();
    symlink(
        "../../beside/kustomization.yaml",
        machine.at("top/app/kustomization.yaml"),
    )
    .unwrap();
    machine.refuses("top/app", &[], &["load restrictions"]);
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let machine = Machine::new();
    fs::create_dir_all(machine.at("top/.git")).unwrap();
    machine.write("top/app/a.yaml", CONFIG_MAP);
    mkfifo(&machine.at("top/app/pipe.yaml"), Mode::S_IRWXU).unwrap();
    symlink("/dev/zero", machine.at("top/app/zero")).unwrap();
    symlink("/proc/self/environ", machine.at("top/app/environ")).unwrap();
    for (path, root, word) in [
        ("pipe.yaml", None, "a pipe"),
        ("zero", Some("/"), "a device"),
        ("environ", Some("/"), "generated by the kernel"),
    ] {
        for text in naming(path) {
            machine.write("top/app/kustomization.yaml", &text);
            let root: Vec<&str> = root.into_iter().flat_map(|root| ["--root", root]).collect();
            for flags in [&["--flux"][..], &ANY_FILE[..]] {
                machine.refuses("top/app", &[flags, &root].concat(), &[word]);
            }
        }
    }
    fs::remove_file(machine.at("top/app/kustomization.yaml")).unwrap();
    machine.refuses("top/app", &["--flux"], &["pipe.yaml", "a pipe"]);
    mkfifo(&machine.at("top/app/kustomization.yaml"), Mode::S_IRWXU).unwrap();
    machine.refuses("top/app", &[], &["kustomization.yaml", "a pipe"]);
    machine.refuses("top/app", &["--flux"], &["kustomization.yaml", "a pipe"]);
}

#[test]
fn a_remote_base_stays_in_its_repository() {
    let (git, machine) = (GitServer::start().unwrap(), Machine::new());
    let (evil, other) = (
        git.repository("evil").unwrap(),
        git.repository("other").unwrap(),
    );
    other
        .write(
            "kustomization.yaml",
            &format!("configMapGenerator: [{{name: x, literals: [k={SECRET}]}}]\n"),
        )
        .unwrap();
    other.push("other").unwrap();
    fs::create_dir_all(machine.at("top/.git")).unwrap();
    let local = machine.at("top/app");
    let beside = machine.at("beside");
    let (inside, dots) = (
        local.to_str().unwrap().trim_start_matches('/'),
        "../".repeat(9),
    );
    let steps = [
        // The machine, the checkout that names the base, and another fetched repository.
        format!("{dots}proc/self/environ"),
        format!("../..{}", beside.display()),
        format!("../..{}/secret.yaml", beside.display()),
        format!("../../{inside}/a.yaml"),
        "../../0".to_owned(),
        "../../0/kustomization.yaml".to_owned(),
    ];
    let texts: Vec<String> = steps.iter().flat_map(|step| naming(step)).collect();
    for (number, text) in texts.iter().enumerate() {
        evil.write(
            &format!("{number}/a.yaml"),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: theirs}\n",
        )
        .unwrap();
        evil.write(&format!("{number}/kustomization.yaml"), text)
            .unwrap();
    }
    // A link in a fetched repository leads inside that repository or nowhere.
    evil.write("link/kustomization.yaml", "resources: [link.yaml]\n")
        .unwrap();
    symlink("/proc/self/environ", evil.folder().join("link/link.yaml")).unwrap();
    evil.push("tries").unwrap();

    machine.write("top/app/a.yaml", CONFIG_MAP);
    let escapes = (0..texts.len()).map(|number| (number.to_string(), "leaves its root"));
    for (folder, word) in escapes.chain([("link".to_owned(), "symbolic link")]) {
        let bases = format!(
            "\"{}//?ref=main\", \"{}//{folder}?ref=main\"",
            other.url, evil.url
        );
        machine.write(
            "top/app/kustomization.yaml",
            &format!("resources: [a.yaml, {bases}]\n"),
        );
        machine.refuses("top/app", &ANY_FILE, &[word]);
    }
}

#[test]
fn a_pipe_that_the_user_names_is_read_and_an_unused_one_is_empty() {
    let machine = Machine::new();
    machine.write("top/app/a.yaml", CONFIG_MAP);
    mkfifo(&machine.at("ks.yaml"), Mode::S_IRWXU).unwrap();
    let started = std::time::Instant::now();
    let pipe = machine.at("ks.yaml");
    let run = machine.build(
        "top",
        &[
            "--flux",
            "--root",
            machine.at("top").to_str().unwrap(),
            "-k",
            pipe.to_str().unwrap(),
        ],
    );
    assert!(!run.status.success() && started.elapsed() < BUILD_MAX);
}
