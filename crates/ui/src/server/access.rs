//! Who may look: everybody on this machine, and beyond it whoever has the token.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::UiError;
use crate::settings::Settings;
use std::sync::Arc;

const COOKIE_NAME: &str = "headwater-token";
const TOKEN_BYTES: usize = 16;

/// What a request must have.
#[derive(Debug)]
pub(crate) struct Access {
    token: Option<String>,
    /// Whether the token is not one of the configuration.
    is_made_up: bool,
    /// Only this machine can reach the server, by one of its own names.
    is_local: bool,
}

impl Access {
    /// A token of the configuration, or a new one if other machines can reach the server.
    pub(crate) fn new(settings: &Settings) -> Result<Self, UiError> {
        let is_local = settings.address.is_loopback();
        let (token, is_made_up) = match (&settings.token, is_local) {
            (Some(token), _) => (Some(token.0.clone()), false),
            (None, true) => (None, false),
            (None, false) => (Some(made_up()?), true),
        };
        Ok(Access {
            token,
            is_made_up,
            is_local,
        })
    }

    /// Where the pages are, as a browser of this machine finds them. It is printed: a token of
    /// the configuration is not repeated, as who set it knows it.
    pub(super) fn url(&self, at: SocketAddr) -> String {
        let host = match at.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let token = self.token.as_ref().filter(|_| self.is_made_up);
        let query = token.map_or(String::new(), |token| format!("?token={token}"));
        format!("http://{host}:{}/{query}", at.port())
    }

    /// Whether the request names this machine: a page of another site whose name leads here
    /// must not read what is on this one.
    fn is_meant(&self, headers: &HeaderMap) -> bool {
        if !self.is_local {
            return true;
        }
        let Some((name, _)) = host(headers) else {
            return true;
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let address = name.parse::<IpAddr>();
        name == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    fn is_token(&self, given: &str) -> bool {
        let token = self.token.as_deref().unwrap_or_default();
        // Every byte is looked at, so that the time tells nothing of where they differ.
        let differs = token.bytes().zip(given.bytes());
        let differs = differs.fold(0, |differs, (a, b)| differs | (a ^ b));
        token.len() == given.len() && differs == 0
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let texts = |name| {
            headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
        };
        let bearer = texts(AUTHORIZATION).filter_map(|value| value.strip_prefix("Bearer "));
        let cookies = texts(COOKIE).flat_map(|value| value.split(';'));
        let cookies = cookies.filter_map(|pair| pair.trim().split_once('='));
        let known = cookie_name(headers);
        let cookies = cookies.filter_map(|(name, value)| (name == known).then_some(value));
        bearer.chain(cookies).any(|given| self.is_token(given))
    }
}

/// The name and the port that the request is for.
fn host(headers: &HeaderMap) -> Option<(&str, Option<&str>)> {
    let host = headers.get(HOST)?.to_str().ok()?;
    Some(match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    })
}

/// Browsers keep the cookies of a host together, whatever the port: with the port in the name
/// the programs of a machine leave each other's alone.
fn cookie_name(headers: &HeaderMap) -> String {
    let port = host(headers).and_then(|(_, port)| port).unwrap_or("80");
    format!("{COOKIE_NAME}-{port}")
}

fn made_up() -> Result<String, UiError> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| UiError::Start(error.into()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Lets a request through, or not; a token in the address becomes a cookie.
pub(super) async fn guard(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    if !access.is_meant(request.headers()) {
        let message = "this server answers requests to this machine's own names only\n";
        return (StatusCode::FORBIDDEN, message).into_response();
    }
    if access.token.is_none() || access.has_token(request.headers()) {
        return next.run(request).await;
    }
    let query = request.uri().query().unwrap_or_default();
    let mut tokens = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("token="));
    match tokens.find(|given| access.is_token(given)) {
        Some(token) => {
            // A link on another site leads to the pages, too, so the cookie goes with it; as
            // nothing can be changed here, nobody gains by making somebody follow one.
            let name = cookie_name(request.headers());
            let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax");
            let mut response = next.run(request).await;
            if let Ok(cookie) = HeaderValue::try_from(cookie) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        None => {
            let message = "an access token is needed: the program printed it when it started\n";
            (StatusCode::UNAUTHORIZED, message).into_response()
        }
    }
}
