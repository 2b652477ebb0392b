//! Who runs a command, for the audit log: the user of the shell, and the host and process.

use std::sync::Arc;

use tollbook_ops::SystemClock;
use tollbook_ops::audit::ActingStore;
use tollbook_store::{Actor, ActorKind, Store};

use crate::arguments::command_name;

/// The users of the machine.
const USERS: &str = "/etc/passwd";
/// The environment variable in which `sudo` says who has called it.
const SUDO_USER: &str = "SUDO_USER";

/// The user who runs this command.
pub(crate) fn shell() -> Actor {
    Actor::new(ActorKind::Shell, user(), origin())
}

/// This process as a server, in what it does by itself.
pub(crate) fn server() -> Actor {
    Actor::new(ActorKind::System, "server", origin())
}

fn origin() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("host {host}, process {}, {}", std::process::id(), command_name())
}

/// The store as an actor uses it.
pub(crate) fn acting(store: Arc<dyn Store>, actor: Actor) -> Arc<dyn Store> {
    Arc::new(ActingStore::new(store, Arc::new(SystemClock), actor))
}

/// The name of the process's user, by its number: the environment could name any. If `sudo` has started the process, with
/// the user who called it, which is as true as the environment that root has left.
fn user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let name = std::fs::read_to_string(USERS).ok().and_then(|users| name_of(&users, uid));
    let name = name.unwrap_or_else(|| format!("uid {uid}"));
    #[expect(clippy::disallowed_methods, reason = "sudo says by the environment alone who has called it")]
    let by = std::env::var(SUDO_USER).ok();
    match by.filter(|by| uid == 0 && !by.is_empty() && !by.chars().any(char::is_control)) {
        Some(by) => format!("{name} (sudo of {by})"),
        None => name,
    }
}

fn name_of(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_its_number() {
        let users =
            "root:x:0:0:root:/root:/bin/bash\n# a comment\nbilling:x:1000:1000::/srv/billing:/bin/sh\n";
        assert_eq!(name_of(users, 1000).as_deref(), Some("billing"));
        assert_eq!(name_of(users, 0).as_deref(), Some("root"));
        assert_eq!(name_of(users, 7), None);
    }
}
