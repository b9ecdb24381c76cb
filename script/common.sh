# Sourced by the other scripts: where things are, and how a build directory is made.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8
# The packages are Debian's, so is their Python: another one on the machine does not see them.
export PATH="/usr/bin:/usr/sbin:/sbin:/bin:$PATH"

say() {
    printf '== %s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# vectors GIVEN NAME: a folder with files that are not part of the tree, or nothing: the tests that
# want them then skip with a word.
vectors() {
    local place
    for place in "$1" "../shared/vectors/$2"; do
        if [ -n "$place" ] && [ -d "$place" ]; then
            (cd "$place" && pwd)
            return
        fi
    done
}

wycheproof() {
    vectors "${ENVELOPE_WYCHEPROOF:-}" wycheproof
}

kmip_captures() {
    vectors "${ENVELOPE_KMIP_CAPTURES:-}" kmip
}

# configure DIR [OPTION...]: makes the build directory, or brings its options up to date.
configure() {
    local dir=$1 how=setup log
    shift
    set -- "$@" "-Dwycheproof=$(wycheproof)" "-Dkmip_captures=$(kmip_captures)"
    [ ! -f "$dir/build.ninja" ] || how=configure
    log=$(mktemp)
    meson "$how" "$dir" "$@" >"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        rm -f "$log"
        die "meson $how $dir failed"
    }
    rm -f "$log"
}

# compile DIR [TARGET...]: quiet unless it fails.
compile() {
    local dir=$1 log
    log=$dir/compile.log
    shift
    ninja -C "$dir" "$@" >"$log" 2>&1 || {
        tail -n 60 "$log" >&2
        die "the build in $dir failed"
    }
    grep -A5 'warning:' "$log" >&2 || true
}

# tests DIR LOGBASE [ARGUMENT of meson test...]: a failing test shows its output.
tests() {
    local dir=$1 log=$2
    shift 2
    # One more than there are cores: those that talk to servers wait a good deal.
    meson test -C "$dir" --no-rebuild --print-errorlogs --logbase "$log" \
        --num-processes "$(($(nproc) + 1))" "$@" </dev/null
}
