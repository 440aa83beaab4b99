#!/bin/bash
# A Ceph object gateway of one node for the tests: a monitor, an OSD on a sparse file and radosgw, on the loopback only and
# without cephx. Everything lies in the directory that is given; nothing of an installed Ceph is read.
#
#   rgw.sh up DIR     makes it where needed and starts it; prints HTTP= TLS= CA= ACCESS_KEY= SECRET_KEY=
#   rgw.sh down DIR   stops it
#
# Another one may run beside it: the ports are free ones, chosen when DIR is made.
set -euo pipefail

command=${1:?up or down}
dir=${2:?directory}
conf=$dir/ceph.conf
access_key=COLDCHAINTESTKEY0001
secret_key=coldchain-tests-know-this-secret-000001
classes='STANDARD_IA INTELLIGENT_TIERING GLACIER_IR GLACIER DEEP_ARCHIVE'
export CEPH_CONF=$conf CEPH_ARGS="-c $conf"
PATH=$PATH:/usr/sbin:/sbin

# Whether the process of a pid file is the program that wrote it.
alive() {
    [ -s "$dir/run/$1.pid" ] && [ "$(cat "/proc/$(cat "$dir/run/$1.pid")/comm" 2>/dev/null)" = "$2" ]
}

until_true() {
    local tries=$1
    shift
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

down() {
    local pair name pid
    for pair in client.rgw.a:radosgw osd.0:ceph-osd mon.a:ceph-mon; do
        name=${pair%%:*}
        alive "$name" "${pair##*:}" || continue
        pid=$(cat "$dir/run/$name.pid")
        # Nothing in it is worth an orderly end.
        kill -9 "$pid"
        until_true 100 sh -c "! [ -d /proc/$pid ]" || true
        rm -f "$dir/run/$name.pid"
    done
}

free_ports() {
    python3 - "$1" <<'PY'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held:
    s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])
PY
}

if [ "$command" = down ]; then
    down
    exit 0
fi

mkdir -p "$dir"/{run,log,mon.a,osd.0,rgw.a}
touch "$dir/keyring"
[ -s "$dir/fsid" ] || cat /proc/sys/kernel/random/uuid >"$dir/fsid"
[ -s "$dir/ports" ] || free_ports 4 >"$dir/ports"
read -r mon_v1 mon_v2 port tls_port <"$dir/ports"
if [ ! -s "$dir/tls.pem" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
        -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$dir/tls.key" -out "$dir/tls.crt" 2>/dev/null
    cat "$dir/tls.key" "$dir/tls.crt" >"$dir/tls.pem"
    chmod 600 "$dir/tls.key" "$dir/tls.pem"
fi
# Without tcp_nodelay every small PUT waits 40 ms for a delayed acknowledgement. Without cephx, "secure" (the default of
# radosgw) can't work.
cat >"$conf" <<CONF
[global]
fsid = $(cat "$dir/fsid")
mon_initial_members = a
mon_host = [v2:127.0.0.1:$mon_v2,v1:127.0.0.1:$mon_v1]
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_supported = none
auth_allow_insecure_global_id_reclaim = false
ms_mon_client_mode = crc
ms_client_mode = crc
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
debug_ms = 0/0
debug_osd = 0/0
debug_bluestore = 0/0
debug_rocksdb = 0/0
debug_bluefs = 0/0
debug_mon = 0/0
debug_paxos = 0/0
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
mon_warn_on_pool_no_redundancy = false
mon_data_avail_crit = 1
mon_data_avail_warn = 2
run_dir = $dir/run
admin_socket = $dir/run/\$name.asok
pid_file = $dir/run/\$name.pid
log_file = $dir/log/\$name.log
keyring = $dir/keyring
crash_dir = $dir/log
[mon]
mon_data = $dir/mon.a
mon_cluster_log_file = $dir/log/cluster.log
[osd]
osd_data = $dir/osd.0
osd_objectstore = bluestore
osd_memory_target = 1073741824
bluestore_block_create = true
bluestore_block_size = $((32 << 30))
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1 ssl_endpoint=127.0.0.1:$tls_port ssl_certificate=$dir/tls.pem
rgw_data = $dir/rgw.a
rgw_crypt_require_ssl = false
rgw_s3_auth_use_sts = true
rgw_sts_key = 0123456789abcdef
# So many seconds count as a day of the lifecycle, which then really deletes.
rgw_lc_debug_interval = 3
debug_rgw = ${RGW_DEBUG:-1}
CONF

if [ ! -e "$dir/mon.a/made" ]; then
    rm -rf "$dir/mon.a" "$dir/monmap"
    mkdir -p "$dir/mon.a"
    monmaptool --create --clobber --fsid "$(cat "$dir/fsid")" \
        --addv a "[v2:127.0.0.1:$mon_v2,v1:127.0.0.1:$mon_v1]" "$dir/monmap" >/dev/null
    ceph-mon -i a --mkfs --monmap "$dir/monmap" --keyring "$dir/keyring" >/dev/null
    touch "$dir/mon.a/made"
fi
alive mon.a ceph-mon || ceph-mon -i a
ceph --connect-timeout 30 mon stat >/dev/null
if [ ! -e "$dir/osd.0/made" ]; then
    ceph osd new "$(cat /proc/sys/kernel/random/uuid)" 0 >/dev/null
    ceph-osd -i 0 --mkfs --osd-uuid "$(ceph osd dump -f json | python3 -c 'import json,sys; print(json.load(sys.stdin)["osds"][0]["uuid"])')" \
        >"$dir/log/mkfs.log" 2>&1
    touch "$dir/osd.0/made"
fi
if ! alive osd.0 ceph-osd; then
    ulimit -n 65536 2>/dev/null || true
    ceph-osd -i 0 >"$dir/log/osd.start" 2>&1
fi
until_true 300 sh -c 'ceph osd stat | grep -q "1 up"'
if [ ! -e "$dir/rgw.a/made" ]; then
    radosgw-admin user create --uid tests --display-name tests --access-key $access_key --secret-key $secret_key \
        --caps 'roles=*;user-policy=*' >"$dir/user.json" 2>"$dir/log/admin.err"
    for class in $classes; do
        radosgw-admin zonegroup placement add --rgw-zonegroup default --placement-id default-placement \
            --storage-class "$class" >/dev/null 2>>"$dir/log/admin.err"
        radosgw-admin zone placement add --rgw-zone default --placement-id default-placement --storage-class "$class" \
            --data-pool default.rgw.cold.data >/dev/null 2>>"$dir/log/admin.err"
    done
    touch "$dir/rgw.a/made"
fi
alive client.rgw.a radosgw || timeout 60 radosgw -n client.rgw.a
until_true 300 curl -fsS -o /dev/null --noproxy '*' "http://127.0.0.1:$port/"
cat <<ENV
HTTP=http://127.0.0.1:$port
TLS=https://127.0.0.1:$tls_port
CA=$dir/tls.crt
ACCESS_KEY=$access_key
SECRET_KEY=$secret_key
ENV
