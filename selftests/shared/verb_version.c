// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The version that verbs print in tests: with a true one, every commit would link them anew. */
#include "verbs/version.h"

const char bg_version[] = "0.0-test", bg_commit[] = "0123abc", bg_clang[] = "19.1";
