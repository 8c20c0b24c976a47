//! The commands of compose: name, what they do, flags. Help and completion derive from it.

use super::flags::{Flag, int, many, on, one};

/// A command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command {
    /// Its name.
    pub(super) name: &'static str,
    /// How it is called.
    pub(super) usage: &'static str,
    /// What it does.
    pub(super) about: &'static str,
    /// Its flags.
    pub(super) flags: &'static [Flag],
    /// Whether the first word ends the flags (`exec`, `run`).
    pub(super) passes: bool,
    /// How many words it takes.
    pub(super) count: Count,
}

/// How many words a command takes, and who complains: cobra or docker's own checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// Any number.
    Any,
    /// None (`cobra.NoArgs`).
    None,
    /// At least so many (`cobra.MinimumNArgs`).
    Least(usize),
    /// At least so many (`cli.RequiresMinArgs`).
    Required(usize),
    /// Exactly so many (`cli.ExactArgs`).
    Exact(usize),
    /// Between two numbers (`cobra.RangeArgs`).
    Between(usize, usize),
}

impl Command {
    /// The complaint about so many words, if there is one.
    pub(super) fn refuses(&self, words: &[String]) -> Option<String> {
        let (name, given) = (self.name, words.len());
        let plural = |n: usize| if n == 1 { "argument" } else { "arguments" };
        let how = match self.count {
            Count::None if given > 0 => {
                let word = words.first().map_or("", String::as_str);
                return Some(format!("unknown command \"{word}\" for \"docker compose {name}\""));
            }
            Count::Least(n) if given < n => {
                return Some(format!("requires at least {n} arg(s), only received {given}"));
            }
            Count::Between(least, most) if given < least || given > most => {
                let range = format!("between {least} and {most}");
                return Some(format!("accepts {range} arg(s), received {given}"));
            }
            Count::Required(n) if given < n => format!("requires at least {n} {}", plural(n)),
            Count::Exact(n) if given != n => format!("requires {n} {}", plural(n)),
            _ => return None,
        };
        let usage = self.usage_lines();
        let see = if matches!(self.count, Count::Required(_)) { "See" } else { "Run" };
        Some(format!(
            "docker: 'docker compose {name}' {how}\n\nUsage:  {usage}\n\n{see} 'docker compose \
             {name} --help' for more information"
        ))
    }

    /// How it is called, with its name; cobra adds `[OPTIONS]` where there are flags.
    fn usage_lines(&self) -> String {
        let name = self.name;
        match self.usage {
            usage if usage.contains("[OPTIONS]") => format!("docker compose {name} {usage}"),
            usage => format!("docker compose {name} [OPTIONS] {usage}"),
        }
    }
}

const fn command(
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    flags: &'static [Flag],
) -> Command {
    Command { name, usage, about, flags, passes: false, count: Count::Any }
}

/// Flags before the command.
pub(super) const GLOBAL: &[Flag] = &[
    on("all-resources", '\0', "Include all resources, even those not used by services"),
    one("ansi", '\0', "Control when to print ANSI control characters"),
    on("compatibility", '\0', "Run compose in backward compatibility mode"),
    on("dry-run", '\0', "Execute command in dry run mode"),
    many("env-file", '\0', "Specify an alternate environment file"),
    many("file", 'f', "Compose configuration files"),
    int("parallel", '\0', "Control max parallelism, -1 for unlimited"),
    many("profile", '\0', "Specify a profile to enable"),
    one("progress", '\0', "Set type of progress output (auto, tty, plain, json, quiet)"),
    one("project-directory", '\0', "Specify an alternate working directory"),
    one("project-name", 'p', "Project name"),
    on("verbose", '\0', "Show more output"),
    on("version", 'v', "Show the Docker Compose version information"),
    on("help", 'h', "Print usage"),
];

const HELP: Flag = on("help", 'h', "Print usage");
const TIMEOUT: Flag = int("timeout", 't', "Specify a shutdown timeout in seconds");
const ORPHANS: Flag = on("remove-orphans", '\0', "Remove containers for services not defined");
const INDEX: Flag = int("index", '\0', "Index of the container if service has multiple replicas");
const FORMAT: Flag = one("format", '\0', "Format output");
const QUIET: Flag = on("quiet", 'q', "Only display IDs");

const UP: &[Flag] = &[
    HELP,
    TIMEOUT,
    ORPHANS,
    on("abort-on-container-exit", '\0', "Stops all containers if any container was stopped"),
    on("abort-on-container-failure", '\0', "Stops all containers if any container failed"),
    on("always-recreate-deps", '\0', "Recreate dependent containers"),
    many("attach", '\0', "Restrict attaching to the specified services"),
    on("attach-dependencies", '\0', "Attach to log output of dependent services"),
    on("build", '\0', "Build images before starting containers"),
    on("detach", 'd', "Detached mode: Run containers in the background"),
    one("exit-code-from", '\0', "Return the exit code of the selected service container"),
    on("force-recreate", '\0', "Recreate containers even if nothing has changed"),
    on("menu", '\0', "Enable interactive shortcuts when running attached"),
    many("no-attach", '\0', "Do not attach to the specified services"),
    on("no-build", '\0', "Don't build an image, even if it's policy"),
    on("no-color", '\0', "Produce monochrome output"),
    on("no-deps", '\0', "Don't start linked services"),
    on("no-log-prefix", '\0', "Don't print prefix in logs"),
    on("no-recreate", '\0', "If containers already exist, don't recreate them"),
    on("no-start", '\0', "Don't start the services after creating them"),
    one("pull", '\0', "Pull image before running (\"always\"|\"missing\"|\"never\")"),
    on("quiet-build", '\0', "Suppress the build output"),
    on("quiet-pull", '\0', "Pull without printing progress information"),
    on("renew-anon-volumes", 'V', "Recreate anonymous volumes"),
    many("scale", '\0', "Scale SERVICE to NUM instances"),
    on("timestamps", '\0', "Show timestamps"),
    on("wait", '\0', "Wait for services to be running|healthy. Implies detached mode"),
    int("wait-timeout", '\0', "Maximum duration in seconds to wait for the project"),
    on("watch", 'w', "Watch source code and rebuild/refresh containers"),
    on("yes", 'y', "Assume \"yes\" as answer to all prompts"),
];

/// All commands, by name.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        count: Count::Least(1),
        ..command(
            "attach",
            "SERVICE",
            "Attach local standard input, output, and error streams to a service's running container",
            &[HELP],
        )
    },
    command(
        "build",
        "[SERVICE...]",
        "Build or rebuild services",
        &[
            HELP,
            one("builder", '\0', "Set builder to use"),
            on("check", '\0', "Check build configuration"),
            one("memory", 'm', "Set memory limit for the build container"),
            on("no-cache", '\0', "Do not use cache when building the image"),
            on("print", '\0', "Print equivalent bake file"),
            one("provenance", '\0', "Add a provenance attestation"),
            one("sbom", '\0', "Add a SBOM attestation"),
            one("ssh", '\0', "Set SSH authentications used when building service images"),
            on("with-dependencies", '\0', "Also build dependencies (transitively)"),
            on("pull", '\0', "Always attempt to pull a newer version of the image"),
            on("quiet", 'q', "Suppress the build output"),
            on("push", '\0', "Push service images"),
            many("build-arg", '\0', "Set build-time variables for services"),
        ],
    ),
    Command {
        count: Count::Between(1, 2),
        ..command(
            "commit",
            "SERVICE [REPOSITORY[:TAG]]",
            "Create a new image from a service container's changes",
            &[HELP],
        )
    },
    command(
        "config",
        "[SERVICE...]",
        "Parse, resolve and render compose file in canonical format",
        &[
            HELP,
            FORMAT,
            on("quiet", 'q', "Only validate the configuration, don't print anything"),
            on("services", '\0', "Print the service names, one per line."),
            on("volumes", '\0', "Print the volume names, one per line."),
            on("networks", '\0', "Print the network names, one per line."),
            on("images", '\0', "Print the image names, one per line."),
            on("profiles", '\0', "Print the profile names, one per line."),
            on("environment", '\0', "Print environment used for interpolation."),
            on("models", '\0', "Print the model names, one per line."),
            on("variables", '\0', "Print model variables and default values."),
            on("lock-image-digests", '\0', "Produces an override file with image digests"),
            on("resolve-image-digests", '\0', "Pin image tags to digests"),
            on("no-interpolate", '\0', "Don't interpolate environment variables"),
            on("no-normalize", '\0', "Don't normalize compose model"),
            on("no-path-resolution", '\0', "Don't resolve file paths"),
            on("no-consistency", '\0', "Don't check model consistency"),
            on("no-env-resolution", '\0', "Don't resolve service env files"),
            one("hash", '\0', "Print the service config hash, one per line."),
            one("output", 'o', "Save to file (default to stdout)"),
        ],
    ),
    Command {
        count: Count::Exact(2),
        ..command(
            "cp",
            "[OPTIONS] SERVICE:SRC_PATH DEST_PATH|-\n\tdocker compose cp [OPTIONS] \
             SRC_PATH|- SERVICE:DEST_PATH",
            "Copy files/folders between a service container and the local filesystem",
            &[
                HELP,
                INDEX,
                on("archive", 'a', "Archive mode (copy all uid/gid information)"),
                on("follow-link", 'L', "Always follow symbol link in SRC_PATH"),
                on("all", '\0', "Include containers created by the run command"),
            ],
        )
    },
    command(
        "create",
        "[SERVICE...]",
        "Creates containers for a service",
        &[
            HELP,
            ORPHANS,
            on("build", '\0', "Build images before starting containers"),
            on("force-recreate", '\0', "Recreate containers even if nothing has changed"),
            on("no-build", '\0', "Don't build an image, even if it's policy"),
            on("no-recreate", '\0', "If containers already exist, don't recreate them"),
            one("pull", '\0', "Pull image before running"),
            on("quiet-pull", '\0', "Pull without printing progress information"),
            many("scale", '\0', "Scale SERVICE to NUM instances"),
            on("yes", 'y', "Assume \"yes\" as answer to all prompts"),
        ],
    ),
    command(
        "down",
        "[SERVICES]",
        "Stop and remove containers, networks",
        &[
            HELP,
            TIMEOUT,
            ORPHANS,
            one("rmi", '\0', "Remove images used by services. \"local\" or \"all\""),
            on("volumes", 'v', "Remove named volumes and anonymous volumes"),
        ],
    ),
    command(
        "events",
        "[SERVICE...]",
        "Receive real time events from containers",
        &[
            HELP,
            on("json", '\0', "Output events as a stream of json objects"),
            one("since", '\0', "Show all events created since timestamp"),
            one("until", '\0', "Stream events until this timestamp"),
        ],
    ),
    Command {
        passes: true,
        count: Count::Least(2),
        ..command(
            "exec",
            "SERVICE COMMAND [ARGS...]",
            "Execute a command in a running container",
            &[
                HELP,
                INDEX,
                on("detach", 'd', "Detached mode: Run command in the background"),
                many("env", 'e', "Set environment variables"),
                on("no-tty", 'T', "Disable pseudo-TTY allocation"),
                on("no-TTY", '\0', "Disable pseudo-TTY allocation"),
                on("privileged", '\0', "Give extended privileges to the process"),
                one("user", 'u', "Run the command as this user"),
                one("workdir", 'w', "Path to workdir directory for this command"),
                on("interactive", 'i', "Keep STDIN open even if not attached"),
                on("tty", 't', "Allocate a pseudo-TTY"),
            ],
        )
    },
    Command {
        count: Count::Least(1),
        ..command(
            "export",
            "SERVICE",
            "Export a service container's filesystem as a tar archive",
            &[HELP, INDEX, one("output", 'o', "Write to a file, instead of STDOUT")],
        )
    },
    command(
        "images",
        "[SERVICE...]",
        "List images used by the created containers",
        &[HELP, QUIET, FORMAT],
    ),
    command(
        "kill",
        "[SERVICE...]",
        "Force stop service containers",
        &[HELP, ORPHANS, one("signal", 's', "SIGNAL to send to the container")],
    ),
    command(
        "logs",
        "[SERVICE...]",
        "View output from containers",
        &[
            HELP,
            INDEX,
            on("follow", 'f', "Follow log output"),
            on("no-color", '\0', "Produce monochrome output"),
            on("no-log-prefix", '\0', "Don't print prefix in logs"),
            one("since", '\0', "Show logs since timestamp"),
            one("tail", 'n', "Number of lines to show from the end of the logs"),
            on("timestamps", 't', "Show timestamps"),
            one("until", '\0', "Show logs before a timestamp"),
        ],
    ),
    Command {
        count: Count::None,
        ..command(
            "ls",
            "",
            "List running compose projects",
            &[
                HELP,
                FORMAT,
                QUIET,
                on("all", 'a', "Show all stopped Compose projects"),
                many("filter", '\0', "Filter output based on conditions provided"),
            ],
        )
    },
    command("pause", "[SERVICE...]", "Pause services", &[HELP]),
    Command {
        count: Count::Least(2),
        ..command(
            "port",
            "SERVICE PRIVATE_PORT",
            "Print the public port for a port binding",
            &[HELP, INDEX, one("protocol", '\0', "tcp or udp")],
        )
    },
    command(
        "ps",
        "[SERVICE...]",
        "List containers",
        &[
            HELP,
            FORMAT,
            QUIET,
            on("all", 'a', "Show all stopped containers"),
            many("filter", '\0', "Filter services by a property"),
            on("no-trunc", '\0', "Don't truncate output"),
            on("orphans", '\0', "Include orphaned services"),
            on("services", '\0', "Display services"),
            many("status", '\0', "Filter services by status"),
        ],
    ),
    Command {
        count: Count::Exact(1),
        ..command("publish", "REPOSITORY[:TAG]", "Publish compose application", &[HELP])
    },
    command(
        "pull",
        "[SERVICE...]",
        "Pull service images",
        &[
            HELP,
            on("ignore-buildable", '\0', "Ignore images that can be built"),
            on(
                "ignore-pull-failures",
                '\0',
                "Pull what it can and ignores images with pull failures",
            ),
            on("include-deps", '\0', "Also pull services declared as dependencies"),
            one("policy", '\0', "Apply pull policy (\"missing\"|\"always\")"),
            on("quiet", 'q', "Pull without printing progress information"),
        ],
    ),
    command("push", "[SERVICE...]", "Push service images", &[HELP]),
    command(
        "restart",
        "[SERVICE...]",
        "Restart service containers",
        &[HELP, TIMEOUT, on("no-deps", '\0', "Don't restart dependent services")],
    ),
    command(
        "rm",
        "[SERVICE...]",
        "Removes stopped service containers",
        &[
            HELP,
            on("force", 'f', "Don't ask to confirm removal"),
            on("stop", 's', "Stop the containers, if required, before removing"),
            on("volumes", 'v', "Remove any anonymous volumes attached to containers"),
        ],
    ),
    Command {
        passes: true,
        count: Count::Least(1),
        ..command(
            "run",
            "SERVICE [COMMAND] [ARGS...]",
            "Run a one-off command on a service",
            &[
                HELP,
                ORPHANS,
                on("build", '\0', "Build image before starting container"),
                many("cap-add", '\0', "Add Linux capabilities"),
                many("cap-drop", '\0', "Drop Linux capabilities"),
                many("env-from-file", '\0', "Set environment variables from file"),
                on("quiet", 'q', "Don't print anything to STDOUT"),
                on("quiet-build", '\0', "Suppress progress output from the build process"),
                on("detach", 'd', "Run container in background and print container ID"),
                one("entrypoint", '\0', "Override the entrypoint of the image"),
                many("env", 'e', "Set environment variables"),
                on("interactive", 'i', "Keep STDIN open even if not attached"),
                many("label", 'l', "Add or override a label"),
                one("name", '\0', "Assign a name to the container"),
                on("no-TTY", 'T', "Disable pseudo-TTY allocation"),
                on("no-deps", '\0', "Don't start linked services"),
                many("publish", 'p', "Publish a container's port(s) to the host"),
                one("pull", '\0', "Pull image before running"),
                on("quiet-pull", '\0', "Pull without printing progress information"),
                on("rm", '\0', "Automatically remove the container when it exits"),
                on("service-ports", 'P', "Run command with all service's ports enabled"),
                on("use-aliases", '\0', "Use the service's network useAliases"),
                one("user", 'u', "Run as specified username or uid"),
                many("volume", 'v', "Bind mount a volume"),
                one("workdir", 'w', "Working directory inside the container"),
            ],
        )
    },
    Command {
        count: Count::Least(1),
        ..command(
            "scale",
            "[SERVICE=REPLICAS...]",
            "Scale services",
            &[HELP, on("no-deps", '\0', "Don't start linked services")],
        )
    },
    command(
        "start",
        "[SERVICE...]",
        "Start services",
        &[
            HELP,
            on("wait", '\0', "Wait for services to be running|healthy"),
            int("wait-timeout", '\0', "Maximum duration in seconds to wait for the project"),
        ],
    ),
    command(
        "stats",
        "[SERVICE]",
        "Display a live stream of container(s) resource usage statistics",
        &[
            HELP,
            FORMAT,
            on("all", 'a', "Show all containers (default shows just running)"),
            on("no-stream", '\0', "Disable streaming stats and only pull the first result"),
            on("no-trunc", '\0', "Do not truncate output"),
        ],
    ),
    command("stop", "[SERVICE...]", "Stop services", &[HELP, TIMEOUT]),
    command("top", "[SERVICES...]", "Display the running processes", &[HELP]),
    command("unpause", "[SERVICE...]", "Unpause services", &[HELP]),
    command("up", "[SERVICE...]", "Create and start containers", UP),
    command(
        "version",
        "",
        "Show the Docker Compose version information",
        &[
            HELP,
            one("format", 'f', "Format the output. Values: [pretty | json]"),
            on("short", '\0', "Shows only Compose's version number"),
        ],
    ),
    command("volumes", "[SERVICE...]", "List volumes", &[HELP, QUIET, FORMAT]),
    Command {
        count: Count::Required(1),
        ..command(
            "wait",
            "SERVICE [SERVICE...] [OPTIONS]",
            "Block until containers of all (or specified) services stop.",
            &[HELP, on("down-project", '\0', "Drops project when the first container stops")],
        )
    },
    command(
        "watch",
        "[SERVICE...]",
        "Watch build context for service and rebuild/refresh containers when files are updated",
        &[HELP],
    ),
];

/// The head of what `docker compose` prints about itself.
const OVERVIEW: &str = "\
Usage:  docker compose [OPTIONS] COMMAND

Define and run multi-container applications with Docker

Options:
      --all-resources              Include all resources, even those not
                                   used by services
      --ansi string                Control when to print ANSI control
                                   characters (\"never\"|\"always\"|\"auto\")
                                   (default \"auto\")
      --compatibility              Run compose in backward compatibility mode
      --dry-run                    Execute command in dry run mode
      --env-file stringArray       Specify an alternate environment file
  -f, --file stringArray           Compose configuration files
      --parallel int               Control max parallelism, -1 for
                                   unlimited (default -1)
      --profile stringArray        Specify a profile to enable
      --progress string            Set type of progress output (auto,
                                   tty, plain, json, quiet)
      --project-directory string   Specify an alternate working directory
                                   (default: the path of the, first
                                   specified, Compose file)
  -p, --project-name string        Project name

";

/// What `docker compose` prints about itself.
pub(super) fn overview() -> String {
    let mut text = OVERVIEW.to_owned();
    text.push_str("Management Commands:\n");
    text.push_str("  bridge      Convert compose files into another model\n\nCommands:\n");
    for command in COMMANDS {
        text.push_str(&format!("  {:<11} {}\n", command.name, command.about));
    }
    text.push_str("\nRun 'docker compose COMMAND --help' for more information on a command.\n\n");
    text
}

/// What a command prints about itself.
pub(super) fn help(command: &Command) -> String {
    let mut text = format!("Usage:  {}\n\n{}\n\nOptions:\n", command.usage_lines(), command.about);
    let width = command.flags.iter().map(|f| f.long.len()).max().unwrap_or(0);
    for flag in command.flags.iter().filter(|f| f.long != "help") {
        let short = match flag.short {
            '\0' => "    ".to_owned(),
            c => format!("-{c}, "),
        };
        text.push_str(&format!("  {short}--{:<width$}   {}\n", flag.long, flag.help));
    }
    text
}
