//! Saves: the same build comes to the same world or says that it does not; another build's commands
//! are typed anew; whatever a stranger's link holds, opening it ends.

use drydock::base::time::SimTime;
use drydock::text::{Catalogue, LANGUAGES};
use drydock::view::screen;
use drydock::world::command::Command;
use drydock::world::demo;
use drydock::world::genesis::{Genesis, NodeSetup};
use drydock::world::reopen::{Opened, Opening, Outcome};
use drydock::world::save::{self, BUILD, FORMAT, LoadError, MAX_OPEN_EVENTS, Save};
use drydock::world::session::Session;
use serde_json::{Value, json};

const OTHER: &str = "0123456789ab";
const BUDGET: u32 = 5_000_000;

/// A session that stops amid the events of an instant, as the frames of a page do.
fn played() -> Session {
    let mut session = Session::new(demo::kubernetes(3));
    for command in demo::opening("", "kubectl apply -f shop.yaml", "http://node-1:30080/") {
        session.execute(command);
    }
    session.advance(SimTime::from_secs(15), BUDGET);
    type_line(&mut session, "kubectl scale deployment web --replicas=5");
    session.advance(SimTime::from_secs(30), 777);
    type_line(&mut session, "kubectl get pods");
    session.advance(SimTime::from_secs(40), 1_234);
    session
}

fn type_line(session: &mut Session, line: &str) {
    assert!(session.execute(Command::Type { terminal: 1, line: line.to_owned() }));
}

/// The save of a session as JSON, changed.
fn changed(session: &Session, change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value =
        serde_json::from_str(&Save::of(session).to_json()).expect("a save is readable");
    change(&mut value);
    value.to_string()
}

fn open(json: &str) -> Opened {
    Opening::new(Save::from_json(json).expect("a save is readable"))
        .run()
        .expect("a save is readable")
}

/// Commands with their times.
fn commands(session: &Session) -> Vec<(SimTime, Command)> {
    session.log().iter().map(|entry| (entry.moment.at, entry.command.clone())).collect()
}

#[test]
fn this_build_comes_to_the_same_world() {
    let mut session = played();
    for round in 0..3 {
        let save = Save::of(&session);
        assert_eq!((save.build.as_str(), save.format), (BUILD, FORMAT));
        let read = Save::from_text(&format!("https://a.test/#s={}", save.to_link())).unwrap();
        assert_eq!(read, save, "a link loses nothing");
        let opened = Opening::new(read).run().unwrap();
        assert_eq!(opened.outcome, Outcome::Same, "round {round}");
        assert_eq!(opened.session.head().steps(), session.head().steps());
        assert_eq!(opened.session.log(), session.log());
        match round {
            0 => assert!(session.undo()),
            _ => session.branch_at(SimTime::from_millis(12_345)),
        }
    }
}

#[test]
fn opening_in_small_parts_makes_no_difference() {
    let session = played();
    let mut opening = Opening::new(Save::of(&session));
    let (mut parts, mut percent) = (0, 0);
    while !opening.go_on(50).unwrap() {
        assert!(opening.percent() >= percent, "it never goes back");
        percent = opening.percent();
        parts += 1;
    }
    assert!(parts > 20, "{parts} parts");
    assert_eq!(opening.finish().outcome, Outcome::Same);
}

#[test]
fn a_changed_save_is_not_taken_for_the_same() {
    let session = played();
    let json = Save::of(&session).to_json().replace("--replicas=5", "--replicas=4");
    let Outcome::Differs { saved, found } = open(&json).outcome else {
        panic!("the digests must differ");
    };
    assert_eq!(saved, save::digits(session.head().digest()));
    assert_ne!(saved, found);
    let steps = session.head().steps();
    let json = changed(&session, |save| save["steps"] = json!(steps + 1));
    assert!(matches!(open(&json).outcome, Outcome::Differs { .. }), "one event more");
}

#[test]
fn another_builds_commands_are_typed_anew() {
    let session = played();
    let json = changed(&session, |save| {
        save["build"] = json!(OTHER);
        save["core"] = json!("0.9.0");
        // Steps of another build mean nothing here, and it may say more than this one knows.
        save["steps"] = json!(MAX_OPEN_EVENTS * 9);
        save["digest"] = json!("of another kind");
        save["genesis"]["machines"] = json!([{"name": "new"}]);
        for entry in save["log"].as_array_mut().unwrap() {
            entry["moment"]["steps"] = json!(MAX_OPEN_EVENTS * 7);
        }
        let later = json!({"moment": {"steps": 1, "at": 20_000_000}, "command": {"Fly": {}}});
        save["log"].as_array_mut().unwrap().insert(4, later);
    });
    assert_eq!(save::build_of(&json).unwrap(), OTHER);
    let Opened { session: anew, outcome } = open(&json);
    let wanted =
        Outcome::TypedAnew { build: OTHER.to_owned(), core: "0.9.0".to_owned(), left_out: 1 };
    assert_eq!(outcome, wanted);
    assert_eq!(commands(&anew), commands(&session), "the same commands at the same times");
    assert_eq!(anew.genesis(), session.genesis());
    assert_eq!(anew.head().now(), session.head().now());
    let terminal = screen::terminal(anew.head(), 1);
    let shown = |text: &str| terminal.lines.iter().any(|(_, line)| line.contains(text));
    assert!(shown("deployment.apps/web scaled"), "{:?}", terminal.lines);
    // What came of it is this build's own from now on.
    let saved = Save::of(&anew);
    assert!(saved.of_this_build());
    assert_eq!(Opening::new(saved).run().unwrap().outcome, Outcome::Same);
}

#[test]
fn saves_from_before_builds_had_names_are_typed_anew() {
    let session = played();
    let json = changed(&session, |save| {
        let save = save.as_object_mut().unwrap();
        save.insert("format".to_owned(), json!(1));
        for later in ["build", "steps", "digest"] {
            assert!(save.remove(later).is_some(), "{later}");
        }
    });
    let opened = open(&json);
    let Outcome::TypedAnew { build, core, left_out } = opened.outcome else {
        panic!("{:?}", opened.outcome);
    };
    assert_eq!((build.as_str(), core.as_str(), left_out), ("", save::CORE, 0));
    assert_eq!(commands(&opened.session), commands(&session));
}

#[test]
fn damaged_saves_are_refused() {
    let session = played();
    let link = Save::of(&session).to_link();
    for bad in ["", "x", "%%%", &link[..link.len() / 2], "AAAA", "#s=", "{", "{}", "[]"] {
        assert!(matches!(Save::from_text(bad), Err(LoadError::Damaged(_))), "{bad:.20}");
    }
    let bad = |change: fn(&mut Value)| Save::from_json(&changed(&session, change));
    let damages: [fn(&mut Value); 7] = [
        |save| save["build"] = json!("../../../evil"),
        |save| save["build"] = json!(""),
        |save| save["core"] = json!("9".repeat(1_000)),
        |save| save["format"] = json!("two"),
        |save| save["log"][0]["moment"]["at"] = json!(39_000_000),
        |save| save["log"][2]["moment"]["steps"] = json!(1_000_000),
        |save| save["now"] = json!(1),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let refused = bad(damage);
        // Without the name of a build it is an old save; that one lacks nothing that is read.
        let old = number == 1;
        assert_eq!(refused.is_ok(), old, "{number}: {refused:?}");
        assert!(old || matches!(refused, Err(LoadError::Damaged(_))), "{number}: {refused:?}");
    }
    let strange = bad(|save| {
        save["build"] = json!(OTHER);
        save["genesis"] = json!({"seed": 7});
    });
    assert!(matches!(&strange, Err(LoadError::OtherBuild { build, .. }) if build == OTHER));
}

#[test]
fn oversized_saves_are_refused_in_words() {
    let session = Session::new(demo::compose(3));
    let node = serde_json::to_value(NodeSetup::new("n", 1_000, 1 << 30)).unwrap();
    let many = |n: usize, one: &Value| Value::Array(vec![one.clone(); n]);
    let read = |change: &dyn Fn(&mut Value)| {
        Save::from_json(&changed(&session, |save| change(save))).map(|_| ())
    };
    let entry = json!({"moment": {"steps": 0, "at": 0}, "command": {"Interrupt": {"terminal": 1}}});
    let nodes = read(&|save| save["genesis"]["cluster"] = json!({"nodes": many(5_001, &node)}));
    let logs = [BUILD, OTHER].map(|build| {
        read(&|save| {
            save["build"] = json!(build);
            save["log"] = many(100_001, &entry);
        })
    });
    let found = [
        (nodes, LoadError::TooManyMachines(5_002)),
        (logs[0].clone(), LoadError::TooManyCommands(100_001)),
        (logs[1].clone(), LoadError::TooManyCommands(100_001)),
        (read(&|save| save["now"] = json!(u64::MAX)), LoadError::TooLong),
        (read(&|save| save["steps"] = json!(MAX_OPEN_EVENTS + 1)), LoadError::TooManyEvents),
        (Save::from_link(&save::pack(&" ".repeat(20 << 20))).map(|_| ()), LoadError::TooLarge),
        (Save::from_text(&format!("{{{}", " ".repeat(20 << 20))).map(|_| ()), LoadError::TooLarge),
    ];
    for (found, wanted) in found {
        assert_eq!(found, Err(wanted));
    }
}

#[test]
fn every_refusal_has_its_words() {
    let all = [
        LoadError::Damaged("why".to_owned()),
        LoadError::OtherBuild { build: OTHER.to_owned(), why: "why".to_owned() },
        LoadError::TooLarge,
        LoadError::TooManyCommands(1),
        LoadError::TooManyMachines(1),
        LoadError::TooManyEvents,
        LoadError::TooLong,
    ];
    for error in &all {
        let said = LANGUAGES.map(|(lang, _)| Catalogue::new(lang).say(&error.message()));
        assert!(said[0] != error.message().id && said[0] != said[1], "{said:?}");
    }
}

/// Opening goes on by as much as it is told and no more, whatever is to happen.
#[test]
fn a_flood_comes_in_parts() {
    let mut session = Session::new(demo::kubernetes(3));
    for command in demo::opening("", "kubectl apply -f shop.yaml", "http://node-1:30080/") {
        session.execute(command);
    }
    let rush = Command::Load {
        name: "client".to_owned(),
        url: "http://node-1:30080/".to_owned(),
        from: String::new(),
        rate_milli: u32::MAX,
    };
    session.execute(rush);
    for build in [BUILD, OTHER] {
        let json = changed(&session, |save| {
            save["build"] = json!(build);
            save["now"] = json!(SimTime::from_secs(3_600 * 24 * 365).0);
            save["steps"] = json!(MAX_OPEN_EVENTS);
        });
        let mut opening = Opening::new(Save::from_json(&json).unwrap());
        for part in 1..=20 {
            assert_eq!(opening.go_on(1_000), Ok(false), "{build}: it is far from its end");
            assert!(opening.percent() < 100, "part {part}");
        }
        let steps = opening.finish().session.head().steps();
        assert!((10_000..=20_000).contains(&steps), "{build}: {steps} events");
    }
}

#[test]
fn a_strange_start_harms_nobody() {
    let mut genesis = Genesis::kubernetes(3, 2);
    let mut host = Genesis::docker(3).hosts;
    host[0].name = "node-1".to_owned();
    host[0].images = vec![String::new(), "::".to_owned(), "a/b/c@sha256:x".to_owned()];
    genesis.hosts = [host.clone(), host].concat();
    for node in genesis.cluster.iter_mut().flat_map(|c| &mut c.nodes) {
        node.name = "node-1".to_owned();
        node.cpu_milli = 0;
        node.memory_bytes = u64::MAX;
        node.pods = u32::MAX;
        node.labels.insert("no label!".to_owned(), "x".repeat(1_000));
        node.extended.insert("cpu".to_owned(), "much".to_owned());
        node.taints = vec!["=:".to_owned(), String::new()];
        node.images = vec![String::new()];
    }
    genesis.files.insert("no/../path".to_owned(), "x".to_owned());
    genesis.files.insert("/".to_owned(), "x".to_owned());
    let mut session = Session::new(genesis);
    session.execute(Command::Open { terminal: u32::MAX, host: "nowhere".to_owned(), tty: true });
    session.execute(Command::Type { terminal: 9, line: "ls".to_owned() });
    session.execute(Command::Type { terminal: u32::MAX, line: "kubectl get nodes".to_owned() });
    session.advance(SimTime::from_secs(60), BUDGET);
    let opened = Opening::new(Save::of(&session)).run().unwrap();
    assert_eq!(opened.outcome, Outcome::Same);
}
