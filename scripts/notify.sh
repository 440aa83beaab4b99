#!/bin/sh
# Tells people how a systemd unit ended; coldchain-notify@.service runs it with the unit's name, which may lack ".service".
# Environment: WEBHOOK_URL, MAIL_TO, NOTIFY_SUCCESS (etc/notify.env), and MONITOR_* from systemd.
# Nothing that goes wrong here makes anything fail: it is told on stderr, and the exit status is 0.
set -u
export LC_ALL=C
unit=${MONITOR_UNIT:-${1:-unknown unit}}
result=${MONITOR_SERVICE_RESULT:-unknown}
code=${MONITOR_EXIT_CODE:-unknown}
status=${MONITOR_EXIT_STATUS:-unknown}
invocation=${MONITOR_INVOCATION_ID:-}

complain() { echo "<4>notify: $*" >&2; }

[ -n "${WEBHOOK_URL:-}${MAIL_TO:-}" ] || exit 0
# SIGTERM, which the programs answer with 143: somebody stopped the unit. Not its failure, but what it had to do is not done.
stopped=no
case $result/$code/$status in
    success/exited/143 | success/killed/TERM | exit-code/exited/143) stopped=yes ;;
esac
if [ "$result" = success ] && [ "$stopped" = no ]; then
    # 75 is "try later", which the units count as success.
    [ "${NOTIFY_SUCCESS:-}" = yes ] && [ "$status" != 75 ] || exit 0
fi

# What the unit said last. Bytes that are no UTF-8 are left out: JSON must not have them.
journal() {
    if [ -n "$invocation" ]; then
        journalctl --quiet --no-pager --output=short-iso --lines=20 \
            "_SYSTEMD_INVOCATION_ID=$invocation" + "INVOCATION_ID=$invocation"
    else
        journalctl --quiet --no-pager --output=short-iso --lines=20 --unit="$unit"
    fi | cut -c 1-400 | iconv -c -f UTF-8 -t UTF-8
}
lines=$(journal 2>/dev/null)
[ -n "$lines" ] || lines="(nothing of it is in the journal)"

if [ "$stopped" = yes ]; then
    what="was stopped"
elif [ "$result" = success ]; then
    if printf '%s\n' "$lines" | grep -q 'nothing to [a-z]*$'; then exit 0; fi
    what=succeeded
elif [ "$result" = unknown ]; then
    # systemd tells no more if several units trigger this one at once.
    what="ended, nobody knows how,"
elif [ "$code" = exited ] && [ "$status" = 3 ]; then
    what="succeeded in part"
else
    what=failed
fi
host=$(uname -n)
title="coldchain: $unit $what on $host"
text="$title
result $result, $code with $status

$lines"

# A string as it stands between the quotes of JSON.
json_string() {
    printf '%s\n' "$1" | awk '
        BEGIN {
            for (i = 1; i < 32; i++) escape[sprintf("%c", i)] = sprintf("\\u%04x", i)
            escape["\\"] = "\\\\"
            escape["\""] = "\\\""
        }
        {
            if (NR > 1) printf "\\n"
            for (i = 1; i <= length($0); i++) {
                byte = substr($0, i, 1)
                printf "%s", (byte in escape) ? escape[byte] : byte
            }
        }'
}

# The address goes to curl by its standard input, not by its arguments, which everybody on this machine can read.
send_webhook() {
    case $WEBHOOK_URL in
        *[\"\\]* | *[[:space:]]*)
            complain "WEBHOOK_URL holds a quote, a backslash or a blank"
            return 1
            ;;
    esac
    body=$(mktemp) || return 1
    printf '{"text": "%s"}\n' "$(json_string "$text")" >"$body"
    printf 'url = "%s"\n' "$WEBHOOK_URL" |
        curl --config - --proto '=https,http' --fail --silent --show-error --output /dev/null --max-time 30 --retry 2 \
            --header 'Content-Type: application/json' --data-binary "@$body"
    sent=$?
    rm -f "$body"
    return $sent
}

send_mail() {
    sendmail=$(PATH=$PATH:/usr/sbin:/usr/lib command -v sendmail) || return 1
    {
        printf 'To: %s\n' "$(printf '%s' "$MAIL_TO" | tr -d '\r\n')"
        printf 'Subject: %s\n' "$(printf '%s' "$title" | tr -d '\r\n')"
        printf 'Auto-Submitted: auto-generated\nMIME-Version: 1.0\n'
        printf 'Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n'
        printf '%s\n' "$text"
    } | "$sendmail" -i -t
}

if [ -n "${WEBHOOK_URL:-}" ]; then
    send_webhook || complain "the webhook was not told that $unit $what"
fi
if [ -n "${MAIL_TO:-}" ]; then
    send_mail || complain "no mail was sent that $unit $what"
fi
exit 0
