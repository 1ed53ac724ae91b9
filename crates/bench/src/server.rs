//! Servers for the streams that read a socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::children;
use crate::error::BenchError;
use crate::text::Recipe;

const ADDRESS: &str = "127.0.0.1:0";

/// `serve`: sends the text again and again to whoever connects, until standard input ends.
///
/// The first line of standard output has the port and how many bytes a line has in the mean.
pub(crate) fn serve(recipe: Recipe) -> Result<(), BenchError> {
    let mut text = Vec::new();
    recipe
        .write_to(&mut text)
        .map_err(BenchError::io("make", "the text"))?;
    let listener = listen()?;
    let lines = memchr::memchr_iter(b'\n', &text).count();
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{} {}",
        port_of(&listener)?,
        text.len() as f64 / lines as f64
    )
    .and_then(|()| out.flush())
    .map_err(BenchError::io("write to", "standard output"))?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            send_until_closed(client, &text);
        }
    });
    // The end of standard input is the end of the parent, however it ends.
    let mut nothing = Vec::new();
    std::io::stdin()
        .read_to_end(&mut nothing)
        .map_err(BenchError::io("read from", "standard input"))?;
    Ok(())
}

fn send_until_closed(mut client: TcpStream, text: &[u8]) {
    while client.write_all(text).is_ok() {}
}

/// A child process that serves, so that its processor time is not ours.
pub(crate) struct TextServer {
    child: Child,
    pub(crate) port: u16,
    pub(crate) bytes_per_line: f64,
}

impl TextServer {
    /// Starts it and waits until it listens.
    pub(crate) fn start(recipe: Recipe) -> Result<TextServer, BenchError> {
        let mut child = Command::new(children::this_program()?)
            .arg("serve")
            .arg(format!("--words={}", recipe.words))
            .arg(format!("--bytes={}", recipe.bytes))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(BenchError::io("start", "the text server"))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out)
                .read_line(&mut line)
                .map_err(BenchError::io("read from", "the text server"))?;
        }
        let mut fields = line.split_whitespace();
        let port = fields.next().and_then(|field| field.parse().ok());
        let bytes_per_line = fields.next().and_then(|field| field.parse().ok());
        match (port, bytes_per_line) {
            (Some(port), Some(bytes_per_line)) => Ok(TextServer {
                child,
                port,
                bytes_per_line,
            }),
            _ => Err(BenchError::Child {
                what: "serving text".to_owned(),
                message: line,
            }),
        }
    }
}

impl Drop for TextServer {
    fn drop(&mut self) {
        // It may have ended already, which is what these are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that accepts one client and sends nothing, until it is dropped.
pub(crate) struct SilentServer {
    pub(crate) port: u16,
}

impl SilentServer {
    /// Listens. The client's connection stays open as long as the process lives.
    pub(crate) fn start() -> Result<SilentServer, BenchError> {
        let listener = listen()?;
        let port = port_of(&listener)?;
        thread::spawn(move || {
            let clients: Vec<TcpStream> = listener.incoming().flatten().collect();
            drop(clients);
        });
        Ok(SilentServer { port })
    }
}

fn listen() -> Result<TcpListener, BenchError> {
    TcpListener::bind(ADDRESS).map_err(BenchError::io("listen at", ADDRESS))
}

fn port_of(listener: &TcpListener) -> Result<u16, BenchError> {
    let address = listener
        .local_addr()
        .map_err(BenchError::io("listen at", ADDRESS))?;
    debug_assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
    Ok(address.port())
}
