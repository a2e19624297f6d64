#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# That what does not keep to the rooms of user/README.md does not pass: the check of
# them, checked on a copy. Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"

build=$(realpath "${BG_BUILD:-build}")
tree=$DIR/tree

# judged COMMAND...: a fresh copy, changed there, held against the table.
judged() {
	rm -rf "$tree"
	mkdir -p "$tree/build" "$tree/scripts"
	cp -r user headers "$tree"
	cp scripts/rooms.sh "$tree/scripts"
	(cd "$build" && find user -name '*.o' -exec cp --parents -t "$tree/build" {} +) || return 3
	(cd "$tree" && "$@") || return 3
	BG_BUILD=build "$tree/scripts/rooms.sh"
}

# first FILE LINE: LINE before all others of it.
first() {
	sed -i "1i $2" "user/$1"
}

# compiled FILE TEXT: TEXT after what FILE has, and its object.
compiled() {
	printf '%s\n' "$2" >>"user/$1"
	"${CC:-gcc}" -D_GNU_SOURCE= -Iheaders -Iuser -c "user/$1" -o "build/user/${1%.c}.o"
}

circle() {
	compiled base/names.c 'void bg_a(void); void bg_b(void); void bg_a(void) { bg_b(); }' &&
		compiled base/ip.c 'void bg_a(void); void bg_b(void); void bg_c(void);
			void bg_b(void) {} void bg_c(void) { bg_a(); }'
}

new_file() {
	mkdir -p "user/$(dirname "$1")" && printf '%s\n' "${2:-int x;}" >"user/$1"
}

expect "the rooms as they are pass" 0 "" judged true
upward='user/base/ip.c includes compile/: base/ may not'
expect "an include upward does not" 1 "$upward" judged first base/ip.c '#include "compile/row.h"'
expect "nor in angle brackets" 1 "$upward" judged first base/ip.c '#include <compile/row.h>'
expect "nor with blanks" 1 "$upward" judged first base/ip.c '# include  "compile/row.h"'
expect "nor by a path that goes up" 1 \
	'user/base/ip.c:1:#include "../compile/row.h": includes are spelled from user/' \
	judged first base/ip.c '#include "../compile/row.h"'
expect "nor a room that is not spelled" 1 \
	'user/base/ip.c:1: names.h is no header of headers/: spell its room' \
	judged first base/ip.c '#include "names.h"'
expect "nor a call upward of what no header declares" 1 \
	'user/base/ip.c calls compile/: base/ may not' \
	judged compiled base/ip.c 'void bg_writer_release(void *); void bg_up(void);
		void bg_up(void) { bg_writer_release(0); }'
expect "nor a room within another, upward" 1 'user/fleet/gather/why.c includes verbs/: fleet/gather/ may not' \
	judged first fleet/gather/why.c '#include "verbs/cli.h"'
expect "nor out of it into its own" 1 'user/feed/json.c includes fleet/gather/: feed/ may not' \
	judged first feed/json.c '#include "fleet/gather/intern.h"'
expect "nor files that need each other" 1 'files of user/ that need each other:
-: input contains a loop:
base/ip
base/names' judged circle
expect "nor a header named like one of headers/" 1 'flow.h: the name is there twice' \
	judged new_file base/flow.h
expect "nor a name of another room" 1 'trie.h: the name is there twice' \
	judged new_file show/trie.h
expect "nor a header in a room that is not in the table" 1 \
	'user/attic/thing.h is in no room of user/README.md' judged new_file attic/thing.h
expect "nor a source there, that make does not know" 1 \
	"user/attic/thing.c is in no room of user/README.md
build/user/attic/thing.o is not there: 'make' first (ROOMS in Makefile has all rooms)" \
	judged new_file attic/thing.c
expect "nor one in no room" 1 'user/thing.c: it is in no room of user/README.md' \
	judged new_file thing.c
expect "nor I/O in feed/" 1 'user/feed/keys.o: needs socket: feed/ and compile/ are pure' \
	judged compiled feed/keys.c 'int socket(int, int, int); int bg_io(void);
		int bg_io(void) { return socket(1, 2, 3); }'
expect "nor a line of the log in compile/" 1 \
	'user/compile/row.o: needs bg_log_set_level: feed/ and compile/ are pure' \
	judged compiled compile/row.c 'void bg_log_set_level(int); void bg_io(void);
		void bg_io(void) { bg_log_set_level(3); }'

finish
