//! Network tools of the learner's own computer: one file each, one line in [`TOOLS`].

mod curl;
mod lookup;
mod nc;
mod ping;

use crate::net::{Answer, Request};
use crate::shell::job::{Io, Wake};

/// What a tool does with its arguments: a request to send, or an error to print.
type Parse = fn(&[String]) -> Result<Plan, String>;

/// The tools by name.
const TOOLS: [(&str, Parse); 6] = [
    ("curl", curl::curl),
    ("dig", lookup::dig),
    ("nc", nc::nc),
    ("nslookup", lookup::nslookup),
    ("ping", ping::ping),
    ("wget", curl::wget),
];

/// Most requests of one call (`ping -c`).
const MAX_ROUNDS: u32 = 1_000;
/// A second between rounds.
const ROUND: crate::base::time::SimDuration = crate::base::time::SimDuration::from_secs(1);

/// What a tool is about to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Printed first.
    pub intro: String,
    /// What is sent.
    pub request: Request,
    /// How often.
    pub rounds: u32,
    /// How an answer is printed.
    pub print: Print,
}

/// How a tool prints its answers.
#[derive(Clone, Debug)]
pub enum Print {
    /// As curl.
    Curl(curl::Options),
    /// As wget.
    Wget(curl::Options),
    /// As nc.
    Nc {
        /// `-v`.
        verbose: bool,
    },
    /// As ping.
    Ping,
    /// As nslookup.
    Nslookup,
    /// As `dig +short` or with its answer section.
    Dig {
        /// `+short`.
        short: bool,
    },
}

/// What is printed for one answer.
#[derive(Debug, Default)]
pub struct Printed {
    /// To standard output.
    pub out: String,
    /// To standard error.
    pub err: String,
    /// A file to write instead of standard output.
    pub file: Option<(String, String)>,
    /// The exit code, if this were the last answer.
    pub exit: u8,
}

/// A running network tool.
#[derive(Clone, Debug)]
pub struct Job {
    plan: Result<Plan, String>,
    sent: u32,
    received: u32,
    exit: u8,
}

impl Job {
    /// The tool that a command line names, if it is one.
    #[must_use]
    pub fn new(argv: &[String]) -> Option<Self> {
        let name = argv.first()?.rsplit('/').next()?;
        let (_, parse) = TOOLS.iter().find(|(tool, _)| *tool == name)?;
        let plan = parse(argv.get(1..).unwrap_or(&[]));
        Some(Self { plan, sent: 0, received: 0, exit: 0 })
    }

    /// Go on.
    pub fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        let plan = match &self.plan {
            Ok(plan) => plan.clone(),
            Err(message) => {
                io.err(message.clone());
                io.exit(2);
                return;
            }
        };
        match wake {
            Wake::Start => {
                io.out(plan.intro.clone());
                self.send(&plan, io);
            }
            Wake::Timer(_) => self.send(&plan, io),
            Wake::Net(_, answer) => self.answered(&plan, &answer, io),
            Wake::Signal(signal) => {
                io.out(self.summary(&plan));
                io.exit(128 + signal);
            }
            Wake::Docker(..) | Wake::Kube(..) | Wake::Stdin(_) => {}
        }
    }

    fn send(&mut self, plan: &Plan, io: &mut Io<'_>) {
        self.sent += 1;
        io.ask_net(plan.request.clone());
    }

    fn answered(&mut self, plan: &Plan, answer: &Answer, io: &mut Io<'_>) {
        let printed = match &plan.print {
            Print::Curl(options) => curl::print_curl(options, &plan.request, answer),
            Print::Wget(options) => curl::print_wget(options, &plan.request, answer),
            Print::Nc { verbose } => nc::print(*verbose, &plan.request, answer),
            Print::Ping => ping::print(self.sent, &plan.request, answer),
            Print::Nslookup => lookup::print_nslookup(&plan.request, answer),
            Print::Dig { short } => lookup::print_dig(*short, &plan.request, answer),
        };
        self.received += u32::from(printed.exit == 0);
        self.exit = printed.exit;
        if let Some((path, text)) = printed.file {
            let path = crate::posix::normal(io.cwd, &path);
            io.files.put_file(&path, text);
        }
        io.out(printed.out);
        io.err(printed.err);
        if self.sent < plan.rounds.min(MAX_ROUNDS) {
            io.timer(ROUND, 0);
        } else {
            io.out(self.summary(plan));
            io.exit(self.exit);
        }
    }

    fn summary(&self, plan: &Plan) -> String {
        match plan.print {
            Print::Ping => ping::summary(&plan.request.host, self.sent, self.received),
            Print::Curl(_)
            | Print::Wget(_)
            | Print::Nc { .. }
            | Print::Nslookup
            | Print::Dig { .. } => String::new(),
        }
    }
}
