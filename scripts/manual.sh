#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Does the manual say what the programs say? Every verb and option, as
# $BG_BUILD/branchguard, -fleet and -cni (default build) print them for scripts, must stand in
# branchguard(8), branchguard-fleet(8) and branchguard-cni(8), and none else, and so must every
# reason of a drop; every key of
# user/feed/keys.c in branchguard.feed(5), with its type and default. What is read is
# a word of the fuzzer, too. And no macro has a quote that is not closed. Prints what
# differs; the status says whether something does.
#
#   scripts/manual.sh                       user/branchguard.8, .feed.5, -fleet.8 and -cni.8
#   scripts/manual.sh PAGE FEED FLEET CNI   others
set -u
cd "$(dirname "$0")/.." || exit 1
program=${BG_BUILD:-build}/branchguard
page=${1:-user/branchguard.8}
feed_page=${2:-user/branchguard.feed.5}
fleet_page=${3:-user/branchguard-fleet.8}
cni_page=${4:-user/branchguard-cni.8}
bad=0

# differ PAGE WANTED FOUND: lines of two sorted texts.
differ() {
	local missing
	missing=$(comm -23 <(printf '%s\n' "$2") <(printf '%s\n' "$3"))
	[ -z "$missing" ] || printf '%s\n' "$missing" | sed "s|^|$1 lacks: |"
	[ "$2" = "$3" ] || comm -13 <(printf '%s\n' "$2") <(printf '%s\n' "$3") | sed "s|^|$1 has, but nothing else: |"
	[ "$2" = "$3" ] || bad=1
}

# heads PAGE SECTION: "SUBSECTION: TERM" of the page's section, as it is read.
heads() {
	awk -v section="$2" '
		# The words of a macro, fonts alternating or not, as one text.
		function text(line,    out, part) {
			sub(/^\.[A-Z]+ */, "", line)
			alternates = substr($1, 3) != ""
			out = ""
			while (line != "") {
				if (line ~ /^"/) {
					match(line, /^"[^"]*"/)
					part = substr(line, 2, RLENGTH - 2)
				} else {
					match(line, /^[^ ]+/)
					part = substr(line, 1, RLENGTH)
				}
				out = out (out == "" || alternates ? "" : " ") part
				line = substr(line, RLENGTH + 1)
				sub(/^ +/, "", line)
			}
			gsub(/\\f[A-Z]/, "", out)
			gsub(/\\\(dq/, "\"", out)
			gsub(/\\-/, "-", out)
			return out
		}
		/^\.SH / { inside = text($0) == section; next }
		!inside { next }
		/^\.SS / { sub_section = text($0); print sub_section ":"; next }
		term { print sub_section ": " text($0); term = 0 }
		/^\.TP/ { term = 1 }' "$1" | sort
}

# verbs PROGRAM PAGE
verbs() {
	local options
	options=$("$1" --options) || exit 1
	differ "$2" "$(awk -F '\t' '
		$2 == "verb" { print $1 ":"; next }
		{ print $1 ": " ($4 != "" ? $4 ", " : "") $3 ($3 != "" && $5 != "" ? " " : "") $5 }' <<<"$options" | sort)" \
		"$(heads "$2" VERBS)"
}
verbs "$program" "$page"
verbs "$program-fleet" "$fleet_page"
verbs "$program-cni" "$cni_page"

# The keys that the plugin reads of its configuration, by their names in the code.
differ "$cni_page" "$(sed -n '/^static const char \*const config_keys/,/;/p' user/cni/network_config.c |
	grep -o '"[a-zA-Z]*"' | tr -d '"' | grep -v -e cniVersion -e prevResult | sed 's/^/: /' | sort)" \
	"$(heads "$cni_page" CONFIGURATION | sed 's/ (.*//')"

# .BR no\-policy ", " no\-branch " and"
differ "$page" "$(scripts/reason-table.sh | awk -F '`' '/ drops /{ print "REASONS: " $2 }' | sort)" \
	"$(awk '/^\.SH / { inside = $2 == "REASONS"; next }
		inside && sub(/^\.BR /, "") {
			gsub(/"[^"]*"?| [,;]$/, " ")
			gsub(/\\-/, "-")
			for (i = 1; i <= NF; i++) print "REASONS: " $i
		}' "$page" | sort)"

# A quote that is not closed in its line swallows fonts and spaces, and no checker minds.
open_quotes() {
	awk '/^\.\\"/ { next } /^\./ && gsub(/"/, "&") % 2 { print FILENAME " has a quote that is not closed: " $0 }' "$@"
}

unclosed=$(open_quotes "$page" "$feed_page" "$fleet_page" "$cni_page")
if [ -n "$unclosed" ]; then
	printf '%s\n' "$unclosed"
	bad=1
fi

# --- the feed ---------------------------------------------------------------------

# What the parser reads by: "OBJECT: KEY", or "OBJECT: ignored KEY".
keys() {
	local program
	program=$(mktemp)
	"${CC:-gcc}" -Iheaders -Iuser -o "$program" -xc - user/feed/keys.c <<-END && "$program"
		#include <stdio.h>
		#include "feed/keys.h"
		int main(void)
		{
			for (int i = 0; i < BG_OBJECTS; i++) {
				const struct bg_shape *shape = &bg_objects[i].shape;
				printf("%s:\\n", bg_objects[i].name);
				for (size_t n = 0; shape->keys[n]; n++)
					printf("%s: %s%s\\n", bg_objects[i].name,
					       n < shape->used ? "" : "ignored ", shape->keys[n]);
			}
		}
	END
	rm -f "$program"
}

# The keys that the page says to be ignored, in the same way.
ignored() {
	awk '/^\.SS / { object = $2 }
		/^\./ { inside = ignored && $1 == ".I"; ignored = $1 == ".TP"; next }
		inside { gsub(/,/, ""); for (i = 1; i <= NF; i++) print object ": ignored " $i }' "$1"
}

wanted=$(keys | sort)
[ -n "$wanted" ] || exit 1
found=$(heads "$feed_page" KEYS)
differ "$feed_page" "$wanted" "$( (grep -v ': ignored$' <<<"$found" | sed 's/ (.*//'; ignored "$feed_page") | sort)"
vague=$(grep -E ': .' <<<"$found" | grep -vE ': ignored$| \(.*, (required|default).*\)$')
if [ -n "$vague" ]; then
	printf '%s\n' "$vague" | sed "s|^|$feed_page, neither required nor with a default: |"
	bad=1
fi

unfuzzed=$(comm -23 <(sed -n '/: ignored /!s/.*: //p' <<<"$wanted" | sort -u) \
	<(tr -cs 'A-Za-z0-9' '\n' <selftests/fuzz/feed.dict | sort -u))
if [ -n "$unfuzzed" ]; then
	printf '%s\n' "$unfuzzed" | sed 's|^|selftests/fuzz/feed.dict lacks: |'
	bad=1
fi

exit $bad
