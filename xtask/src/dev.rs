//! `serve --dev`: builds again whenever something is saved, and lets open pages load themselves anew.
//!
//! A page listens to `/-/news` (server-sent events). The script for it is put into the document by
//! the server, so that no built page has it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::shell::{self, Outcome};
use crate::{stamp, web};

/// Where a page listens, without the slash before it.
pub const NEWS: &str = "-/news";
/// What the page is made of.
const WATCHED: &[&str] =
    &["Cargo.lock", "Cargo.toml", "build.rs", "index.html", "scenarios", "src", "static"];
/// Time between two looks at the files.
const LOOK: Duration = Duration::from_millis(300);
/// Time after which a silent page is written to, to learn whether it still listens.
const SILENCE: Duration = Duration::from_secs(15);

/// The newest build, for pages to wait for.
#[derive(Default)]
pub struct Live {
    news: Mutex<News>,
    changed: Condvar,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct News {
    /// Names the build that is served. Another server has other names.
    build: u128,
    /// Why there is no newer one.
    failure: Option<String>,
}

impl Live {
    fn publish(&self, outcome: Outcome) {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                *news = News { build: now.map_or(0, |at| at.as_nanos()), failure: None };
            }
            Err(failure) => news.failure = Some(failure),
        }
        self.changed.notify_all();
    }

    /// The news, when they are other than these or when nothing came for a while.
    fn after(&self, known: Option<&News>) -> News {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |news: &mut News| known == Some(news);
        let waited = self.changed.wait_timeout_while(news, SILENCE, same);
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Tell a page everything that happens, until it goes away.
    pub fn tell(&self, page: &mut impl Write) -> io::Result<()> {
        let mut known = None;
        loop {
            let news = self.after(known.as_ref());
            if known.as_ref() == Some(&news) {
                page.write_all(b": nothing new\n\n")?;
            } else {
                page.write_all(message(&news).as_bytes())?;
            }
            page.flush()?;
            known = Some(news);
        }
    }

    /// A document that loads itself anew when another build is there.
    pub fn listening(&self, document: Vec<u8>) -> Vec<u8> {
        let build = self.news.lock().unwrap_or_else(PoisonError::into_inner).build;
        match String::from_utf8(document) {
            Ok(text) => {
                text.replacen("</head>", &format!("{}</head>", script(build)), 1).into_bytes()
            }
            Err(error) => error.into_bytes(),
        }
    }
}

fn script(build: u128) -> String {
    format!(
        "<script>
{{
  const news = new EventSource(\"/{NEWS}\");
  news.addEventListener(\"build\", (event) => event.data === \"{build}\" || location.reload());
  news.addEventListener(\"failure\", (event) => console.error(event.data));
}}
</script>
"
    )
}

/// News as server-sent events.
fn message(news: &News) -> String {
    let mut text = format!("event: build\ndata: {}\n\n", news.build);
    if let Some(failure) = &news.failure {
        text.push_str("event: failure\n");
        for line in failure.lines() {
            text.push_str(&format!("data: {line}\n"));
        }
        text.push('\n');
    }
    text
}

/// Build for the first time; whoever wrote a mistake sees it and goes on. Returns what was built.
pub fn first_build(folder: &Path, live: &Live) -> Seen {
    let seen = look();
    build(folder, live);
    seen
}

/// What the files looked like before a build.
#[derive(PartialEq, Eq)]
pub struct Seen(String);

fn look() -> Seen {
    let watched: Vec<PathBuf> = WATCHED.iter().map(|name| shell::root().join(name)).collect();
    Seen(stamp::glance(&watched))
}

fn build(folder: &Path, live: &Live) {
    let start = Instant::now();
    let outcome = web::develop(folder);
    match &outcome {
        Ok(()) => eprintln!("xtask: built in {:.1} s", start.elapsed().as_secs_f64()),
        Err(failure) => eprintln!("xtask: {failure}; the page stays as it is until the next save"),
    }
    live.publish(outcome);
}

/// Build again after each save; does not end.
pub fn watch(folder: &Path, live: &Live, mut built: Seen) -> ! {
    loop {
        thread::sleep(LOOK);
        // What is saved during the build is built after it.
        let now = look();
        if now != built {
            built = now;
            build(folder, live);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_hears_of_builds_and_failures() {
        let live = Live::default();
        live.publish(Ok(()));
        let first = live.after(None);
        live.publish(Err("one\ntwo".to_owned()));
        let failed = live.after(Some(&first));
        assert_eq!(failed.build, first.build, "the page that works stays");
        let wanted = format!(
            "event: build\ndata: {}\n\nevent: failure\ndata: one\ndata: two\n\n",
            first.build
        );
        assert_eq!(message(&failed), wanted);
        live.publish(Ok(()));
        let next = live.after(Some(&failed));
        assert!(next.build != first.build && next.failure.is_none());
    }

    #[test]
    fn a_waiting_page_is_woken() {
        let live = Live::default();
        let known = live.after(None);
        thread::scope(|scope| {
            let page = scope.spawn(|| live.after(Some(&known)));
            live.publish(Ok(()));
            assert!(page.join().unwrap() != known);
        });
    }

    #[test]
    fn the_document_knows_its_build() {
        let live = Live::default();
        live.publish(Ok(()));
        let build = live.after(None).build;
        let page = live.listening(b"<head><title>x</title></head>".to_vec());
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains(&format!("=== \"{build}\"")) && page.ends_with("</script>\n</head>"));
    }
}
