//! The receiver of the source's protocol, which fails now and then.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::panic::resume_unwind;
use std::sync::Arc;

use fastrand::Rng;
use headwater::{Receiver, ReceiverContext};
use parking_lot::Mutex;

use crate::trial::event::Event;

/// Stores what the source sends, and acknowledges what is safe.
pub(super) struct SequencedReceiver {
    address: String,
    socket: Mutex<Option<TcpStream>>,
    /// It fails about once in so many blocks.
    fails: Option<u32>,
    rng: Mutex<Rng>,
}

impl SequencedReceiver {
    pub(super) fn new(address: &str, fails: Option<u32>, seed: u64) -> Self {
        SequencedReceiver {
            address: address.to_owned(),
            socket: Mutex::new(None),
            fails,
            rng: Mutex::new(Rng::with_seed(seed)),
        }
    }

    fn receive(&self, ctx: &ReceiverContext<Event>) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        let mut socket = TcpStream::connect(&self.address).map_err(text)?;
        *self.socket.lock() = Some(socket.try_clone().map_err(text)?);
        if ctx.is_stopped() {
            return Ok(());
        }
        ctx.connected();
        let mut last = last_number(ctx)?;
        writeln!(socket, "have {last}").map_err(text)?;
        let mut lines = BufReader::new(socket.try_clone().map_err(text)?);
        loop {
            let block = read_block(&mut lines)?;
            let Some(end) = block.last().map(|event| event.number) else {
                return Err("the source has closed the connection".to_owned());
            };
            let first = block[0].number;
            if first != last + 1 {
                return Err(format!("the source sent {first} after {last}"));
            }
            self.may_fail()?;
            let stored = ctx.store_block_at(Arc::new(block), &end.to_le_bytes());
            stored.map_err(|error| error.to_string())?;
            last = end;
            self.may_fail()?;
            writeln!(socket, "ack {last}").map_err(text)?;
        }
    }

    fn may_fail(&self) -> Result<(), String> {
        let Some(fails) = self.fails else {
            return Ok(());
        };
        let drawn = self.rng.lock().u32(..fails * 4);
        match drawn {
            0 => resume_unwind(Box::new("the receiver panics, as planned")),
            1 => Err("the receiver fails, as planned".to_owned()),
            _ => Ok(()),
        }
    }
}

/// The number of the last record that is safe; 0 if none was ever stored.
fn last_number(ctx: &ReceiverContext<Event>) -> Result<i64, String> {
    let position = ctx.last_position().map_err(|error| error.to_string())?;
    let Some(position) = position else {
        return Ok(0);
    };
    let bytes = position.try_into();
    bytes
        .map(i64::from_le_bytes)
        .map_err(|bytes| format!("{bytes:?} is no position of this receiver"))
}

/// The next record and all that have come with it; none at the end.
fn read_block(lines: &mut BufReader<TcpStream>) -> Result<Vec<Event>, String> {
    let mut block = Vec::new();
    let mut line = String::new();
    while block.is_empty() || lines.buffer().contains(&b'\n') {
        line.clear();
        let read = lines
            .read_line(&mut line)
            .map_err(|error| error.to_string())?;
        if read == 0 {
            break;
        }
        let event = line.parse();
        block.push(event.map_err(|error: crate::trial::event::NoEvent| error.to_string())?);
    }
    Ok(block)
}

impl Receiver<Event> for SequencedReceiver {
    fn on_start(&self, ctx: &ReceiverContext<Event>) -> Result<(), String> {
        match self.receive(ctx) {
            // Its connection was shut down.
            Err(_) if ctx.is_stopped() => Ok(()),
            result => result,
        }
    }

    fn on_stop(&self) {
        if let Some(socket) = self.socket.lock().take() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
