//! What each command of compose does first.
//!
//! Models docker compose v2.40.3 `cmd/compose/*.go`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::compose::create::{Service, service_hash};
use crate::compose::plan::Policy;
use crate::compose::project::{Options, Project, Want};
use crate::shell::job::Io;

use super::action::{Do, step};
use super::containers::{Stop, listed, policy};
use super::discover::{Discover, Goal};
use super::flags::Parsed;
use super::query::{Kind, Query};
use super::tree::{Failure, Node};
use super::work::Work;
use super::{After, Begin, Line, listing, live, options, project, resources, run, work};

/// What a command does first.
pub(super) fn begin(line: Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    match line.name {
        "config" => config(&line, io),
        "version" => Ok(version(&line, io)),
        "up" => up(&line, io),
        "create" => create(&line, io),
        "scale" => scale(&line, io),
        "build" => build(&line, io),
        "pull" => pull(&line, io),
        "run" => run_one(&line, io),
        "exec" => exec(&line, io),
        "ls" => Ok(Begin::Query(Box::new(Query::all(Kind::Ls, line.parsed, io)))),
        "down" | "stop" | "start" | "restart" | "kill" | "pause" | "unpause" | "rm" => {
            existing(&line, io)
        }
        "attach" | "commit" | "publish" | "push" | "watch" => {
            if line.name == "push" {
                project(&line, &options(&line), &services(&line), io)?;
            }
            Err(Failure::new(format!("docker compose {} is not simulated", line.name)))
        }
        "logs" => logs(&line, io),
        "events" => events(&line, io),
        _ => lists(&line, io),
    }
}

/// Words that name services.
fn services(line: &Line) -> Vec<String> {
    line.parsed.words.clone()
}

fn seconds(parsed: &Parsed, flag: &str) -> Option<i64> {
    parsed.one(flag).and_then(|t| t.parse().ok())
}

fn version(line: &Line, io: &mut Io<'_>) -> Begin {
    let version = crate::compose::create::VERSION;
    if line.parsed.on("short") {
        io.out(format!("{version}\n"));
    } else if line.parsed.one("format") == Some("json") {
        io.out(format!("{{\"version\":\"v{version}\"}}\n"));
    } else {
        io.out(format!("Docker Compose version {version}\n"));
    }
    Begin::Done
}

/// How `config` reads the project.
fn config_options(line: &Line) -> Options {
    let parsed = &line.parsed;
    let mut options = options(line);
    options.want = Want {
        interpolation: !parsed.on("no-interpolate"),
        absolute_paths: !parsed.on("no-path-resolution"),
        normalization: !parsed.on("no-normalize"),
        consistency: !parsed.on("no-consistency"),
        // Compose 2.40.3 resolves them all the same (`--no-env-resolution` reaches nothing here).
        environment: true,
        unused: line.global.on("all-resources"),
    };
    let lines = ["services", "volumes", "networks", "hash", "environment"];
    if lines.iter().any(|f| parsed.on(f)) {
        options.want.environment = false;
    }
    options
}

fn config(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let parsed = &line.parsed;
    let mut options = config_options(line);
    if parsed.on("lock-image-digests") || parsed.on("resolve-image-digests") {
        return Err(Failure::new("docker compose config: digests of images are not simulated"));
    }
    if parsed.on("variables") {
        options.want.interpolation = false;
        let text = variables(&project(line, &options, &[], io)?);
        io.out(text);
        return Ok(Begin::Done);
    }
    let all = project(line, &options, &[], io)?;
    let named = match services(line).as_slice() {
        [] => all.clone(),
        // The warnings have been said.
        names => {
            let again = super::loaded(&options, names, io).result;
            again.map_err(|error| Failure::new(error.message))?
        }
    };
    let keys = |section: &str| {
        let section = all.model.get(section).and_then(Value::as_object).into_iter().flatten();
        section.map(|(key, _)| format!("{key}\n")).collect::<String>()
    };
    let each = |work: &dyn Fn(Service<'_>) -> String| {
        let names = named.service_names();
        let services = names.iter().filter_map(|n| Some((n, named.service(n)?)));
        services
            .map(|(name, value)| format!("{}\n", work(Service { name, value })))
            .collect::<String>()
    };
    let text = if parsed.on("services") {
        all.start_order().iter().map(|name| format!("{name}\n")).collect()
    } else if parsed.on("volumes") {
        keys("volumes")
    } else if parsed.on("networks") {
        keys("networks")
    } else if let Some(wanted) = parsed.one("hash") {
        let chosen: Vec<&str> = wanted.split(',').collect();
        if let Some(unknown) = chosen.iter().find(|n| **n != "*" && all.service(n).is_none()) {
            return Err(Failure::new(format!("no such service: {unknown}: not found")));
        }
        let names = all.service_names();
        let names = names.iter().filter(|n| wanted == "*" || chosen.contains(&n.as_str()));
        names
            .map(|n| format!("{n} {}\n", all.service(n).map(service_hash).unwrap_or_default()))
            .collect()
    } else if parsed.on("images") {
        each(&|s| s.image(&named.name))
    } else if parsed.on("profiles") {
        profiles(&all)
    } else if parsed.on("models") {
        keys("models")
    } else if parsed.on("environment") {
        all.env.iter().map(|(k, v)| format!("{k}={v}\n")).collect()
    } else {
        match parsed.one("format") {
            None | Some("yaml" | "") => named.yaml(),
            Some("json") => format!("{}\n", named.json()),
            Some(other) => return Err(Failure::new(format!("unsupported format \"{other}\""))),
        }
    };
    if let Some(path) = parsed.one("output") {
        let path = crate::posix::normal(io.cwd, path);
        io.files.put_file(&path, text.as_str());
    } else if !parsed.on("quiet") {
        io.out(text);
    }
    Ok(Begin::Done)
}

/// The table of `config --variables`.
fn variables(project: &Project) -> String {
    let head = ["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(project.variables().into_iter().map(|variable| {
        let required = variable.required.to_string();
        vec![variable.name, required, variable.default, variable.alternate]
    }));
    crate::base::table::tabwriter(&rows, 20, 3)
}

fn profiles(project: &Project) -> String {
    let mut names = BTreeSet::new();
    let active = project.model.get("services").and_then(Value::as_object).into_iter().flatten();
    for service in active.map(|(_, s)| s).chain(project.disabled.values()) {
        let own = service.get("profiles").and_then(Value::as_array).into_iter().flatten();
        names.extend(own.filter_map(Value::as_str).map(str::to_owned));
    }
    names.iter().map(|name| format!("{name}\n")).collect()
}

/// Sets how many containers services have, as `--scale` says.
fn apply_scale(project: &mut Project, scales: &[String]) -> Result<(), Failure> {
    for scale in scales {
        let (name, count) = scale.split_once('=').ok_or_else(|| {
            Failure::new(format!("invalid --scale option \"{scale}\". Should be SERVICE=NUM"))
        })?;
        let count: u32 = count.parse().map_err(|_| {
            Failure::new(format!("strconv.Atoi: parsing \"{count}\": invalid syntax"))
        })?;
        let service = project.model.get_mut("services").and_then(|s| s.get_mut(name));
        let Some(Value::Object(service)) = service else {
            return Err(Failure::new(format!("no such service: {name}: not found")));
        };
        service.insert("scale".to_owned(), json!(count));
        if let Some(Value::Object(deploy)) = service.get_mut("deploy") {
            deploy.insert("replicas".to_owned(), json!(count));
        }
    }
    Ok(())
}

/// Drops what named services depend on (`--no-deps`).
fn drop_dependencies(project: &mut Project, names: &[String]) {
    if !names.is_empty() {
        project.keep(&names.iter().cloned().collect());
    }
}

/// What happens before containers start: images, networks, volumes, containers.
pub(super) fn prepare(work: &Work) -> Node {
    let project = &work.project;
    Node::seq([
        step(Do::Images),
        step(Do::Obtain),
        resources::networks(work),
        resources::volumes(work),
        super::action::ask(
            super::containers::list(&project.name, true),
            super::action::Then::Observed,
        ),
        step(Do::Orphans),
        step(Do::Converge),
    ])
}

fn unique_names(project: &Project) -> Result<(), Failure> {
    let mut seen: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    for name in project.service_names() {
        let fixed = project.service(&name).map(|s| super::containers::text(s, "container_name"));
        let Some(fixed) = fixed.filter(|f| !f.is_empty()) else { continue };
        if let Some(other) = seen.insert(fixed.clone(), name.clone()) {
            return Err(Failure::new(format!(
                "services.{name}: container name \"{fixed}\" is already in use by service {other}\""
            )));
        }
    }
    Ok(())
}

fn up(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let parsed = &line.parsed;
    let named = services(line);
    check_up(parsed)?;
    let detached = parsed.on("detach") || parsed.on("wait");
    let mut project = project(line, &options(line), &named, io)?;
    if parsed.on("no-deps") {
        drop_dependencies(&mut project, &named);
    }
    if let Some(from) = parsed.one("exit-code-from")
        && project.service(from).is_none()
    {
        return Err(Failure::new(format!("no such service: {from}: not found")));
    }
    apply_scale(&mut project, &parsed.many("scale"))?;
    if project.service_names().is_empty() {
        return Err(Failure::new("no service selected"));
    }
    unique_names(&project)?;
    let mut work = work(line, project, io);
    fill(&mut work, parsed, named);
    let mut nodes = vec![prepare(&work)];
    if parsed.on("no-start") || work.project.service_names().is_empty() {
        return Ok(Begin::Tree(Box::new(work), Node::seq(nodes), After::End));
    }
    if work.settings.dry_run || detached {
        if !work.settings.dry_run {
            nodes.push(listed(&work));
        }
        nodes.push(step(Do::Start));
        if parsed.on("wait") {
            nodes.push(step(Do::AllReady));
        }
        return Ok(Begin::Tree(Box::new(work), Node::seq(nodes), After::End));
    }
    nodes.push(listed(&work));
    let settings = live::Settings::of(parsed, &work.settings.services);
    Ok(Begin::Tree(Box::new(work), Node::seq(nodes), After::Attach(settings)))
}

/// Flags of `up` that do not go together (`validateFlags`, `createOptions.Apply`).
fn check_up(parsed: &Parsed) -> Result<(), Failure> {
    let attaches = !parsed.many("attach").is_empty() || parsed.on("attach-dependencies");
    let aborts = parsed.on("abort-on-container-exit") || parsed.one("exit-code-from").is_some();
    let fails = parsed.on("abort-on-container-failure");
    let refused = if fails && parsed.on("abort-on-container-exit") {
        "--abort-on-container-failure cannot be combined with --abort-on-container-exit".to_owned()
    } else if parsed.on("wait") && (aborts || attaches) {
        "--wait cannot be combined with --abort-on-container-exit, --attach or \
         --attach-dependencies"
            .to_owned()
    } else if parsed.on("detach") && (aborts || fails || attaches || parsed.on("watch")) {
        "--detach cannot be combined with --abort-on-container-exit, \
         --abort-on-container-failure, --attach, --attach-dependencies or --watch"
            .to_owned()
    } else {
        let clashes = [
            ("build", "no-build"),
            ("force-recreate", "no-recreate"),
            ("no-recreate", "renew-anon-volumes"),
            ("always-recreate-deps", "no-recreate"),
        ];
        match clashes.iter().find(|(a, b)| parsed.on(a) && parsed.on(b)) {
            Some((a, b)) => format!("--{a} and --{b} are incompatible"),
            None => return check_pull(parsed),
        }
    };
    Err(Failure::new(refused))
}

/// Whether `--pull` names a policy.
fn check_pull(parsed: &Parsed) -> Result<(), Failure> {
    match parsed.one("pull") {
        None | Some("" | "always" | "missing" | "never" | "build" | "if_not_present") => Ok(()),
        Some(other) => Err(Failure::new(format!("invalid --pull option \"{other}\""))),
    }
}

/// Takes over flags that several commands share.
fn fill(work: &mut Work, parsed: &Parsed, named: Vec<String>) {
    let settings = &mut work.settings;
    settings.recreate = policy(parsed.on("force-recreate"), parsed.on("no-recreate"));
    settings.recreate_dependencies =
        match (parsed.on("always-recreate-deps"), parsed.on("no-recreate")) {
            (true, _) => Policy::Force,
            (_, true) => Policy::Never,
            _ => Policy::Diverged,
        };
    settings.services = named;
    settings.timeout = seconds(parsed, "timeout");
    settings.remove_orphans = parsed.on("remove-orphans");
    settings.volumes = parsed.on("volumes");
    settings.build = parsed.on("build");
    settings.no_build = parsed.on("no-build");
    settings.no_cache = parsed.on("no-cache");
    settings.pull = parsed.one("pull").unwrap_or_default().to_owned();
    settings.renew = parsed.on("renew-anon-volumes");
    settings.wait = parsed.on("wait");
    settings.wait_timeout = parsed.one("wait-timeout").and_then(|t| t.parse().ok());
    settings.images = parsed.one("rmi").unwrap_or_default().to_owned();
    settings.quiet = parsed.on("quiet-pull") || parsed.on("quiet");
    settings.quiet_build = parsed.on("quiet-build") || parsed.on("quiet");
    settings.alone = parsed.on("no-deps");
}

fn create(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    check_up(&line.parsed)?;
    let named = services(line);
    let mut project = project(line, &options(line), &named, io)?;
    apply_scale(&mut project, &line.parsed.many("scale"))?;
    unique_names(&project)?;
    let mut work = work(line, project, io);
    fill(&mut work, &line.parsed, named);
    let node = prepare(&work);
    Ok(Begin::Tree(Box::new(work), node, After::End))
}

fn scale(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let scales = services(line);
    for scale in &scales {
        let what = match scale.split_once('=') {
            None => scale.clone(),
            Some((_, count)) if count.parse::<u32>().is_err() => {
                format!("can't parse replica value as int: {scale}")
            }
            Some(_) => continue,
        };
        return Err(Failure::new(format!("invalid scale specifier: {what}")));
    }
    let named: Vec<String> =
        scales.iter().map(|s| s.split('=').next().unwrap_or_default().to_owned()).collect();
    let mut project = project(line, &options(line), &named, io)?;
    if line.parsed.on("no-deps") {
        drop_dependencies(&mut project, &named);
    }
    apply_scale(&mut project, &scales)?;
    let mut work = work(line, project, io);
    fill(&mut work, &line.parsed, named);
    let nodes = [prepare(&work), listed(&work), step(Do::Start)];
    Ok(Begin::Tree(Box::new(work), Node::seq(nodes), After::End))
}

fn build(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let named = services(line);
    let project = project(line, &options(line), &named, io)?;
    let builds: Vec<String> = project
        .service_names()
        .into_iter()
        .filter(|n| project.service(n).is_some_and(|s| s.get("build").is_some()))
        .filter(|n| named.is_empty() || named.contains(n))
        .collect();
    let mut work = work(line, project, io);
    fill(&mut work, &line.parsed, named);
    if builds.is_empty() {
        super::work::warn(io, work.tty, work.started, "No services to build");
    }
    let node = super::bake::all(builds);
    Ok(Begin::Tree(Box::new(work), node, After::End))
}

fn pull(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let named = services(line);
    let mut project = project(line, &options(line), &named, io)?;
    if !line.parsed.on("include-deps") {
        drop_dependencies(&mut project, &named);
    }
    let mut work = work(line, project, io);
    fill(&mut work, &line.parsed, named);
    let mut pulls = Vec::new();
    let skip = |work: &mut Work, io: &mut Io<'_>, name: &str, why: &str| {
        work.service(io, name, &format!("Skipped - {why}"), super::work::Mood::Done);
    };
    for name in work.project.service_names() {
        let service = work.project.service(&name).cloned().unwrap_or_default();
        let builds = service.get("build").is_some();
        if service.get("image").is_none() {
            skip(&mut work, io, &name, "No image to be pulled");
        } else if builds && line.parsed.on("ignore-buildable") {
            skip(&mut work, io, &name, "Image can be built");
        } else {
            let healed = builds || line.parsed.on("ignore-pull-failures");
            pulls.push(step(Do::Pull(name, healed)));
        }
    }
    Ok(Begin::Tree(Box::new(work), Node::par(pulls), After::End))
}

fn run_one(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let Some((name, command)) = line.parsed.words.split_first() else { return Ok(Begin::Done) };
    let project = project(line, &options(line), std::slice::from_ref(name), io)?;
    let wanted = run::Wanted::of(&line.parsed, name, command, &project, io)?;
    let mut work = work(line, project, io);
    fill(&mut work, &line.parsed, vec![name.clone()]);
    work.settings.remove_orphans = line.parsed.on("remove-orphans");
    work.silent |= line.parsed.on("quiet");
    let node = run::before(&mut work, name, line.parsed.on("no-deps"));
    Ok(Begin::Tree(Box::new(work), node, After::Run(Box::new(wanted))))
}

fn exec(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let [name, command @ ..] = line.parsed.words.as_slice() else { return Ok(Begin::Done) };
    let project = name_of(line, io)?;
    Ok(Begin::Run(Box::new(run::Run::exec(&project, name, command, &line.parsed, io))))
}

/// The name of the project, from the flag or the files.
fn name_of(line: &Line, io: &mut Io<'_>) -> Result<String, Failure> {
    match line.global.one("project-name") {
        Some(name) => Ok(name.to_owned()),
        None => Ok(project(line, &options(line), &[], io)?.name),
    }
}

/// Whether only the project's name is given, so that its files do not count.
fn only_name(line: &Line, options: &Options) -> bool {
    options.name.is_some()
        && options.files.is_empty()
        && line.global.one("project-directory").is_none()
}

/// Commands about containers that are there.
fn existing(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let named = services(line);
    if let Some(rmi) = line.parsed.one("rmi").filter(|rmi| !matches!(*rmi, "" | "all" | "local")) {
        return Err(Failure::new(format!("invalid value for --rmi: \"{rmi}\"")));
    }
    let options = options(line);
    let goal = Goal { name: line.name, parsed: line.parsed.clone() };
    if only_name(line, &options) {
        let name = options.name.unwrap_or_default();
        let empty = Project { name, ..Project::default() };
        let mut work = work(line, empty, io);
        fill(&mut work, &line.parsed, named);
        return Ok(Begin::Discover(Box::new(Discover::new(work, goal, io))));
    }
    // All profiles count for `down`, only the named services' for the others.
    let chosen = if matches!(line.name, "down" | "restart") { Vec::new() } else { named.clone() };
    let project = project(line, &options, &chosen, io)?;
    if matches!(line.name, "down" | "restart")
        && let Some(unknown) = named.iter().find(|n| project.service(n).is_none())
    {
        return Err(Failure::new(format!("no such service: {unknown}")));
    }
    let mut work = work(line, project, io);
    fill(&mut work, &line.parsed, named);
    goal.tree(work, io)
}

impl Goal {
    /// The tree of a command about containers that are there; they are listed first.
    pub(super) fn tree(self, work: Work, io: &mut Io<'_>) -> Result<Begin, Failure> {
        let settings = &work.settings;
        let stop = |remove: bool| Stop {
            services: settings.services.clone(),
            remove,
            volumes: settings.volumes,
            roots: remove,
        };
        let rest = match self.name {
            "down" => vec![step(Do::Stop(stop(true))), step(Do::Sweep)],
            "stop" => vec![step(Do::Stop(stop(false)))],
            "start" if settings.wait => vec![step(Do::Start), step(Do::AllReady)],
            "start" => vec![step(Do::Start)],
            "restart" => vec![step(Do::Restart)],
            _ => {
                let query = Query::change(self.name, work, self.parsed, io);
                return Ok(Begin::Query(Box::new(query)));
            }
        };
        let mut nodes = vec![listed(&work)];
        nodes.extend(rest);
        Ok(Begin::Tree(Box::new(work), Node::seq(nodes), After::End))
    }
}

fn logs(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let named = services(line);
    let options = options(line);
    let project = if only_name(line, &options) {
        Project { name: options.name.unwrap_or_default(), ..Project::default() }
    } else {
        project(line, &options, &named, io)?
    };
    let live = live::Live::logs(work(line, project, io), &line.parsed, io)?;
    Ok(Begin::Live(Box::new(live)))
}

fn events(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let name = name_of(line, io)?;
    let live = live::Live::events(&name, &line.parsed, io);
    Ok(Begin::Live(Box::new(live)))
}

/// Commands that print lists.
fn lists(line: &Line, io: &mut Io<'_>) -> Result<Begin, Failure> {
    let options = options(line);
    if line.name == "ps" {
        listing::check_ps(&line.parsed)?;
    }
    // Only these two ask the model for the services that are named.
    let named = match line.name {
        "ps" | "volumes" => services(line),
        _ => Vec::new(),
    };
    let project = if only_name(line, &options) {
        Project { name: options.name.unwrap_or_default(), ..Project::default() }
    } else {
        project(line, &options, &named, io)?
    };
    let kind = match line.name {
        "ps" => Kind::Ps,
        "images" => Kind::Images,
        "top" => Kind::Top,
        "port" => Kind::Port,
        "volumes" => Kind::Volumes,
        "stats" => Kind::Stats,
        "wait" => Kind::Wait,
        "cp" => Kind::Copy,
        _ => Kind::Export,
    };
    let query = Query::of(kind, work(line, project, io), line.parsed.clone(), io);
    Ok(Begin::Query(Box::new(query)))
}
