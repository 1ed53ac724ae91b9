//! The Chrome DevTools Protocol: commands with numbers, their answers, and events between them.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// A browser that says nothing for so long has died.
const PATIENCE: Duration = Duration::from_secs(60);

/// A web socket to a browser.
pub(crate) struct Connection {
    socket: WebSocket<TcpStream>,
    last_id: u64,
    /// The tab that commands are for, once there is one.
    session: Option<String>,
    /// What the browser has told and nobody has looked at yet.
    events: VecDeque<Value>,
}

impl Connection {
    /// Connects to a browser and opens a tab.
    pub(crate) fn open(address: &str) -> Connection {
        let host = address.strip_prefix("ws://").unwrap();
        let host = host.split('/').next().unwrap();
        let stream = TcpStream::connect(host).expect("the browser listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(address, stream).expect("it speaks web sockets");
        let mut connection = Connection {
            socket,
            last_id: 0,
            session: None,
            events: VecDeque::new(),
        };
        let tab = connection.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": tab["targetId"], "flatten": true});
        let session = connection.call("Target.attachToTarget", attach);
        connection.session = session["sessionId"].as_str().map(str::to_owned);
        connection
    }

    /// Sends a command and waits for its result.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let sent = self.socket.send(Message::text(command.to_string()));
        sent.expect("the browser reads");
        loop {
            let mut message = self.read();
            if message["id"] != id {
                self.events.push_back(message);
                continue;
            }
            assert!(message["error"].is_null(), "{method}: {message}");
            return message["result"].take();
        }
    }

    /// The next event, which may have come long ago.
    pub(crate) fn next_event(&mut self) -> Value {
        let known = self.events.pop_front();
        known.unwrap_or_else(|| self.read())
    }

    /// An event that has come already.
    pub(crate) fn known_event(&mut self) -> Option<Value> {
        self.events.pop_front()
    }

    fn read(&mut self) -> Value {
        loop {
            let message = self.socket.read().expect("the browser goes on");
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }
}
