//! At which address and port a server listens.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use crate::error::UiError;
use crate::settings::Settings;

/// Listens at the port of the settings, or at the next one that is free.
pub(super) fn bind(settings: &Settings) -> Result<TcpListener, UiError> {
    let address = settings.address;
    let (first, last) = settings.ports().into_inner();
    let mut port = first;
    loop {
        let source = match TcpListener::bind(SocketAddr::new(address, port)) {
            Ok(listener) => {
                if port != first {
                    tracing::warn!("port {first} is taken: the web UI is at port {port}");
                }
                return Ok(listener);
            }
            Err(source) => source,
        };
        // Only then does another port help.
        if source.kind() != ErrorKind::AddrInUse {
            return Err(UiError::Listen {
                address: SocketAddr::new(address, port),
                source,
            });
        }
        if port == last {
            return Err(UiError::Bind {
                address,
                first,
                last,
                source,
            });
        }
        port += 1;
    }
}

#[cfg(test)]
mod tests {
    use headwater_core::Conf;

    use super::*;

    #[test]
    fn an_address_of_another_machine_is_told_at_once() {
        // An address for documentation, which no machine has.
        let conf = Conf::new().set("ui.bind", "192.0.2.1");
        let error = bind(&Settings::read(&conf).unwrap()).unwrap_err();
        let UiError::Listen { address, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(address.to_string(), "192.0.2.1:4040");
        let told = error.to_string();
        assert!(
            told.contains("set ui.bind to an address of this machine"),
            "{told}"
        );
    }

    #[test]
    fn the_next_free_port_is_taken() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let conf = Conf::new().set("ui.port", port);
        let none = bind(&Settings::read(&conf.clone().set("ui.port_retries", 0)).unwrap());
        assert!(matches!(none, Err(UiError::Bind { last, .. }) if last == port));
        let other = bind(&Settings::read(&conf).unwrap()).unwrap();
        assert_ne!(other.local_addr().unwrap().port(), port);
    }
}
