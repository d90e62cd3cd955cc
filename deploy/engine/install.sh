#!/bin/sh
# Installs the ClickHouse library of the embedded engine with npm, verified
# against package-lock.json, into
#   ${SUBTALLY_ENGINE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/subtally/engine}
# and does nothing when that version is there already. The folder appears whole
# or not at all, so a killed install is never taken for a finished one.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
dir=${SUBTALLY_ENGINE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/subtally/engine}

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

# The lock file names the version and the sha512 of the library, so a folder
# that holds the same one holds the same library.
installed() {
	cmp -s "$here/package-lock.json" "$dir/package-lock.json" &&
		ls "$dir"/node_modules/@chdb/lib-*/libchdb.so >/dev/null 2>&1
}

if installed; then
	exit 0
fi
command -v npm >/dev/null || fail "npm is needed to install the engine: install Node.js and run this again"
# What is there is replaced, so it must be ours or nothing.
if [ -d "$dir" ] && [ -n "$(ls -A "$dir")" ] && ! grep -qs '"name": "subtally-engine"' "$dir/package.json"; then
	fail "$dir holds something else: name another folder in SUBTALLY_ENGINE_DIR"
fi

mkdir -p "$(dirname -- "$dir")"
find "$(dirname -- "$dir")" -maxdepth 1 -name "$(basename -- "$dir").new.*" -mmin +60 -exec rm -rf {} +
new=$(mktemp -d "$dir.new.XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM

chmod 755 "$new"
cp "$here/package.json" "$here/package-lock.json" "$new/"
echo "installing the ClickHouse engine into $dir (about 180 MB to download)" >&2
npm ci --prefix "$new" --ignore-scripts --no-audit --no-fund --loglevel=error
ls "$new"/node_modules/@chdb/lib-*/libchdb.so >/dev/null 2>&1 ||
	# npm leaves an optional package out in silence: one for another machine,
	# and also one that lacks the hash in the lock file.
	fail "npm installed no libchdb.so: either $here/package.json has none for $(uname -s) $(uname -m), or what came does not have the hash in package-lock.json"

# Another install may have finished first: its library is the same.
if installed; then
	exit 0
fi
rm -rf "$dir"
mv "$new" "$dir"
trap - EXIT
