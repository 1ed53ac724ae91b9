//! The port of the web pages.

use std::net::{IpAddr, TcpListener};

use headwater_core::Conf;
use headwater_ui::PagesAddress;

use super::report::Check;

const NAME: &str = "port of the pages";

pub(super) fn check(conf: &Conf) -> Check {
    match PagesAddress::of(conf) {
        Ok(Some(pages)) => {
            let free = pages.ports.clone().find(|port| is_free(pages.ip, *port));
            judge(&pages, free)
        }
        Ok(None) => Check::ok(NAME, "none is needed: ui.enabled=false"),
        Err(error) => Check::fail(NAME, error.to_string(), "correct the setting"),
    }
}

fn is_free(address: IpAddr, port: u16) -> bool {
    TcpListener::bind((address, port)).is_ok()
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
    use std::net::Ipv4Addr;

    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_taken_port_is_told_with_the_next_one() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let taken = TcpListener::bind((address, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(!is_free(address, port));
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
        let none = check(&conf);
        assert_eq!(none.status, Status::Fail);
        assert!(none.found.contains(&port.to_string()), "{none:?}");
    }

    #[test]
    fn what_is_set_is_taken_as_the_pages_take_it() {
        let check_with = |key: &str, value: &str| check(&Conf::new().set(key, value));
        assert_eq!(check_with("ui.port", "0").status, Status::Ok);
        let none = check_with("ui.enabled", "false");
        assert!(none.found.contains("ui.enabled=false"), "{none:?}");
        let wrong = check_with("ui.port", "many");
        assert_eq!(wrong.status, Status::Fail);
        assert!(wrong.found.contains("ui.port"), "{wrong:?}");
    }
}
