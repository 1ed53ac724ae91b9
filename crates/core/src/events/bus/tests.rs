use super::*;
use crate::events::LayerEvent;
use std::any::Any;
use std::sync::mpsc::sync_channel;

#[derive(Debug)]
struct Number(u64);

impl LayerEvent for Number {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn number(n: u64) -> Event {
    Event::Layer(Arc::new(Number(n)))
}

fn value(event: &Event) -> u64 {
    match event {
        Event::Layer(layer) => layer.as_any().downcast_ref::<Number>().unwrap().0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_come_in_order_and_a_panicking_listener_harms_nobody() {
    let bus = EventBus::new(1000);
    let seen = Arc::new(Mutex::new(Vec::new()));
    bus.add(|_: &Event| panic!("a bad listener"));
    let to = seen.clone();
    let id = bus.add(move |event: &Event| to.lock().push(value(event)));
    (0..100).for_each(|n| bus.post(number(n)));
    bus.flush();
    assert_eq!(*seen.lock(), (0..100).collect::<Vec<_>>());
    assert!(bus.remove(id) && !bus.remove(id));
}

#[test]
fn a_slow_listener_loses_events_and_delays_nobody() {
    let bus = EventBus::new(10);
    let (entered, wait_entered) = sync_channel(1);
    let (release, wait_release) = sync_channel::<()>(0);
    let mut first = true;
    bus.add(move |_: &Event| {
        if std::mem::take(&mut first) {
            entered.send(()).unwrap();
            wait_release.recv().unwrap();
        }
    });
    bus.post(number(0));
    wait_entered.recv().unwrap();
    (0..15).for_each(|n| bus.post(number(n)));
    assert_eq!(bus.dropped(), 5);
    release.send(()).unwrap();
    bus.flush();
}

#[test]
fn listeners_are_told_where_events_are_missing() {
    let bus = EventBus::new(3);
    let (entered, wait_entered) = sync_channel(1);
    let (release, wait_release) = sync_channel::<()>(0);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let to = seen.clone();
    let mut first = true;
    bus.add(move |event: &Event| {
        to.lock().push(match event {
            Event::Dropped(dropped) => format!("{} missing", dropped.events),
            event => value(event).to_string(),
        });
        if std::mem::take(&mut first) {
            entered.send(()).unwrap();
            wait_release.recv().unwrap();
        }
    });
    bus.post(number(0));
    wait_entered.recv().unwrap();
    (1..6).for_each(|n| bus.post(number(n)));
    release.send(()).unwrap();
    bus.flush();
    bus.post(number(6));
    bus.flush();
    assert_eq!(*seen.lock(), ["0", "1", "2", "3", "2 missing", "6"]);
}

#[test]
fn a_listener_that_hangs_keeps_nobody_from_ending() {
    let bus = EventBus::new(10);
    let (entered, wait_entered) = sync_channel(1);
    let (release, wait_release) = sync_channel::<()>(0);
    bus.add(move |_: &Event| {
        let _ = entered.try_send(());
        let _ = wait_release.recv();
    });
    bus.post(number(0));
    wait_entered.recv().unwrap();
    assert!(!bus.flush_timeout(Duration::ZERO));
    bus.close_within(Duration::ZERO);
    bus.post(number(1));
    assert_eq!(bus.queued(), 1, "a closed bus takes nothing");
    drop(release);
    drop(bus);
}

#[test]
fn nobody_listens_costs_nothing() {
    let bus = EventBus::new(1);
    (0..10).for_each(|n| bus.post(number(n)));
    assert_eq!(bus.dropped(), 0);
    bus.flush();
}
