//! The port of the web pages.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use headwater_core::Conf;
use headwater_ui::PagesAddress;

use super::report::Check;

const NAME: &str = "port of the pages";

/// Nothing if the settings say no port: what is wrong with them is told with all others.
pub(super) fn check(conf: &Conf) -> Option<Check> {
    Some(match PagesAddress::of(conf).ok()? {
        Some(pages) => match free_port(&pages) {
            Ok(free) => judge(&pages, free),
            Err((at, error)) => refused(at, &error),
        },
        None => Check::ok(NAME, "none is needed: ui.enabled=false"),
    })
}

/// The first port that is free, if one is; or where the system lets nobody listen, which is no
/// better at the next port.
fn free_port(pages: &PagesAddress) -> Result<Option<u16>, (SocketAddr, io::Error)> {
    for port in pages.ports.clone() {
        let at = SocketAddr::new(pages.ip, port);
        match TcpListener::bind(at) {
            Ok(_) => return Ok(Some(port)),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err((at, error)),
        }
    }
    Ok(None)
}

fn refused(at: SocketAddr, error: &io::Error) -> Check {
    match error.kind() {
        ErrorKind::AddrNotAvailable => Check::fail(
            NAME,
            format!(
                "this machine does not have the address {} of ui.bind",
                at.ip()
            ),
            "set ui.bind to an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of \
             them",
        ),
        _ => Check::fail(
            NAME,
            format!("nobody can listen at {at}: {error}"),
            "set ui.port to a port that programs may use, or ui.bind to another address",
        ),
    }
}

fn judge(pages: &PagesAddress, free: Option<u16>) -> Check {
    let (address, first, last) = (pages.ip, *pages.ports.start(), *pages.ports.end());
    match free {
        Some(0) => Check::ok(NAME, format!("any that is free at {address}")),
        Some(free) if free == first => Check::ok(NAME, format!("{address}:{first} is free")),
        Some(free) => Check::warn(
            NAME,
            format!("{address}:{first} is taken; pages would be at port {free}"),
            "another stream may run; set ui.port for one that does not change",
        ),
        None => Check::fail(
            NAME,
            format!("none of the ports {first} to {last} is free at {address}"),
            "set ui.port to another one, to 0 for any, or ui.enabled=false",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_taken_port_is_told_with_the_next_one() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let taken = TcpListener::bind((address, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let defaults = PagesAddress::of(&Conf::new()).unwrap().unwrap();
        let first = *defaults.ports.start();
        assert_eq!(judge(&defaults, Some(first)).status, Status::Ok);
        let next = judge(&defaults, Some(first + 2));
        assert_eq!(next.status, Status::Warn);
        let told = format!("port {}", first + 2);
        assert!(next.found.contains(&told), "{next:?}");
        let conf = Conf::new()
            .set("ui.bind", "localhost")
            .set("ui.port", port)
            .set("ui.port_retries", 0);
        let none = check(&conf).unwrap();
        assert_eq!(none.status, Status::Fail);
        assert!(none.found.contains(&port.to_string()), "{none:?}");
    }

    #[test]
    fn what_is_set_is_taken_as_the_pages_take_it() {
        let check_with = |key: &str, value: &str| check(&Conf::new().set(key, value));
        assert_eq!(check_with("ui.port", "0").unwrap().status, Status::Ok);
        let none = check_with("ui.enabled", "false").unwrap();
        assert!(none.found.contains("ui.enabled=false"), "{none:?}");
        // That is told with all settings.
        assert_eq!(check_with("ui.port", "many"), None);
    }

    #[test]
    fn an_address_of_another_machine_is_told_as_such() {
        // An address for documentation, which no machine has.
        let elsewhere = check(&Conf::new().set("ui.bind", "192.0.2.1")).unwrap();
        assert_eq!(elsewhere.status, Status::Fail);
        let found = "this machine does not have the address 192.0.2.1 of ui.bind";
        assert_eq!(elsewhere.found, found);
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
        let denied = refused(at, &ErrorKind::PermissionDenied.into());
        assert!(
            denied.found.contains("127.0.0.1:80: permission"),
            "{denied:?}"
        );
    }
}
