//! Lines for a machine with Docker, drawn from a table; words in braces are drawn too.

use crate::native::seeds::draw::Draw;
use crate::native::seeds::manifests::SERVERS;
use crate::world::world::World;

/// Lines by weight.
const LINES: &[(u64, &str)] = &[
    (8, "docker run -d --name {name} {options} {image}"),
    (4, "docker run -d --name {name} {options} busybox:1.36 sh -c '{shell}'"),
    (2, "docker run --rm {options} busybox:1.36 sh -c '{shell}'"),
    (2, "docker run -d {options} {image}"),
    (3, "docker create --name {name} {options} {image}"),
    (5, "docker start {container}"),
    (6, "docker stop -t {count} {container}"),
    (4, "docker kill {container}"),
    (4, "docker restart -t {count} {container}"),
    (3, "docker pause {container}"),
    (4, "docker unpause {container}"),
    (4, "docker rm {container}"),
    (5, "docker rm -f {container}"),
    (2, "docker rm -fv {container}"),
    (1, "docker container prune -f"),
    (2, "docker rename {container} {name}"),
    (2, "docker update --restart={restart} {container}"),
    (1, "docker update --memory=64m --memory-swap=128m {container}"),
    (3, "docker exec {container} sh -c '{shell}'"),
    (1, "docker exec -d {container} sleep {count}"),
    (2, "docker exec {container} sh -c 'kill 1'"),
    (2, "docker logs {container}"),
    (2, "docker inspect {container}"),
    (2, "docker wait {container}"),
    (1, "docker top {container}"),
    (4, "docker network create {network}"),
    (1, "docker network create --internal {network}"),
    (1, "docker network create --subnet 172.20.0.0/29 {network}"),
    (4, "docker network connect {network} {container}"),
    (3, "docker network disconnect {network} {container}"),
    (1, "docker network disconnect -f {network} {container}"),
    (3, "docker network rm {network}"),
    (1, "docker network prune -f"),
    (2, "docker volume create {volume}"),
    (2, "docker volume rm {volume}"),
    (1, "docker volume prune -af"),
    (1, "docker system prune -f"),
    (2, "docker pull {image}"),
    (1, "docker rmi -f {image}"),
    (2, "docker ps -a"),
    (1, "docker commit {container} made:{count}"),
    (8, "docker compose up -d"),
    (2, "docker compose up -d --force-recreate"),
    (2, "docker compose up -d --scale api={count}"),
    (3, "docker compose down"),
    (1, "docker compose down -v"),
    (3, "docker compose restart"),
    (3, "docker compose stop -t {count}"),
    (3, "docker compose start"),
    (2, "docker compose kill"),
    (2, "docker compose rm -f"),
    (2, "docker compose pause"),
    (2, "docker compose unpause"),
    (1, "docker compose ps -a"),
    (1, "docker compose run --rm api sh -c '{shell}'"),
    (2, "curl -s -m 3 http://localhost:8080/"),
];

/// Lines at a terminal that may hold it.
const HOLDING: &[(u64, &str)] = &[
    (3, "docker run --rm {options} {image}"),
    (2, "docker run -it --rm busybox:1.36 sh"),
    (2, "docker logs -f {container}"),
    (2, "docker attach {container}"),
    (2, "docker exec -it {container} sh"),
    (3, "docker compose up"),
    (1, "docker compose logs -f"),
    (1, "docker stats"),
    (1, "docker events"),
    (1, "docker build -t made:1 ."),
    (2, "sleep {count}"),
    (2, "exit"),
    (1, "cd /tmp; ls"),
];

/// Options of `docker run`.
const OPTIONS: &[&str] = &[
    "",
    "",
    "-p 8080:80",
    "-p 8081:80",
    "-p 80",
    "-P",
    "-p 8080-8082:80",
    "-p 127.0.0.1:8080:80",
    "--restart=always",
    "--restart=unless-stopped",
    "--restart=on-failure:3",
    "--restart=always -p 8080:80",
    "--network front",
    "--network back --network-alias api",
    "--network host",
    "--network none",
    "--network container:one",
    "-v data:/data",
    "-v /data",
    "-v other:/usr/share/nginx/html --network front",
    "--memory=32m",
    "--health-cmd 'exit 1' --health-interval=2s --health-retries=2",
    "--health-cmd true --health-interval=1s",
    "--init",
    "--stop-signal=SIGQUIT",
    "--tmpfs /run",
];

/// What containers of busybox do.
const SHELLS: &[&str] = &["sleep 3600", "sleep 4; exit 0", "sleep 2; exit 1", "exit 3", "true"];

/// Services of a compose file, by weight of how often they are in it.
const SERVICES: &[(u32, &str)] = &[
    (900, "  web:\n    image: {image}\n    ports: [\"8080:80\"]\n    restart: {restart}\n"),
    (
        700,
        "  api:\n    image: {image}\n    networks: [default, inner]\n    stop_grace_period: 2s\n",
    ),
    (
        500,
        "  db:\n    image: busybox:1.36\n    command: sh -c '{shell}'\n    volumes: [data:/data]\n    \
         restart: {restart}\n    healthcheck:\n      test: [CMD, \"true\"]\n      interval: 1s\n",
    ),
    (
        300,
        "  job:\n    image: busybox:1.36\n    command: sh -c '{shell}'\n    deploy: {replicas: 2}\n",
    ),
];

/// Files to be written, and a line.
pub(super) fn one(draw: &mut Draw, world: &World, host: &str) -> (Vec<(String, String)>, String) {
    if draw.chance(200) {
        let line = draw.one(&[
            "docker compose up -d",
            "docker compose up -d --remove-orphans",
            "docker compose up -d --wait --wait-timeout 20",
            "docker compose create",
        ]);
        return (vec![("compose.yaml".to_owned(), compose(draw, world, host))], line.to_owned());
    }
    let line = draw.weighted(LINES).copied().unwrap_or("true");
    (Vec::new(), fill(line, draw, world, host))
}

/// A line for a terminal.
pub(super) fn typed(draw: &mut Draw, world: &World, host: &str) -> String {
    let table = if draw.chance(600) { HOLDING } else { LINES };
    let line = draw.weighted(table).copied().unwrap_or("true");
    fill(line, draw, world, host)
}

fn compose(draw: &mut Draw, world: &World, host: &str) -> String {
    let mut text = "services:\n".to_owned();
    for (permille, service) in SERVICES {
        if draw.chance(*permille) {
            text.push_str(&fill(service, draw, world, host));
        }
    }
    if text.lines().count() == 1 {
        text.push_str("  web:\n    image: nginx:1.27\n");
    }
    text.push_str("networks:\n  inner: {}\nvolumes:\n  data: {}\n");
    text
}

/// A line with its words drawn.
fn fill(line: &str, draw: &mut Draw, world: &World, host: &str) -> String {
    let mut text = line.to_owned();
    for (word, names) in [
        ("{options}", OPTIONS),
        ("{name}", &["one", "two", "three", "four"]),
        ("{image}", SERVERS),
        ("{shell}", SHELLS),
        ("{network}", &["front", "back", "bridge"]),
        ("{volume}", &["data", "other"]),
        ("{restart}", &["no", "always", "unless-stopped", "on-failure"]),
    ] {
        if text.contains(word) {
            text = text.replace(word, draw.one(names));
        }
    }
    if text.contains("restart: no\n") {
        text = text.replace("restart: no\n", "restart: \"no\"\n");
    }
    if text.contains("{count}") {
        text = text.replace("{count}", &draw.between(0, 4).to_string());
    }
    if text.contains("{container}") {
        let views = world.docker().container_states(host);
        let names: Vec<String> = views.into_iter().map(|c| c.name).collect();
        let name = draw.one(&names);
        text = text.replace("{container}", if name.is_empty() { "one" } else { &name });
    }
    text
}
