//! Streaming replication between two clusters.

use crate::Cluster;
use crate::cluster::wait_until;

impl Cluster {
    /// A streaming hot standby of this cluster, started and accepting reads. It is a cluster of its own: it has its own
    /// folder and URLs, and is kept when this one is dropped.
    ///
    /// # Panics
    ///
    /// When the copy or its start fails.
    #[must_use = "dropped, it is deleted"]
    pub fn replica(&self) -> Cluster {
        let replica = Cluster::prepare();
        let mut command = self.connect(self.program("pg_basebackup"));
        command.arg("-D").arg(replica.data());
        command.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        if let Err(why) = crate::programs::output(&mut command, "") {
            panic!("the replica cannot be made: {why}");
        }
        // The copy holds this cluster's settings; what comes last counts.
        replica.listen_on_socket();
        replica.start_again();
        replica
    }

    /// Makes a replica a primary; returns when it accepts writes.
    ///
    /// # Panics
    ///
    /// When this is no replica.
    pub fn promote(&self) {
        self.control(&["promote"]).expect("the replica is promoted");
        wait_until("the promoted replica to accept writes", || {
            self.sql("postgres", "SELECT pg_is_in_recovery()") == "f"
        });
    }

    /// The replica goes on receiving, but applies nothing that it receives after this returns.
    pub fn pause_replay(&self) {
        self.sql("postgres", "SELECT pg_wal_replay_pause()");
        // One that has nothing to apply says that it has paused only seconds later. But it looks before each record:
        // the request is enough once the record that was in its hands is applied.
        wait_until("the replica to pause", || {
            let sql = "SELECT pg_get_wal_replay_pause_state() = 'paused'
                OR coalesce(pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn(), false)";
            self.sql("postgres", sql) == "t"
        });
    }

    /// The replica applies again what it receives, and has received.
    pub fn resume_replay(&self) {
        self.sql("postgres", "SELECT pg_wal_replay_resume()");
    }

    /// Returns when this replica has applied everything that `primary` has flushed by now, thus all that is committed
    /// there.
    ///
    /// # Panics
    ///
    /// When that takes a minute: it is paused, or not connected.
    pub fn wait_for_replay(&self, primary: &Cluster) {
        let flushed = primary.sql("postgres", "SELECT pg_current_wal_flush_lsn()");
        let sql = format!("SELECT pg_last_wal_replay_lsn() >= '{flushed}'");
        wait_until(&format!("the replica to apply everything up to {flushed}"), || {
            self.sql("postgres", &sql) == "t"
        });
    }
}
