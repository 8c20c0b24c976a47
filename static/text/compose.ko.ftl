# docker compose가 왜 그렇게 하는지.
why-compose-forced = --force-recreate가 있어서 { $service } 컨테이너를 새로 만들어요.
why-compose-config-changed = { $service } 설정이 컨테이너를 만들 때와 달라져서 새로 만들어요.
why-compose-image-changed = { $service } 이미지가 바뀌어서 컨테이너를 새로 만들어요.
why-compose-network-missing = { $service } 컨테이너가 네트워크 { $network }에 연결되어 있지 않아서 새로 만들어요.
why-compose-volume-missing = { $service } 컨테이너에 볼륨 { $volume } 마운트가 없어서 새로 만들어요.
why-compose-network-changed = 네트워크 { $network } 설정이 바뀌어서, 그 네트워크를 쓰는 컨테이너를 멈추고 다시 만들어요.
why-compose-network-in-use = 아직 쓰는 컨테이너({ $containers })가 있어서 네트워크 { JOSA($network, "을") } 지우지 않아요.
why-compose-scaled-down = { $service } 컨테이너가 필요한 수보다 많아서 번호가 큰 것부터 지워요.
why-compose-orphans = 프로젝트에 속하지만 파일에는 서비스가 없는 컨테이너예요: { $names }
why-compose-waits = { JOSA($for, "이") } 준비될 때까지 { $service } 서비스는 시작하지 않아요.
why-compose-started = { JOSA($for, "이") } 시작했으니 { $service } 서비스도 시작할 수 있어요.
why-compose-ready = { JOSA($for, "이") } 정상이 되었으니 { $service } 서비스를 시작할 수 있어요.
why-compose-completed = { JOSA($for, "이") } 오류 없이 끝났으니 { $service } 서비스를 시작할 수 있어요.
why-compose-aborts = { $service } 컨테이너가 끝나서 Compose가 나머지도 멈춰요.
why-compose-dependency-failed = 의존하는 서비스가 준비될 수 없어요: { $reason }
why-compose-builds = { $service } 이미지를 빌드해요.
