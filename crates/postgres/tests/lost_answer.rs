//! A connection that is lost while the server commits.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod server;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use headwater_postgres::PostgresSink;
use headwater_postgres::postgres::config::Host;
use headwater_postgres::postgres::{Config, NoTls};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;

/// Stands between the sink and the server, and loses answers to commits.
struct Proxy {
    port: u16,
    /// How many answers are still to be lost.
    left: Arc<AtomicUsize>,
}

impl Proxy {
    fn start(to: &Config, losses: usize) -> Proxy {
        let Host::Tcp(host) = &to.get_hosts()[0] else {
            unreachable!("the server of tests listens on TCP");
        };
        let server = (host.clone(), to.get_ports()[0]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicUsize::new(losses));
        let of_thread = left.clone();
        // It ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&server).unwrap();
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || forward(from, to));
                let left = of_thread.clone();
                thread::spawn(move || give_answers(server, client, &left));
            }
        });
        Proxy { port, left }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    // Whichever side ends it, both learn of it.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// Passes what the server says, until it says that a transaction is committed.
fn give_answers(mut from: TcpStream, mut to: TcpStream, left: &AtomicUsize) {
    let mut said = [0; 1 << 16];
    while let Ok(count) = from.read(&mut said) {
        let said = &said[..count];
        let commits = said.windows(7).any(|word| word == b"COMMIT\0");
        let less = |left: usize| left.checked_sub(1);
        let is_lost = commits
            && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                .is_ok();
        if count == 0 || is_lost || to.write_all(said).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn a_commit_whose_answer_is_lost_is_found() {
    let Some(schema) = server::schema("lost-answer") else {
        return;
    };
    let address = server::address().unwrap();
    let real: Config = address.parse().unwrap();
    let proxy = Proxy::start(&real, 0);
    let port = proxy.port;
    let sink = PostgresSink::builder(&address, "numbers", ["n"], |n: i64| [n])
        .schema(&schema)
        .setup(format!("create table \"{schema}\".numbers (n bigint)"))
        .connect_with(move |config| {
            let mut through = Config::new();
            through.host("127.0.0.1").port(port);
            through
                .user(config.get_user().unwrap())
                .dbname(config.get_dbname().unwrap());
            through.connect(NoTls)
        })
        .open()
        .unwrap();
    // From here on only batches commit.
    proxy.left.store(2, Ordering::SeqCst);

    let test = TestStream::new(seconds(1));
    test.input(vec![vec![1, 2], vec![3], vec![4, 5]])
        .write_to(sink);
    test.run(3);
    assert_eq!(proxy.left.load(Ordering::SeqCst), 0);
    let select = format!("select n from \"{schema}\".numbers order by n");
    let rows = server::connect().query(&select, &[]).unwrap();
    let rows: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(rows, [1, 2, 3, 4, 5]);
}
