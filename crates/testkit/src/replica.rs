//! Streaming replication between two clusters.

use crate::Cluster;
use crate::cluster::wait_until;

impl Cluster {
    /// Starts a streaming hot standby of this cluster. Returns when it accepts reads. The standby is a separate cluster
    /// with its own folder and URLs, and remains when this one is dropped.
    ///
    /// # Panics
    ///
    /// If the copy or its start fails.
    #[must_use = "the replica is deleted on drop"]
    pub fn replica(&self) -> Cluster {
        let replica = Cluster::prepare();
        let mut command = self.connect(self.program("pg_basebackup"));
        command.arg("-D").arg(replica.data());
        command.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        if let Err(why) = crate::programs::output(&mut command, "") {
            panic!("the replica cannot be created: {why}");
        }
        // The copy has the settings of this cluster. Appended settings override them.
        replica.listen_on_socket();
        replica.start_again();
        replica
    }

    /// Promotes a replica to a primary. Returns when it accepts writes.
    ///
    /// # Panics
    ///
    /// If this cluster is not a replica.
    pub fn promote(&self) {
        self.control(&["promote"]).expect("the replica is promoted");
        wait_until("the promoted replica to accept writes", || {
            self.sql("postgres", "SELECT pg_is_in_recovery()") == "f"
        });
    }

    /// Pauses replay. The replica continues to receive changes, but applies none that it receives after this returns.
    pub fn pause_replay(&self) {
        self.sql("postgres", "SELECT pg_wal_replay_pause()");
        // An idle replica reports the state "paused" only after seconds. But the request takes effect before the next
        // record, so it suffices to wait until all received records are applied.
        wait_until("the replica to pause", || {
            let sql = "SELECT pg_get_wal_replay_pause_state() = 'paused'
                OR coalesce(pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn(), false)";
            self.sql("postgres", sql) == "t"
        });
    }

    /// Resumes replay, including the changes received during the pause.
    pub fn resume_replay(&self) {
        self.sql("postgres", "SELECT pg_wal_replay_resume()");
    }

    /// Waits until this replica has applied everything that `primary` has flushed so far, which includes every
    /// committed transaction.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute, because the replica is paused or not connected.
    pub fn wait_for_replay(&self, primary: &Cluster) {
        let flushed = primary.sql("postgres", "SELECT pg_current_wal_flush_lsn()");
        let sql = format!("SELECT pg_last_wal_replay_lsn() >= '{flushed}'");
        wait_until(&format!("the replica to apply everything up to {flushed}"), || {
            self.sql("postgres", &sql) == "t"
        });
    }
}
