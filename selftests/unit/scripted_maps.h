/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * BPF maps without a kernel: those of a skeleton that was never loaded, in the place of the
 * functions of libbpf by which maps are read and written. What is asked of any other
 * descriptor goes to the kernel.
 */
#ifndef SCRIPTED_MAPS_H
#define SCRIPTED_MAPS_H

#include <stdbool.h>
#include <stddef.h>

#include "datapath/datapath.h"

/* A datapath with empty maps of the names in headers/maps.h: hashes, and arrays of zeros.
 * What another test has left is gone. */
struct bg_datapath *script_datapath(void);

/* Writes an entry that is there when a test begins. */
void script_put(const char *map, const void *key, const void *value);
/* The entry of a map, NULL if there is none; an array's that was never written is none. */
const void *script_entry(const char *map, const void *key);
size_t script_entries(const char *map);
/* Writes so far, of entries that came, changed or went. */
unsigned int script_writes(const char *map);

enum script_map_call { SCRIPT_LOOKUP, SCRIPT_UPDATE, SCRIPT_DELETE, SCRIPT_NEXT_KEY };

/* From now on, such a call on this map fails; error 0: it does not any more. */
void script_map_fails(const char *map, enum script_map_call call, int error);

#endif
