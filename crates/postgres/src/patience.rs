//! How long a session waits, and how soon each end of a connection notices that the other is
//! gone.
//!
//! A machine that loses its power or its network in the middle of a commit says nothing to the
//! server, which by default keeps the transaction, and all that it has locked, for hours. The
//! next machine would wait for as long.

use std::time::Duration;

use postgres::{Client, Config};

use crate::error::told;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than the server needs to end a session whose machine is gone.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(120);

/// For how long nothing may be heard of the other end; it is asked from half of that on.
const SILENCE: Duration = Duration::from_secs(60);
const PROBES: u32 = 3;

/// A server may have been told not to wait for the disk; the stream relies on what is
/// committed.
const DURABLE: &str = "select set_config('synchronous_commit', 'on', false)
    where current_setting('synchronous_commit') = 'off'";

/// Sent together with a statement that must not wait for others, it holds for that one.
pub(crate) const NO_WAITING: &str = "select set_config('lock_timeout', '100ms', true)";

/// What the address leaves open about waiting, as this end of the connections does it.
pub(crate) fn prepare_client(address: &mut Config) {
    if address.get_connect_timeout().is_none() {
        address.connect_timeout(CONNECT_TIMEOUT);
    }
    if address.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        address.keepalives_idle(SILENCE / 2);
    }
    if address.get_keepalives_interval().is_none() {
        address.keepalives_interval(SILENCE / 2 / PROBES);
    }
    if address.get_keepalives_retries().is_none() {
        address.keepalives_retries(PROBES);
    }
    if address.get_tcp_user_timeout().is_none() {
        address.tcp_user_timeout(SILENCE);
    }
}

/// Makes a new session fit for the sink.
pub(crate) fn prepare_session(
    client: &mut Client,
    lock_timeout: Duration,
) -> Result<(), postgres::Error> {
    client.batch_execute(DURABLE)?;
    let Err(error) = client.batch_execute(&waits(lock_timeout)) else {
        return Ok(());
    };
    if error.as_db_error().is_none() {
        return Err(error);
    }
    // Without it batches are stored as well.
    tracing::warn!(
        "the server does not let the session say how long it waits; where a machine is lost in \
         the middle of a commit, the next may wait for hours: {}",
        told(&error)
    );
    Ok(())
}

/// Sets how long the session waits, as far as the server knows such settings. What already is
/// shorter, by the server, the role or the address, stays; only the wait for locks is the
/// sink's to say.
fn waits(lock_timeout: Duration) -> String {
    // None at all means without end, so the shortest is a millisecond.
    let shortest = u128::from(!lock_timeout.is_zero());
    let lock = lock_timeout.as_millis().max(shortest);
    let lock = i32::try_from(lock).unwrap_or(i32::MAX);
    let (silence, idle) = (SILENCE.as_millis(), SILENCE.as_secs() / 2);
    let interval = idle / u64::from(PROBES);
    format!(
        "select set_config(wanted.name, wanted.value::text, false)
        from (values
            ('lock_timeout', {lock}),
            ('idle_in_transaction_session_timeout', {silence}),
            ('tcp_keepalives_idle', {idle}),
            ('tcp_keepalives_interval', {interval}),
            ('tcp_keepalives_count', {PROBES})
        ) as wanted (name, value)
        join pg_settings as now on now.name = wanted.name
        where now.name = 'lock_timeout'
            or now.setting::bigint = 0 or now.setting::bigint > wanted.value"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_no_time_at_all_is_without_end() {
        let wait = |time| waits(time).contains("('lock_timeout', 0)");
        assert!(wait(Duration::ZERO));
        assert!(!wait(Duration::from_nanos(1)) && !wait(Duration::MAX));
    }

    fn waits_of(address: &str) -> [Duration; 4] {
        let mut address: Config = address.parse().unwrap();
        prepare_client(&mut address);
        [
            *address.get_connect_timeout().unwrap(),
            address.get_keepalives_idle(),
            address.get_keepalives_interval().unwrap() * address.get_keepalives_retries().unwrap(),
            *address.get_tcp_user_timeout().unwrap(),
        ]
    }

    #[test]
    fn what_the_address_says_stays() {
        let said = "host=db connect_timeout=7 keepalives_idle=8 keepalives_interval=2 \
                    keepalives_retries=9 tcp_user_timeout=19";
        assert_eq!(waits_of(said), [7, 8, 18, 19].map(Duration::from_secs));
        assert_eq!(
            waits_of("host=db"),
            [10, 30, 30, 60].map(Duration::from_secs)
        );
    }
}
