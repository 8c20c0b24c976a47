//! Probes and hooks (`pkg/apis/core/validation`).

use k8s_openapi::api::core::v1::{
    ExecAction, HTTPGetAction, Lifecycle, LifecycleHandler, Probe, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::field::{At, Errors};
use super::names;

/// A liveness, readiness or startup probe.
pub fn probe(probe: &Probe, kind: &str, at: &At<'_>, errors: &mut Errors) {
    let mut handlers = Handlers::default();
    handlers.exec(probe.exec.as_ref(), at, errors);
    handlers.http(probe.http_get.as_ref(), at, errors);
    handlers.tcp(probe.tcp_socket.as_ref(), at, errors);
    if let Some(grpc) = &probe.grpc {
        handlers.count("grpc", at, errors);
        port_number(i64::from(grpc.port), &at.child("grpc").child("port"), errors);
    }
    handlers.finish(at, errors);
    for (field, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        errors.non_negative(&at.child(field), i64::from(value.unwrap_or(0)));
    }
    if let Some(grace) = probe.termination_grace_period_seconds {
        let field = at.child("terminationGracePeriodSeconds");
        if kind == "readinessProbe" {
            errors.invalid(&field, grace, "must not be set for readinessProbes");
        } else if grace <= 0 {
            errors.invalid(&field, grace, "must be greater than 0");
        }
    }
    let successes = probe.success_threshold.unwrap_or(1);
    if kind != "readinessProbe" && successes != 1 {
        errors.invalid(&at.child("successThreshold"), successes, "must be 1");
    }
}

/// `postStart` and `preStop`.
pub fn lifecycle(lifecycle: &Lifecycle, at: &At<'_>, errors: &mut Errors) {
    for (name, hook) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
        if let Some(hook) = hook {
            handler(hook, &at.child(name), errors);
        }
    }
}

fn handler(hook: &LifecycleHandler, at: &At<'_>, errors: &mut Errors) {
    let mut handlers = Handlers::default();
    handlers.exec(hook.exec.as_ref(), at, errors);
    handlers.http(hook.http_get.as_ref(), at, errors);
    handlers.tcp(hook.tcp_socket.as_ref(), at, errors);
    if let Some(sleep) = &hook.sleep {
        handlers.count("sleep", at, errors);
        if sleep.seconds < 0 {
            errors.invalid(
                &at.child("sleep").child("seconds"),
                sleep.seconds,
                "must be non-negative and less than or equal to terminationGracePeriodSeconds",
            );
        }
    }
    handlers.finish(at, errors);
}

/// Exactly one handler is asked for.
#[derive(Default)]
struct Handlers {
    found: u32,
}

impl Handlers {
    fn count(&mut self, name: &str, at: &At<'_>, errors: &mut Errors) {
        if self.found > 0 {
            errors.forbidden(&at.child(name), "may not specify more than 1 handler type");
        }
        self.found += 1;
    }

    fn exec(&mut self, exec: Option<&ExecAction>, at: &At<'_>, errors: &mut Errors) {
        let Some(exec) = exec else { return };
        let first = self.found == 0;
        self.count("exec", at, errors);
        if first && exec.command.as_ref().is_none_or(Vec::is_empty) {
            errors.required(&at.child("exec").child("command"), "");
        }
    }

    fn http(&mut self, http: Option<&HTTPGetAction>, at: &At<'_>, errors: &mut Errors) {
        let Some(get) = http else { return };
        let first = self.found == 0;
        self.count("httpGet", at, errors);
        if !first {
            return;
        }
        let at = at.child("httpGet");
        if get.path.as_deref().unwrap_or("").is_empty() {
            errors.required(&at.child("path"), "");
        }
        port(&get.port, &at.child("port"), errors);
        errors.one_of(&at.child("scheme"), get.scheme.as_deref().unwrap_or(""), &["HTTP", "HTTPS"]);
        for header in get.http_headers.iter().flatten() {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            if header.name.is_empty() || !header.name.bytes().all(fits) {
                errors.invalid(
                    &at.child("httpHeaders"),
                    &header.name,
                    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. \
                     'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
                );
            }
        }
    }

    fn tcp(&mut self, tcp: Option<&TCPSocketAction>, at: &At<'_>, errors: &mut Errors) {
        let Some(tcp) = tcp else { return };
        let first = self.found == 0;
        self.count("tcpSocket", at, errors);
        if first {
            port(&tcp.port, &at.child("tcpSocket").child("port"), errors);
        }
    }

    fn finish(&self, at: &At<'_>, errors: &mut Errors) {
        if self.found == 0 {
            errors.required(at, "must specify a handler type");
        }
    }
}

/// A port by number or name.
pub fn port(port: &IntOrString, at: &At<'_>, errors: &mut Errors) {
    match port {
        IntOrString::Int(n) => port_number(i64::from(*n), at, errors),
        IntOrString::String(name) => {
            for why in names::port_name(name) {
                errors.invalid(at, name, &why);
            }
        }
    }
}

/// A port by number.
pub fn port_number(port: i64, at: &At<'_>, errors: &mut Errors) {
    if !(1..=65_535).contains(&port) {
        errors.invalid(at, port, names::PORT_RANGE);
    }
}
