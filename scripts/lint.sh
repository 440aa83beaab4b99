#!/bin/bash
# Every check of `make lint`; runs them all, and fails when any of them does.
set -u
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob
status=0

check() {
    local title=$1
    shift
    if "$@"; then
        echo "lint: ok      $title"
    else
        echo "lint: FAILED  $title"
        status=1
    fi
}

# Words that mark unfinished work, and the one keyword that turns an error into a crash.
forbidden_words() {
    local found
    found=$(grep -rnE --include='*.swift' '\b(TODO|FIXME)\b|\btry!' Sources Tests Package.swift)
    case $? in
        0) printf '%s\n' "$found" && return 1 ;;
        1) return 0 ;;
        *) return 1 ;;
    esac
}

shell_syntax() {
    local file failed=0
    for file in "$@"; do
        case $(head -n 1 "$file") in
            '#!/bin/bash'* | '#!/usr/bin/env bash'*) bash -n "$file" || failed=1 ;;
            '#!'*sh*) sh -n "$file" || failed=1 ;;
        esac
    done
    return $failed
}

python_syntax() {
    python3 -c 'import ast, sys; [ast.parse(open(f, encoding="utf-8").read(), f) for f in sys.argv[1:]]' "$@"
}

pages=(man/*.[157])
scripts=(.ci/run scripts/*.sh scripts/deb/post* scripts/deb/pre* etc/*.sh)
python=(bench/*.py scripts/*.py Tests/TestSupport/*.py)

check "swift format" "${SWIFT:-swift}" format lint --strict --recursive --parallel Sources Tests Package.swift
check "no TODO, FIXME or try! in Swift" forbidden_words
[ ${#pages[@]} -eq 0 ] || check "man pages" mandoc -T lint -W warning "${pages[@]}"
[ ${#scripts[@]} -eq 0 ] || check "shell scripts" shell_syntax "${scripts[@]}"
[ ${#python[@]} -eq 0 ] || check "python" python_syntax "${python[@]}"
exit $status
