#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Which version is this tree?
#
#   scripts/version.sh                 prints VERSION and COMMIT, with a space between
#   scripts/version.sh --c FILE        prints them as user/verbs/version.h declares them,
#                                      and what FILE (the output of clang --version) says
#
# From git's tags (v1.2.3); in an archive of `git archive`, from what git wrote into this
# file. Without either, LAST.
set -euo pipefail
cd "$(dirname "$0")/.."

LAST=0.2.0
archived='$Format:%(describe:tags,match=v[0-9]*) %H$'

# A tree inside of another project's repository is no repository of ours.
if [ "$(git rev-parse --show-cdup 2>/dev/null || echo none)" = "" ]; then
	commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
	described=$(git describe --tags --match 'v[0-9]*' 2>/dev/null || true)
	[ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || commit+=-dirty
elif [ "${archived#'$'}" != "$archived" ]; then
	commit=unknown described=
else
	commit=${archived##* } described=${archived% *}
fi
version=${described#v}
version=${version:-$LAST}

case ${1:-} in
--c)
	cat <<-END
		// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
		/* $version $commit */
		#include "verbs/version.h"

		const char bg_version[] = "$version";
		const char bg_commit[] = "$commit";
		const char bg_clang[] = "$(sed -nE 's/.*clang version ([0-9.]+).*/\1/p' "$2" | sed -n 1p)";
	END
	;;
*) echo "$version $commit" ;;
esac
