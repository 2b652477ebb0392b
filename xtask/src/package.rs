//! `cargo xtask package`: the Debian package and the release archive. The same commit gives the same bytes in any folder:
//! paths are mapped to fixed ones, times are that of the commit, and entries are sorted.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};

const PACKAGE: &str = "tollbook";
const PROFILE: &str = "dist";
/// The version of cargo-deb that is installed if none is there.
const CARGO_DEB: &str = "3.8.0";
/// What the archive has besides the program: files and folders of the checkout.
const DOCUMENTS: [&str; 6] =
    ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "docs", "examples"];

pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Outcome {
    match arguments {
        [] => package(workspace).map(|_| ()),
        ["--twice"] => twice(workspace),
        _ => Err(format!("package: unknown arguments {}", arguments.join(" "))),
    }
}

/// Makes the packages and returns the folder with them and their checksums.
fn package(workspace: &Workspace) -> Outcome<PathBuf> {
    let (root, target) = (workspace.root(), workspace.target());
    let time = time_of_commit(root)?;
    let version = version(root)?;
    build(root, target, &time)?;
    let program = target.join(PROFILE).join(PACKAGE);
    let made = target.join("package");
    let _ = fs::remove_dir_all(&made);
    fs::create_dir_all(&made).map_err(|error| format!("{}: {error}", made.display()))?;
    manual(&target.join(PROFILE), &program)?;
    debian(workspace, &made, &time)?;
    archive(root, &made, &program, &version, &time)?;
    let sums = checksums(&made)?;
    fs::write(made.join("SHA256SUMS"), &sums).map_err(|error| format!("SHA256SUMS: {error}"))?;
    step::print(&sums);
    Ok(made)
}

/// Builds twice, here and from a copy of the commit in another folder, and compares the bytes.
fn twice(workspace: &Workspace) -> Outcome {
    let here = package(workspace)?;
    let elsewhere = workspace.target().join("another folder");
    let _ = fs::remove_dir_all(&elsewhere);
    fs::create_dir_all(&elsewhere).map_err(|error| format!("{}: {error}", elsewhere.display()))?;
    // With the commit's time, which the copy has no history for.
    let time = time_of_commit(workspace.root())?;
    let tree = elsewhere.join("tree.tar");
    let mut git = Command::new("git");
    git.current_dir(workspace.root()).args(["archive", "--output"]).arg(&tree).arg("HEAD");
    step::run(&mut git)?;
    let checkout = elsewhere.join("checkout");
    fs::create_dir_all(&checkout).map_err(|error| format!("{}: {error}", checkout.display()))?;
    step::run(Command::new("tar").arg("-xf").arg(&tree).arg("-C").arg(&checkout))?;
    let mut second = Command::new(workspace::cargo());
    second.current_dir(&checkout).args(["run", "--quiet", "--package", "xtask", "--", "package"]);
    second.env("SOURCE_DATE_EPOCH", time).env("CARGO_TARGET_DIR", elsewhere.join("target"));
    step::run(&mut second)?;
    let sums = |folder: &Path| {
        fs::read_to_string(folder.join("SHA256SUMS")).map_err(|error| format!("SHA256SUMS: {error}"))
    };
    let (first, second) = (sums(&here)?, sums(&elsewhere.join("target/package"))?);
    if first != second {
        return Err(format!("the packages differ:\n{first}and in another folder\n{second}"));
    }
    step::say("both builds have the same bytes");
    fs::remove_dir_all(&elsewhere).map_err(|error| format!("{}: {error}", elsewhere.display()))
}

/// The time that everything in the packages has, in Unix seconds.
fn time_of_commit(root: &Path) -> Outcome<String> {
    if let Some(time) = workspace::source_date_epoch() {
        return Ok(time);
    }
    let time = step::output(Command::new("git").current_dir(root).args(["log", "-1", "--format=%ct"]))?;
    Ok(time.trim().to_owned())
}

fn version(root: &Path) -> Outcome<String> {
    let mut cargo = Command::new(workspace::cargo());
    let id = step::output(cargo.current_dir(root).args(["pkgid", "--package", PACKAGE]))?;
    let version = id.trim().rsplit(['@', '#']).next().unwrap_or_default().to_owned();
    if version.is_empty() { Err(format!("no version in {id}")) } else { Ok(version) }
}

/// Builds the program without paths of this machine in it.
fn build(root: &Path, target: &Path, time: &str) -> Outcome {
    let cargo_home = workspace::cargo_home();
    // The last one that matches is used, so that a target directory inside of the checkout has its own name.
    let maps = [(cargo_home.as_path(), "/cargo"), (root, "/tollbook"), (target, "/target")];
    let mut rust = String::new();
    let mut c = String::new();
    for (from, to) in maps {
        let from = from.display().to_string();
        if !rust.is_empty() {
            rust.push('\u{1f}');
        }
        let _ = write!(rust, "--remap-path-prefix={from}={to}");
        // The compiler's options are separated by spaces; a path with one cannot be stated, and needs none: it is in
        // no file of the C libraries, which are below cargo's own folder.
        if !from.contains(' ') {
            let _ = write!(c, "-ffile-prefix-map={from}={to} ");
        }
    }
    let mut cargo = Command::new(workspace::cargo());
    cargo.current_dir(root).args(["build", "--locked", "--profile", PROFILE, "--package", PACKAGE]);
    cargo.env("CARGO_TARGET_DIR", target).env("CARGO_ENCODED_RUSTFLAGS", rust).env("CFLAGS", c.trim_end());
    cargo.env("SOURCE_DATE_EPOCH", time).env("CARGO_INCREMENTAL", "0");
    step::run(&mut cargo)
}

/// Lets the program that was built write its manual pages and completions, which the Debian package takes from here.
fn manual(built: &Path, program: &Path) -> Outcome {
    let folder = built.join("manual");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    step::run(Command::new(program).arg("man").arg(&folder))?;
    for shell in ["bash", "zsh", "fish"] {
        let script = step::output(Command::new(program).args(["completions", shell]))?;
        let file = folder.join(format!("{PACKAGE}.{shell}"));
        fs::write(&file, script).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

/// Makes the Debian package of the program that was built.
fn debian(workspace: &Workspace, made: &Path, time: &str) -> Outcome {
    let tools = cargo_deb(workspace)?;
    let mut cargo = Command::new(tools);
    cargo.current_dir(workspace.root()).args(["--package", PACKAGE, "--profile", PROFILE, "--no-build"]);
    cargo.args(["--no-dbgsym", "--no-separate-debug-symbols", "--no-strip", "--output"]).arg(made);
    cargo.env("SOURCE_DATE_EPOCH", time).env("CARGO_TARGET_DIR", workspace.target());
    step::run(&mut cargo)
}

/// The program cargo-deb: the one on the search path, or one that is installed below the target directory.
fn cargo_deb(workspace: &Workspace) -> Outcome<PathBuf> {
    if step::output(Command::new("cargo-deb").arg("--version")).is_ok() {
        return Ok("cargo-deb".into());
    }
    let root = workspace.target().join("package-tools");
    let program = root.join("bin/cargo-deb");
    if !program.is_file() {
        let mut cargo = Command::new(workspace::cargo());
        cargo.args(["install", "cargo-deb", "--locked", "--version", CARGO_DEB, "--root"]).arg(&root);
        step::run(&mut cargo)?;
    }
    Ok(program)
}

/// Makes the archive for other systems.
fn archive(root: &Path, made: &Path, program: &Path, version: &str, time: &str) -> Outcome {
    let name = format!("{PACKAGE}-{version}-{}-linux", std::env::consts::ARCH);
    let staging = made.join("staging");
    let folder = staging.join(&name);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut copy = Command::new("cp");
    copy.arg("-R").arg(program).args(DOCUMENTS.map(|document| root.join(document)));
    copy.arg(root.join("packaging")).arg(&folder);
    step::run(&mut copy)?;
    let tar = made.join(format!("{name}.tar"));
    let mut command = Command::new("tar");
    command.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=go-w,u+rw,a+rX"]);
    command.args(["--format=gnu", &format!("--mtime=@{time}"), "--create", "--file"]).arg(&tar);
    step::run(command.arg("-C").arg(&staging).arg(&name))?;
    step::run(Command::new("gzip").args(["--no-name", "-9"]).arg(&tar))?;
    fs::remove_dir_all(&staging).map_err(|error| format!("{}: {error}", staging.display()))
}

/// The checksums of the files in a folder, sorted by name.
fn checksums(folder: &Path) -> Outcome<String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.sort();
    step::output(Command::new("sha256sum").current_dir(folder).arg("--").args(names))
}
