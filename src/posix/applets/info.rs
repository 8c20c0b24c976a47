//! Tools that tell about the place: `date ps id hostname df …`.

use crate::posix::applets::Call;

/// `date [-u] [-Iseconds] [+format]`.
pub(super) fn date(call: &mut Call<'_>) -> u8 {
    let format = call.argv.iter().skip(1).find_map(|a| a.strip_prefix('+')).map(str::to_owned);
    let format = match format {
        Some(format) => format,
        None if call.argv.iter().any(|a| a.starts_with("-I")) => "%Y-%m-%dT%H:%M:%S+00:00".into(),
        None => "%a %b %e %H:%M:%S UTC %Y".to_owned(),
    };
    let (year, month, day, hour, minute, second, weekday) = call.now.civil();
    let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let pick = |names: &[&'static str], n: u64| {
        usize::try_from(n).ok().and_then(|n| names.get(n).copied()).unwrap_or("")
    };
    let (day_name, month_name) = (pick(&days, weekday), pick(&months, month.saturating_sub(1)));
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            call.out.push(c);
            continue;
        }
        let text = match chars.next() {
            Some('Y') => year.to_string(),
            Some('y') => format!("{:02}", year % 100),
            Some('m') => format!("{month:02}"),
            Some('d') => format!("{day:02}"),
            Some('e') => format!("{day:2}"),
            Some('H') => format!("{hour:02}"),
            Some('I') => format!("{:02}", (hour + 11) % 12 + 1),
            Some('p') => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            Some('M') => format!("{minute:02}"),
            Some('S') => format!("{second:02}"),
            Some('N') => format!("{:06}000", call.now.0 % 1_000_000),
            Some('s') => call.now.unix_seconds().to_string(),
            Some('F') => format!("{year:04}-{month:02}-{day:02}"),
            Some('T') => format!("{hour:02}:{minute:02}:{second:02}"),
            Some('R') => format!("{hour:02}:{minute:02}"),
            Some('D') => format!("{month:02}/{day:02}/{:02}", year % 100),
            Some('a') => day_name.get(..3).unwrap_or("").to_owned(),
            Some('A') => day_name.to_owned(),
            Some('b' | 'h') => month_name.get(..3).unwrap_or("").to_owned(),
            Some('B') => month_name.to_owned(),
            Some('u') => if weekday == 0 { 7 } else { weekday }.to_string(),
            Some('Z') => "UTC".to_owned(),
            Some('z') => "+0000".to_owned(),
            Some('n') => "\n".to_owned(),
            Some('t') => "\t".to_owned(),
            Some('%') => "%".to_owned(),
            Some(other) => format!("%{other}"),
            None => "%".to_owned(),
        };
        call.out.push_str(&text);
    }
    call.out.push('\n');
    0
}

/// `ps` as BusyBox prints it, or with `-o pid,args`.
pub(super) fn ps(call: &mut Call<'_>) -> u8 {
    let mut rows: Vec<(u32, String, String)> = call
        .facts
        .processes
        .iter()
        .map(|(pid, user, line)| (*pid, user.to_string(), line.to_string()))
        .collect();
    // Alone in its container it is the first process itself.
    let alone = !call.facts.processes.iter().any(|(pid, ..)| *pid == call.facts.pid);
    let pid = if alone { call.facts.pid } else { call.facts.pid + 100 };
    let own = (pid, call.facts.user.to_string(), call.argv.join(" "));
    rows.push(own);
    rows.sort();
    let columns = call.value('o').map(|o| o.replace("cmd", "args").replace("command", "args"));
    match columns {
        None => {
            call.out.push_str("PID   USER     TIME  COMMAND\n");
            for (pid, user, line) in rows {
                call.out.push_str(&format!("{pid:>5} {user:<8}  0:00 {line}\n"));
            }
        }
        Some(columns) => {
            let titles = columns.split(',').map(|column| match column {
                "args" | "comm" => "COMMAND".to_owned(),
                other => other.to_ascii_uppercase(),
            });
            let titles: Vec<String> = titles.collect();
            call.out.push_str(&format!("{}\n", titles.join("   ")));
            for (pid, user, line) in rows {
                let cells = columns.split(',').map(|column| match column {
                    "pid" => format!("{pid:>5}"),
                    "user" => user.clone(),
                    "comm" => {
                        let program = line.split(' ').next().unwrap_or("");
                        program.rsplit('/').next().unwrap_or("").chars().take(15).collect()
                    }
                    _ => line.clone(),
                });
                call.out.push_str(&format!("{}\n", cells.collect::<Vec<_>>().join(" ")));
            }
        }
    }
    0
}

/// `pgrep [-f] pattern`.
pub(super) fn pgrep(call: &mut Call<'_>) -> u8 {
    let Some(pattern) = call.operands("").pop() else { return 2 };
    let mut found = 1;
    for (pid, _, line) in call.facts.processes.iter() {
        if line.contains(&pattern) {
            call.out.push_str(&format!("{pid}\n"));
            found = 0;
        }
    }
    found
}

/// `id [-u|-g|-un]`.
pub(super) fn id(call: &mut Call<'_>) -> u8 {
    let facts = call.facts;
    if let Some(name) = call.operands("").first()
        && **name != *facts.user
        && name != "root"
    {
        call.complain(&format!("id: unknown user {name}"));
        return 1;
    }
    let user = match facts.user.parse::<u32>() {
        Ok(_) => facts.uid.to_string(),
        Err(_) => format!("{}({})", facts.uid, facts.user),
    };
    let group = if facts.gid == 0 { "0(root)".to_owned() } else { facts.gid.to_string() };
    let text = match (call.has('u'), call.has('g'), call.has('n')) {
        (true, _, true) => facts.user.to_string(),
        (true, ..) => facts.uid.to_string(),
        (_, true, _) => facts.gid.to_string(),
        _ => {
            format!("uid={user} gid={group} groups={group}")
        }
    };
    call.out = text + "\n";
    0
}

/// `whoami`.
pub(super) fn whoami(call: &mut Call<'_>) -> u8 {
    if call.facts.user.parse::<u32>().is_ok() {
        let message = format!("whoami: unknown uid {}", call.facts.uid);
        call.complain(&message);
        return 1;
    }
    call.out = format!("{}\n", call.facts.user);
    0
}

/// `hostname [-i]`.
pub(super) fn hostname(call: &mut Call<'_>) -> u8 {
    if call.has('i') || call.has('I') {
        let hosts = call.files.read("/etc/hosts").unwrap_or_default();
        let own =
            hosts.lines().rev().find(|l| l.split_whitespace().any(|w| *w == *call.facts.hostname));
        let addr = own.and_then(|l| l.split_whitespace().next()).unwrap_or("127.0.0.1");
        call.out = format!("{addr}\n");
        return 0;
    }
    if !call.operands("F").is_empty() {
        if call.facts.powers.admin {
            return 0;
        }
        call.complain("hostname: sethostname: Operation not permitted");
        return 1;
    }
    call.out = format!("{}\n", call.facts.hostname);
    0
}

/// `uname [-a]`.
pub(super) fn uname(call: &mut Call<'_>) -> u8 {
    let host = &call.facts.hostname;
    // A current long-term kernel; nothing depends on the number.
    let text = if call.has('a') {
        format!("Linux {host} 6.12.30 #1 SMP x86_64 GNU/Linux")
    } else if call.has('r') {
        "6.12.30".to_owned()
    } else if call.has('m') {
        "x86_64".to_owned()
    } else if call.has('n') {
        host.to_string()
    } else {
        "Linux".to_owned()
    };
    call.out = text + "\n";
    0
}

/// `printenv [name]`.
pub(super) fn printenv(call: &mut Call<'_>) -> u8 {
    match call.operands("").first() {
        None => {
            call.out = call.env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
            0
        }
        Some(name) => match call.env.get(name) {
            Some(value) => {
                call.out = format!("{value}\n");
                0
            }
            None => 1,
        },
    }
}

/// `tty`.
pub(super) fn tty(call: &mut Call<'_>) -> u8 {
    call.out = if call.facts.tty { "/dev/pts/0\n" } else { "not a tty\n" }.to_owned();
    u8::from(!call.facts.tty)
}

/// `nproc`: the machines of the simulation have four processors for programs that ask.
pub(super) fn nproc(call: &mut Call<'_>) -> u8 {
    let _ = crate::stub!("posix.nproc", "nproc always says 4");
    call.out = "4\n".to_owned();
    0
}

/// `df`.
pub(super) fn df(call: &mut Call<'_>) -> u8 {
    let _ = crate::stub!("posix.df", "df shows one file system of fixed size");
    call.out = "Filesystem           1K-blocks      Used Available Use% Mounted on\n\
                overlay               61255492  12251100  45859916  21% /\n"
        .to_owned();
    0
}
