/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the program was built from, for those that are not linked with it (verbs/version.h). */
#ifndef BG_BASE_BUILD_H
#define BG_BASE_BUILD_H

struct bg_build {
	const char *version, *commit;
};

#endif
