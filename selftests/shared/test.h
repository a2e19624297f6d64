/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every cmocka program begins with; cmocka.h wants the headers in front of it. */
#ifndef TEST_H
#define TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
