//! The port of the web pages.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use headwater_core::Conf;

use super::report::Check;

const NAME: &str = "port of the pages";
const PORT: u16 = 4040;
/// How many are tried after the first one.
const TRIES: u16 = 16;

pub(super) fn check(conf: &Conf) -> Check {
    let number = |key: &str| conf.text(key).and_then(|text| text.trim().parse().ok());
    let first = number("ui.port").unwrap_or(PORT);
    let tries = number("ui.port_retries").unwrap_or(TRIES);
    let bind = conf
        .text("ui.bind")
        .and_then(|text| text.trim().parse().ok());
    let address = bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut ports = first..=first.saturating_add(tries);
    judge(
        address,
        first,
        tries,
        ports.find(|port| is_free(address, *port)),
    )
}

fn is_free(address: IpAddr, port: u16) -> bool {
    TcpListener::bind((address, port)).is_ok()
}

fn judge(address: IpAddr, first: u16, tries: u16, free: Option<u16>) -> Check {
    match free {
        Some(_) if first == 0 => Check::ok(NAME, format!("any that is free at {address}")),
        Some(free) if free == first => Check::ok(NAME, format!("{address}:{first} is free")),
        Some(free) => Check::warn(
            NAME,
            format!("{address}:{first} is taken; pages would be at port {free}"),
            "another stream may run; set ui.port for one that does not change",
        ),
        None => Check::fail(
            NAME,
            format!(
                "none of the ports {first} to {} is free at {address}",
                first.saturating_add(tries)
            ),
            "set ui.port to another one, to 0 for any, or ui.enabled=false",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_taken_port_is_told_with_the_next_one() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let taken = TcpListener::bind((address, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(!is_free(address, port));
        assert_eq!(judge(address, 4040, 16, Some(4040)).status, Status::Ok);
        let next = judge(address, 4040, 16, Some(4042));
        assert_eq!(next.status, Status::Warn);
        assert!(next.found.contains("port 4042"), "{next:?}");
        let conf = Conf::new().set("ui.port", port).set("ui.port_retries", 0);
        let none = check(&conf);
        assert_eq!(none.status, Status::Fail);
        assert!(none.found.contains(&port.to_string()), "{none:?}");
        assert_eq!(check(&Conf::new().set("ui.port", 0)).status, Status::Ok);
    }
}
