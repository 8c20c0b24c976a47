#!/bin/bash
# Real engine hosts on one Linux machine, each a set of namespaces of its own.
#
#   engine.sh up N          boot host N: a fresh disk with the stand-in images, or its own from before
#   engine.sh sh N LINE     run a line there
#   engine.sh kill N        power loss: all its processes are gone at once, its disk stays
#   engine.sh daemon N start|stop|kill|pause|resume
#   engine.sh link N up|down
#   engine.sh seed FOLDER   build the stand-in images once; every fresh disk is a copy of theirs
#   engine.sh down [N...]   hosts and disks are gone; without a number all of them and the switch
#
# JUDGES is the folder that `cargo xtask judges` fills. A host's pid 1 (as seen from outside) is
# in run/N.pid; what enters its namespaces dies with it, so that nothing is left but control groups.
set -u
: "${JUDGES:?the folder of the judges}"
ENGINE=$JUDGES/engine
ROOT=$ENGINE/root
mkdir -p "$ENGINE/run" "$ENGINE/data" "$ENGINE/work"

pid() { cat "$ENGINE/run/$1.pid" 2>/dev/null; }
alive() { [ -n "$(pid "$1")" ] && [ -d "/proc/$(pid "$1")" ]; }
in_net() { local host=$1; shift; nsenter -t "$(pid "$host")" -n "$@"; }
inside() {
  local host=$1; shift
  ${REPLACE:-} nsenter -t "$(pid "$host")" -m -u -i -n -p -r -w -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/home/student USER=student TERM=dumb LANG=C.UTF-8 "$@"
}

# Namespaces with an idle pid 1 that reaps; the script prepares them and ends in `exec ...tini`.
hold() {
  local name=$1 script=$2 parent child=
  setsid unshare -m -u -i -n -p -f --propagation private /bin/bash -c "$script" \
    </dev/null >>"$ENGINE/run/$name.log" 2>&1 9>&- &
  parent=$!
  for _ in $(seq 250); do
    child=$(cat "/proc/$parent/task/$parent/children" 2>/dev/null)
    child=${child%% *}
    case $(cat "/proc/${child:-none}/comm" 2>/dev/null) in tini*) break ;; esac
    sleep .02
  done
  echo "$child" >"$ENGINE/run/$name.pid"
}

# A bridge of its own, with no way to the machine's network.
switch() {
  alive switch && return
  hold switch "ip link set lo up; ip link add br0 type bridge; ip addr add 10.77.0.1/24 dev br0
    ip link set br0 up; exec $ROOT/usr/bin/tini-static -- sleep infinity"
}

# What a host does before its pid 1 idles: a root of its own over the shared folder.
boot_script() {
  local host=$1 name=$2
  cat <<SCRIPT
hostname $name
mount --rbind $ROOT $ROOT
mkdir -p $ROOT/oldroot $ROOT/mnt
mount -t proc proc $ROOT/proc
mount -t sysfs sysfs $ROOT/sys
mount --rbind /sys/fs/cgroup $ROOT/sys/fs/cgroup
mount --rbind /dev $ROOT/dev
mount --bind $ENGINE/data/$host $ROOT/var/lib/docker
for at in run tmp home; do mount -t tmpfs tmpfs $ROOT/\$at; done
mkdir -p $ROOT/run/lock $ROOT/home/student
mount --bind $ENGINE/work $ROOT/mnt
mount --bind $ENGINE/resolv.conf $ROOT/etc/resolv.conf
printf '127.0.0.1 localhost $name\n' >$ROOT/run/hosts
mount --bind $ROOT/run/hosts $ROOT/etc/hosts
cd $ROOT
pivot_root . oldroot
cd /
umount -l /oldroot
ip link set lo up
exec /usr/bin/tini -- sleep infinity
SCRIPT
}

start_daemon() {
  inside "$1" sh -c \
    "exec setsid dockerd --cgroup-parent /drydock-$1 ${DOCKERD_ARGS:-} >>/run/dockerd.log 2>&1" \
    </dev/null >/dev/null 2>&1 9>&- &
  for _ in $(seq 300); do
    inside "$1" docker version >/dev/null 2>&1 && return
    sleep .1
  done
  echo "the engine of host $1 does not answer: see run/dockerd.log there" >&2
  return 1
}

up() {
  local host=$1 name=${2:-docker-host} disk=$ENGINE/data/$1
  exec 9>"$ENGINE/run/lock"
  flock 9
  alive "$host" && return
  mkdir -p "$ROOT/var/lib/docker"
  if [ ! -d "$disk" ]; then
    if [ -d "$ENGINE/seed" ]; then cp -a "$ENGINE/seed" "$disk"; else mkdir -p "$disk"; fi
  fi
  # A server that is not there refuses at once; without one each pull waits for twenty seconds.
  echo 'nameserver 10.77.0.1' >"$ENGINE/resolv.conf"
  switch
  hold "$host" "$(boot_script "$host" "$name")"
  # The cable of a host of this number that was here before may not be gone yet.
  in_net switch ip link del "p$host" 2>/dev/null
  ip link add "v$host" netns "$(pid "$host")" type veth peer name "p$host" netns "$(pid switch)"
  in_net switch sh -c "ip link set p$host master br0; ip link set p$host up"
  in_net "$host" sh -c "ip link set v$host name eth0
    ip addr add 10.77.0.$((10 + host))/24 dev eth0; ip link set eth0 up"
  flock -u 9
  start_daemon "$host"
}

# Processes of the daemon in a host.
daemon() {
  local host=$1 signal
  case $2 in
    start) start_daemon "$host"; return ;;
    stop) signal=TERM ;;
    kill) signal=KILL ;;
    pause) signal=STOP ;;
    resume) signal=CONT ;;
    *) echo "daemon: start, stop, kill, pause or resume" >&2; return 1 ;;
  esac
  inside "$host" pkill "-$signal" -x dockerd
  if [ "$2" = kill ]; then inside "$host" rm -f /run/docker.pid; fi
  if [ "$2" = stop ]; then
    for _ in $(seq 300); do inside "$host" pgrep -x dockerd >/dev/null || return 0; sleep .1; done
  fi
}

clear_groups() {
  for group in /sys/fs/cgroup/*/drydock-"$1"; do
    [ -d "$group" ] && find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
  done
}

power_off() {
  alive "$1" && kill -9 "$(pid "$1")"
  for _ in $(seq 50); do alive "$1" || break; sleep .05; done
  rm -f "$ENGINE/run/$1.pid"
  [ "$1" = switch ] || clear_groups "$1"
  return 0
}

down() {
  local hosts=("$@")
  if [ $# -eq 0 ]; then
    mapfile -t hosts < <(cd "$ENGINE/run" && for f in *.pid; do [ -e "$f" ] && echo "${f%.pid}"; done)
    mapfile -t -O "${#hosts[@]}" hosts < <(ls "$ENGINE/data")
  fi
  for host in "${hosts[@]}"; do
    power_off "$host"
    [ "$host" = switch ] && continue
    for _ in $(seq 50); do rm -rf "$ENGINE/data/$host" 2>/dev/null && break; sleep .1; done
  done
}

# The stand-in images of the recordings, on a disk that fresh hosts copy.
seed() {
  rm -rf "$ENGINE/seed"
  down 200
  up 200 || return 1
  rm -rf "$ENGINE/work/images"
  cp -r "$1" "$ENGINE/work/images"
  inside 200 bash /mnt/images/make.sh || return 1
  daemon 200 stop
  cp -a "$ENGINE/data/200" "$ENGINE/seed.new" && mv "$ENGINE/seed.new" "$ENGINE/seed"
  down 200
}

task=${1:-}
shift
case $task in
  up) up "$@" ;;
  sh) host=$1; shift; REPLACE=exec inside "$host" sh -c "$*" ;;
  bash) host=$1; shift; REPLACE=exec inside "$host" bash "$@" ;;
  kill) power_off "$1" ;;
  daemon) daemon "$@" ;;
  link) in_net switch ip link set "p$1" "$2" ;;
  seed) seed "$1" ;;
  down) down "$@" ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
