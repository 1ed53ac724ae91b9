//! Between the bus of events and whoever in this crate follows a program: each event becomes a
//! record once, however many follow.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use headwater_core::Context;
use headwater_core::events::{Event, Listener, ListenerId};
use parking_lot::Mutex;

use crate::record::Record;

/// Gets what happens in a program, as a [`Listener`] does and on the same thread.
pub(crate) trait Follow: Send {
    /// Whether this is of interest; of what nobody wants no record is made.
    fn wants(&self, _event: &Event) -> bool {
        true
    }

    /// Takes in what happened.
    fn follow(&mut self, record: &Arc<Record>);
}

/// Somebody follows for as long as this lives; an event may be on its way yet when it ends.
#[must_use = "nothing is followed any more when this is dropped"]
pub(crate) struct Following {
    relay: Arc<Relay>,
    id: u64,
}

/// The one listener of a program that its followers share.
struct Relay {
    ctx: Context,
    listener: ListenerId,
    followers: Arc<Followers>,
}

/// Replaced when it changes, so that it is not locked while followers are told.
type Followers = Mutex<Arc<[Registered]>>;

type Registered = (u64, Arc<Mutex<dyn Follow>>);

/// Those of all programs of this process.
static RELAYS: Mutex<Vec<Weak<Relay>>> = Mutex::new(Vec::new());

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// Follows what happens in a program from now on.
pub(crate) fn follow(ctx: &Context, follower: impl Follow + 'static) -> Following {
    let relay = Relay::of(ctx);
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    let follower: Arc<Mutex<dyn Follow>> = Arc::new(Mutex::new(follower));
    let mut followers = relay.followers.lock();
    *followers = followers.iter().cloned().chain([(id, follower)]).collect();
    drop(followers);
    Following { relay, id }
}

impl Relay {
    fn of(ctx: &Context) -> Arc<Relay> {
        let mut relays = RELAYS.lock();
        relays.retain(|relay| relay.strong_count() > 0);
        // Its context keeps the bus where it is, so no two programs have the same.
        let is_it = |relay: &Arc<Relay>| std::ptr::eq(relay.ctx.events(), ctx.events());
        if let Some(relay) = relays.iter().filter_map(Weak::upgrade).find(is_it) {
            return relay;
        }
        let followers = Arc::new(Followers::new(Arc::new([])));
        let relay = Arc::new(Relay {
            ctx: ctx.clone(),
            listener: ctx.events().add(Teller(followers.clone())),
            followers,
        });
        relays.push(Arc::downgrade(&relay));
        relay
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.ctx.events().remove(self.listener);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut followers = self.relay.followers.lock();
        let others = followers.iter().filter(|(id, _)| *id != self.id);
        *followers = others.cloned().collect();
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("id", &self.id).finish()
    }
}

/// Tells followers of events.
struct Teller(Arc<Followers>);

impl Listener for Teller {
    fn on_event(&mut self, event: &Event) {
        let followers = self.0.lock().clone();
        let mut made = None;
        for (id, follower) in &*followers {
            let tell = || {
                let mut follower = follower.lock();
                if follower.wants(event)
                    && let Some(record) = made.get_or_insert_with(|| Record::shared(event))
                {
                    follower.follow(record);
                }
            };
            // One that fails harms no other.
            if catch_unwind(AssertUnwindSafe(tell)).is_err() {
                tracing::error!(follower = id, "what shows or logs this program panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps records, or panics at each.
    struct Kept(Option<Arc<Mutex<Vec<Arc<Record>>>>>);

    impl Follow for Kept {
        fn wants(&self, event: &Event) -> bool {
            matches!(event, Event::JobStarted(_))
        }

        fn follow(&mut self, record: &Arc<Record>) {
            let kept = self.0.as_ref().expect("this one is to panic");
            kept.lock().push(record.clone());
        }
    }

    #[test]
    fn all_that_follow_get_the_same_record_and_none_ends_another() {
        let ctx = Context::local(1).unwrap();
        let run = || {
            ctx.range(0..3, 1, 1).count().unwrap();
            ctx.events().flush();
        };
        let kept: [Arc<Mutex<Vec<_>>>; 2] = Default::default();
        let first = follow(&ctx, Kept(Some(kept[0].clone())));
        let panics = follow(&ctx, Kept(None));
        let second = follow(&ctx, Kept(Some(kept[1].clone())));
        run();
        let same = || kept[0].lock()[0].clone();
        assert!(Arc::ptr_eq(&same(), &kept[1].lock()[0]));
        drop(first);
        run();
        assert_eq!([0, 1].map(|which| kept[which].lock().len()), [1, 2]);
        drop((panics, second));
        assert!(!ctx.events().is_listened());
        // Another program has followers of its own.
        let other = Context::local(1).unwrap();
        let _following = follow(&other, Kept(Some(kept[0].clone())));
        run();
        assert_eq!(kept[0].lock().len(), 1);
    }
}
