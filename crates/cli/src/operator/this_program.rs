//! How a shell starts this program, for commands that are printed to be pasted.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const NAME: &str = "tollbook";
/// What a shell takes literally without quotes.
const PLAIN: &[u8] = b"+,-./:=@_";

/// The name `tollbook` if a shell finds this executable by it, else the executable's path, quoted.
pub(super) fn this_program() -> String {
    let Ok(executable) = std::env::current_exe() else { return NAME.to_owned() };
    named(&executable, std::env::var_os("PATH").as_deref())
}

fn named(executable: &Path, path: Option<&OsStr>) -> String {
    let own = executable.canonicalize().ok();
    let mut files = std::env::split_paths(path.unwrap_or_default()).map(|folder| folder.join(NAME));
    // A shell takes the first file of the name, whether it is this one or not.
    let found = files.find(|file| is_executable(file)).and_then(|file| file.canonicalize().ok());
    if found.is_some() && found == own { NAME.to_owned() } else { quoted(executable) }
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// A path as one word of a POSIX shell.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || PLAIN.contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_its_short_name_only_if_it_is_found_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let [built, installed, other] = ["target dir", "bin", "other"].map(|name| folder.path().join(name));
        for place in [&built, &installed, &other] {
            std::fs::create_dir(place).unwrap();
        }
        let executable = built.join(NAME);
        for place in [&built, &other] {
            std::fs::write(place.join(NAME), "").unwrap();
            std::fs::set_permissions(place.join(NAME), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let nowhere = folder.path().join("nowhere");
        std::fs::create_dir(&nowhere).unwrap();
        std::fs::write(nowhere.join(NAME), "no program").unwrap();
        std::os::unix::fs::symlink(&executable, installed.join(NAME)).unwrap();
        let path = |places: &[&Path]| std::env::join_paths(places).unwrap();
        let whole = format!("'{}'", executable.display());
        let cases: [(&[&Path], &str); 5] = [
            (&[&nowhere, &built], NAME),
            (&[&installed, &other], NAME),
            (&[&other, &installed], &whole),
            (&[&nowhere], &whole),
            (&[], &whole),
        ];
        for (places, expected) in cases {
            assert_eq!(named(&executable, Some(&path(places))), expected, "{places:?}");
        }
        assert_eq!(named(&executable, None), whole);
    }

    #[test]
    fn a_shell_reads_a_quoted_path_as_it_is() {
        for text in ["/opt/tollbook", "/it's here/a b", "/$HOME/`x`", "", "/~x", "/日本"] {
            let script = format!("printf %s {}", quoted(Path::new(text)));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
    }
}
