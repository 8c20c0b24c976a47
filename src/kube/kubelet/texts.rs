//! Words of the kubelet that are used in more than one place.

use super::node::Said;
use super::restart::Backoff;

/// Event and waiting message of a container that is held back.
#[must_use]
pub fn back_off(container: &str, pod: &str) -> String {
    format!("Back-off restarting failed container {container} in pod {pod}")
}

/// Waiting message of `CrashLoopBackOff`.
#[must_use]
pub fn crash_loop(backoff: &Backoff, key: &str, container: &str, pod: &str) -> String {
    let delay = backoff.delay(key).go_string();
    format!("back-off {delay} restarting failed container={container} pod={pod}")
}

/// containerd's words for a start that the OCI runtime refused.
#[must_use]
pub fn start_error(oci: &str) -> String {
    if oci.starts_with("failed to create containerd task: ") {
        return oci.to_owned();
    }
    let text = oci.strip_suffix(": unknown").unwrap_or(oci);
    let text = text.strip_prefix("failed to create task for container: ").unwrap_or(text);
    let text = text.strip_prefix("failed to create shim task: ").unwrap_or(text);
    let text = text.replace("error during container init: ", "");
    format!("failed to create containerd task: failed to create shim task: {text}")
}

/// How a hook failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookFailure {
    /// Its command ended with a code.
    Exec {
        /// Exit code.
        code: u8,
        /// What it wrote.
        said: Said,
    },
    /// Its request was not answered.
    Http {
        /// Path of the request.
        path: String,
        /// Go's words for what happened.
        error: String,
    },
}

/// Waiting message of a postStart hook that failed.
#[must_use]
pub fn post_start(argv: &[String], container: &str, pod: &str, why: &HookFailure) -> String {
    let argv = argv.join(" ");
    let of = format!("for Container \"{container}\" in Pod \"{pod}\" failed");
    match why {
        HookFailure::Exec { code, said } => format!(
            "Exec lifecycle hook ([{argv}]) {of} - error: command '{argv}' exited with {code}: \
             {}, message: {:?}",
            said.err,
            said.all()
        ),
        HookFailure::Http { path, error } => {
            format!("HTTP lifecycle hook ({path}) {of} - error: {error}")
        }
    }
}

/// Event and message of a pod over its deadline.
pub const DEADLINE: &str = "Pod was active on the node longer than the specified deadline";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hook_errors() {
        let argv = ["sh", "-c", "exit 1"].map(str::to_owned);
        let said = Said { out: "a\n".to_owned(), err: "b\n".to_owned() };
        let why = HookFailure::Exec { code: 1, said };
        let want = "Exec lifecycle hook ([sh -c exit 1]) for Container \"c\" in Pod \"p\" failed \
                    - error: command 'sh -c exit 1' exited with 1: b\n, message: \"a\\nb\\n\"";
        assert_eq!(post_start(&argv, "c", "p", &why), want);
        let why = HookFailure::Http { path: "/x".to_owned(), error: "refused".to_owned() };
        let want = "HTTP lifecycle hook (/x) for Container \"c\" in Pod \"p\" failed - error: \
                    refused";
        assert_eq!(post_start(&[], "c", "p", &why), want);
    }

    #[test]
    fn start_errors() {
        let docker = "failed to create task for container: failed to create shim task: OCI runtime \
                      create failed: runc create failed: unable to start container process: error \
                      during container init: exec: \"x\": executable file not found in $PATH: \
                      unknown";
        let want = "failed to create containerd task: failed to create shim task: OCI runtime \
                    create failed: runc create failed: unable to start container process: exec: \
                    \"x\": executable file not found in $PATH";
        assert_eq!(start_error(docker), want);
    }
}
