#!/bin/bash
# Makes the stand-in images of the recordings on the engine host that runs this: the applets of
# BusyBox, and the small program `app` under the names that the images' commands have.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(mktemp -d)
cd "$build"

# /etc and the applets, as the recordings list them.
tree() {
  local at=$1 applet
  mkdir -p "$at"/{bin,dev,etc,proc,root,sys,tmp,usr/bin,usr/sbin,usr/local/bin,var/tmp}
  chmod 1777 "$at/tmp" "$at/var/tmp"
  cp /bin/busybox "$at/bin/busybox"
  for applet in $(/bin/busybox --list); do
    [ -e "$at/bin/$applet" ] || ln -s busybox "$at/bin/$applet"
  done
  cp "$here/app" "$at/usr/bin/app"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\napp:x:1000:1000::/:/bin/sh\n' >"$at/etc/passwd"
  printf 'root:x:0:\n' >"$at/etc/group"
}

path='PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
tree base
for image in busybox:1.36 alpine:3.20; do
  tar -C base -c . | docker import --change 'CMD ["sh"]' --change "ENV $path" - "$image" >/dev/null
done

# image NAME:TAG LINK...: the program under further names; the rest of the Dockerfile on stdin.
image() {
  local name=$1 link
  shift
  rm -rf context
  mkdir -p context
  cp -r base context/tree
  for link; do
    mkdir -p "context/tree$(dirname "$link")"
    case $link in
      *entrypoint.sh) printf '#!/bin/sh\nexec "$@"\n' >"context/tree$link"; chmod +x "context/tree$link" ;;
      *) ln -s /usr/bin/app "context/tree$link" ;;
    esac
  done
  { printf 'FROM scratch\nCOPY tree /\nENV %s\n' "$path"; cat; } >context/Dockerfile
  docker build -q -t "$name" context >/dev/null
}

for tag in 1.25 1.26 1.27 broken; do
  { printf 'ENV APP_VERSION=%s\n' "$tag"
    if [ $tag = broken ]; then echo 'ENV APP_EXIT_AFTER=0.2 APP_EXIT_CODE=1'; fi
    printf 'EXPOSE 80\nSTOPSIGNAL SIGQUIT\nENTRYPOINT ["/docker-entrypoint.sh"]\nCMD ["nginx", "-g", "daemon off;"]\n'
  } | image nginx:$tag /docker-entrypoint.sh /usr/sbin/nginx
done
image redis:7 /usr/local/bin/docker-entrypoint.sh /usr/bin/redis-server <<'D'
ENV APP_VERSION=7
EXPOSE 6379
VOLUME /data
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
D
image postgres:16 /usr/local/bin/docker-entrypoint.sh /usr/bin/postgres <<'D'
ENV APP_VERSION=16 APP_START_DELAY=2
EXPOSE 5432
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
D
image mysql:8 /usr/local/bin/docker-entrypoint.sh /usr/bin/mysqld <<'D'
ENV APP_VERSION=8 APP_START_DELAY=3
EXPOSE 3306 33060
VOLUME /var/lib/mysql
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["mysqld"]
D
for tag in 1 2 bad slowbad; do
  { printf 'ENV APP_VERSION=%s APP_NAME=python-app\n' $tag
    case $tag in
      bad) echo 'ENV APP_EXIT_AFTER=0.2 APP_EXIT_CODE=1' ;;
      slowbad) echo 'ENV APP_READY_AFTER=1000000' ;;
    esac
    printf 'EXPOSE 8000\nCMD ["python", "app.py"]\n'
  } | image python-app:$tag /usr/bin/python
done
image crash:1 <<'D'
ENV APP_NAME=crash APP_EXIT_AFTER=0.2 APP_EXIT_CODE=1
CMD ["/usr/bin/app"]
D
image hello-world:latest <<'D'
CMD ["echo", "Hello from Docker!"]
D
docker builder prune -af >/dev/null
docker images
