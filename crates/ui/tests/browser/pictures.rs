//! Pictures of the pages of a stream, for the guide.

use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use headwater_core::{Conf, Context, StorageLevel};
use headwater_streaming::time::{Time, millis};
use headwater_streaming::{
    DStream, InputSource, Receiver, ReceiverContext, SourceBatch, State, StateSpec,
    StreamingContext,
};
use headwater_ui::WebUi;
use serde_json::json;

use super::page::Page;

const INTERVAL: Duration = millis(250);
const BATCHES: usize = 60;

/// The batch whose report cannot be stored, counted by the clock: one in so many.
const FAILING: i64 = 37;

/// What the pictures show: the page, or the one before if none is named, and the link from there.
const PICTURES: [(&str, &str, &str); 5] = [
    ("streaming", "/streaming/", ""),
    ("batch", "/streaming/", "#completedBatches tr:has(.bad) a"),
    (
        "job",
        "",
        "#batch-job-table tr[id^=output-1] a[href*='/job/']",
    ),
    ("graph", "/graph/", ""),
    ("state", "/state/", ""),
];

#[test]
fn pictures() {
    let Some(dir) = env::var_os("SCREENSHOTS") else {
        eprintln!("skipped: SCREENSHOTS names no directory for the pictures");
        return;
    };
    fs::create_dir_all(&dir).unwrap();
    let checkpoints = tempfile::tempdir().unwrap();
    let conf = Conf::new()
        .master("local[4]")
        .app_name("shop analysis")
        .set("streaming.on_failure", "continue")
        .set("streaming.receiver.max_rate", 12_000)
        .set(
            "streaming.checkpoint.directory",
            checkpoints.path().display(),
        )
        .set("streaming.checkpoint.interval", "2s");
    let ctx = Context::new(conf).unwrap();
    let ssc = StreamingContext::new(&ctx, INTERVAL).unwrap();
    let ui = WebUi::builder(&ssc).port(0).serve().unwrap().unwrap();
    analyse(&ssc);
    let Some(mut page) = Page::open() else { return };
    let size = json!({"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": false});
    page.call("Emulation.setDeviceMetricsOverride", size);
    ssc.start().unwrap();
    page.navigate(ui.url());
    page.wait_until("document.querySelector('#completedBatches')");
    for so_far in (10..=BATCHES).step_by(10) {
        let rows = "document.querySelectorAll('#completedBatches tbody tr').length";
        page.wait_until(&format!("{rows} >= {so_far}"));
    }
    for (name, path, link) in PICTURES {
        if !path.is_empty() {
            page.navigate(&format!("{}{path}", ui.url().trim_end_matches('/')));
        }
        if !link.is_empty() {
            page.follow(link);
        }
        for theme in ["light", "dark"] {
            let file = Path::new(&dir).join(format!("{name}-{theme}.png"));
            fs::write(file, taken(&mut page, theme)).unwrap();
        }
    }
    page.assert_clean();
    ssc.stop(true, false).unwrap();
}

/// What is seen of the page, as PNG.
fn taken(page: &mut Page, theme: &str) -> Vec<u8> {
    let features = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
    page.call("Emulation.setEmulatedMedia", features);
    let picture = page.call("Page.captureScreenshot", json!({"format": "png"}));
    from_base64(picture["data"].as_str().unwrap())
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter(|byte| *byte != b'=');
    let digits = digits.map(|byte| DIGITS.iter().position(|digit| *digit == byte).unwrap());
    let digits: Vec<_> = digits.collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let joined = (0..4).fold(0, |joined, at| joined << 6 | four.get(at).unwrap_or(&0));
        (0..four.len() - 1).map(move |at| (joined >> (16 - 8 * at)) as u8)
    });
    bytes.collect()
}

/// Sends lines of an access log, as fast as it may.
struct AccessLog;

impl Receiver<String> for AccessLog {
    fn on_start(&self, ctx: &ReceiverContext<String>) -> Result<(), String> {
        for number in 0_u64.. {
            if ctx.store(line(number)).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn on_stop(&self) {}
}

/// A log with offsets, which has more lines at one time than at another.
#[derive(Default)]
struct MobileLog {
    next: u64,
}

impl InputSource<String> for MobileLog {
    fn compute(&mut self, time: Time, ctx: &Context) -> Result<SourceBatch<String>, String> {
        let wave = (time.as_millis() as f64 / 1600.0).sin();
        let (first, count) = (self.next, (3000.0 + 2000.0 * wave) as u64);
        self.next += count;
        let lines = (first..self.next).map(line).collect();
        let batch = SourceBatch::new(ctx.parallelize(lines, 4)).records(count);
        Ok(batch.description(format!("mobile-0: {first} to {}", self.next)))
    }
}

/// A line of the log: a client, what it asked for, the status and the size. Clients come and go.
fn line(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let page = ["/", "/cart", "/search", "/help", "/shoes/7"][(mixed % 17 % 5) as usize];
    let status = if mixed.is_multiple_of(41) { 500 } else { 200 };
    let client = number / 300 + mixed % 200;
    let (net, host, size) = (client / 250, client % 250, mixed % 9000);
    format!("10.0.{net}.{host} {page} {status} {size}")
}

/// Requests by the pages that were asked for, in windows, and by their clients.
fn analyse(ssc: &StreamingContext) {
    let mobile = ssc.source_stream(MobileLog::default());
    let lines = ssc.receiver_stream(AccessLog).named("web");
    let requests = lines.union(&mobile.named("mobile")).map(parsed);
    let requests = requests
        .persist(StorageLevel::MEMORY_ONLY)
        .named("requests");

    let pages = requests.map(|(_, page, _)| (page, 1_u64));
    let window = millis(5000);
    pages
        .reduce_by_key_and_window_inverse(|a, b| a + b, |a, b| a - b, window, INTERVAL)
        .named("page views of 5 seconds")
        .foreach_rdd(|rdd, _| rdd.collect().map(drop));

    let sizes = requests.map(|(client, _, size)| (client, size));
    let clients = sizes.map_with_state(traffic()).named("traffic of clients");
    store(&clients.stream());
}

/// What a client was sent so far, which is forgotten when it has gone.
fn traffic() -> StateSpec<String, u64, u64, (String, u64)> {
    let add = |client: &String, size: Option<u64>, sum: &mut State<'_, u64>| {
        let so_far = sum.get().copied().unwrap_or_default() + size.unwrap_or_default();
        if !sum.is_timing_out() {
            sum.update(so_far);
        }
        (client.clone(), so_far)
    };
    StateSpec::function(add).timeout(millis(3000))
}

/// A client, its page, and how much it was sent.
fn parsed(line: String) -> (String, String, u64) {
    let mut parts = line.split(' ').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    let (client, page, _status, size) = (part(), part(), part(), part());
    (client, page, size.parse().unwrap_or_default())
}

/// Stores what clients were sent, which fails now and then.
fn store(clients: &DStream<(String, u64)>) {
    clients
        .filter(|(_, size)| *size > 100_000)
        .foreach_rdd(|rdd, time| {
            let heavy = rdd.count().map_err(|error| error.to_string())?;
            match time.as_millis() / INTERVAL.as_millis() as i64 % FAILING {
                0 => Err(format!(
                    "cannot store {heavy} rows in traffic.heavy: the server closed the connection"
                )),
                _ => Ok(()),
            }
        });
}
