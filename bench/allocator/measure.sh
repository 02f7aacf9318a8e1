#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The C library's allocator against mimalloc, as the decision in bench/README.md was made: builds the release a second
# time with mimalloc as its malloc (build/alloc), then measures start and steady load of both, side by side.
# Debian has no static mimalloc: its source package is taken from where this machine takes its packages, through a source
# entry that lives in build/mimalloc only. Arguments go to load.py (--rounds, --scale).
set -euo pipefail
cd "$(dirname "$0")/../.."
place="$PWD/build/mimalloc"

say() { echo "allocator: $*"; }

apt_here() {
  apt-get -q -o Dir::Etc::SourceList="$place/sources.list" -o Dir::Etc::SourceParts="$place/sources" \
    -o Dir::State::Lists="$place/lists" -o APT::Sandbox::User=root "$@"
}

fetch_source() {
  say "fetching the source package mimalloc"
  mkdir -p "$place/sources" "$place/lists"
  sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$place/sources.list" 2>/dev/null || true
  local file
  for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$place/sources/${file##*/}"
  done
  apt_here update
  (cd "$place" && apt_here source --download-only mimalloc)
  dpkg-source -x "$place"/mimalloc_*.dsc "$place/source"
}

[ -d "$place/source" ] || fetch_source
if [ ! -f "$place/mimalloc.o" ]; then
  say "compiling it"
  clang-19 -O3 -DNDEBUG -std=gnu11 -w -fPIC -ftls-model=initial-exec -fno-builtin-malloc -DMI_MALLOC_OVERRIDE \
    -DMI_STATIC_LIB -DMI_SECURE=0 -I"$place/source/include" -c "$place/source/src/static.c" -o "$place/mimalloc.o"
fi

tools/build
[ -f build/alloc/build.ninja ] || meson setup build/alloc --native-file tools/clang.ini --buildtype=release \
  -Db_lto=true -Db_staticpic=false "-Dcpp_link_args=$place/mimalloc.o"
ninja -C build/alloc collector
llvm-strings-19 build/alloc/collector | grep -q mimalloc || { say "mimalloc is not in build/alloc/collector" >&2; exit 1; }

build/release/bench/start-bench --runs 200 --subject glibc=build/release/collector --subject mimalloc=build/alloc/collector
bench/allocator/load.py --subject glibc=build/release/collector --subject mimalloc=build/alloc/collector "$@"
