//! What the server and systemd tell each other: sockets that are open already, readiness, the stop, and the watchdog
//! (docs/OPERATIONS.md, "systemd"). Without systemd nothing here has an effect.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tollbook_ops::tasks::Tasks;

use crate::output::Failure;

/// Names of the sockets that systemd has opened, separated by colons.
const NAMES_VARIABLE: &str = "LISTEN_FDNAMES";
const NUMBER_VARIABLE: &str = "LISTEN_FDS";
/// `FileDescriptorName=` of the sockets; without it systemd uses the name of the unit.
const MAIN: [&str; 2] = ["tollbook", "tollbook.socket"];
const METRICS: [&str; 2] = ["tollbook-metrics", "tollbook-metrics.socket"];
/// By how much a step of the start that takes long moves systemd's limit of it.
const START_EXTENSION: Duration = Duration::from_secs(30);

/// Sockets that were open when the process was started.
#[derive(Default)]
pub(super) struct Inherited {
    pub(super) main: Option<TcpListener>,
    pub(super) metrics: Option<TcpListener>,
}

impl Inherited {
    /// Takes the sockets. Must be called before other threads are started, because it changes the environment.
    pub(super) fn take() -> Result<Self, Failure> {
        let names = variable(NAMES_VARIABLE);
        let names: Vec<&str> = names.as_deref().map_or_else(Vec::new, |names| names.split(':').collect());
        let mut sockets = ListenFd::from_env();
        let mut inherited = Self::default();
        for place in 0..sockets.len() {
            let name = names.get(place).copied();
            let slot = slot(place, name).ok_or_else(|| {
                let name = name.unwrap_or("without a name");
                Failure::new(format!(
                    "{NUMBER_VARIABLE}: socket {} ({name}) is not known; name them {} and {} (FileDescriptorName=)",
                    place + 1,
                    MAIN[0],
                    METRICS[0]
                ))
            })?;
            let listener = sockets.take_tcp_listener(place).map_err(|error| {
                Failure::new(format!("{NUMBER_VARIABLE}: socket {} is not one for TCP: {error}", place + 1))
            })?;
            if let Some(listener) = &listener {
                listener.set_nonblocking(true)?;
            }
            let taken = match slot {
                Slot::Main => std::mem::replace(&mut inherited.main, listener),
                Slot::Metrics => std::mem::replace(&mut inherited.metrics, listener),
            };
            if taken.is_some() {
                let name = name.unwrap_or(MAIN[0]);
                return Err(Failure::new(format!("{NUMBER_VARIABLE}: there are two sockets named {name}")));
            }
        }
        Ok(inherited)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Slot {
    Main,
    Metrics,
}

/// What a socket is for. Sockets without names are the main one and that of the metrics, in this order.
fn slot(place: usize, name: Option<&str>) -> Option<Slot> {
    match (place, name) {
        (_, Some(name)) if MAIN.contains(&name) => Some(Slot::Main),
        (_, Some(name)) if METRICS.contains(&name) => Some(Slot::Metrics),
        (0, None | Some("" | "unknown")) => Some(Slot::Main),
        (1, None | Some("" | "unknown")) => Some(Slot::Metrics),
        _ => None,
    }
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "systemd passes the names of sockets in the environment")]
    std::env::var(name).ok()
}

/// The server accepts requests.
pub(super) fn ready(url: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("listens on {url}"))]);
}

/// A step of the start takes long: systemd should neither give up nor leave its operator without the reason.
pub(super) fn starting_slowly(what: &str) {
    let extension = u32::try_from(START_EXTENSION.as_micros()).unwrap_or(u32::MAX);
    let status = format!("waits for {what}");
    tell(&[NotifyState::ExtendTimeoutUsec(extension), NotifyState::Status(&status)]);
}

/// The server has begun to stop.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishes the requests in progress")]);
}

/// Notifies the watchdog of systemd, if it watches this process, for as long as the background tasks make progress. Returns
/// when it does not watch.
pub(super) async fn feed_watchdog(tasks: Arc<Tasks>, patience: Duration) {
    let Some(timeout) = sd_notify::watchdog_enabled().filter(|timeout| !timeout.is_zero()) else { return };
    let mut interval = tokio::time::interval(timeout / 3);
    let mut is_well = true;
    loop {
        interval.tick().await;
        match tasks.check_progress(patience) {
            Ok(()) => {
                is_well = true;
                tell(&[NotifyState::Watchdog]);
            }
            Err(reason) => {
                if std::mem::replace(&mut is_well, false) {
                    tracing::error!(reason, "the watchdog of systemd is not notified");
                }
                tell(&[NotifyState::Status(&reason)]);
            }
        }
    }
}

/// A service manager that cannot be reached changes nothing for customers.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd cannot be notified");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_have_the_names_that_are_known() {
        for (unit, name) in [
            (include_str!("../../../../packaging/systemd/tollbook.socket"), MAIN[0]),
            (include_str!("../../../../packaging/systemd/tollbook-metrics.socket"), METRICS[0]),
        ] {
            assert!(unit.lines().any(|line| line == format!("FileDescriptorName={name}")), "{name}");
        }
    }

    #[test]
    fn sockets_are_known_by_name_or_by_place() {
        for (place, name, expected) in [
            (0, Some("tollbook"), Some(Slot::Main)),
            (1, Some("tollbook.socket"), Some(Slot::Main)),
            (0, Some("tollbook-metrics"), Some(Slot::Metrics)),
            (0, None, Some(Slot::Main)),
            (1, Some("unknown"), Some(Slot::Metrics)),
            (2, None, None),
            (0, Some("http"), None),
        ] {
            assert_eq!(slot(place, name), expected, "{place} {name:?}");
        }
    }
}
