/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this program was built from, as scripts/version.sh writes it for each build. */
#ifndef BG_VERSION_H
#define BG_VERSION_H

extern const char bg_version[]; /* the tag; after it, with "-COMMITS-gCOMMIT" */
extern const char bg_commit[];	/* with "-dirty" if files were not committed; or "unknown" */
extern const char bg_clang[];	/* version of what compiled the BPF programs */

#endif
