# Why docker compose does what it does.
why-compose-forced = { $service } is replaced because --force-recreate asks for it.
why-compose-config-changed = { $service } is replaced because its configuration is no longer the one its container was made with.
why-compose-image-changed = { $service } is replaced because its image is now another one.
why-compose-network-missing = { $service } is replaced because its container is not in the network { $network }.
why-compose-volume-missing = { $service } is replaced because its container does not mount the volume { $volume }.
why-compose-network-changed = The configuration of the network { $network } has changed, so Compose stops what uses it and makes it anew.
why-compose-network-in-use = The network { $network } stays because { $containers } still use it.
why-compose-scaled-down = { $service } has more containers than are wanted, so the last ones go.
why-compose-orphans = { $names } belong to the project, but no service in the file has made them.
why-compose-waits = { $service } starts only when { $for } is ready.
why-compose-started = { $for } has started, so { $service } may start.
why-compose-ready = { $for } is healthy, so { $service } may start.
why-compose-completed = { $for } has ended without an error, so { $service } may start.
why-compose-aborts = A container of { $service } has ended, so Compose stops the others.
why-compose-dependency-failed = What is waited for cannot become ready: { $reason }.
why-compose-builds = Compose builds the image of { $service }.
