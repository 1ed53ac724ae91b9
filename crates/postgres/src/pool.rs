//! A few connections that tasks take turns with.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use postgres::{Client, Config};

use crate::patience;

/// Makes a connection.
pub(crate) type Connect = Arc<dyn Fn(&Config) -> Result<Client, postgres::Error> + Send + Sync>;

pub(crate) struct Pool {
    config: Config,
    connect: Connect,
    max: usize,
    lock_timeout: Duration,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Client>,
    taken: usize,
}

impl Pool {
    pub(crate) fn new(
        config: Config,
        connect: Connect,
        max: usize,
        lock_timeout: Duration,
    ) -> Self {
        Pool {
            config,
            connect,
            max: max.max(1),
            lock_timeout,
            state: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// A connection that answers, once one is free.
    pub(crate) fn get(&self) -> Result<Lease<'_>, postgres::Error> {
        let mut state = self.state.lock();
        while state.taken >= self.max {
            self.returned.wait(&mut state);
        }
        state.taken += 1;
        let idle = state.idle.pop();
        drop(state);
        // From here on the place is given back, whatever happens.
        let mut lease = Lease {
            pool: self,
            client: idle,
        };
        if let Some(client) = &mut lease.client
            && client.check_connection().is_err()
        {
            // The server was restarted, or the network is another: the rest will be dead too.
            let dead = std::mem::take(&mut self.state.lock().idle);
            drop((dead, lease.client.take()));
        }
        if lease.client.is_none() {
            let mut client = (self.connect)(&self.config)?;
            patience::prepare_session(&mut client, self.lock_timeout)?;
            lease.client = Some(client);
        }
        Ok(lease)
    }
}

/// A connection, until it is dropped.
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    client: Option<Client>,
}

impl Deref for Lease<'_> {
    type Target = Client;

    #[expect(clippy::expect_used, reason = "taken out by drop only")]
    fn deref(&self) -> &Client {
        self.client.as_ref().expect("a lease has its client")
    }
}

impl DerefMut for Lease<'_> {
    #[expect(clippy::expect_used, reason = "taken out by drop only")]
    fn deref_mut(&mut self) -> &mut Client {
        self.client.as_mut().expect("a lease has its client")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // A panic may have left it in the middle of something.
        let client = self
            .client
            .take()
            .filter(|client| !thread::panicking() && !client.is_closed());
        let mut state = self.pool.state.lock();
        state.taken -= 1;
        state.idle.extend(client);
        drop(state);
        self.pool.returned.notify_one();
    }
}
