/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Base64 (RFC 4648), in which JSON carries keys and values of etcd. Pure. */
#ifndef BG_ETCD_BASE64_H
#define BG_ETCD_BASE64_H

#include <stddef.h>

/* The text; NULL when out of memory. The caller frees it. */
char *bg_base64(const void *bytes, size_t length_bytes);
/* Back, terminated; the caller frees it. -EINVAL: it is none, or not as bg_base64() writes it. */
int bg_base64_read(const char *text, size_t text_bytes, char **bytes, size_t *length_bytes);

#endif
