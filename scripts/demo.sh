#!/bin/bash
# Shows two jobs on copies of this machine's own files, from the settings to the restore with stock tools alone.
#
# Everything lies below one directory, COLDCHAIN_DEMO_DIR (/var/tmp/coldchain-demo), which a next demo wipes; a directory
# that no demo has made is refused. COLDCHAIN_BIN is the directory of the programs. Every claim is checked: any difference
# ends the demo with status 1 and a message.
set -Eeuo pipefail
export LC_ALL=C TZ=UTC
umask 022

program_directory=${COLDCHAIN_BIN:-$(cd "$(dirname "$0")/.." && pwd)/.build/release}
root=$(realpath -m -- "${COLDCHAIN_DEMO_DIR:-/var/tmp/coldchain-demo}")
marker=$root/.coldchain-demo
first=2025-11-18
second=2025-11-19
started=$SECONDS
headline="before the first step"
number=0

fail() {
    printf '\ndemo: FAILED in "%s": %s\n' "$headline" "$*" >&2
    [ ! -e "$marker" ] || [ ! -O "$root" ] || printf 'demo: all that the programs said is in %s/log, all files are below %s\n' "$root" "$root" >&2
    exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND: status $?"' ERR

step() {
    number=$((number + 1))
    headline=$1
    printf '\n%2d. %s\n' "$number" "$1"
}

say() { printf '    %s\n' "$@"; }

# run COMMAND...: shows it as a user would type it, runs it, and shows what it prints. Messages go to the log.
run() {
    local status=0
    printf '    $ %s\n' "$*"
    printf '$ %s\n' "$*" >>"$root/log"
    "$program_directory/$1" "${@:2}" >"$root/stdout" 2>"$root/stderr" || status=$?
    cat "$root/stdout" "$root/stderr" >>"$root/log"
    if [ "$status" -ne 0 ]; then
        cat "$root/stdout" "$root/stderr" >&2
        fail "'$*' ended with status $status"
    fi
    sed 's/^/      /' "$root/stdout"
}

# record FILE KEY: the number behind a key in a record, which is plain JSON.
record() { sed -n "s/^ *\"$2\" : \([0-9]*\),*\$/\1/p" "$1"; }

human() { awk -v n="$1" 'BEGIN { split("B KiB MiB GiB TiB", u, " "); for (i = 1; n >= 1024; i++) n /= 1024; printf "%.1f %s", n, u[i] }'; }

# content_of DIRECTORY: bytes in its files, those of a file with several names once.
content_of() {
    find "$1" -type f -printf '%i %s\n' | awk '!seen[$1]++ { sum += $2 } END { printf "%.0f", sum }'
}

expect() { # WHAT FOUND EXPECTED
    [ "$2" = "$3" ] || fail "$1: found '$2', expected '$3'"
}

# ratio JOB RUN: what pack made of what.
ratio() {
    local record=$root/staging/$1/$2/pack.json
    awk -v in_="$(record "$record" bytesIn)" -v out="$(record "$record" bytesOut)" -v units="$(record "$record" units)" \
        'BEGIN { printf "%d archives, %.2f times smaller than their content", units, in_ / (out ? out : 1) }'
}

# describe DIRECTORY: a line for each entry below it, with all that a restore must bring back besides the content.
describe() {
    find "$1" -mindepth 1 \( -type d -printf '%P/ %y %m %U:%G %T@\n' \) -o \( -type l -printf '%P %y %U:%G %T@ %l\n' \) \
        -o -printf '%P %y %m %U:%G %T@ %s\n' | sort
}

# same WHAT SOURCE RESTORED: content, types, modes, owners, times to the nanosecond, and where links point.
same() {
    diff -r --no-dereference "$2" "$3" >"$root/difference" || fail "$1: $(head -n 5 "$root/difference")"
    diff <(describe "$2") <(describe "$3") >"$root/difference" || fail "$1: $(head -n 5 "$root/difference")"
    say "$1: no difference in content, mode, owner, time or link; entries compared: $(describe "$2" | wc -l)"
}

# ---------------------------------------------------------------------------------------------------------------------

for command in awk cmp dd diff find gzip realpath sed sha256sum tar zcat; do
    command -v "$command" >/dev/null || fail "this machine has no '$command'"
done
for tool in collect pack ship; do
    [ -x "$program_directory/$tool" ] || fail "$program_directory/$tool: not there; 'make demo' builds it first"
done
case $root in
    / | *[!A-Za-z0-9._/-]*) fail "COLDCHAIN_DEMO_DIR=$root: choose a directory of letters, digits, '.', '_' and '-'" ;;
esac
if [ -e "$root" ] || [ -L "$root" ]; then
    if [ ! -d "$root" ] || [ -L "$root" ] || [ ! -O "$root" ]; then
        fail "$root: is not a directory of yours; set COLDCHAIN_DEMO_DIR to another one"
    fi
    if [ -n "$(ls -A "$root")" ] && [ ! -f "$marker" ]; then
        fail "$root: was made by no demo and is not wiped; remove it, or set COLDCHAIN_DEMO_DIR to another directory"
    fi
    find "$root" -mindepth 1 -maxdepth 1 ! -name .coldchain-demo -exec rm -rf {} +
fi
mkdir -p "$root"
echo "made by scripts/demo.sh, which wipes this directory" >"$marker"
export COLDCHAIN_CONFIG=$root/etc/coldchain.toml
unset COLDCHAIN_STAGING COLDCHAIN_STATE COLDCHAIN_WORKERS
vault=$root/vault

# ---------------------------------------------------------------------------------------------------------------------
step "Settings, and the guards of staging and vault"

mkdir -p "$root/etc/jobs.d"
cat >"$root/etc/coldchain.toml" <<TOML
staging = "$root/staging"
state = "$root/state"
[vault.disk]
url = "file://$vault"
TOML
cat >"$root/etc/jobs.d/docs.toml" <<TOML
# One tree without a date in its path: after the first run only what has changed is taken.
kind = "hosts"
hosts = ["local"]
path = "file://$root/source/docs"
layout = "{tenant}/**"
member = "{tenant}/{rest}"
TOML
cat >"$root/etc/jobs.d/logs.toml" <<TOML
# A tree for each host and day: every day is stored whole.
kind = "hosts"
hosts = ["web1", "db1"]
path = "file://$root/source/outgoing/{host}/{yyyy}{mm}{dd}"
layout = "{tenant}/{category}/**"
TOML
say "written: etc/coldchain.toml, etc/jobs.d/docs.toml, etc/jobs.d/logs.toml below $root"
run collect init --local

# ---------------------------------------------------------------------------------------------------------------------
step "Sources: copies of this machine's own files"

# The packages in order of name, as far as 250 of them and 128 MiB go. What stands beside them, mostly links, comes along.
docs=$root/source/docs
mkdir -p "$docs"
cd /usr/share/doc
find . -mindepth 1 -maxdepth 1 -print0 | sort -z | xargs -0 du -skP --null 2>/dev/null | awk -v total="$root/total" '
    BEGIN { RS = ORS = "\0"; FS = "\t" }
    NR <= 250 && sum + $1 <= 131072 { sum += $1; print $2 }
    END { ORS = "\n"; print sum >total }' >"$root/packages"
needed=$((5 * $(<"$root/total") + 204800))
free=$(df -Pk "$root" | awk 'NR == 2 { print $4 }')
[ "$free" -ge "$needed" ] || fail "$root: $free KiB are free, the demo needs $needed; set COLDCHAIN_DEMO_DIR"
xargs -0 cp -a -t "$docs" <"$root/packages"
cd "$root"
tenants=$(find "$docs" -mindepth 1 -maxdepth 1 -type d | wc -l)
[ "$tenants" -ge 3 ] || fail "/usr/share/doc has only $tenants packages to copy"
files=$(find "$docs" -type f | wc -l)
links=$(find "$docs" -type l | wc -l)
say "docs: /usr/share/doc with $tenants packages, each a tenant: $files files, $links links, $(human "$(content_of "$docs")")"

# Lines as a web server or a database writes them, always the same ones.
generate() { # KIND SEED LINES
    awk -v kind="$1" -v seed="$2" -v lines="$3" 'BEGIN {
        srand(seed)
        split("GET GET GET GET POST PUT DELETE", method, " ")
        split("200 200 200 200 200 301 304 404 500", code, " ")
        split("orders users stock invoices sessions", table, " ")
        for (i = 0; i < lines; i++) {
            time = sprintf("2025-11-18T%02d:%02d:%02d.%03dZ", i * 24 / lines, i % 60, i * 7 % 60, rand() * 1000)
            if (kind == "access")
                printf "%s 10.%d.%d.%d \"%s /api/v2/%s/%d\" %s %d %.3f\n", time, rand() * 4, rand() * 256, rand() * 256,
                    method[1 + int(rand() * 7)], table[1 + int(rand() * 5)], rand() * 100000, code[1 + int(rand() * 9)],
                    rand() * 60000, rand() * rand() * 3
            else
                printf "%s [%d] LOG:  duration: %.3f ms  statement: SELECT * FROM %s WHERE id = %d\n", time,
                    1000 + rand() * 64, rand() * rand() * 900, table[1 + int(rand() * 5)], rand() * 1000000
        }
    }'
}

day=${first//-/}
outgoing=$root/source/outgoing
log_tree() { # HOST TENANT CATEGORY: makes the directory, and prints its name
    mkdir -p "$outgoing/$1/$day/$2/$3"
    printf '%s\n' "$outgoing/$1/$day/$2/$3"
}
system_logs=0
total=0
while IFS= read -r -d '' found; do
    name=${found#*/}
    total=$((total + ${found%%/*}))
    [ "$total" -le $((32 << 20)) ] || break
    for place in "$(log_tree web1 acme system)" "$(log_tree db1 globex system)"; do
        # A file that is rotated away meanwhile is left out, one that grows is copied as it is.
        (cd /var/log && cp -p --parents -- "$name" "$place") 2>/dev/null || continue
    done
    system_logs=$((system_logs + 1))
done < <(find /var/log -xdev -type f -readable -size +0 -size -4096k -printf '%s/%P\0' 2>/dev/null | sort -z -n || true)
generate access 1 60000 >"$(log_tree web1 acme web)/access.log"
generate access 2 60000 >"$(log_tree web1 acme web)/access.log.1"
generate access 3 30000 >"$(log_tree web1 globex web)/access.log"
generate database 4 40000 >"$(log_tree db1 acme database)/queries.log"
generate database 5 40000 >"$(log_tree db1 initech database)/queries.log"
: >"$(log_tree db1 initech database)/empty.log"
chmod 640 "$outgoing/db1/$day/initech/database/queries.log"
ln -s queries.log "$outgoing/db1/$day/initech/database/current"
ln "$outgoing/db1/$day/initech/database/queries.log" "$outgoing/db1/$day/initech/database/second-name.log"
say "logs: 2 hosts with 3 tenants, $system_logs files of /var/log and generated text: $(human "$(content_of "$outgoing")")"
run collect check docs

# ---------------------------------------------------------------------------------------------------------------------
step "docs, run $first: everything is new"

run collect docs --run $first
expect "entries taken" "$(record "$root/staging/docs/$first/records/collect/local.json" taken)" \
    "$(find "$docs" -mindepth 1 | wc -l)"
run pack docs --run $first
say "$(ratio docs $first)"
run ship docs --run $first
shipped_first=$(record "$root/staging/docs/$first/pack.json" bytesOut)

# ---------------------------------------------------------------------------------------------------------------------
step "docs changes: one file added, one changed, one removed"

mapfile -t packages < <(find "$docs" -mindepth 2 -maxdepth 2 -type f -links 1 -printf '%P\n' | sort |
    awk -F / '$1 ~ /^[a-z0-9.-]+$/ && $2 ~ /^[A-Za-z0-9.-]+$/ && $2 !~ /[.]gz$/ && !seen[$1]++ && count++ < 4')
[ ${#packages[@]} -eq 4 ] || fail "/usr/share/doc has no four packages with a file in each"
added=${packages[0]%%/*}/"Grüße aus Köln.txt" changed=${packages[1]} removed=${packages[2]} untouched=${packages[3]}
echo "a new file" >"$docs/$added"
echo "one more line" >>"$docs/$changed"
rm "$docs/$removed"
say "added $added, changed $changed, removed $removed"
run collect docs --run $second --dry-run

# ---------------------------------------------------------------------------------------------------------------------
step "docs, run $second: only the changes are taken, all else is carried"

run collect docs --run $second
collected=$root/staging/docs/$second/records/collect/local.json
say "taken, from the entry list:"
zcat "$root/staging/docs/$second/collect/local.entries.tsv.gz" | awk -F '\t' '$1 == "take" { print $3 }' >"$root/taken"
sed 's/^/      /' "$root/taken"
# The two directories whose entries came and went have new times.
printf '%s\n' "${added%/*}/" "$added" "$changed" "${removed%/*}/" | sort >"$root/expected"
sort "$root/taken" | diff "$root/expected" - >&2 || fail "the second run took something else than what was changed"
expect "entries carried" "$(record "$collected" carried)" "$(($(find "$docs" -mindepth 1 | wc -l) - 4))"
expect "entries vanished" "$(record "$collected" vanished)" 1
run pack docs --run $second
expect "archives of the second run" "$(find "$root/staging/docs/$second/pack" -name '*.tar.gz' | wc -l)" 3
run ship docs --run $second
shipped_second=$(record "$root/staging/docs/$second/pack.json" bytesOut)
[ "$shipped_second" -lt "$shipped_first" ] || fail "the second run shipped $shipped_second bytes, the first $shipped_first"
say "first run: $(find "$root/staging/docs/$first/pack" -name '*.tar.gz' | wc -l) archives, $(human "$shipped_first");" \
    "second run: 3 archives, $(human "$shipped_second"), and a manifest that again names all $(find "$docs" -mindepth 1 | wc -l) entries"

# ---------------------------------------------------------------------------------------------------------------------
step "Running it all again: there is nothing to do, and nothing changes"

find "$vault" -type f -printf '%P %s %T@\n' | sort >"$root/vault-before"
run collect docs --run $second
run pack docs
expect "pack" "$(cat "$root/stdout")" "nothing to pack"
run ship docs
expect "ship" "$(cat "$root/stdout")" "nothing to ship"
find "$vault" -type f -printf '%P %s %T@\n' | sort | diff "$root/vault-before" - >&2 || fail "the vault has changed"

# ---------------------------------------------------------------------------------------------------------------------
step "logs, run $first: two hosts, three tenants, a tree with the date in its path"

run collect logs --run $first
run pack logs --run $first
say "$(ratio logs $first)"
run ship logs --run $first
run ship restore logs --run $first --dry-run

# ---------------------------------------------------------------------------------------------------------------------
step "Restoring one file, and one tenant"

# Names in an archive are TENANT/CATEGORY/HOST/REST here, by the default of 'member'.
wanted=acme/web/web1/access.log.1
source=$outgoing/web1/$day/acme/web/access.log.1
run ship restore logs "$wanted" --run $first --to "$root/restored/file"
cmp "$source" "$root/restored/file/$wanted"
expect "mode, owner and time of $wanted" "$(stat -c '%a %u:%g %.Y' "$root/restored/file/$wanted")" \
    "$(stat -c '%a %u:%g %.Y' "$source")"
say "$wanted: $(human "$(stat -c %s "$source")"), the same bytes, mode, owner and time"
run ship restore logs --run $first --tenant initech --to "$root/restored/tenant"
same "tenant initech" "$outgoing/db1/$day/initech/database" "$root/restored/tenant/initech/database/db1"
expect "the hard link's inode" "$(stat -c %i "$root/restored/tenant/initech/database/db1/second-name.log")" \
    "$(stat -c %i "$root/restored/tenant/initech/database/db1/queries.log")"
run ship restore logs --run $first --tenant acme --to "$root/restored/tenant"
for tree in web1/web web1/system db1/database; do
    host=${tree%/*} category=${tree#*/}
    [ -d "$outgoing/$host/$day/acme/$category" ] || continue
    same "tenant acme, $category of $host" "$outgoing/$host/$day/acme/$category" "$root/restored/tenant/acme/$category/$host"
done

# ---------------------------------------------------------------------------------------------------------------------
step "Restoring the same file with zcat, dd, gzip and tar alone"

# by_hand JOB RUN HOST KEY TARGET: finds the entry in the manifest, cuts its gzip members out of the archive, and takes it
# out of the tar in them.
by_hand() {
    local manifest=$vault/$1/_ledger/$2/$3.manifest.1.tsv.gz object entry offset length digest
    IFS=$'\t' read -r object entry offset length digest < <(zcat "$manifest" | awk -F '\t' -v key="$4" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["key"] == key {
            print $column["object"] FS $column["entry"] FS $column["offset"] FS $column["length"] FS $column["sha256"]
        }') || fail "$manifest: has no '$4'"
    say "$4: $length bytes from offset $offset of the $(stat -c %s "$vault/$object") bytes of $object"
    say "\$ dd if=$object bs=1M iflag=skip_bytes,count_bytes skip=$offset count=$length | gzip -dc | tar -xOf - $entry"
    dd if="$vault/$object" bs=1M iflag=skip_bytes,count_bytes skip="$offset" count="$length" status=none |
        gzip -dc | tar -xOf - "$entry" >"$5"
    echo "$digest  $5" | sha256sum -c --quiet || fail "$4: has not the digest of the manifest"
}
by_hand logs $first web1 acme/web/access.log.1 "$root/restored/by-hand"
cmp "$source" "$root/restored/by-hand"
say "sha256sum agrees with the manifest, cmp with the source"
by_hand docs $second local "$untouched" "$root/restored/by-hand-carried"
cmp "$docs/$untouched" "$root/restored/by-hand-carried"
say "the manifest of run $second led into an archive of run $first, which holds the unchanged file"

# ---------------------------------------------------------------------------------------------------------------------
step "Restoring the whole second run of docs, the changes of $second over the files of $first"

run ship restore docs --run $second --to "$root/restored/docs"
# Entries that stand beside the packages belong to no tenant: 'unmatched' puts them into _unmatched/HOST.
if [ -d "$root/restored/docs/_unmatched" ]; then
    find "$root/restored/docs/_unmatched/local" -mindepth 1 -maxdepth 1 -exec mv -t "$root/restored/docs" {} +
    rmdir "$root/restored/docs/_unmatched/local" "$root/restored/docs/_unmatched"
fi
same "all of docs" "$docs" "$root/restored/docs"

# ---------------------------------------------------------------------------------------------------------------------
step "The vault proves itself: sha256sum on every file, and a damaged byte is found"

(cd "$vault" && find . -name '*.sha256' -execdir sha256sum -c --quiet {} \;) || fail "a digest in the vault is wrong"
say "$(find "$vault" -name '*.sha256' | wc -l) digest files agree with their archives, indexes and manifests"
archive=logs/acme/${first//-//}/web1.tar.gz
mkdir "$root/extracted" "$root/damaged"
tar -xzf "$vault/$archive" -C "$root/extracted"
(cd "$root/extracted" && sha256sum -c --quiet MANIFEST.sha256) || fail "$archive: does not check itself"
say "stock tar has extracted $archive, and its MANIFEST.sha256 agrees with every file"
cp "$vault/$archive" "$vault/${archive%.tar.gz}.index.tsv.gz" "$root/damaged"
middle=$(($(stat -c %s "$root/damaged/web1.tar.gz") / 2))
byte=$(od -An -tu1 -j "$middle" -N 1 "$root/damaged/web1.tar.gz")
# shellcheck disable=SC2059  # the format is the byte
printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$root/damaged/web1.tar.gz" bs=1 seek="$middle" conv=notrunc status=none
run pack verify "$vault/$archive"
status=0
"$program_directory/pack" verify "$root/damaged/web1.tar.gz" >"$root/stdout" 2>>"$root/log" || status=$?
expect "status of 'pack verify' on a copy with one bit turned" $status 1
say "and of a copy with one bit turned at byte $middle:"
sed 's/^/      /' "$root/stdout"

# ---------------------------------------------------------------------------------------------------------------------
step "How the runs stand"

run ship status
rm -f "$root/stdout" "$root/stderr" "$root/difference" "$root/packages" "$root/total" "$root/taken" "$root/expected" "$root/vault-before"
cat <<END

The demo took $((SECONDS - started)) s, and everything was as it should be. All of it lies in $root:
    etc/        the settings               source/     the trees that were collected
    staging/    what the stages hand on    restored/   what came back
    vault/      archives and manifests     log         all that the programs said

Look at it:
    export PATH=$program_directory:\$PATH COLDCHAIN_CONFIG=$COLDCHAIN_CONFIG
    ship status
    ship list docs --run $second --tenant ${changed%%/*}
    zcat $vault/docs/_ledger/$second/local.manifest.1.tsv.gz | head -n 5
    zcat $vault/${archive%.tar.gz}.index.tsv.gz | head -n 24
    pack list $vault/$archive
    cat $root/staging/docs/$second/records/collect/local.json
    tar -tvzf $vault/$archive
END
