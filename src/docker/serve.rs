//! Requests find their code.

use crate::docker::api::{ApiError, Reply, Request};
use crate::docker::container::Waiter;
use crate::docker::daemon::{Daemon, Env};
use crate::docker::exec::Feed;

impl Daemon {
    /// Serve one request.
    pub(crate) fn serve(&mut self, ticket: u64, request: Request, env: &mut Env<'_, '_>) {
        let answer = match request {
            Request::ContainerCreate { name, config } => {
                self.create(ticket, &name, *config, env);
                return;
            }
            request @ Request::Events { .. } => {
                self.serve_events(ticket, request, env);
                return;
            }
            Request::ContainerStart { .. }
            | Request::ContainerStop { .. }
            | Request::ContainerRestart { .. }
            | Request::ContainerKill { .. }
            | Request::ContainerPause { .. }
            | Request::ContainerUnpause { .. }
            | Request::ContainerRemove { .. }
            | Request::ContainerRename { .. }
            | Request::ContainerUpdate { .. }
            | Request::ContainerWait { .. } => self.serve_life(ticket, request, env),
            Request::ContainerList { .. }
            | Request::ContainerInspect { .. }
            | Request::ContainerAttach { .. }
            | Request::ContainerStdin { .. }
            | Request::ContainerLogs { .. }
            | Request::ContainerTop { .. }
            | Request::ContainerStats { .. }
            | Request::ContainerDiff { .. }
            | Request::ContainerCopyFrom { .. }
            | Request::ContainerCopyTo { .. }
            | Request::ContainersPrune { .. }
            | Request::ContainerCommit { .. }
            | Request::ContainerExport { .. }
            | Request::ExecCreate { .. }
            | Request::ExecStart { .. }
            | Request::ExecStdin { .. }
            | Request::ExecSignal { .. } => self.serve_container(ticket, request, env),
            Request::ImageList { .. }
            | Request::ImageInspect { .. }
            | Request::ImageHistory { .. }
            | Request::ImagePull { .. }
            | Request::ImageSave { .. }
            | Request::ImageLoad { .. }
            | Request::ImageImport { .. }
            | Request::ImageTag { .. }
            | Request::ImageRemove { .. }
            | Request::ImagesPrune { .. }
            | Request::BuildPrune
            | Request::ImageBuild(_) => self.serve_image(ticket, request, env),
            Request::NetworkList { .. }
            | Request::NetworkInspect { .. }
            | Request::NetworkCreate(_)
            | Request::NetworkRemove { .. }
            | Request::NetworkConnect { .. }
            | Request::NetworkDisconnect { .. }
            | Request::NetworksPrune { .. }
            | Request::VolumeList { .. }
            | Request::VolumeInspect { .. }
            | Request::VolumeCreate(_)
            | Request::VolumeRemove { .. }
            | Request::VolumesPrune { .. } => self.serve_resource(request, env).map(Some),
            Request::Ping => Ok(Some(Reply::Done)),
            Request::Version => Ok(Some(self.version())),
            Request::Info => Ok(Some(self.info(env))),
            Request::DiskUsage => Ok(Some(self.disk_usage(env))),
        };
        match answer {
            Ok(None) => {}
            Ok(Some(reply)) => env.reply(ticket, Ok(reply)),
            Err(error) => env.reply(ticket, Err(error)),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "`serve` hands over the requests of this group"
    )]
    fn serve_life(
        &mut self,
        ticket: u64,
        request: Request,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        match request {
            Request::ContainerStart { id } => self.serve_start(&id, env).map(Some),
            Request::ContainerStop { id, signal, timeout } => {
                let waiter = Waiter::Stop(Some(ticket));
                self.serve_stop(&id, signal.as_deref(), timeout, waiter, env)
            }
            Request::ContainerRestart { id, signal, timeout } => {
                let waiter = Waiter::Restart(ticket);
                self.serve_stop(&id, signal.as_deref(), timeout, waiter, env)
            }
            Request::ContainerKill { id, signal } => self.serve_kill(ticket, &id, &signal, env),
            Request::ContainerPause { id } => self.pause(&id, env).map(Some),
            Request::ContainerUnpause { id } => self.unpause(&id, env).map(Some),
            Request::ContainerRemove { id, force, volumes, .. } => {
                self.serve_remove(ticket, &id, force, volumes, env)
            }
            Request::ContainerRename { id, name } => self.rename(&id, &name, env).map(Some),
            Request::ContainerUpdate { id, config } => self.update(&id, &config, env).map(Some),
            Request::ContainerWait { id, condition } => self.serve_wait(ticket, &id, condition),
            _ => Err(unknown()),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "`serve` hands over the requests of this group"
    )]
    fn serve_container(
        &mut self,
        ticket: u64,
        request: Request,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        match request {
            Request::ContainerList { all, limit, filters, size } => {
                self.container_list(all, limit, &filters, size, env).map(Some)
            }
            Request::ContainerInspect { id, size } => {
                self.container_inspect(&id, size, env).map(Some)
            }
            Request::ContainerAttach { id, logs, .. } => self.serve_attach(ticket, &id, logs, env),
            Request::ContainerStdin { id, text } => self.feed_stdin(&id, text, env).map(Some),
            Request::ContainerLogs { id, options } => self.serve_logs(ticket, &id, &options, env),
            Request::ContainerTop { id, ps_args } => self.top(&id, &ps_args, env).map(Some),
            Request::ContainerStats { id, stream } => self.serve_stats(ticket, &id, stream, env),
            Request::ContainerDiff { id } => self.diff(&id, env).map(Some),
            Request::ContainerCopyFrom { id, path } => self.copy_from(&id, &path, env).map(Some),
            Request::ContainerCopyTo { unpack, id, path, files } => {
                self.copy_to(&id, &path, &files, unpack, env).map(Some)
            }
            Request::ContainersPrune { filters } => self.containers_prune(&filters, env).map(Some),
            Request::ContainerCommit { id, reference, comment, author, changes, .. } => {
                self.commit(&id, &reference, (&comment, &author), &changes, env).map(Some)
            }
            Request::ContainerExport { id } => self.export(&id, env).map(Some),
            Request::ExecCreate { id, config } => self.exec_create(&id, config, env).map(Some),
            Request::ExecStart { exec, detach } => self.exec_start(ticket, &exec, detach, env),
            Request::ExecStdin { exec, text } => {
                self.exec_feed(&exec, Feed::Text(text), env).map(Some)
            }
            Request::ExecSignal { exec, signal } => {
                self.exec_feed(&exec, Feed::Signal(signal), env).map(Some)
            }
            _ => Err(unknown()),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "`serve` hands over the requests of this group"
    )]
    fn serve_image(
        &mut self,
        ticket: u64,
        request: Request,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        match request {
            Request::ImageList { all, filters } => {
                self.check_image_filters(&filters, env)?;
                Ok(Some(self.image_list(all, &filters, env)))
            }
            Request::ImageInspect { name } => self.image_inspect(&name, env).map(Some),
            Request::ImageHistory { name } => self.image_history(&name, env).map(Some),
            Request::ImagePull { name, .. } => self.image_pull(ticket, &name, env),
            Request::ImageSave { names } => self.image_save(&names, env).map(Some),
            Request::ImageLoad { archive } => self.image_load(&archive, env).map(Some),
            Request::ImageImport { archive, reference, comment, changes } => {
                self.image_import(&archive, &reference, &comment, &changes, env).map(Some)
            }
            Request::ImageTag { source, target } => self.image_tag(&source, &target, env).map(Some),
            Request::ImageRemove { name, force, .. } => {
                self.image_remove(&name, force, env).map(Some)
            }
            Request::ImagesPrune { filters } => self.images_prune(&filters, env).map(Some),
            Request::BuildPrune => Ok(Some(self.build_prune(env))),
            Request::ImageBuild(config) => {
                self.build_begin(ticket, *config, env);
                Ok(None)
            }
            _ => Err(unknown()),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "`serve` hands over the requests of this group"
    )]
    fn serve_resource(
        &mut self,
        request: Request,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        match request {
            Request::NetworkList { filters } => self.network_list(&filters).map(Reply::Networks),
            Request::NetworkInspect { id } => self.network_inspect(&id),
            Request::NetworkCreate(config) => self.network_create(*config, env),
            Request::NetworkRemove { id } => self.network_remove(&id, env),
            Request::NetworkConnect { id, container, config } => {
                self.network_connect(&id, &container, config, env)
            }
            Request::NetworkDisconnect { id, container, force } => {
                self.network_disconnect(&id, &container, force, env)
            }
            Request::NetworksPrune { filters } => self.networks_prune(&filters, env),
            Request::VolumeList { filters } => self.volume_list(&filters).map(Reply::Volumes),
            Request::VolumeInspect { name } => self.volume_inspect(&name),
            Request::VolumeCreate(config) => self.volume_create(&config, env),
            Request::VolumeRemove { name, force } => self.volume_remove(&name, force, env),
            Request::VolumesPrune { filters } => self.volumes_prune(&filters, env),
            _ => Err(unknown()),
        }
    }
}

fn unknown() -> ApiError {
    ApiError::not_found("page not found")
}
